"""From a run in MLflow to what made it: commit, configuration, images, environment, files, and whether all is here."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.config.reading import flattened
from pipeline.counts import number_of
from pipeline.data.prepared import read_manifest, read_prepared
from pipeline.errors import UserError
from pipeline.storage import digests
from pipeline.storage.files import read_json, read_network_text
from pipeline.storage.folders import PREPARED, ResultFolder, RunFolder, cache_folder
from pipeline.storage.provenance import changed_since, commit_exists, commit_line
from pipeline.tracking.publish.model_runs import result_metrics
from pipeline.training.environment import training_environment
from pipeline.verification.checked_link import Check, checked, names
from pipeline.verification.locked_files import LOCK, content_digest, read_lock
from pipeline.verification.logged_runs import logged_run
from pipeline.verification.prepared_images import computed_digest
from pipeline.verification.recorded_run import RecordedRun
from pipeline.verification.scored_replicates import same
from pipeline.verification.trained_replicates import code_check, environment_changes, tasks_of


def run_checks(run: RecordedRun) -> Iterator[Check]:
    """Yield the links of the chain that begins with this run."""
    experiment = run.parent.info.experiment_id
    data = run.store.experiments.get(experiment, f"the deleted experiment {experiment}")
    status = {one.info.status for one in (run.parent, *run.replicates.values())}
    found = f"{number_of(len(run.replicates), 'replicate')} of {run.model} on {data}"
    if status == {"FINISHED"} and run.replicates:
        yield Check(run.shown, "ok", f"{found}, finished, in {run.store.address}")
    else:
        found = f"{found}, {', '.join(sorted(status)) if run.replicates else 'none of which is finished'}"
        yield Check(run.shown, "differs", found, "Run the training again to its end.")
    yield from checked("commit", lambda: _code(run))
    yield from checked("configuration", lambda: _configuration(run))
    folder = prepared_with(run.data_digest)
    yield from checked("images", lambda: [_images(run, folder)])
    yield from checked("environment", lambda: [_environment(run)])
    yield from checked("fingerprint", lambda: _fingerprints(run, folder))
    yield from checked("files", lambda: _files(run))
    yield from checked("numbers", lambda: _numbers(run))


def _code(run: RecordedRun) -> Iterator[Check]:
    if not run.replicates:
        return
    with TemporaryDirectory() as scratch:
        patches = {one["replicate"]: Path(scratch) / "none" for one in run.codes}
        for number, one in zip(list(patches), run.codes, strict=True):
            if one["patch"] and (fetched := run.patch(number, Path(scratch))) is not None:
                patches[number] = fetched
        yield code_check("commit", run.codes, patches)
    commit = run.codes[0]["commit"]
    if commit_exists(commit):
        changed = changed_since(commit)
        since = (
            f"{number_of(len(changed), 'file')} of code and configuration changed since"
            if changed
            else "unchanged since"
        )
        yield Check(f"commit {commit[:12]}", "ok", f"{commit_line(commit)}; {since}")


def _configuration(run: RecordedRun) -> Iterator[Check]:
    parameters = run.parent.data.params
    folder = run.run_folder
    if folder is None:
        run.configuration()
        yield Check("configuration", "ok", f"{number_of(len(parameters), 'parameter')}, recorded in MLflow only")
        return
    own = {name: str(value) for name, value in flattened(read_json(folder.replicates)["configuration"])}
    changed = [
        f"{name} ({parameters.get(name)}, expected {value})"
        for name, value in own.items()
        if parameters.get(name) != value
    ]
    if changed:
        found = f"parameters are not those of {folder.replicates}: {names(changed)}"
        yield Check("configuration", "differs", found, "Delete the run in MLflow, and run `convtrack publish`.")
    else:
        found = f"{number_of(len(own), 'parameter')} are those of {folder.replicates}"
        yield Check("configuration", "ok", found)


def prepared_with(digest: str | None) -> Path | None:
    """The folder of prepared images with this digest: that of the comparison, or one of the cache; None without one."""
    for folder in (PREPARED, *sorted((cache_folder() / "prepared").glob("*"))):
        try:
            if read_manifest(folder)["digest"] == digest:
                return folder
        except UserError:
            continue
    return None


def _images(run: RecordedRun, folder: Path | None) -> Check:
    if run.data_digest is None:
        return Check("images", "unknown", "the run has no digest of its images")
    short = run.data_digest[:12]
    if folder is None:
        found = f"no prepared images here have the digest {short}"
        return Check("images", "unknown", found, "Prepare them: `dvc repro prepare` or the experiment again.")
    prepared = read_prepared(folder)
    if computed_digest(prepared) != run.data_digest:
        found = f"the images in {folder} do not have the digest {short} of their manifest"
        return Check("images", "differs", found, "Delete the folder and run `dvc repro prepare`.")
    return Check("images", "ok", f"{number_of(len(prepared.labels), 'image')} in {folder} have the digest {short}")


def _environment(run: RecordedRun) -> Check:
    held = run.environment
    if held is None:
        found = "versions and processor were not recorded; the fingerprint covers them"
        return Check("environment", "unknown", found)
    shown = ", ".join([f"{name} {version}" for name, version in held["versions"].items()] + [held["device"]])
    changed = environment_changes(held, training_environment(held["threads"]))
    if changed:
        found = f"{shown}; here it is another one ({names(changed)}), so bits may differ"
        return Check("environment", "ok", found)
    return Check("environment", "ok", f"{shown}, {number_of(held['threads'], 'thread')}; the same here")


def _fingerprints(run: RecordedRun, prepared: Path | None) -> Iterator[Check]:
    folder = run.run_folder
    if prepared is None or folder is None:
        found = "computed again only with the images and the network of the comparison; `--again` builds the network"
        yield Check("fingerprint", "unknown", found)
        return
    read_network_text(folder.architecture)
    records = [{"replicate": number} for number in run.replicates]
    trained = {"configuration": run.configuration(), "replicates": records}
    tasks = {task.replicate: task for task in tasks_of(folder, trained, prepared)}
    other = [number + 1 for number in run.replicates if tasks[number].fingerprint != run.fingerprint(number)]
    if other:
        reasons = environment_changes(run.environment, training_environment(tasks[0].training.threads))
        found = (
            f"what is here would give replicate {names(other)} another fingerprint "
            f"({names(reasons) or 'network or code differs'})"
        )
        yield Check("fingerprint", "differs", found, "Check out the commit, or train again: add `--again`.")
    else:
        found = "network, images, settings, code and packages here give it"
        yield Check("fingerprint", "ok", f"{found}: training again would give the same bits")


def _files(run: RecordedRun) -> Iterator[Check]:
    here = {number: run.result(number) for number in run.replicates}
    missing = [number + 1 for number, one in here.items() if one is None]
    if missing:
        found = f"the weights of replicate {names(missing)} are not here"
        yield Check("files", "unknown", found, "Get them with `dvc pull`, or train again: add `--again`.")
    present = [one for one in here.values() if one is not None]
    damaged = {one.folder: files for one in present if (files := _damaged(one))}
    folder = run.run_folder
    for place, files in damaged.items():
        again = f"Delete {place} and train with this configuration again"
        if folder is not None and place.is_relative_to(folder.folder):
            again = f"Run `dvc repro {quote(f'train@{run.model}')}`"
        found = f"{names(files)} {'is' if len(files) == 1 else 'are'} missing or not as the training wrote"
        yield Check("files", "differs", f"{found} {'it' if len(files) == 1 else 'them'}", f"{again}.")
    if folder is None:
        complete = [one.folder for one in present if one.folder not in damaged]
        if complete:
            yield Check("files", "ok", f"complete in {names(complete)}")
        return
    stages = read_lock()
    own = [stages[name] for name in (f"train@{run.model}", f"evaluate@{run.model}") if name in stages]
    locked = [one for stage in own for one in stage.outs]
    changed = [one.path for one in locked if content_digest(Path(one.path)) != one.digest]
    if changed:
        found = f"{names(changed)} do not have the digest of {LOCK}"
        yield Check("files", "differs", found, f"Run `dvc repro {quote(f'evaluate@{run.model}')}`.")
    elif locked:
        yield Check("files", "ok", f"{names([one.path for one in locked])} have the digests of {LOCK}")
    else:
        yield Check("files", "unknown", f"{LOCK} has no stage train@{run.model}")


def _damaged(result: ResultFolder) -> list[Path]:
    """The files of a training that are missing or not as they were written; the folder if no digest names them."""
    files = [result.record, result.weights, result.history]
    files += [one for one in (result.outputs, result.latency) if one.exists()]
    wrong = [one for one in files if not one.is_file() or digests.changed(one) is not None]
    return wrong or ([] if result.finished else [result.folder])


def _numbers(run: RecordedRun) -> Iterator[Check]:
    folder = run.run_folder
    if folder is not None and run.whole:
        yield logged_run(run.store, run.parent, folder, run.data_digest or "")
        return
    for number, one in run.replicates.items():
        result = run.result(number)
        if result is not None:
            yield from checked("numbers", partial(_reached, one, result, number, folder))


def _reached(run: Any, result: ResultFolder, number: int, folder: RunFolder | None) -> Iterator[Check]:
    """Compare what a replicate reached with its record, and with its scores if it has been evaluated."""
    expected = result_metrics(read_json(result.record))
    if folder is not None and folder.scores.is_file():
        scored = {one["replicate"]: one for one in read_json(folder.scores, "replicates")["replicates"]}
        if number in scored:
            expected |= {f"test/{name}": value for name, value in scored[number]["scores"].items()}
        else:
            found = f"replicate {number + 1} is not evaluated: {folder.scores} has no scores of it"
            yield Check("numbers", "differs", found, f"Run `dvc repro {quote(f'evaluate@{folder.folder.name}')}`.")
    metrics = run.data.metrics
    changed = [
        f"{name} ({metrics.get(name)}, expected {value})"
        for name, value in expected.items()
        if name not in metrics or not same(value, metrics[name])
    ]
    if changed:
        found = f"metrics of replicate {number + 1} are not those of {result.folder}: {names(changed)}"
        yield Check("numbers", "differs", found, "Run `convtrack publish`.")
    else:
        yield Check("numbers", "ok", f"{number_of(len(expected), 'metric')} are those of {result.folder}")
