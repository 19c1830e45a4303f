"""SECURITY.md names every package that the project depends on directly, with the reason."""

import re
import tomllib

from pipeline.storage.imports import ROOT


def test_every_direct_dependency_has_a_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.match(r"[\w.-]+", one)[0] for one in needed}
    section = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("## Dependencies")[2]
    assert sorted(name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", section)) == []
