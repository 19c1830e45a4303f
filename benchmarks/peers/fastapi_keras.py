"""A bare server with FastAPI and Keras: POST a picture file to /predict, and get its class and all probabilities.

python -m benchmarks.peers.fastapi_keras NETWORK PORT
"""

import io
import sys
from typing import Annotated, Any

import keras
import numpy as np
import uvicorn
from fastapi import Body, FastAPI
from PIL import Image


def server(network: keras.Model) -> FastAPI:
    """The application for a network that takes grey levels."""
    application = FastAPI()
    _, height, width, _ = network.input_shape

    @application.post("/predict")
    def predict(picture: Annotated[bytes, Body(media_type="application/octet-stream")]) -> dict[str, Any]:
        with Image.open(io.BytesIO(picture)) as opened:
            pixels = np.asarray(opened.convert("RGB").resize((width, height), Image.Resampling.BOX), np.float32)
        probabilities = network.predict_on_batch(pixels[np.newaxis])[0]
        return {"class": int(probabilities.argmax()), "probabilities": probabilities.tolist()}

    return application


if __name__ == "__main__":
    uvicorn.run(
        server(keras.models.load_model(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning"
    )
