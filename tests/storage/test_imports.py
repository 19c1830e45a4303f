import pytest

from pipeline.storage import imports
from pipeline.storage.imports import import_closure, imported_modules, imported_names, module_file


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """Three modules; `a` imports `b` at its start and `c` inside a function."""
    package = tmp_path / "pipeline"
    (package / "room").mkdir(parents=True)
    (package / "a.py").write_text(
        "import json\nfrom pipeline.room import b\n\ndef f():\n    from pipeline.room.c import x\n"
    )
    (package / "room" / "__init__.py").write_text("")
    (package / "room" / "b.py").write_text("from pipeline.a import f\n")
    (package / "room" / "c.py").write_text("raise RuntimeError('read, not imported')\n")
    monkeypatch.setattr(imports, "ROOT", tmp_path)
    return package


def test_a_module_and_a_package_have_files_and_other_libraries_have_none(project):
    assert module_file("pipeline.a") == project / "a.py"
    assert module_file("pipeline.room") == project / "room" / "__init__.py"
    assert module_file("pipeline.nowhere") is module_file("json") is None


def test_imports_inside_functions_count_unless_only_the_start_is_requested():
    assert imported_modules("pipeline.a") == {"pipeline.room", "pipeline.room.b", "pipeline.room.c"}
    assert imported_modules("pipeline.a", at_start=True) == {"pipeline.room", "pipeline.room.b"}


def test_imports_for_type_checkers_do_not_count_at_the_start():
    assert imported_names("if TYPE_CHECKING:\n    import keras\nimport json", at_start=True) == {"json"}


def test_an_import_closure_follows_circular_imports():
    every = {"pipeline.a", "pipeline.room", "pipeline.room.b", "pipeline.room.c"}
    assert import_closure(["pipeline.room.b"]) == every


def test_a_module_that_does_not_exist_is_an_error():
    with pytest.raises(ModuleNotFoundError, match=r"No module pipeline\.nowhere"):
        imported_modules("pipeline.nowhere")
