"""Pictures of what a network has learned."""

import io
from collections.abc import Iterator

from PIL import Image

from pipeline.interpretation.first_layer import first_layer_kernels
from pipeline.interpretation.kernel_image import kernel_grid
from pipeline.interpretation.subject import Subject


def pictures(subject: Subject) -> Iterator[tuple[str, bytes]]:
    """Yield each picture (PNG) with its name, in the order of the report."""
    kernels = first_layer_kernels(subject.best.network)
    if kernels is not None:
        stream = io.BytesIO()
        Image.fromarray(kernel_grid(kernels)).save(stream, "png")
        yield "1-kernels", stream.getvalue()
