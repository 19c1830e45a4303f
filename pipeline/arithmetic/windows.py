"""What a unit of a feature map sees of the input (Araujo et al. 2019, "Computing receptive fields of CNNs")."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Sight = Literal["window", "image", "undefined", "nothing"]


@dataclass(frozen=True)
class Window:
    """The pixels that the units along one axis of a feature map see; unit `i` sees `start + i * stride` onwards.

    Pixels are counted from the first of the input; those that lie outside it are padding, so a receptive field may be
    larger than the image.
    """

    start: int = 0
    """First pixel that unit 0 sees; negative where that is padding."""
    side: int = 1
    """Receptive field, in pixels."""
    stride: int = 1
    """Effective stride: pixels between the fields of neighbouring units."""

    @property
    def padding(self) -> int:
        """Effective padding: how many pixels before the image the field of unit 0 begins; negative if inside it."""
        return -self.start

    def through(self, kernel: int, *, stride: int = 1, padding: int = 0) -> "Window":
        """The window after a kernel of `kernel` pixels with `padding` zeros before the side.

        The receptive field grows by (kernel - 1) times the product of the strides before.

        >>> Window().through(3, padding=1).through(2, stride=2).through(3, padding=1)
        Window(start=-3, side=8, stride=2)
        """
        return Window(
            start=self.start - padding * self.stride,
            side=self.side + (kernel - 1) * self.stride,
            stride=self.stride * stride,
        )

    def joined(self, other: "Window") -> "Window":
        """The window where two paths of one effective stride meet: from the first pixel of either to the last.

        Where the paths are aligned that is the wider of the two, as in Araujo et al. 2019.

        >>> Window(-1, 3, 1).joined(Window(-3, 7, 1))
        Window(start=-3, side=7, stride=1)
        """
        if self.stride != other.stride:
            raise ValueError(f"Paths must have one stride to be joined. Received {self.stride} and {other.stride}.")
        start = min(self.start, other.start)
        return Window(start, max(self.start + self.side, other.start + other.side) - start, self.stride)


@dataclass(frozen=True)
class View:
    """What the units of a layer see of the input: a sliding window, all of the image, or something without a name.

    Several images count as lying on each other, so that a unit that sees the left half of one and the right half of
    another sees the whole width.
    """

    image: tuple[int, ...] = ()
    """Sides of the image in pixels, rows and columns as a rule; empty for units that no image reaches."""
    windows: tuple[Window, ...] = ()
    """One per axis of the feature maps while a window slides; empty where none does."""
    defined: bool = True
    """False where units see windows that differ in size or spacing: paths of different strides met, or maps grew."""

    @classmethod
    def of_pixels(cls, sides: Sequence[int]) -> "View":
        """The view of an image's own pixels, each of which sees itself.

        >>> View.of_pixels((28, 28)).sight
        'window'
        """
        return cls(tuple(sides), tuple(Window() for _ in sides))

    @property
    def sight(self) -> Sight:
        """Which of the cases this is: a sliding window, all of the image, an undefined part of it, or no image."""
        if not self.image:
            return "nothing"
        if self.windows:
            return "window"
        return "image" if self.defined else "undefined"

    def whole(self) -> "View":
        """The view of units that see all of the image: after flattening, dense layers and global pooling."""
        return View(self.image)

    def undefined(self) -> "View":
        """The view of units whose windows differ among each other. Units that see all of the image still do."""
        return View(self.image, defined=False) if self.windows else self

    def through(self, kernel: Sequence[int], *, strides: Sequence[int], padding: Sequence[int]) -> "View":
        """The view after a kernel with `padding` zeros before each side; it changes windows alone.

        >>> View.of_pixels((9,)).through((3,), strides=(2,), padding=(1,)).windows
        (Window(start=-1, side=3, stride=2),)
        """
        if not self.windows:
            return self
        steps = zip(self.windows, kernel, strides, padding, strict=True)
        return replace(
            self, windows=tuple(window.through(side, stride=by, padding=zeros) for window, side, by, zeros in steps)
        )


def joined(views: Sequence[View]) -> View:
    """The view where paths meet: the widest (Araujo et al. 2019).

    All of the image if one path sees all of it; undefined if the paths differ in stride or in their axes.

    >>> joined([View.of_pixels((8,)), View((8,))]).sight
    'image'
    """
    seeing = [view for view in views if view.image]
    if not seeing:
        return View()
    first, *others = seeing
    if any(len(view.image) != len(first.image) for view in others):
        return View(first.image, defined=False)
    image = tuple(max(sides) for sides in zip(*(view.image for view in seeing), strict=True))
    if any(view.sight == "image" for view in seeing):
        return View(image)
    strides = {tuple(window.stride for window in view.windows) for view in seeing}
    if len(strides) > 1 or not first.windows:
        return View(image, defined=False)
    windows = first.windows
    for view in others:
        windows = tuple(one.joined(other) for one, other in zip(windows, view.windows, strict=True))
    return View(image, windows)
