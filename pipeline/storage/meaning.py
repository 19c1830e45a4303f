"""What a module computes, independent of how its source is written and where the file is.

Comments, docstrings, layout, import lines, type annotations and the texts of raised errors compute nothing and are
removed. The rest of a module is one text per top-level statement, the same under every supported Python version.
"""

import ast
import json
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pipeline.storage.imports import PACKAGES

IGNORED_FIELDS = frozenset(
    {"annotation", "ctx", "kind", "returns", "simple", "type_comment", "type_ignores", "type_params"}
)


def statements(source: str) -> list[str]:
    """The top-level statements of a module as canonical JSON texts, in their order.

    An imported name is replaced by the full name of what it refers to: another alias changes nothing, another library
    does. Repeated assignments to one name are numbered, because the last one counts even if the texts are sorted.

    >>> statements("import numpy as np\\nx = np.pi  # a constant") == statements("from numpy import pi\\nx = pi")
    False
    >>> statements("import numpy as np\\nx = np.pi  # a constant") == statements("import numpy\\nx = (numpy.pi)")
    True
    """
    tree = ast.parse(source)
    form = _Form(_imported(tree))
    seen: Counter[str] = Counter()
    texts = []
    for node in form.block(tree.body):
        text = json.dumps(node, ensure_ascii=True, separators=(",", ":"))
        defined = json.dumps(node[1]) if isinstance(node, list) and len(node) > 1 else ""
        texts.append(f"{seen[defined]}:{text}")
        seen[defined] += 1
    return texts


class _Form:
    """Turn nodes of a syntax tree into nested lists of node types, names and constants."""

    def __init__(self, imported: Mapping[str, str]) -> None:
        self.imported = imported

    def block(self, body: list[ast.stmt]) -> list[Any]:
        return [self.of(node) for node in body if not _computes_nothing(node)]

    def of(self, node: Any) -> Any:
        if isinstance(node, list):
            return self.block(node) if node and isinstance(node[0], ast.stmt) else [self.of(one) for one in node]
        if not isinstance(node, ast.AST):
            return node
        if isinstance(node, ast.Constant):
            return ["Constant", type(node.value).__name__, repr(node.value)]
        if isinstance(node, ast.Name):
            return ["Name", self.imported.get(node.id, node.id)]
        if isinstance(node, ast.Raise):
            return ["Raise", self.of(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)]
        if isinstance(node, ast.Assert):
            return ["Assert", self.of(node.test)]
        fields = [[name, self.of(value)] for name, value in ast.iter_fields(node) if name not in IGNORED_FIELDS]
        # Absent and empty parts are left out: newer versions of Python have more of them.
        return [type(node).__name__, *([name, value] for name, value in fields if value not in (None, []))]


def _computes_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
        return True
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _imported(tree: ast.Module) -> Mapping[str, str]:
    """The full name of what each imported name refers to; a name of this project is kept without its module."""
    origins: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            ours = node.level > 0 or (node.module or "").partition(".")[0] in PACKAGES
            for alias in node.names:
                origins[alias.asname or alias.name] = alias.name if ours else f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                origins[alias.asname or top] = alias.name if alias.asname else top
    return MappingProxyType(origins)
