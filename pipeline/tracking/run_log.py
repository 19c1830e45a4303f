"""Log values to runs in few requests. Every call may be repeated: existing values are not logged again."""

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.entities import Metric, Param, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE
from PIL import Image

from pipeline.tracking.artifact_store import artifact_errors, artifact_repository
from pipeline.tracking.image_sets import ImageSet

METRICS_PER_REQUEST = 800
"""MLflow accepts 1,000 metrics, tags and parameters together."""
TAGS_PER_REQUEST = 100
"""MLflow's limit, which holds for tags and for parameters."""
SHARED_VIEW = "mlflow.sharedViewState."
"""Prefix of the experiment's tags that hold shared views."""
DESCRIPTION_LENGTH = 8000
"""MLflow's limit for a tag, in characters."""


@dataclass
class Written:
    """What this process has logged to a run that it created. It replaces reading the run from the store."""

    tags: dict[str, str]
    metrics: dict[str, float] = field(default_factory=dict)
    epochs: set[int] = field(default_factory=set)
    pictures: set[str] = field(default_factory=set)
    status: str = "RUNNING"


@dataclass(frozen=True)
class RunLog:
    """Log to the runs of one experiment; a run is given by its id."""

    client: Any
    experiment: str
    _written: dict[str, Written] = field(default_factory=dict, repr=False, compare=False)

    def parameters(self, run: str) -> dict[str, str]:
        """The parameters of the run."""
        return dict(self.client.get_run(run).data.params)

    def tag(self, run: str, tags: Mapping[str, str]) -> None:
        """Set tags of the run."""
        self._log(run, tags=tags)

    def replace_tags(self, run: str, prefix: str, tags: Mapping[str, str]) -> None:
        """Set tags whose names begin with `prefix`, and delete all other tags with this prefix."""
        for name in self.client.get_run(run).data.tags:
            if name.startswith(prefix) and name not in tags:
                self.client.delete_tag(run, name)
                if run in self._written:
                    self._written[run].tags.pop(name, None)
        self.tag(run, tags)

    def describe(self, run: str, text: str) -> None:
        """Set the run's description, Markdown, cut after a line if it is longer than MLflow allows."""
        if len(text) > DESCRIPTION_LENGTH:
            text = text[: DESCRIPTION_LENGTH - 2].rpartition("\n")[0] + "\n…"
        self.client.set_tag(run, MLFLOW_RUN_NOTE, text)

    def log_epochs(self, run: str, history: Sequence[Mapping[str, float]]) -> None:
        """Log the metrics of the epochs that the run does not hold yet. Steps count from 1."""
        if not history:
            return
        written = self._written.get(run)
        known = written.epochs if written else {one.step for one in self.client.get_metric_history(run, "train/loss")}
        now = _now()
        metrics = [
            Metric(name, value, now, step)
            for step, epoch in enumerate(history, start=1)
            if step not in known
            for name, value in epoch.items()
        ]
        self._log(run, metrics)
        if written:
            written.epochs |= set(range(1, len(history) + 1))

    def log_metrics(
        self,
        run: str,
        values: Mapping[str, float],
        *,
        step: int = 0,
        tags: Mapping[str, str] | None = None,
        model: str | None = None,
        images: ImageSet | None = None,
    ) -> None:
        """Log the metrics whose latest values differ from these, and set tags.

        With `model`, the id of a logged network, the values become metrics of that network, too, measured on `images`.
        Values that are not finite do not, because MLflow (3.17) shows them as 0 there.
        """
        known = self._written.get(run) or self.client.get_run(run).data
        logged = (self.client.get_logged_model(model).metrics or []) if model is not None else []
        linked = {one.key: one.value for one in sorted(logged, key=_timestamp) if one.run_id == run}
        links = {} if model is None else {"model_id": model}
        if images is not None:
            links |= {"dataset_name": images.name, "dataset_digest": images.short_digest}
        now = _now()
        changed = []
        for name, value in values.items():
            own = links if math.isfinite(value) else {}
            unlinked = "model_id" in own and not _same(linked.get(name), value)
            if unlinked or not _same(known.metrics.get(name), value):
                changed.append(Metric(name, float(value), now, step, **own))
        new = {name: value for name, value in (tags or {}).items() if known.tags.get(name) != value}
        self._log(run, changed, tags=new)

    def holds(self, run: str, values: Mapping[str, float]) -> bool:
        """Whether the run is FINISHED and these are its latest values of the metrics."""
        written = self._written.get(run)
        if written:
            status, logged = written.status, written.metrics
        else:
            found = self.client.get_run(run)
            status, logged = found.info.status, found.data.metrics
        return status == "FINISHED" and all(_same(logged.get(name), value) for name, value in values.items())

    def log_images(self, run: str, used: Iterable[ImageSet]) -> None:
        """Log the images that the run uses as its inputs. MLflow keeps each input once."""
        self.client.log_inputs(run, [images.as_input() for images in used])

    def log_kernels(self, run: str, pictures: Mapping[int, Path]) -> None:
        """Log pictures of the first layer's kernels by epoch, if the run does not hold them yet."""
        self._log_by_epoch(run, "kernels", pictures)

    def log_maps(self, run: str, pictures: Mapping[int, Path]) -> None:
        """Log pictures of the feature maps of an image by epoch, if the run does not hold them yet."""
        self._log_by_epoch(run, "feature_maps", pictures)

    def _log_by_epoch(self, run: str, key: str, pictures: Mapping[int, Path]) -> None:
        """Log pictures that MLflow shows with a slider over the epochs."""
        if not pictures:
            return
        written = self._written.get(run)
        if written:
            known = written.pictures
        else:
            known = {Path(file.path).name.split("+timestamp")[0] for file in self.client.list_artifacts(run, "images")}
        for step, file in pictures.items():
            name = f"{key}+step+{step}"
            if name not in known:
                with Image.open(file) as picture:
                    self.client.log_image(run, np.asarray(picture), key=key, step=step)
                if written:
                    written.pictures.add(name)

    def log_picture(self, run: str, png: bytes, file: str) -> None:
        """Write a picture as an artifact."""
        with Image.open(BytesIO(png)) as picture:
            self.client.log_image(run, np.asarray(picture.convert("RGB")), file)

    def log_files(self, run: str, files: Sequence[Path], under: str) -> None:
        """Copy files into a folder of the run's artifacts."""
        for file in files:
            self.client.log_artifact(run, str(file), under)

    def replace_files(self, run: str, files: Sequence[Path], under: str) -> None:
        """Copy files into a folder of the run's artifacts, and delete all other files in it."""
        if self.client.list_artifacts(run, under):
            location = self.client.get_run(run).info.artifact_uri
            with artifact_errors(location):
                artifact_repository(location).delete_artifacts(under)
        self.log_files(run, files, under)

    def log_json(self, run: str, values: Mapping[str, Any], file: str) -> None:
        """Write values as a JSON artifact."""
        self.client.log_dict(run, dict(values), file)

    def log_text(self, run: str, text: str, file: str) -> None:
        """Write a text as an artifact."""
        self.client.log_text(run, text, file)

    def share_view(self, name: str, view: Mapping[str, Any]) -> None:
        """Share a view of the experiment's run table (`tracking.views`) under a name."""
        self.client.set_experiment_tag(self.experiment, SHARED_VIEW + name, json.dumps(view))

    def forget(self, run: str) -> None:
        """Read the run from the store from now on, because others may write to it."""
        self._written.pop(run, None)

    def _log(
        self,
        run: str,
        metrics: Sequence[Metric] = (),
        *,
        parameters: Sequence[Param] = (),
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log values in as few requests as MLflow allows, without the tags that this process has set already."""
        written = self._written.get(run)
        new = {name: value for name, value in (tags or {}).items() if not written or written.tags.get(name) != value}
        listed = [RunTag(name, value) for name, value in new.items()]
        requests = max(
            -(-len(metrics) // METRICS_PER_REQUEST),
            -(-len(parameters) // TAGS_PER_REQUEST),
            -(-len(listed) // TAGS_PER_REQUEST),
        )
        for request in range(requests):
            self.client.log_batch(
                run,
                metrics=metrics[request * METRICS_PER_REQUEST : (request + 1) * METRICS_PER_REQUEST],
                params=parameters[request * TAGS_PER_REQUEST : (request + 1) * TAGS_PER_REQUEST],
                tags=listed[request * TAGS_PER_REQUEST : (request + 1) * TAGS_PER_REQUEST],
            )
        if written:
            written.tags |= new
            written.metrics |= {metric.key: metric.value for metric in metrics}


def _now() -> int:
    """The time as MLflow writes it, in milliseconds."""
    return round(time.time() * 1000)


def _timestamp(metric: Metric) -> int:
    return int(metric.timestamp)


def _same(known: float | None, value: float) -> bool:
    return known is not None and (known == value or (math.isnan(known) and math.isnan(value)))
