"""The runs in MLflow against the run folders: parameters, metrics, epochs, digests and predictions."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from pipeline.config.reading import flattened
from pipeline.counts import number_of
from pipeline.reporting.costs import NETWORK_COSTS
from pipeline.storage.files import read_json
from pipeline.storage.folders import REPORT, RunFolder
from pipeline.tracking.named_runs import own_experiment
from pipeline.tracking.names import DATA_DIGEST, DOES, EVALUATION, FINGERPRINT, KIND, MODEL, PATCH, TRIAL
from pipeline.tracking.publish.comparison import REPORT_FOLDER
from pipeline.tracking.publish.evaluation import means
from pipeline.tracking.publish.model_runs import network_metrics, provenance_tags, result_metrics
from pipeline.tracking.store import Store
from pipeline.tracking.store_errors import reading_errors
from pipeline.verification.checked_link import Check, names
from pipeline.verification.scored_replicates import same

REMEDY = "Run `convtrack publish`."


class OwnPart(NamedTuple):
    """The experiments of a store in which this project's runs are searched, by id, and how a line names them."""

    experiments: Sequence[str]
    shown: str


@reading_errors()
def own_part(store: Store, data: str) -> OwnPart:
    """This project's experiment of a data set. A store without it is that of somebody else, and is searched whole."""
    name, experiment = own_experiment(store, data)
    if experiment is not None:
        return OwnPart([experiment], f"experiment {name}")
    return OwnPart(list(store.experiments), "all experiments")


def logged_runs(store: Store, part: OwnPart, run: RunFolder, data_digest: str) -> Iterator[Check]:
    """Check the run of a model, or of a baseline, in a part of the store, and those of its replicates."""
    record = _record(run)
    own = record["fingerprint" if run.baseline.is_file() else "model_fingerprint"]
    parent = find_run(store, part, own, run.folder.name)
    if parent is None:
        found = f"{store.address} has no run of {run.folder.name} with the fingerprint {own[:12]} in {part.shown}"
        yield Check(str(run.folder), "differs", found, REMEDY)
    else:
        yield logged_run(store, parent, run, data_digest)


def _record(run: RunFolder) -> Any:
    return read_json(run.baseline if run.baseline.is_file() else run.replicates, "replicates")


@reading_errors()
def logged_run(store: Store, parent: Any, run: RunFolder, data_digest: str) -> Check:
    """Compare the run of a model, or of a baseline, and those of its replicates, with the run folder."""
    baseline, record = run.baseline.is_file(), _record(run)
    subject = f"{store.address}, run {parent.info.run_id[:8]} ({run.folder.name})"
    children = {child.data.tags.get(FINGERPRINT): child for child in store.children(parent)}
    scored = {one["replicate"]: one for one in read_json(run.scores, "replicates")["replicates"]}
    changed = [] if parent.info.status == "FINISHED" else [f"status {parent.info.status}"]
    kept: list[str] = []
    absent: list[str] = []
    expected = _model_values(run, record) | {"replicates": len(record["replicates"])}
    changed += list(_differing(expected, parent.data.metrics))
    parameters = {DOES: record["description"]} if baseline else dict(flattened(record["configuration"]))
    kept += list(_differing({name: str(value) for name, value in parameters.items()}, parent.data.params))
    code = provenance_tags(record if baseline else record["replicates"][0])
    if code[PATCH] == "none":
        del code[PATCH]  # Runs of earlier versions do not have the tag.
    changed += list(_differing({**code, DATA_DIGEST: data_digest}, parent.data.tags))
    count, compared = len(expected) + len(parameters), 1
    for one in record["replicates"]:
        child = children.get(one["fingerprint"])
        if child is None:
            absent.append(f"no run of replicate {one['replicate'] + 1}")
            continue
        name = f"replicate {one['replicate'] + 1}"
        if one["replicate"] not in scored:
            absent.append(f"{name} (not evaluated: {run.scores} has no scores of it)")
            continue
        values = _replicate_values(scored[one["replicate"]], None if baseline else one)
        changed += [f"{name} {found}" for found in _differing(values, child.data.metrics)]
        epochs = {} if baseline else _epochs(run, one["replicate"])
        kept += [f"{name} {found}" for found in _differing(epochs, _logged_epochs(store, child, epochs))]
        count += len(values) + len(epochs)
        compared += 1
    predictions = f"{EVALUATION}/{run.predictions.name}"
    if not _same_file(store, parent, predictions, run.predictions):
        changed.append(f"artifact {predictions}")
    if absent or changed or kept:
        # Publishing replaces metrics, tags and files, but MLflow keeps parameters and epochs for ever.
        remedy = f"Delete run {parent.info.run_id} in MLflow, and run `convtrack publish`." if kept else REMEDY
        return Check(subject, "differs", f"not as in {run.folder}: {names([*absent, *kept, *changed])}", remedy)
    found = f"{number_of(count, 'value')} of {number_of(compared, 'run')} are those of {run.folder}"
    return Check(subject, "ok", found)


