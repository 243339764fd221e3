"""Initial values of parameters, as `torch.nn.init` names and defines them.

Each function fills a tensor in place, off the tape, and returns it.  Random values are drawn on the host, by
numpy's Philox generator, from one of two sources: the `generator` that is passed, or, by default, the host
generator that `grilly_vk.manual_seed` restarts.  Values depend on the seed and on the order of construction only,
not on the device.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from .. import arguments, families, host_random
from ..autograd import no_grad
from ..runtime.plain import FILL
from ..tensor import Tensor


def _target(tensor: Any) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise families.wrong("tensor", tensor, "a Tensor", "layer")
    if tensor.dtype != np.float32:
        raise TypeError(f"tensor must be float32, not {tensor.dtype}")
    return tensor


def _source(generator: Any) -> np.random.Generator:
    if generator is None:
        return host_random.generator()
    if not isinstance(generator, np.random.Generator):
        raise TypeError(f"generator must be a numpy.random.Generator, not {type(generator).__name__}")
    return generator


def _fill(tensor: Tensor, values: np.ndarray) -> Tensor:
    with no_grad():
        tensor.assign(np.asarray(values, np.float32, order="C").reshape(tensor.shape))
    return tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Values drawn uniformly from [a, b).

    Raises:
        ValueError: a above b. TypeError: not a float32 Tensor.
    """
    target, low, high = _target(tensor), arguments.real("a", a), arguments.real("b", b)
    if low > high:
        raise ValueError(f"a must not be above b, got a={a} and b={b}")
    return _fill(target, _source(generator).random(target.shape, np.float32) * (high - low) + low)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: np.random.Generator | None = None
) -> Tensor:
    """Values drawn from a normal distribution.

    Raises:
        ValueError: a negative std. TypeError: not a float32 Tensor.
    """
    target, centre, width = _target(tensor), arguments.real("mean", mean), arguments.non_negative("std", std)
    return _fill(target, _source(generator).standard_normal(target.shape, np.float32) * width + centre)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Values drawn from a normal distribution, those outside [a, b] drawn again.

    Raises:
        ValueError: std not positive, a not below b, or [a, b] more than 6 std away from the mean.
        TypeError: not a float32 Tensor.
    """
    target, centre, width = _target(tensor), arguments.real("mean", mean), arguments.positive("std", std)
    low, high = (arguments.real("a", a) - centre) / width, (arguments.real("b", b) - centre) / width
    if low >= high:
        raise ValueError(f"a must be below b, got a={a} and b={b}")
    if low > 6 or high < -6:
        raise ValueError(f"[a, b] = [{a}, {b}] is more than 6 std from the mean {mean}; nothing would be drawn there")
    source = _source(generator)
    if high - low > 0.5 and low < 2 and high > -2:  # at least every 25th draw is kept
        values = source.standard_normal(target.count)
        while (outside := np.flatnonzero((values < low) | (values > high))).size:
            values[outside] = source.standard_normal(outside.size)
    else:  # a narrow or far window: even draws, kept with the density as probability
        values = source.uniform(low, high, target.count)
        peak = min(max(low, 0.0), high)
        todo = np.arange(target.count)
        while todo.size:
            keep = np.exp((peak * peak - values[todo] ** 2) / 2) >= source.random(todo.size)
            todo = todo[~keep]
            values[todo] = source.uniform(low, high, todo.size)
    return _fill(target, np.clip(values * width + centre, a, b))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Every element `val`, on the device.

    Raises:
        TypeError: not a float32 Tensor, or val no number.
    """
    target, value = _target(tensor), arguments.real("val", val)
    with no_grad():
        target.changing()
        bits = int(np.float32(value).view(np.uint32))
        FILL(dst=target, n=target.count, bits=bits)
    target.version += 1
    return target


