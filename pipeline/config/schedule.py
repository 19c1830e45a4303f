"""The numbers of replicates at which `convtrack decide` looks at the verdicts."""

from math import ceil
from typing import NamedTuple

from pipeline.config.schema import AutoConfig, Replicates, SplitConfig
from pipeline.errors import UserError

MOST_LOOKS = 5
"""More looks make the test at each of them stricter and save few trainings (Pocock 1977; Jennison & Turnbull 2000)."""


class Schedule(NamedTuple):
    """A look after `least` replicates and after every further `step`, the last one after `greatest`."""

    least: int
    greatest: int
    step: int

    @classmethod
    def of(cls, auto: AutoConfig, *, strategy: str, folds: int | None) -> "Schedule":
        """The schedule of a comparison with this split; with `kfold`, every step consists of whole repetitions.

        Raises:
            UserError: `least` is greater than `greatest`, or one of them leaves a repetition incomplete.
        """
        if auto.least > auto.greatest:
            raise UserError(
                f"`auto.least` must be at most `auto.greatest`, {auto.greatest}. Received {auto.least}: lower it, or "
                "raise `auto.greatest`."
            )
        unit = folds if strategy == "kfold" and folds else 1
        for name, number in (("least", auto.least), ("greatest", auto.greatest)):
            if number % unit:
                raise UserError(
                    f"`auto.{name}` must be a multiple of the {unit} folds of the split, so that every image is tested "
                    f"equally often. Received {number}: use {number - number % unit + unit}."
                )
        rounds = (auto.greatest - auto.least) // unit
        return cls(auto.least, auto.greatest, unit * max(1, ceil(rounds / (MOST_LOOKS - 1))))

    @property
    def looks(self) -> int:
        """The number of looks if no verdict ends the search earlier.

        >>> Schedule(10, 20, 5).looks, Schedule(4, 13, 3).looks, Schedule(8, 8, 1).looks
        (3, 4, 1)
        """
        return 1 + ceil((self.greatest - self.least) / self.step)

    def after(self, replicates: int) -> int:
        """The number of replicates at the look after the one with `replicates`, at most `greatest`."""
        return min(self.greatest, max(self.least, replicates + self.step))


def most_replicates(replicates: Replicates, auto: AutoConfig, split: SplitConfig) -> int:
    """The greatest number of replicates of a model in a comparison with this split.

    Raises:
        UserError: the last of several repetitions of `kfold` is incomplete, or `auto` is invalid (`Schedule.of`).
    """
    if replicates == "auto":
        return Schedule.of(auto, strategy=split.strategy, folds=split.folds).greatest
    if split.strategy == "kfold" and split.folds and replicates > split.folds and replicates % split.folds:
        below = replicates - replicates % split.folds
        raise UserError(
            f"`replicates` must be a multiple of `split.folds`, {split.folds}, for split={split.name}, so that every "
            f"image is tested equally often. Received {replicates}. Use {below} or {below + split.folds}."
        )
    return replicates
