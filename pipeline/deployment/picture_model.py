"""A packaged network: from pictures as users have them to classes, probabilities and a calibrated confidence.

The folder of a packaged network holds

model.json      data, model, replicates, classes, how pictures are decoded, temperature, thresholds and limits
network.tflite  the network for LiteRT, unless LiteRT cannot run it
network.keras   the same network for Keras
reference.npz   features and predictions of known images, with which new pictures are compared

Both networks take grey levels 0..255 of shape (n, height, width, channels) and standardise them themselves. Loading a
folder needs neither MLflow nor this project's configuration, and TensorFlow only without `network.tflite`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.data.images import printable
from pipeline.data.pictures.decode import Decoding, decode, decode_array
from pipeline.data.pictures.opening import Unreadable
from pipeline.deployment import unusual
from pipeline.deployment.calibration import NEVER, tempered
from pipeline.deployment.picture_features import picture_features
from pipeline.deployment.runtimes import KERAS_FILE, LITERT_FILE, Runtime, load_runtime
from pipeline.errors import UserError
from pipeline.evaluation.class_outputs import class_probabilities
from pipeline.storage.digests import changed

if TYPE_CHECKING:
    import pandas as pd

SETTINGS = "model.json"
FORMAT = 1
"""The version of the folder's layout."""
NEEDED = {"classes", "decoding", "flag_colour", "limits", "modules", "temperature", "thresholds"}
"""Settings without which no picture can be classified."""
PROBABILITY = "probability_"
"""Prefix of the columns with the probability of each class."""

Picture = Path | str | bytes | npt.NDArray[np.uint8]
"""A file, the bytes of a file, or pixels (h, w) or (h, w, channels) of any size."""


