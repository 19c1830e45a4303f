"""Train the replicates of a run again at their commit, and compare weights, predictions and scores."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.util import get_temp_dir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zipfile import BadZipFile

import joblib
import numpy as np
from scipy import stats

from pipeline.console import duration, say
from pipeline.counts import number_of
from pipeline.data.prepared import read_prepared
from pipeline.data.splits import TEST
from pipeline.errors import UserError
from pipeline.evaluation.metrics import scores
from pipeline.evaluation.model_predictions import replicate_predictions
from pipeline.storage.clean_checkout import clean_checkout
from pipeline.storage.files import read_json
from pipeline.storage.folders import CACHE_NAME, ResultFolder
from pipeline.training.environment import training_environment
from pipeline.training.examples import Columns
from pipeline.verification import again_job
from pipeline.verification.checked_link import Check, names
from pipeline.verification.recorded_run import RecordedRun
from pipeline.verification.run_chain import prepared_with
from pipeline.verification.trained_replicates import environment_changes

START = 20
"""Seconds to check out the code, import TensorFlow and build the network."""
LEVEL = 0.95


class Again(NamedTuple):
    """What the code of the commit has trained: the network and, by replicate, fingerprints and results."""

    architecture: str
    fingerprints: Mapping[int, str]
    results: Mapping[int, ResultFolder]


def again_checks(run: RecordedRun) -> Iterator[Check]:
    """Train the replicates again, without the cache, and yield what is the same.

    Raises:
        UserError: the commit, the images or the recorded patch are missing, or the training fails.
    """
    prepared = prepared_with(run.data_digest)
    if prepared is None:
        raise UserError(
            f"The images of {run.shown} are not prepared here (digest {(run.data_digest or 'unknown')[:12]}). Prepare "
            "them with `dvc repro prepare`, or with the experiment that trained it."
        )
    if not run.replicates:
        raise UserError(f"{run.shown} has no finished replicate to train again. Finish its training first.")
    changed = environment_changes(run.environment, training_environment(run.configuration()["training"]["threads"]))
    if changed:
        say(f"Versions or processor differ from those of the run ({names(changed)}), so only scores are compared.")
    for (commit, patch), numbers in _by_code(run).items():
        say(_announcement(run, commit, numbers))
        with TemporaryDirectory() as scratch:
            restored = run.patch(numbers[0], Path(scratch)) if patch else None
            with clean_checkout(commit, restored) as project:
                again = _train(project, run, numbers, prepared)
                yield from _compared(run, again, prepared, bits=not changed)


def _by_code(run: RecordedRun) -> dict[tuple[str, str | None], list[int]]:
    """The numbers of the replicates by commit and digest of the patch."""
    found: dict[tuple[str, str | None], list[int]] = {}
    for one in run.codes:
        if one["commit"] == "none":
            raise UserError(f"{run.shown} was trained outside a Git repository, so its code cannot be restored.")
        if one["dirty"] and not one["patch"]:
            say(f"Replicate {one['replicate'] + 1} was trained with changes of the code that were not recorded.")
        found.setdefault((one["commit"], one["patch"]), []).append(one["replicate"])
    return found


def _announcement(run: RecordedRun, commit: str, numbers: Sequence[int]) -> str:
    seconds = [run.replicates[number].data.metrics.get("train_seconds", 0.0) for number in numbers]
    threads = int(run.configuration()["training"]["threads"])
    workers = max(1, min(len(numbers), joblib.cpu_count() // threads))
    left = START + max(sum(seconds) / workers, max(seconds))
    return (
        f"Training {number_of(len(numbers), 'replicate')} of {run.model} again at commit {commit[:12]}: the first time "
        f"took {duration(sum(seconds))} of training, so expect about {duration(left)}."
    )


def _train(project: Path, run: RecordedRun, numbers: Sequence[int], prepared: Path) -> Again:
    """Let the code of the checkout train the replicates; its results are in the checkout's own cache."""
    _link_weights(project)
    tasks = project.parent / "tasks.json"
    job = {
        "configuration": run.configuration(),
        "prepared": str(prepared.resolve()),
        "replicates": list(numbers),
        "tasks": str(tasks),
    }
    file = project.parent / "job.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    variables = {
        **os.environ,
        "PYTHONPATH": str(project),
        "MLFLOW_TRACKING_URI": f"sqlite:///{project}/unused.db",
        # The paths of sockets below this folder are short enough; below a long TMPDIR they are not.
        "TMPDIR": str(Path(get_temp_dir()).parent),
    }
    command = [sys.executable, "-P", str(Path(again_job.__file__).resolve()), str(file)]
    with subprocess.Popen(command, cwd=project, env=variables, stderr=subprocess.PIPE, text=True) as process:
        try:
            _, errors = process.communicate()
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        last = (errors.strip().splitlines() or ["no message"])[-1].rstrip(".")
        raise UserError(
            f"The code of the run could not train it again ({last}). Its commit may be older than this command "
            "supports: check it out, and run `dvc repro`."
        )
    made = json.loads(tasks.read_text(encoding="utf-8"))
    fingerprints = {int(number): own for number, own in made["fingerprints"].items()}
    results = {number: ResultFolder(project / CACHE_NAME / "results" / own) for number, own in fingerprints.items()}
    return Again(made["architecture"], fingerprints, results)


