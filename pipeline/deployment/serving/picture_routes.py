"""The addresses of the page: the page itself, the classes of one picture, and an explanation of them.

GET  /         the page
POST /classify a picture file as the body: its class, all probabilities, and the picture as the network sees it;
               `?error_rate=0.01` abstains if the confidence is below the threshold for this error rate
POST /explain  a picture file as the body: an occlusion map for the most probable class
"""

import asyncio
import base64
import io
import os
from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pipeline.deployment.picture_model import Decoded, PictureModel
from pipeline.deployment.serving.error_replies import refuse
from pipeline.errors import UserError
from pipeline.interpretation.occlusion import occlusion_map

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""The page loads nothing from elsewhere, and the browser enforces that."""
TURNS = BoundedSemaphore(os.cpu_count() or 1)
"""As many requests are computed at the same time as there are cores. More would not be faster, but take more memory."""


def picture_routes(model: PictureModel, page: str) -> list[Route]:
    """The routes for a model; `page` is the HTML at /."""

    async def show(_: Request) -> Response:
        return HTMLResponse(page, headers=HEADERS)

    async def classify(request: Request) -> Response:
        rate = _error_rate(request.query_params.get("error_rate", ""))
        return await _reply(lambda picture: classified(model, picture, rate), request)

    async def explain(request: Request) -> Response:
        return await _reply(lambda picture: explained(model, picture), request)

    return [
        Route("/", show, methods=["GET"]),
        Route("/classify", classify, methods=["POST"]),
        Route("/explain", explain, methods=["POST"]),
    ]


async def _reply(compute: Callable[[bytes], dict[str, Any]], request: Request) -> Response:
    picture = await request.body()

    def computed() -> dict[str, Any]:
        with TURNS:
            try:
                return compute(picture)
            except UserError as problem:
                refuse(400, str(problem))

    return JSONResponse(await asyncio.to_thread(computed))


def _error_rate(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        refuse(400, f"The error rate must be a number greater than 0 and less than 1. Received {text[:40]!r}.")


def classified(model: PictureModel, picture: bytes, error_rate: float | None) -> dict[str, Any]:
    """The class of an encoded picture, and all probabilities, the highest first."""
    decoded, pixels = _readable(model, picture)
    answers = model.answers_to([decoded], error_rate=error_rate)
    probabilities = answers.probabilities[0]
    return {
        "class": answers.classes[0],
        "confidence": float(answers.confidence[0]),
        "abstains": bool(answers.abstains[0]),
        "flags": list(answers.flags[0]),
        "probabilities": [
            {"class": model.classes[label], "probability": float(probabilities[label])}
            for label in np.argsort(-probabilities, kind="stable")
        ],
        "picture": _data_url(pixels),
    }


def explained(model: PictureModel, picture: bytes) -> dict[str, Any]:
    """The occlusion map of an encoded picture for its most probable class, a list for each row of pixels."""
    _, pixels = _readable(model, picture)
    label = int(model.probabilities(pixels[np.newaxis])[0].argmax())
    drop = occlusion_map(model.probabilities, pixels, label, fill=model.settings["mean_pixel"])
    return {"class": model.classes[label], "drop": drop.astype(float).round(4).tolist()}


def _readable(model: PictureModel, picture: bytes) -> tuple[Decoded, NDArray[np.uint8]]:
    (decoded,) = model.pixels([picture])
    if decoded.pixels is None:
        refuse(400, f"The picture cannot be read: {decoded.problem}.")
    return decoded, decoded.pixels


def _data_url(pixels: NDArray[np.uint8]) -> str:
    """The pixels (height, width, channels) as the data URL of a PNG picture."""
    file = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