@reading_errors()
def logged_report(store: Store, part: OwnPart) -> Check:
    """Check that the report in a part of the store is the one here."""
    found = store.search(f"tags.`{KIND}` = 'comparison'", limit=1000, experiments=part.experiments)
    if not found:
        return Check(store.address, "differs", f"the store has no report in {part.shown}", REMEDY)
    for run in found:
        if _same_file(store, run, f"{REPORT_FOLDER}/{REPORT.name}", REPORT):
            return Check(f"{store.address}, run {run.info.run_id[:8]} (comparison)", "ok", f"its report is {REPORT}")
    return Check(store.address, "differs", f"the logged report is not {REPORT}", REMEDY)


@reading_errors()
def find_run(store: Store, part: OwnPart, fingerprint: str, model: str) -> Any | None:
    """The newest run with this fingerprint and model name outside of sweeps, None if this part has none."""
    condition = f"tags.`{FINGERPRINT}` = '{fingerprint}' AND tags.`{TRIAL}` IS NULL"
    found = store.search(condition, limit=100, experiments=part.experiments)
    return next((run for run in found if run.data.tags.get(MODEL) == model), None)


def _model_values(run: RunFolder, record: Mapping[str, Any]) -> dict[str, float]:
    if run.baseline.is_file():
        return means(run, record) | {name: record[name] for name in NETWORK_COSTS}
    network = read_json(run.layers, *NETWORK_COSTS)
    return means(run, network) | network_metrics(network)


def _replicate_values(scored: Mapping[str, Any], record: Mapping[str, Any] | None) -> dict[str, float]:
    return {
        **{f"test/{name}": value for name, value in scored["scores"].items()},
        **{f"validation/{name}": value for name, value in scored["validation"].items()},
        "seconds_per_image": scored["seconds_per_image"],
        **(result_metrics(record) if record else {}),
    }


def _epochs(run: RunFolder, replicate: int) -> dict[str, float]:
    """The history of a replicate: values by `metric, epoch n`."""
    epochs = run.result(replicate).epochs
    return {f"{name}, epoch {step}": value for step, one in enumerate(epochs, 1) for name, value in one.items()}


def _logged_epochs(store: Store, run: Any, expected: Mapping[str, float]) -> dict[str, float]:
    metrics = {name.rpartition(", epoch ")[0] for name in expected}
    return {
        f"{name}, epoch {point.step}": point.value
        for name in sorted(metrics)
        for point in store.client.get_metric_history(run.info.run_id, name)
    }


def _differing(expected: Mapping[str, Any], held: Mapping[str, Any]) -> Iterator[str]:
    for name, value in expected.items():
        if name not in held:
            yield f"{name} (missing)"
        elif not same(value, held[name]):
            yield f"{name} ({held[name]}, expected {value})"


def _same_file(store: Store, run: Any, artifact: str, file: Path) -> bool:
    with TemporaryDirectory() as scratch:
        fetched = store.fetch(run, artifact, Path(scratch))
        return fetched is not None and file.is_file() and fetched.read_bytes() == file.read_bytes()
