"""The rule of each layer class: those of Keras, of `keras.applications` and of this project."""

from collections.abc import Mapping

from pipeline.arithmetic.nodes import Node
from pipeline.arithmetic.rules.dense import (
    batch_normalization,
    dense,
    group_normalization,
    layer_normalization,
    layer_scale,
    normalised_along_axes,
    normalization,
    prelu,
    rms_normalization,
)
from pipeline.arithmetic.rules.merging import concatenate, elementwise
from pipeline.arithmetic.rules.ours import OURS
from pipeline.arithmetic.rules.shapes import flatten, input_layer, permute, reshape
from pipeline.arithmetic.rules.signals import Rule, unchanged
from pipeline.arithmetic.rules.sliding import (
    convolution,
    cropping,
    depthwise_convolution,
    global_pooling,
    pooling,
    separable_convolution,
    transposed_convolution,
    upsampling,
    zero_padding,
)

SLIDING: Mapping[str, Rule] = {
    "Conv{}D": convolution,
    "Conv{}DTranspose": transposed_convolution,
    "DepthwiseConv{}D": depthwise_convolution,
    "SeparableConv{}D": separable_convolution,
    "MaxPooling{}D": pooling,
    "AveragePooling{}D": pooling,
    "GlobalAveragePooling{}D": global_pooling,
    "GlobalMaxPooling{}D": global_pooling,
    "ZeroPadding{}D": zero_padding,
    "Cropping{}D": cropping,
    "UpSampling{}D": upsampling,
    "SpatialDropout{}D": unchanged,
}

LAYERS: Mapping[str, Rule] = {
    **{name.format(axes): rule for name, rule in SLIDING.items() for axes in (1, 2, 3)},
    "InputLayer": input_layer,
    "Flatten": flatten,
    "Reshape": reshape,
    "Permute": permute,
    "Dense": dense,
    "BatchNormalization": batch_normalization,
    "LayerNormalization": layer_normalization,
    "GroupNormalization": group_normalization,
    "RMSNormalization": rms_normalization,
    "Normalization": normalization,
    **dict.fromkeys(("Softmax", "UnitNormalization"), normalised_along_axes),
    "PReLU": prelu,
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), elementwise),
    "Concatenate": concatenate,
    **dict.fromkeys(("Activation", "ReLU", "LeakyReLU", "ELU"), unchanged),
    **dict.fromkeys(("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"), unchanged),
    **dict.fromkeys(("Identity", "ActivityRegularization", "Rescaling"), unchanged),
    **dict.fromkeys(("RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom"), unchanged),
    **dict.fromkeys(("RandomBrightness", "RandomContrast"), unchanged),
    # Layers that `keras.applications` defines for ConvNeXt and Inception-ResNet.
    "LayerScale": layer_scale,
    "StochasticDepth": unchanged,
    "CustomScaleLayer": elementwise,
}
"""Rules of Keras layers by class name."""

OPERATIONS: Mapping[str, Rule] = {
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum"), elementwise),
    "Concatenate": concatenate,
    **dict.fromkeys(("Absolute", "Square", "Sqrt", "Exp", "Log", "Negative"), unchanged),
    **dict.fromkeys(("Relu", "Relu6", "LeakyRelu", "Elu", "Gelu", "Silu", "Sigmoid", "Tanh", "Softmax"), unchanged),
    **dict.fromkeys(("HardSigmoid", "HardSilu"), unchanged),
}
"""Rules of the functions of `keras.ops`, including operators such as `a + b`."""


class NoRule(ValueError):
    """Error for a layer whose class has no rule."""


def is_operation(node: Node) -> bool:
    """Whether the node is a function of `keras.ops` instead of a layer."""
    return node.module.startswith("keras.src.ops")


def rule_of(node: Node) -> Rule:
    """The rule of a layer. Raises `NoRule` with the name and class of the layer if there is none.

    Another package may define a class of the same name as Keras, so the package counts as well.
    """
    package, _, _ = (node.registered_name or "").rpartition(">")
    known: Mapping[str, Rule] = {}
    kind = node.registered_name or node.class_name
    if package == "convtrack":
        known = OURS
    elif is_operation(node):
        known, kind = OPERATIONS, f"keras.ops.{node.class_name}"
    elif node.module.split(".")[0] == "keras" or (node.module == "" and not package):
        known = LAYERS
    if node.class_name not in known:
        raise NoRule(
            f"Layer '{node.name}' is of class {kind}, which has no rule: add one under pipeline/arithmetic/rules."
        )
    return known[node.class_name]
