"""The optimizers of the study: each with five learning rates around its default."""

from pipeline.studies.digit_protocol import Network

EPOCHS = 20
MODEL = ("model=lecture_cnn", "training=lecture", f"training.epochs={EPOCHS}")
COSINE = "optimizer.schedule={name:CosineDecay,options:{}}"
PLAIN = (0.003, 0.01, 0.03, 0.1, 0.3)
MOMENTUM = (0.001, 0.003, 0.01, 0.03, 0.1)
ADAM = (0.0001, 0.0003, 0.001, 0.003, 0.01)

SGD, SGD_MOMENTUM, SGD_COSINE = "SGD", "SGD with momentum", "SGD with momentum and cosine"
ADAM_CONSTANT, ADAM_COSINE = "Adam", "Adam with cosine"


def networks() -> tuple[Network, ...]:
    """The lecture's network with each optimizer; `SGD_MOMENTUM` is that of the lecture, whose rate is 0.01."""
    return (
        Network(SGD, (*MODEL, "optimizer=sgd", "optimizer.options.momentum=null"), PLAIN),
        Network(SGD_MOMENTUM, (*MODEL, "optimizer=sgd"), MOMENTUM),
        Network(SGD_COSINE, (*MODEL, "optimizer=sgd_cosine"), MOMENTUM),
        Network(ADAM_CONSTANT, (*MODEL, "optimizer=adam"), ADAM),
        Network(ADAM_COSINE, (*MODEL, "optimizer=adam", COSINE), ADAM),
    )
