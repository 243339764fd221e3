"""Stateless functions."""

from ..stepping import detach_net, multi_step_forward, reset_net, set_step_mode
from ..torch_hints import hints
from . import loss, spike_loss
from .activation import (
    elu,
    gelu,
    hardtanh,
    leaky_relu,
    logsigmoid,
    prelu,
    relu,
    relu6,
    sigmoid,
    silu,
    softplus,
    tanh,
    threshold,
)
from .attention import scaled_dot_product_attention
from .conv import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d
from .cores import unroll
from .dropout import dropout, dropout1d, dropout2d
from .linear import embedding, linear
from .loss import *
from .norm import (
    batch_norm,
    batch_norm_through_time,
    group_norm,
    instance_norm,
    layer_norm,
    neu_norm,
    rms_norm,
    temporal_effective_batch_norm,
)
from .one_hot import one_hot
from .pad import pad
from .pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    avg_pool1d,
    avg_pool2d,
    interpolate,
    max_pool1d,
    max_pool2d,
    sum_pool,
    sum_pool2d,
)
from .scan import cumsum
from .similarity import cosine_similarity, normalize
from .softmax import log_softmax, softmax
from .spike_loss import *
from .spiking import if_step, lif_step, plif_step
from .synapses import delayed_linear, dual_timescale, stp, synapse_filter

__getattr__ = hints("grilly_vk.functional")

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "batch_norm_through_time",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cosine_similarity",
    "cumsum",
    "delayed_linear",
    "detach_net",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dual_timescale",
    "elu",
    "embedding",
    "gelu",
    "group_norm",
    "hardtanh",
    "if_step",
    "instance_norm",
    "interpolate",
    "layer_norm",
    "leaky_relu",
    "lif_step",
    "linear",
    "log_softmax",
    "logsigmoid",
    "max_pool1d",
    "max_pool2d",
    "multi_step_forward",
    "neu_norm",
    "normalize",
    "one_hot",
    "pad",
    "plif_step",
    "prelu",
    "relu",
    "relu6",
    "reset_net",
    "rms_norm",
    "scaled_dot_product_attention",
    "set_step_mode",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "stp",
    "sum_pool",
    "sum_pool2d",
    "synapse_filter",
    "tanh",
    "temporal_effective_batch_norm",
    "threshold",
    "unroll",
]
__all__ += loss.__all__
__all__ += spike_loss.__all__
