"""Whether a model has an interpretation that can be reported and published."""

from pipeline.errors import UserError
from pipeline.storage.files import read_json
from pipeline.storage.folders import InterpretationFolder


def is_interpreted(folder: InterpretationFolder) -> bool:
    """Whether there is an interpretation of the model.

    Raises:
        UserError: its files are not those that its record lists.
    """
    if not folder.folder.is_dir():
        return False
    problem = UserError(
        f"{folder.folder}/ is incomplete, changed or from another version. Run `dvc repro` to measure it again."
    )
    if not (folder.record.is_file() and folder.shifts.is_file()):
        raise problem
    if not folder.holds(read_json(folder.record, "digest", problem=problem)["digest"]):
        raise problem
    return True
