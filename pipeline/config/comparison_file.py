"""Edit conf/comparison.yaml. Comments and all other values are kept."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.tokens import CommentToken

from pipeline.config.reading import CONF, parse_yaml, read, read_comparison
from pipeline.config.schema import ComparisonConfig
from pipeline.errors import UserError
from pipeline.storage.files import replacing


def add_to_comparison(name: str) -> bool:
    """Append a model to those of conf/comparison.yaml; comments and the other values are kept.

    Returns whether it was added, which is False if the comparison names it already.

    Raises:
        UserError: the file cannot be edited automatically.
    """
    before = read_comparison()
    if name in before.models:
        return False
    wanted = replace(before, models=(*before.models, name))
    _rewrite(lambda text: with_model(text, name), wanted, by_hand=f"add {name} to its models")
    return True


def compare_data(data: str, split: str, models: Sequence[str]) -> None:
    """Let the comparison use other data, with a split and models that fit; all other lines are kept.

    Raises:
        UserError: the file cannot be edited automatically.
    """
    wanted = replace(read_comparison(), data=data, split=split, models=tuple(models))
    by_hand = f"set `data: {data}`, `split: {split}` and `models: [{', '.join(models)}]`"
    _rewrite(lambda text: with_data(text, data, split, models), wanted, by_hand=by_hand)


def _rewrite(edit: Callable[[str], str], wanted: ComparisonConfig, *, by_hand: str) -> None:
    """Edit the text of the comparison, unless the result is another comparison than the wanted one."""
    file = CONF / "comparison.yaml"
    # As bytes, because reading as text would lose Windows' line ends.
    after = edit(file.read_bytes().decode())
    try:
        edited = read(ComparisonConfig, parse_yaml(after), "")
    except (YAMLError, UserError):
        edited = None
    if edited != wanted:
        raise UserError(f"Cannot edit {file} automatically: {by_hand} by hand.")
    with replacing(file) as unfinished:
        unfinished.write_bytes(after.encode())


def with_model(text: str, name: str) -> str:
    """The text of a comparison with another model after the last one.

    >>> print(with_model("models:\\n  - lenet5 # 1998\\n# Trainings per model\\nreplicates: 4\\n", "best"))
    models:
      - lenet5 # 1998
      - best
    # Trainings per model
    replicates: 4
    <BLANKLINE>
    """
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 10_000
    comparison = editor.load(text.replace("\r\n", "\n"))
    models = comparison["models"]
    editor.indent(mapping=2, sequence=models.lc.col + 2, offset=models.lc.col)
    models.append(name)
    _move_comment(models, len(models) - 2)
    edited = StringIO()
    editor.dump(comparison, edited)
    return edited.getvalue().replace("\n", "\r\n" if "\r\n" in text else "\n")


def with_data(text: str, data: str, split: str, models: Sequence[str]) -> str:
    """The text of a comparison with other data, split and models.

    Comments on the replaced lines are removed, because they describe the earlier values.

    >>> text = "data: elpv # cells\\nsplit: group\\nmodels:\\n  - lenet5\\n# All\\nmargin: 0.01\\n"
    >>> print(with_data(text, "cats", "kfold", ["vgg"]))
    data: cats
    split: kfold
    models:
      - vgg
    # All
    margin: 0.01
    <BLANKLINE>
    """
    values = {"data": f" {data}", "split": f" {split}", "models": "".join(f"\n  - {model}" for model in models)}
    edited = text.replace("\r\n", "\n")
    for key, value in values.items():
        # A value continues on lines that are indented or begin with a dash.
        block = re.compile(rf"^{key}:.*\n?(?:\n*(?:[ \t]+|-).*\n?)*", re.MULTILINE)
        edited = block.sub(f"{key}:{value}\n", edited, count=1)
    return edited.replace("\n", "\r\n" if "\r\n" in text else "\n")


def _move_comment(models: Any, last: int) -> None:
    """Move the comment lines below item `last` behind the next item, because ruamel.yaml attaches them to an item."""
    comment = models.ca.items.get(last, [None])[0]
    if comment is not None and not models.fa.flow_style():
        own, _, below = comment.value.partition("\n")
        comment.value = f"{own}\n"
        models.ca.items[last + 1] = [CommentToken(f"\n{below}", start_mark=CommentMark(0)), None, None, None]
