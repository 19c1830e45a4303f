"""Runs of a store by their name: first those of this project on the images prepared here."""

from contextlib import suppress
from typing import Any, NamedTuple

from pipeline.config.reading import read_comparison
from pipeline.data.prepared import read_manifest
from pipeline.errors import UserError
from pipeline.storage.folders import PREPARED
from pipeline.tracking.projects import find_experiment
from pipeline.tracking.store import Store


class Place(NamedTuple):
    """Where runs are searched: in one experiment or in all, and perhaps only those on the images of a digest."""

    experiment: str | None
    digest: str | None


class NamedRuns(NamedTuple):
    """Runs of one name, the newest first, and the place that has them; `own` is this project's place in the store."""

    runs: list[Any]
    place: Place
    own: Place

    @property
    def finished(self) -> list[Any]:
        """The finished runs."""
        return [run for run in self.runs if run.info.status == "FINISHED"]

    def remark(self, store: Store, name: str) -> str | None:
        """Which of the finished runs is used and why, unless there is only one in this project's own place."""
        newest, found = self.finished[0], len(self.finished)
        used, data = newest.info.run_id[:8], store.experiments[newest.info.experiment_id]
        if self.own.experiment is not None and self.place.experiment is None:
            return (
                f"This project has no finished run named {name} on {store.experiments[self.own.experiment]}; "
                f"the newest in the store is used, {used}, of {data}."
            )
        if self.own.digest != self.place.digest:
            return f"No finished run named {name} is on the images prepared here; the newest on others is used, {used}."
        if found == 1:
            return None
        whose = " of this project" if self.place.experiment else ""
        images = " on the images prepared here" if self.place.digest else ""
        return f"{found} finished runs{whose}{images} are named {name}; the newest is used, {used}."


def named_runs(store: Store, name: str, *, limit: int) -> NamedRuns | None:
    """At most `limit` runs with this name, from the first place that has finished ones; None if there are none at all.

    The places are this project's experiment with the images prepared here, this experiment, and the whole store. In
    each, the runs of models come before others.
    """
    own = own_place(store)
    first = None
    for place in dict.fromkeys((own, Place(own.experiment, None), Place(None, None))):
        for kind in ("model", None):
            runs = store.named(name, kind=kind, experiment=place.experiment, digest=place.digest, limit=limit)
            found = NamedRuns(runs, place, own)
            if found.finished:
                return found
            first = first or (found if runs else None)
    return first


def own_place(store: Store) -> Place:
    """This project's place in the store, unknown outside a project and where experiment or images are missing."""
    with suppress(UserError):
        _, experiment = own_experiment(store, read_comparison().data)
        if experiment is not None:
            return Place(experiment, _digest())
    return Place(None, None)


def own_experiment(store: Store, data: str) -> tuple[str, str | None]:
    """The name of this project's experiment for a data set, and its id; None if the store does not have it."""
    name, found = find_experiment(store.client, data)
    return name, found.experiment_id if found is not None and found.experiment_id in store.experiments else None


def _digest() -> str | None:
    with suppress(UserError):
        return str(read_manifest(PREPARED)["digest"])
    return None