def _link_weights(project: Path) -> None:
    """Pretrained weights are the user's files and not in the repository."""
    for file in Path("data/weights").glob("*"):
        target = project / file
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(file.resolve())


def _compared(run: RecordedRun, again: Again, prepared: Path, *, bits: bool) -> Iterator[Check]:
    same_fingerprint = [number for number, own in again.fingerprints.items() if own == run.fingerprint(number)]
    if bits and len(same_fingerprint) == len(again.fingerprints):
        found = "code, network, settings, images and environment give the recorded fingerprint"
        yield Check("fingerprint", "ok", f"{found} of {number_of(len(same_fingerprint), 'replicate')}")
    elif bits:
        other = [number + 1 for number in again.fingerprints if number not in same_fingerprint]
        found = f"replicate {names(other)} gets another fingerprint, so environment or unrecorded code differs"
        yield Check("fingerprint", "unknown", f"{found}; only its scores are compared")
    equal: list[int] = []
    absent: list[int] = []
    for number, result in again.results.items():
        original = run.result(number)
        if not bits or number not in same_fingerprint:
            continue
        if original is None:
            absent.append(number)
        elif changed := _different_arrays(original, result):
            remedy = "Its files were changed, or the processor computes otherwise: run `convtrack verify`."
            yield Check("bits", "differs", f"replicate {number + 1}: {names(changed)} differ", remedy)
        else:
            equal.append(number)
    if equal:
        found = f"weights and predictions of {number_of(len(equal), 'replicate')} are the same, bit for bit"
        yield Check("bits", "ok", found)
    if absent:
        found = f"the weights of {number_of(len(absent), 'replicate')} are not here, so only scores are compared"
        yield Check("bits", "unknown", found, "Get them with `dvc pull`.")
    yield _scores(run, again, prepared)


def _different_arrays(original: ResultFolder, result: ResultFolder) -> list[str]:
    """The arrays of weights and outputs whose bits differ, or the folder of the original if it is unreadable."""
    try:
        then, now = _arrays(original), _arrays(result)
    except (OSError, ValueError, LookupError, BadZipFile):
        return [f"files in {original.folder}"]
    return [
        name
        for name in sorted(then.keys() | now.keys())
        # A trial of a sweep has no outputs.
        if (name in then or not name.startswith("outputs")) and not _same_bits(then.get(name), now.get(name))
    ]


def _same_bits(one: Any, other: Any) -> bool:
    return one is not None and other is not None and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def _arrays(result: ResultFolder) -> dict[str, Any]:
    import h5py

    found: dict[str, Any] = {}
    with h5py.File(result.weights) as file:
        file.visititems(
            lambda name, item: found.update({f"weights {name}": item[()]}) if isinstance(item, h5py.Dataset) else None
        )
    if result.outputs.is_file():
        with result.outputs.open("rb") as stream, np.load(stream) as held:
            found |= {f"outputs {name}": held[name] for name in held.files}
    return found


def _scores(run: RecordedRun, again: Again, prepared: Path) -> Check:
    """Compare a score with the interval in which new trainings of this model are expected."""
    everyone = (
        run.replicates
        if run.whole
        else {int(child.data.tags["convtrack.replicate"]): child for child in run.store.children(run.parent)}
    )
    name = "test/accuracy" if all("test/accuracy" in one.data.metrics for one in everyone.values()) else "kept_accuracy"
    held = [one.data.metrics[name] for one in everyone.values() if name in one.data.metrics]
    if name == "kept_accuracy":
        new = [float(read_json(one.record)["kept_accuracy"]) for one in again.results.values()]
    else:
        new = _test_accuracies(again, prepared)
    shown = f"{name} {np.mean(new):.4f} of {number_of(len(new), 'training')}"
    before = np.mean([run.replicates[number].data.metrics[name] for number in again.results])
    if np.isclose(np.mean(new), before, rtol=0, atol=1e-12):
        return Check("score", "ok", f"{shown}, as recorded")
    if len(held) < 2:
        return Check("score", "unknown", f"{shown}, {before:.4f} recorded; one replicate has no interval")
    low, high = expected_range(held, len(new))
    found = f"{shown}, {before:.4f} recorded; expected {low:.4f} to {high:.4f}"
    if low <= np.mean(new) <= high:
        return Check("score", "ok", found)
    return Check("score", "differs", found, "Compare versions and processors; the network may be trained otherwise.")


def expected_range(held: Sequence[float], new: int) -> tuple[float, float]:
    """The interval that contains the mean of `new` further trainings with a probability of 95 %.

    It is Student's prediction interval for a normal distribution (Hahn & Meeker 1991, section 2.3): the mean of the n
    held values ± t(0.975, n - 1) · s · √(1/n + 1/new).
    """
    count = len(held)
    half = stats.t.ppf((1 + LEVEL) / 2, count - 1) * np.std(held, ddof=1) * np.sqrt(1 / count + 1 / new)
    return float(np.mean(held) - half), float(np.mean(held) + half)


def _test_accuracies(again: Again, folder: Path) -> list[float]:
    prepared, columns = read_prepared(folder), Columns.of(again.architecture)
    found = []
    for number, result in again.results.items():
        first = replicate_predictions(columns, result, prepared, number)[TEST][columns.outputs[0]]
        found.append(dict(scores(first.truth, first.probabilities))["accuracy"])
    return found
