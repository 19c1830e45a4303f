"""Write the source code of one model's architecture, so that a changed architecture rebuilds only its own models.

The model's file names the architecture, but a DVC stage cannot depend on a file that another file names. If `build`
depended on the folder of architectures, a new architecture would rebuild every network.
"""

import ast
from pathlib import Path

from pipeline.config.schema import ModelConfig
from pipeline.errors import UserError, unknown
from pipeline.networks.available import architecture_names
from pipeline.storage.files import replacing
from pipeline.storage.folders import RunFolder

PACKAGE = Path(__file__).parent.parent


def main(model: ModelConfig) -> None:
    """Write the modules of the architecture and of the layers of this project that it imports into one file."""
    if model.architecture not in architecture_names():
        raise unknown("architecture", model.architecture, architecture_names())
    texts = []
    waiting, seen = [f"pipeline.architectures.{model.architecture}"], set()
    while waiting:
        module = waiting.pop()
        if module in seen or not _file(module).is_file():
            continue
        seen.add(module)
        text = _file(module).read_text(encoding="utf-8")
        texts.append(f"# {module}\n{text}")
        waiting += sorted(_imported(_file(module), text))
    with replacing(RunFolder.of(model.name).source) as unfinished:
        unfinished.write_text("\n\n".join(sorted(texts)))


def _file(module: str) -> Path:
    return PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")


def _imported(file: Path, text: str) -> set[str]:
    try:
        tree = ast.parse(text)
    except SyntaxError as problem:
        place = f"{file.relative_to(PACKAGE.parent)}, line {problem.lineno}"
        raise UserError(
            f"{place}: invalid Python ({problem.msg}). Correct the code and run the same command again."
        ) from None
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name for name in found if name.startswith(("pipeline.layers", "pipeline.architectures"))}
