"""Which rule each class of layer has: the layers of Keras, those of `keras.applications`, and this project's own."""

from collections.abc import Mapping

from pipeline.arithmetic.network import Node
from pipeline.arithmetic.rules.dense import (
    batch_normalization,
    dense,
    group_normalization,
    layer_normalization,
    layer_scale,
    normalization,
    prelu,
    rms_normalization,
    weighed_along_axes,
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
    **dict.fromkeys(("Softmax", "UnitNormalization"), weighed_along_axes),
    "PReLU": prelu,
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), elementwise),
    "Concatenate": concatenate,
    **dict.fromkeys(("Activation", "ReLU", "LeakyReLU", "ELU"), unchanged),
    **dict.fromkeys(("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"), unchanged),
    **dict.fromkeys(("Identity", "ActivityRegularization", "Rescaling"), unchanged),
    **dict.fromkeys(("RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom"), unchanged),
    **dict.fromkeys(("RandomBrightness", "RandomContrast"), unchanged),
    # Those of `keras.applications`: ConvNeXt's and Inception-ResNet's.
    "LayerScale": layer_scale,
    "StochasticDepth": unchanged,
    "CustomScaleLayer": elementwise,
}
"""The layers of Keras."""

OPERATIONS: Mapping[str, Rule] = {
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum"), elementwise),
    "Concatenate": concatenate,
    **dict.fromkeys(("Absolute", "Square", "Sqrt", "Exp", "Log", "Negative"), unchanged),
    **dict.fromkeys(("Relu", "Relu6", "LeakyRelu", "Elu", "Gelu", "Silu", "Sigmoid", "Tanh", "Softmax"), unchanged),
    **dict.fromkeys(("HardSigmoid", "HardSilu"), unchanged),
}
"""Functions of `keras.ops` applied to tensors, `a + b` and the like included."""


def rule_of(node: Node) -> Rule:
    """The rule of a layer; ValueError, naming the layer and its class, if there is none.

    Classes are told apart by where they come from, for others may bear the name of one of Keras'.
    """
    package, _, _ = (node.registered_name or "").rpartition(">")
    known: Mapping[str, Rule] = {}
    kind = node.registered_name or node.class_name
    if package == "convtrack":
        known = OURS
    elif node.module.startswith("keras.src.ops"):
        known, kind = OPERATIONS, f"keras.ops.{node.class_name}"
    elif node.module.split(".")[0] == "keras" or (node.module == "" and not package):
        known = LAYERS
    if node.class_name not in known:
        raise ValueError(
            f"Layer '{node.name}' is of class {kind}, which has no rule: add one under pipeline/arithmetic/rules."
        )
    return known[node.class_name]
