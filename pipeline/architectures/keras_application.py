"""Any network of `keras.applications`, with an output layer for the classes of the data.

Their documentation (https://keras.io/api/applications) names the paper of each. They keep Keras' layer names.
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
    """Standardised images to class probabilities.

    `name` is the application, as Keras spells it. `weights` is the path of a file with the weights of that application
    without its top layers, such as those that Keras publishes; null draws them. Nothing is ever downloaded. Published
    weights take images of three channels, so with `weights` a grey channel is given three times.

    What an application does to raw pixels before its first layer is left out, because our images are standardised.
    Weights from elsewhere may have been trained on another scale: Keras' own of VGG and ResNet (not V2) on grey levels
    around their mean, blue first, those of most others on -1 to 1. Such a network has more to unlearn. The maps of the
    last layer are averaged, and a new output layer follows; it is drawn in any case.

    Raises ValueError for an unknown name, and for weights that are no file or not the application's.
    """
    applications = _applications()
    if name not in applications:
        raise ValueError(f"`name` must be one of {', '.join(applications)}. Received name={name!r}.")
    if weights is not None and not Path(weights).is_file():
        raise ValueError(
            "`weights` must be null or the path of a weights file: nothing is downloaded. "
            f"Received weights={weights!r}."
        )
    construct = getattr(keras.applications, name)
    switch = "include_preprocessing"
    switches = {switch: False} if switch in inspect.signature(construct).parameters else {}
    image = x = keras.Input(input_shape, name="image")
    if weights is not None and input_shape[-1] == 1:
        x = layers.Concatenate(name="grey_to_rgb")([x, x, x])
    if name.startswith("EfficientNetB"):
        # It divides by 255 and has no switch; numbers so small would drown in the ε of its first normalisation.
        x = layers.Rescaling(255.0, name="pixels")(x)
    # Told by its tensor, not its shape, Keras (but for MobileNetV3) refuses no image while its maps do not vanish.
    body = construct(include_top=False, weights=None, input_tensor=x, pooling="avg", **switches)
    if weights is not None:
        _load(body, name, weights)
    return keras.Model(image, classifier(classes)(body.output), name="keras_application")


def _applications() -> list[str]:
    """The names of all applications: the functions that return a network."""
    return [name for name, _ in inspect.getmembers(keras.applications, inspect.isfunction)]


def _load(body: keras.Model, name: str, weights: str) -> None:
    try:
        with warnings.catch_warnings():
            # Keras only warns of layers that the file does not have and leaves them as they were drawn.
            warnings.simplefilter("error", UserWarning)
            body.load_weights(weights)
    except (ValueError, OSError, KeyError, UserWarning, zipfile.BadZipFile) as error:
        raise ValueError(
            f"`weights` must hold those of {name} without its top layers. Received {weights!r}, which does not fit: "
            f"{str(error).splitlines()[0]}"
        ) from error
