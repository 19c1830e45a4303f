"""Any network of `keras.applications`, with a new output layer for the classes of the data.

The documentation of Keras (https://keras.io/api/applications) names the paper of each network. The layers keep their
names.
"""

import inspect
import warnings
import zipfile
from pathlib import Path

import keras
from keras import layers

from pipeline.layers.classifier import classifier


def build(
    input_shape: tuple[int, int, int], classes: int, *, name: str = "MobileNetV2", weights: str | None = None
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    The last maps are averaged. A new output layer with random weights follows.

    The preprocessing of an application is left out because the images are standardised already. Pretrained weights may
    expect another scale of the input. Those of VGG and ResNet (not V2) expect grey levels minus their mean, with the
    channels in the order blue, green, red; most others expect values from -1 to 1. Training has to adapt them.

    Args:
        input_shape: Rows, columns and channels of the image. With `weights`, a grey channel is repeated three times.
        classes: Number of classes.
        name: Name of the application in Keras.
        weights: Path of a file with weights of the application without its top layers, such as those that Keras
            publishes; None for random weights. Nothing is downloaded.

    Raises:
        ValueError: The name is unknown, or `weights` is not a weights file of the application.
    """
    applications = _applications()
    if name not in applications:
        raise ValueError(f"`name` must be one of {', '.join(applications)}. Received name={name!r}.")
    if weights is not None and not Path(weights).is_file():
        raise ValueError(
            "`weights` must be null or the path of an existing file: nothing is downloaded. "
            f"Received weights={weights!r}."
        )
    construct = getattr(keras.applications, name)
    switch = "include_preprocessing"
    switches = {switch: False} if switch in inspect.signature(construct).parameters else {}
    image = x = keras.Input(input_shape, name="image")
    if weights is not None and input_shape[-1] == 1:
        x = layers.Concatenate(name="grey_to_rgb")([x, x, x])
    if name.startswith("EfficientNetB"):
        # It always divides by 255; such small inputs would be dominated by the ε of its first normalisation.
        x = layers.Rescaling(255.0, name="pixels")(x)
    # With a tensor instead of a shape, Keras does not enforce a minimum size (except for MobileNetV3).
    body = construct(include_top=False, weights=None, input_tensor=x, pooling="avg", **switches)
    if weights is not None:
        _load(body, name, weights)
    return keras.Model(image, classifier(classes)(body.output), name="keras_application")


def _applications() -> list[str]:
    """The names of all applications, the functions in `keras.applications`."""
    return [name for name, _ in inspect.getmembers(keras.applications, inspect.isfunction)]


def _load(body: keras.Model, name: str, weights: str) -> None:
    try:
        with warnings.catch_warnings():
            # Keras only warns about layers that are missing from the file, and keeps their random weights.
            warnings.simplefilter("error", UserWarning)
            body.load_weights(weights)
    except (ValueError, OSError, KeyError, UserWarning, zipfile.BadZipFile) as error:
        raise ValueError(
            f"`weights` must be a file with weights of {name} without its top layers. Received {weights!r}: "
            f"{str(error).splitlines()[0]}"
        ) from error
