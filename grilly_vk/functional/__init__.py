"""Stateless functions."""

from .activation import gelu, leaky_relu, relu, sigmoid, silu, softplus, tanh
from .conv import conv1d, conv2d
from .dropout import dropout
from .linear import embedding, linear
from .loss import (
    bce_with_logits,
    binary_cross_entropy_with_logits,
    cross_entropy,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from .norm import batch_norm, layer_norm, rms_norm
from .pool import adaptive_avg_pool2d, avg_pool2d, max_pool2d, sum_pool2d
from .scan import cumsum
from .softmax import log_softmax, softmax

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "batch_norm",
    "bce_with_logits",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "cross_entropy",
    "cumsum",
    "dropout",
    "embedding",
    "gelu",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "relu",
    "rms_norm",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "sum_pool2d",
    "tanh",
]