def zeros_(tensor: Tensor) -> Tensor:
    """Every element 0."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Every element 1."""
    return constant_(tensor, 1.0)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (out, in, *kernel).

    Raises:
        ValueError: fewer than two axes.
    """
    shape = arguments.wholes("shape", shape)
    if len(shape) < 2:
        raise ValueError(f"tensor has shape {tuple(shape)}; fan-in and fan-out need at least two axes (out, in, ...)")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


_GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3.0,
    "relu": math.sqrt(2.0),
    "selu": 0.75,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights keep the scale of a signal that goes through a nonlinearity.

    Args:
        nonlinearity: linear, conv1d, conv2d, sigmoid, tanh (5/3), relu (sqrt 2), selu (3/4) or leaky_relu.
        param: slope of leaky_relu (default 0.01).

    Raises:
        ValueError: another name.
    """
    arguments.choice("nonlinearity", nonlinearity, [*_GAINS, "leaky_relu"])
    if nonlinearity != "leaky_relu":
        return _GAINS[nonlinearity]
    slope = 0.01 if param is None else arguments.real("param", param)
    return math.sqrt(2.0 / (1.0 + slope * slope))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Uniform in +-gain * sqrt(6 / (fan_in + fan_out)).

    Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Raises:
        ValueError: fewer than two axes. TypeError: not a float32 Tensor.
    """
    target = _target(tensor)
    bound = arguments.real("gain", gain) * math.sqrt(6.0 / max(1, sum(fans(target.shape))))
    return uniform_(target, -abs(bound), abs(bound), generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Normal with std = gain * sqrt(2 / (fan_in + fan_out)); the paper of `xavier_uniform_`.

    Raises:
        ValueError: fewer than two axes. TypeError: not a float32 Tensor.
    """
    target = _target(tensor)
    std = abs(arguments.real("gain", gain)) * math.sqrt(2.0 / max(1, sum(fans(target.shape))))
    return normal_(target, 0.0, std, generator)


def _kaiming_std(tensor: Tensor, a: float, mode: Literal["fan_in", "fan_out"], nonlinearity: str) -> float:
    arguments.choice("mode", mode, ("fan_in", "fan_out"))
    gain = calculate_gain(nonlinearity, arguments.real("a", a))
    return gain / math.sqrt(max(1, fans(tensor.shape)[mode == "fan_out"]))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Uniform in +-gain * sqrt(3 / fan), with the gain of `calculate_gain(nonlinearity, a)`.

    He, Zhang, Ren & Sun, "Delving deep into rectifiers", ICCV 2015.

    Args:
        a: slope of leaky_relu.
        mode: 'fan_in' keeps the size of activations, 'fan_out' that of gradients.

    Raises:
        ValueError: fewer than two axes, an unknown mode or nonlinearity. TypeError: not a float32 Tensor.
    """
    target = _target(tensor)
    bound = math.sqrt(3.0) * _kaiming_std(target, a, mode, nonlinearity)
    return uniform_(target, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Normal with std = gain / sqrt(fan); arguments, errors and paper as in `kaiming_uniform_`."""
    target = _target(tensor)
    return normal_(target, 0.0, _kaiming_std(target, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """A random matrix with orthonormal rows (columns, if there are more rows), times gain.

    The first axis is the rows, all others together the columns.  Saxe, McClelland & Ganguli, "Exact solutions to
    the nonlinear dynamics of learning in deep linear neural networks", ICLR 2014.

    Raises:
        ValueError: fewer than two axes. TypeError: not a float32 Tensor.
    """
    target, factor = _target(tensor), arguments.real("gain", gain)
    if target.ndim < 2:
        raise ValueError(f"tensor has shape {target.shape}; orthogonal_ needs at least two axes")
    if target.count == 0:
        return target
    rows, columns = target.shape[0], target.count // target.shape[0]
    square = _source(generator).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(square)
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)  # makes the distribution uniform
    return _fill(target, factor * (q.T if rows < columns else q))