class Decoded(NamedTuple):
    """A picture as the network sees it, uint8 (height, width, channels), or the problem that makes it unreadable."""

    pixels: npt.NDArray[np.uint8] | None
    flags: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network predicts for n pictures. Unreadable pictures have no class, and NaN as probabilities.

    Attributes:
        names: the names of the classes.
        classes: the class with the highest probability, or None, n.
        confidence: the calibrated probability of that class, (n,).
        abstains: whether the confidence is too low for the wanted error rate, (n,).
        probabilities: those of the network, as in its evaluation, (n, classes).
        flags: why a picture may differ from the training images, n.
        problems: why a picture is unreadable, or None, n.
    """

    names: tuple[str, ...]
    classes: tuple[str | None, ...]
    confidence: npt.NDArray[np.float64]
    abstains: npt.NDArray[np.bool_]
    probabilities: npt.NDArray[np.float64]
    flags: tuple[tuple[str, ...], ...]
    problems: tuple[str | None, ...]

    def to_frame(self) -> "pd.DataFrame":
        """A row per picture: class, confidence, abstains, flags, problem, and the probability of each class."""
        import pandas as pd

        columns: dict[str, Any] = {
            "class": pd.Series(self.classes, dtype=object),
            "confidence": self.confidence,
            "abstains": self.abstains,
            "flags": ["; ".join(flags) for flags in self.flags],
            "problem": pd.Series([problem or "" for problem in self.problems], dtype=object),
        }
        values = {PROBABILITY + name: self.probabilities[:, place] for place, name in enumerate(self.names)}
        return pd.DataFrame(columns | values)


class PictureModel:
    """A packaged network. It may be used by several threads."""

    def __init__(self, settings: Mapping[str, Any], runtime: Runtime) -> None:
        """Use a network with the contents of its `model.json`."""
        self.settings = settings
        self.runtime = runtime
        self.classes: tuple[str, ...] = tuple(map(printable, settings["classes"]))
        self.decoding = Decoding(**settings["decoding"])
        self._flag_colour = bool(settings["flag_colour"])

    @classmethod
    def load(cls, folder: Path) -> "PictureModel":
        """Load a packaged network from its folder.

        Raises:
            UserError: the folder holds no packaged network, or one of another version, or is damaged; or the network
                has another number of classes or another size of images than its settings.
        """
        settings = read_settings(folder)
        try:
            for file in (LITERT_FILE, KERAS_FILE):
                if changed(folder / file) is not None:
                    raise ValueError(f"{folder / file} has changed since it was written")
            model = cls(settings, load_runtime(folder, settings["modules"]))
            outputs = model.probabilities(np.zeros((1, *model.image_shape))).shape[1]
            if outputs != len(model.classes):
                raise ValueError(f"{SETTINGS} has {len(model.classes)} classes, but the network has {outputs}")
            # Settings of wrong types show only when they are used.
            model.answers([np.zeros(model.image_shape, np.uint8)], error_rate=0.5)
            return model
        except Exception as problem:  # Damaged files raise nearly any exception, from RuntimeError to zlib.error.
            reason = " ".join(str(problem).split())[:200]
            raise UserError(
                f"The packaged network in {folder} cannot be loaded ({reason}). Make it again with `dvc repro package`."
            ) from problem

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that the network takes."""
        return self.decoding.height, self.decoding.width, self.decoding.channels

    def pixels(self, pictures: Iterable[Picture]) -> list[Decoded]:
        """Decode pictures as the stage `prepare` does."""
        return [self._decoded(picture) for picture in pictures]

    def probabilities(self, pixels: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """From pixels 0..255, (n, height, width, channels), to probabilities (n, classes)."""
        if not len(pixels):
            return np.empty((0, len(self.classes)))
        return class_probabilities(self.runtime(np.asarray(pixels, np.float32)))

    def confidence(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The calibrated probability of the most probable class, from probabilities (n, classes) to (n,)."""
        if not len(probabilities):
            return np.empty(0)
        confident: npt.NDArray[np.float64] = tempered(probabilities, self.settings["temperature"]).max(axis=1)
        return confident

    def least_confidence(self, error_rate: float) -> float:
        """The threshold of the confidence for an error rate: that of the largest stored error rate up to this one.

        Raises:
            UserError: the error rate is not between 0 and 1.
        """
        if not 0 < error_rate < 1:
            raise UserError(f"The error rate must be greater than 0 and less than 1. Received {error_rate:g}.")
        stored = [one for one in self.settings["thresholds"] if one["error_rate"] <= error_rate]
        return float(stored[-1]["confidence"]) if stored else NEVER

    def answers(self, pictures: Sequence[Picture], *, error_rate: float | None = None) -> Answers:
        """Classify pictures. With `error_rate`, abstain where the confidence is too low for it.

        Raises:
            UserError: the error rate is not between 0 and 1.
        """
        return self.answers_to(self.pixels(pictures), error_rate=error_rate)

    def answers_to(self, decoded: Sequence[Decoded], *, error_rate: float | None = None) -> Answers:
        """As `answers`, for decoded pictures."""
        least = 0.0 if error_rate is None else self.least_confidence(error_rate)
        readable = np.array([one.pixels is not None for one in decoded], bool)
        seen = [one.pixels for one in decoded if one.pixels is not None]
        probabilities = np.full((len(decoded), len(self.classes)), np.nan)
        confidence = np.full(len(decoded), np.nan)
        if seen:
            probabilities[readable] = self.probabilities(np.stack(seen))
            confidence[readable] = self.confidence(probabilities[readable])
        return Answers(
            self.classes,
            tuple(self.classes[int(row.argmax())] if not np.isnan(row[0]) else None for row in probabilities),
            confidence,
            readable & (confidence < least),
            probabilities,
            self._flags(decoded, seen),
            tuple(one.problem for one in decoded),
        )

    def _flags(self, decoded: Sequence[Decoded], seen: Sequence[npt.NDArray[np.uint8]]) -> tuple[tuple[str, ...], ...]:
        """The flags of each picture: those of its file, and how its pixels differ from the training images."""
        if not seen:
            return tuple(one.flags for one in decoded)
        of_pixels = iter(unusual.flags(picture_features(np.stack(seen)), self.settings["limits"]))
        return tuple(one.flags if one.pixels is None else one.flags + next(of_pixels) for one in decoded)

    def _decoded(self, picture: Picture) -> Decoded:
        try:
            if isinstance(picture, np.ndarray):
                return Decoded(decode_array(picture, self.decoding), self._colour_flags(picture))
            source = Path(picture) if isinstance(picture, str) else picture
            pixels, facts = decode(source, self.decoding)
        except Unreadable as problem:
            return Decoded(None, (), str(problem))
        flags = ("only the first of its frames or pages is used",) if facts.frames > 1 else ()
        return Decoded(pixels, flags + self._colour_flags(source if facts.mode not in GREY_MODES else None))

    def _colour_flags(self, picture: Path | bytes | npt.NDArray[np.uint8] | None) -> tuple[str, ...]:
        """A flag for a colour picture if all training images were grey."""
        if not self._flag_colour or picture is None:
            return ()
        colour = Decoding(**{**self.settings["decoding"], "channels": 3})
        values = decode_array(picture, colour) if isinstance(picture, np.ndarray) else decode(picture, colour)[0]
        if np.ptp(values.astype(np.int16), axis=2).max() <= GREY_TOLERANCE:
            return ()
        return ("a colour picture, but all training images are grey",)


GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "F")
"""Modes of Pillow without colours."""
GREY_TOLERANCE = 16
"""Grey pictures that are stored in colour, as JPEG files, have channels that differ by up to some grey levels."""


def read_settings(folder: Path) -> dict[str, Any]:
    """The contents of `model.json` in the folder of a packaged network.

    Raises:
        UserError: the file is missing or damaged, or of another version.
    """
    file = folder / SETTINGS
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        known = settings["format"] == FORMAT
        complete = changed(file) is None and (not known or settings.keys() >= NEEDED)
    except FileNotFoundError:
        raise UserError(f"{folder} holds no packaged network: {SETTINGS} is missing.") from None
    except (OSError, ValueError, KeyError, TypeError):
        complete = False
    if not complete:
        raise UserError(
            f"{file} is damaged or comes from another version. Make the folder again with `dvc repro --force package`."
        )
    if not known:
        raise UserError(
            f"{file} has format {settings['format']}, but this version of convtrack reads format {FORMAT}: make the "
            "folder again with `dvc repro package`, or use the version that made it."
        )
    return dict(settings)
