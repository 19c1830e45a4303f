"""Compute the results of the study on activations and write its report."""

from pipeline.studies.digit_protocol import Network, measure
from pipeline.studies.nonlinearity.linear_map import collapse, linear_map
from pipeline.studies.nonlinearity.nonlinearity_report import COLLAPSED, LOGISTIC, figures, results, text
from pipeline.studies.study_report import write_study_report

RATES = (0.001, 0.003, 0.01)
RECIPE = ("optimizer=adamw", "training=short")
CONVOLUTIONS = (1, 2, 3)


def networks() -> tuple[Network, ...]:
    """The networks of the study: 8 maps per convolution and 32 hidden units, without pooling unless stated."""
    logistic = Network(LOGISTIC, ("model=logistic", *RECIPE), RATES)
    depths = [
        _network(f"{activation}, {number} convolution{'s' * (number > 1)}", activation, number)
        for activation in ("linear", "relu")
        for number in CONVOLUTIONS
    ]
    others = [_network(f"{activation}, 2 convolutions", activation, 2) for activation in ("gelu", "tanh", "sigmoid")]
    pooled = [_network(f"linear, {pooling} pooling", "linear", 2, pooling) for pooling in ("average", "max")]
    return (logistic, *depths, *others, *pooled)


def _network(label: str, activation: str, convolutions: int, pooling: str = "none") -> Network:
    options = (
        f"model.options.filters={[8] * convolutions}".replace(" ", ""),
        "model.options.units=32",
        f"model.options.activation={activation}",
        f"model.options.pooling={pooling}",
    )
    return Network(label, ("model=lecture_cnn", *options, *RECIPE), RATES)


def main() -> None:
    """Write `reports/nonlinearity/`."""
    measured = measure(networks(), data="mnist_sample")
    collapses = tuple(collapse(measured.trained[label]) for label in COLLAPSED)
    maps = {label: linear_map(measured.trained[label].network(0)) for label in (LOGISTIC, "linear, 3 convolutions")}
    write_study_report(
        "nonlinearity", text(measured, collapses), figures(measured, maps), results=results(measured, collapses)
    )
