"""Receptive fields of the units of a feature map (Araujo et al. 2019, "Computing receptive fields of CNNs")."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Sight = Literal["window", "image", "undefined", "nothing"]


@dataclass(frozen=True)
class Window:
    """Receptive fields along one axis of a feature map; that of unit `i` begins at pixel `start + i * stride`.

    Pixels count from the first of the input. Pixels outside the input are padding, so a receptive field may be larger
    than the image.
    """

    start: int = 0
    """First pixel in the field of unit 0; negative if it is padding."""
    side: int = 1
    """Receptive field, in pixels."""
    stride: int = 1
    """Effective stride: pixels between the fields of neighbouring units."""

    @property
    def padding(self) -> int:
        """Effective padding: pixels before the image at which the field of unit 0 begins; negative inside the image."""
        return -self.start

    def through(self, kernel: int, *, stride: int = 1, padding: int = 0) -> "Window":
        """The window after a kernel with `padding` zeros before the side.

        The receptive field grows by (kernel - 1) times the product of the preceding strides.

        >>> Window().through(3, padding=1).through(2, stride=2).through(3, padding=1)
        Window(start=-3, side=8, stride=2)
        """
        return Window(
            start=self.start - padding * self.stride,
            side=self.side + (kernel - 1) * self.stride,
            stride=self.stride * stride,
        )

    def joined(self, other: "Window") -> "Window":
        """The window after two paths of the same effective stride are joined: the union of both windows.

        If the paths are aligned, it is the wider of the two, as in Araujo et al. 2019.

        >>> Window(-1, 3, 1).joined(Window(-3, 7, 1))
        Window(start=-3, side=7, stride=1)
        """
        if self.stride != other.stride:
            raise ValueError(f"Joined paths must have the same stride. Received {self.stride} and {other.stride}.")
        start = min(self.start, other.start)
        return Window(start, max(self.start + self.side, other.start + other.side) - start, self.stride)


@dataclass(frozen=True)
class View:
    """The part of the input that the units of a layer depend on: a sliding window, the whole image, or undefined.

    Several input images are treated as overlaid pixel by pixel: a unit that depends on the left half of one and the
    right half of another depends on the whole width.
    """

    image: tuple[int, ...] = ()
    """Sides of the image in pixels, usually rows and columns; empty for units that do not depend on an image."""
    windows: tuple[Window, ...] = ()
    """One window per axis of the feature maps; empty without a sliding window."""
    defined: bool = True
    """False where windows differ in size or spacing (paths of different strides, upsampling) or a layer has no rule."""

    @classmethod
    def of_pixels(cls, sides: Sequence[int]) -> "View":
        """The view of the pixels of an image: a window of one pixel each.

        >>> View.of_pixels((28, 28)).sight
        'window'
        """
        return cls(tuple(sides), tuple(Window() for _ in sides))

    @property
    def sight(self) -> Sight:
        """What the units depend on: a sliding window, the whole image, an undefined part of it, or nothing."""
        if not self.image:
            return "nothing"
        if self.windows:
            return "window"
        return "image" if self.defined else "undefined"

    def whole(self) -> "View":
        """The view of units that depend on the whole image: after flattening, dense layers and global pooling."""
        return View(self.image)

    def undefined(self) -> "View":
        """The view of units with different windows. Units that depend on the whole image still do."""
        return View(self.image, defined=False) if self.windows else self

    def through(self, kernel: Sequence[int], *, strides: Sequence[int], padding: Sequence[int]) -> "View":
        """The view after a kernel with `padding` zeros before each side. Without windows it does not change.

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
    """The view after paths are joined: the widest of them (Araujo et al. 2019).

    It is the whole image if one path depends on all of it, and undefined if the paths differ in stride or axes.

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
