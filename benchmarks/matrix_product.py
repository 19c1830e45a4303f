"""A worker that multiplies matrices with TensorFlow on one thread.

Each report is the number of floating-point operations per second in a product of two 2048 × 2048 matrices, which is
close to the most that a processor reaches.
"""

import time

from benchmarks.alternating import report, wait_for_turn
from pipeline.training.runtime import start_tensorflow

SIDE, REPEATS = 2048, 20


def main() -> None:
    """Multiply."""
    tf = start_tensorflow(1)
    tf.random.set_seed(0)
    left, right = tf.random.normal((SIDE, SIDE)), tf.random.normal((SIDE, SIDE))
    while True:
        began = time.perf_counter()
        for _ in range(REPEATS):
            product = tf.matmul(left, right)
        product.numpy()
        report(2 * SIDE**3 * REPEATS / (time.perf_counter() - began))
        wait_for_turn()


if __name__ == "__main__":
    main()
