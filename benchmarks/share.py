"""The share of the machine's matrix product that training reaches, with a process of one thread on every core.

Operations of a network are counted from its layer table: two for each multiply–accumulate, once for the outputs and
twice for the gradients of inputs and weights. The first layer needs no gradient of its inputs. Element-wise operations,
pooling, batch normalisation and the optimizer take time, but are not counted. The matrix product is TensorFlow's, of
matrices of 2048 × 2048, also on all cores at the same time.

    python -m benchmarks.share               # 1 minute on 2 cores
"""

import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.alternating import Start, started, together
from benchmarks.command import run_part
from benchmarks.measurements import Measurement, of_rounds
from benchmarks.our_training import model_config
from benchmarks.random_images import HELD_OUT, TRAINING, write_images
from pipeline.data.prepared import read_manifest
from pipeline.networks.describe import Network, make_network
from pipeline.training.runtime import start_tensorflow

MODELS = ("lecture_cnn", "resnet8")
GOAL = 0.45
ROUNDS = 5


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield the share of each network."""
    start_tensorflow(1)
    cores = os.cpu_count() or 1
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepared = write_images(folder / "prepared")
        for model in MODELS:
            operations = epoch_operations(make_network(model_config(model), read_manifest(prepared)))
            settings = {
                "model": model,
                "prepared": str(prepared),
                "checkpoint": str(folder),
                "augmentation": "none",
                "epochs": rounds + 2,
            }
            training: Start = ("benchmarks.our_training", settings, {})
            product: Start = ("benchmarks.matrix_product", {}, {})
            reached, most = [], []
            with started(*[training] * cores, *[product] * cores) as workers:
                for _ in range(rounds):
                    reached.append(sum(operations / seconds for seconds in together(workers[:cores])) / 1e9)
                    most.append(sum(together(workers[cores:])) / 1e9)
            yield of_rounds(
                "share",
                f"{model}, share of the matrix product",
                [one / other for one, other in zip(reached, most, strict=True)],
                unit="%",
                goal=GOAL,
                higher_is_better=True,
                ours=f"{statistics.median(reached):.0f} GFLOP/s",
                peer=f"{statistics.median(most):.0f} GFLOP/s",
            )


def epoch_operations(network: Network) -> int:
    """Floating-point operations of one epoch of the random images: training steps and validation."""
    counted = [row.multiply_accumulates for row in network.rows if row.multiply_accumulates]
    return 2 * (TRAINING * (3 * sum(counted) - counted[0]) + HELD_OUT * sum(counted))


if __name__ == "__main__":
    run_part("share")
