"""Whether a model has an interpretation that can be reported and published."""

from pipeline.errors import UserError
from pipeline.storage.folders import InterpretationFolder


def interpreted_digest(folder: InterpretationFolder) -> str | None:
    """The digest of the model's interpretation; None if it has none.

    Raises:
        UserError: its files are not those that its record lists.
    """
    if not folder.folder.is_dir():
        return None
    digest = folder.complete_digest()
    if digest is None:
        raise UserError(
            f"{folder.folder}/ is incomplete, changed or from another version. Run `dvc repro` to measure it again."
        )
    return digest
