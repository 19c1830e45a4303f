"""Write down the source that a model's network is built from, so that no other model's is built again for it.

DVC cannot depend on a file whose name stands in another file, as an architecture's does in its model's. Depending on
the whole folder, every network would be built again for one new architecture.
"""

import ast
from pathlib import Path

from pipeline.config.schema import ModelConfig
from pipeline.errors import unknown
from pipeline.networks.available import architecture_names
from pipeline.storage.files import replacing
from pipeline.storage.folders import RunFolder

PACKAGE = Path(__file__).parent.parent


def main(model: ModelConfig) -> None:
    """Copy the architecture's module and those of our layers that it imports, one after the other."""
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
        waiting += sorted(_imported(text))
    with replacing(RunFolder.of(model.name).source) as unfinished:
        unfinished.write_text("\n\n".join(sorted(texts)))


def _file(module: str) -> Path:
    return PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")


def _imported(text: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name for name in found if name.startswith(("pipeline.layers", "pipeline.architectures"))}
