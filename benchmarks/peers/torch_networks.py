"""Networks in PyTorch, layer for layer as in `pipeline/architectures/`: images of 1×64×64 to logits."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional


def lecture_cnn() -> nn.Module:
    """Two convolutions, each followed by max pooling, then one hidden layer."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 16 * 16, 100),
        nn.ReLU(),
        nn.Linear(100, 1),
    )


class Block(nn.Module):
    """Two convolutions with batch normalisation, and a shortcut without parameters (He et al. 2016, option A)."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        """Create the layers."""
        super().__init__()
        self.stride, self.added = stride, filters - channels
        self.residual = nn.Sequential(
            nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, padding=1, bias=False),
            nn.BatchNorm2d(filters),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the shortcut, whose missing maps are zero."""
        shortcut = x[:, :, :: self.stride, :: self.stride]
        before = self.added // 2
        shortcut = functional.pad(shortcut, (0, 0, 0, 0, before, self.added - before))
        return functional.relu(shortcut + self.residual(x))


def resnet8() -> nn.Module:
    """Three blocks with 16, 32 and 64 maps."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        Block(16, 16, 1),
        Block(16, 32, 2),
        Block(32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 1),
    )


NETWORKS: dict[str, Callable[[], nn.Module]] = {"lecture_cnn": lecture_cnn, "resnet8": resnet8}


def parameter_count(network: nn.Module) -> int:
    """Number of parameters, moving statistics included, as Keras counts them."""
    stored = [*network.parameters(), *(one for one in network.buffers() if one.is_floating_point())]
    return sum(one.numel() for one in stored)
