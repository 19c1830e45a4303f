"""What a unit of a feature map sees of the input (Araujo et al. 2019, "Computing receptive fields of CNNs")."""

from dataclasses import dataclass


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
