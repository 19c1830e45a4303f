"""No file that is read as data runs code: no call does so, and a pickle in the place of an array stays closed."""

import ast
import pickle
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.prepared import read_prepared
from pipeline.data.sources import load_images
from pipeline.data.table_file import read_table
from pipeline.deployment.reference import read_reference
from pipeline.errors import UserError
from pipeline.evaluation.predictions import read_predictions
from pipeline.networks.from_keras import network_of_file
from pipeline.storage.imports import PACKAGES, ROOT
from pipeline.training.outputs import read_outputs

PICKLES = {"pickle", "cloudpickle", "dill", "shelve", "marshal", "_pickle"}
UNPICKLING = {"read_pickle", "to_pickle", "Unpickler", "enable_unsafe_deserialization", "unsafe_load", "full_load"}
RUNNING = {"eval", "exec", "system", "popen", "mktemp", "extractall", "unpack_archive", "load_model"}
LOADING = {"joblib.load", "torch.load", "yaml.load"}
KEYWORDS = {"allow_pickle": True, "shell": True, "safe_mode": False, "verify": False, "weights_only": False}
ALLOWED = {
    # MLflow's own format demands a pickle of the layers' modules. It is written, never read here.
    ("pipeline/tracking/logged_networks.py", "import pickle"),
    ("pipeline/tracking/logged_networks.py", "pickle.dumps"),
    # Keras' safe mode is on by default: it refuses Lambda layers and imports no module.
    ("pipeline/deployment/runtimes.py", "keras.models.load_model"),
    # With the safe loader in C.
    ("pipeline/storage/dvc_files.py", "yaml.load"),
    ("pipeline/verification/locked_files.py", "yaml.load"),
    # `zipfile` keeps every file within the folder, and what was unpacked is read as JSON, YAML, CSV or arrays only.
    ("pipeline/verification/archived_records.py", "opened.extractall"),
}


def risky(source):
    """The imports and calls in a source text that load pickles, run text as code or extract archives."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
            yield from (f"import {one}" for one in modules if one.partition(".")[0] in PICKLES)
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            library, _, last = name.rpartition(".")
            if last in UNPICKLING | RUNNING or library in PICKLES or name in LOADING:
                yield name
            for keyword in node.keywords:
                if keyword.arg in KEYWORDS and getattr(keyword.value, "value", ...) is KEYWORDS[keyword.arg]:
                    yield f"{name}({keyword.arg})"


def test_no_call_in_the_source_loads_a_pickle_or_runs_text():
    found = {
        (str(file.relative_to(ROOT)), call)
        for folder in PACKAGES
        for file in (ROOT / folder).rglob("*.py")
        for call in risky(file.read_text(encoding="utf-8"))
    }
    assert found == ALLOWED


@pytest.mark.parametrize(
    "source",
    [
        "from pickle import load",
        "import numpy as np; np.load(file, allow_pickle=True)",
        "pd.read_pickle(file)",
        "joblib.load(file)",
        "yaml.load(text, Loader=yaml.Loader)",
        "keras.models.load_model(file, safe_mode=False)",
        "subprocess.run(text, shell=True)",
        "archive.extractall(folder)",
        "eval(text)",
    ],
)
def test_the_search_finds(source):
    assert list(risky(source))


def network_of(file):
    return network_of_file(file, None)


class Bomb:
    """Unpickling it writes a file."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.fixture
def bomb(tmp_path):
    """An object array whose unpickling leaves a file; the test must not find it."""
    mark = tmp_path / "ran"
    yield np.array([Bomb(mark)] * 4, object)
    assert not mark.exists()


def test_the_bomb_works(tmp_path):
    np.save(tmp_path / "array.npy", np.array([Bomb(tmp_path / "ran")], object))
    np.load(tmp_path / "array.npy", allow_pickle=True)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("read", "names"),
    [
        (read_predictions, ["output-truth-0", "output-probabilities-0"]),
        (read_outputs, ["test-0", "validation-0"]),
        (read_reference, ["separation", "training-shares"]),
        (lambda file: load_images("npz", {"path": str(file)}), ["x_train", "y_train"]),
        (network_of, ["config"]),
        (read_table, ["path", "label"]),
    ],
    ids=["predictions", "outputs", "reference", "data source", "network", "table"],
)
def test_a_pickle_in_an_npz_file_stays_closed(read, names, bomb, tmp_path):
    file = tmp_path / "arrays.npz"
    np.savez(file, **dict.fromkeys(names, bomb))
    with pytest.raises(UserError):
        read(file)


@pytest.mark.parametrize("name", ["labels.npy", "splits.npy", "digests.npy", "weights.npy", "numbers.npy"])
def test_a_pickle_among_prepared_data_stays_closed(name, bomb, tmp_path):
    (tmp_path / "manifest.json").write_text('{"digest": "0", "image_shape": [2, 2, 1], "shape": [4, 2, 2, 1]}')
    np.save(tmp_path / "pixels.npy", np.zeros((4, 2, 2, 1), np.uint8))
    for other in ("labels.npy", "splits.npy", "digests.npy"):
        np.save(tmp_path / other, np.zeros(4, np.uint8))
    np.save(tmp_path / name, bomb)
    with pytest.raises(UserError):
        read_prepared(tmp_path)


@pytest.mark.parametrize("name", ["table.csv", "table.parquet", "network.keras", "network.json", "array.npz"])
def test_a_bare_pickle_under_any_name_stays_closed(name, bomb, tmp_path):
    file = tmp_path / name
    file.write_bytes(pickle.dumps(bomb))
    readers = {".csv": read_table, ".parquet": read_table, ".npz": read_predictions}
    with pytest.raises(UserError):
        readers.get(file.suffix, network_of)(file)


def test_a_parquet_column_of_pickled_type_stays_closed(bomb, tmp_path):
    # Earlier versions of PyArrow unpickled the type of such a column (CVE-2023-47248).
    import pyarrow
    from pyarrow import parquet

    extension = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(bomb[0]),
    }
    schema = pyarrow.schema([pyarrow.field("path", pyarrow.string(), metadata=extension)])
    parquet.write_table(pyarrow.table({"path": ["a.png"]}, schema=schema), tmp_path / "table.parquet")
    assert read_table(tmp_path / "table.parquet")["path"].tolist() == ["a.png"]


def test_weights_and_checkpoints_with_pickles_stay_closed(bomb, tmp_path):
    import keras

    from pipeline.training.checkpoints import restore_state, restore_weights
    from pipeline.training.initial import load_initial_weights

    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="a"), keras.layers.Dense(2)])
    network.compile()
    saved = {load_initial_weights: ["a/0", "a/1"], restore_weights: ["arr_0", "arr_1"], restore_state: ["history"]}
    for load, names in saved.items():
        file = tmp_path / "arrays.npz"
        np.savez(file, **dict.fromkeys(names, bomb))
        with pytest.raises(UserError):
            load(file, network)
