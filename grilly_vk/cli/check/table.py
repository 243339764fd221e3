"""The operations that are compared with float64 numpy: one row each, to which a line adds another.

Inputs that decide about spikes are multiples of 1/4 and decays are 1/2: then float32 makes no rounding error at all and
spikes must be those of the float64 loop, one by one, also where a potential is exactly at the threshold.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import grilly_vk as g
from grilly_vk import functional as F

from ...ops.elementwise import unary
from ...ops.gather import index_select
from ...ops.lif_constants import PHYSICAL, LIFConstants, lif_constants
from ...ops.neurons import lif as run_lif
from ...ops.reductions import reduce_max, reduce_mean, reduce_sum, reduce_var
from ...tensor import Tensor, full
from . import models

Array = np.ndarray
ODD = (1, 7, 63, 257, 1031)
STEPS = 12


class Operation(NamedTuple):
    """One row.

    Attributes:
        name: for people.
        run: the function on the device; gets Tensors, returns one or several (or arrays).
        reference: the same on float64 arrays.
        given: the inputs for a size, from a generator.
        sizes: what is tried; with --quick every other one.
        tolerance: the largest difference as a share of max(1, the largest value expected); 0: equal.
    """

    name: str
    run: Callable[..., Any]
    reference: Callable[..., Any]
    given: Callable[[int, np.random.Generator], tuple[Array, ...]]
    sizes: tuple[int, ...] = ODD
    tolerance: float = 2e-6


# ---- inputs ----


def _normal(*shapes: Callable[[int], tuple[int, ...]]) -> Callable[[int, np.random.Generator], tuple[Array, ...]]:
    return lambda n, rng: tuple(rng.standard_normal(shape(n)).astype(np.float32) for shape in shapes)


def _between(low: float, high: float) -> Callable[[int, np.random.Generator], tuple[Array, ...]]:
    return lambda n, rng: (rng.uniform(low, high, n).astype(np.float32),)


def _quarters(n: int, rng: np.random.Generator) -> tuple[Array, ...]:
    return (rng.integers(-4, 13, (STEPS, n)).astype(np.float32) / 4,)


def _with_gradient(n: int, rng: np.random.Generator) -> tuple[Array, ...]:
    return rng.standard_normal((STEPS, n)).astype(np.float32), *_quarters(n, rng)


def _spikes(n: int, rng: np.random.Generator) -> tuple[Array, ...]:
    pre, post = rng.random((STEPS, n)) < 0.3, rng.random((STEPS, 5)) < 0.3
    return pre.astype(np.float32), post.astype(np.float32), rng.random((5, n)).astype(np.float32)


def _picked(n: int, rng: np.random.Generator) -> tuple[Array, ...]:
    return rng.standard_normal((n, 3)).astype(np.float32), rng.integers(0, n, 2 * n + 1).astype(np.int32)


# ---- on the device ----


SLOW = lif_constants(*PHYSICAL.values())


def _lif_slow(x: Tensor) -> Tensor:
    """Rounds at each step; tests/test_check.py sees to it that no potential comes near the threshold."""
    n = x.shape[1:]
    return run_lif(x, full(n, 0.0), full(n, 0, np.uint32), SLOW)[0]


def _lif(x: Tensor) -> tuple[Tensor, Tensor]:
    n = x.shape[1:]
    constants = LIFConstants(decay=0.5, gain=0.5, rest=0.0, threshold=1.0, reset=0.0, hold_steps=2)
    spikes, potentials = run_lif(x, full(n, 0.0), full(n, 0, np.uint32), constants, record=True)
    assert potentials is not None
    return spikes, potentials


def _node_forward(x: Tensor) -> Any:
    return g.VulkanCompute().snn.snn_node_forward(x)


def _node_backward(gradient: Tensor, x: Tensor) -> Any:
    snn = g.VulkanCompute().snn
    return snn.snn_node_backward(gradient, snn.snn_node_forward(x)[2])[0]


def _stdp(pre: Tensor, post: Tensor, weight: Tensor) -> Any:
    arrays = pre.numpy()[:, None], post.numpy()[:, None], weight.numpy()
    w, x, y = g.VulkanCompute().snn.stdp_learning(*arrays, a_plus=0.05, a_minus=0.05)
    return w, x[0], y[0]


def _gradient_of_product(x: Tensor, w: Tensor) -> Any:
    x.requires_grad_()
    w.requires_grad_()
    (g.matmul(x, w) ** 2).sum().backward()
    return x.grad, w.grad


PRODUCTS = ((1, 1, 1), (5, 7, 3), (64, 64, 64), (63, 65, 33), (257, 31, 100), (33, 1031, 20), (128, 256, 96))


def _product(transposed: str) -> Callable[[int, np.random.Generator], tuple[Array, ...]]:
    def given(number: int, rng: np.random.Generator) -> tuple[Array, ...]:
        m, k, n = PRODUCTS[number]
        a, b = (k, m) if "a" in transposed else (m, k), (n, k) if "b" in transposed else (k, n)
        return rng.standard_normal(a).astype(np.float32), rng.standard_normal(b).astype(np.float32)

    return given


def _plain(a: Array, b: Array) -> Array:
    return np.asarray(a @ b)


ALL = tuple(range(len(PRODUCTS)))  # the sizes that number them
SAME = functools.partial(models.conv2d, stride=1, padding=1)
STRIDED = functools.partial(models.conv2d, stride=2, padding=0)
FUNCTIONS: dict[str, tuple[Callable[[Array], Array], float, float, float]] = {
    # Vulkan lets sin and cos be 2**-11 off, exp and log a few units of the last place more than division.
    "exp": (np.exp, -8.0, 8.0, 2e-5), "log": (np.log, 0.01, 50.0, 2e-5), "sqrt": (np.sqrt, 0.0, 90.0, 2e-6),
    "tanh": (np.tanh, -6.0, 6.0, 2e-5), "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), -9.0, 9.0, 2e-5),
    "sin": (np.sin, -3.0, 3.0, 1e-3), "cos": (np.cos, -3.0, 3.0, 1e-3), "abs": (np.abs, -5.0, 5.0, 0.0),
    "relu": (lambda x: np.maximum(x, 0), -5.0, 5.0, 0.0), "silu": (lambda x: x / (1 + np.exp(-x)), -9.0, 9.0, 2e-5),
}  # fmt: skip

TABLE: tuple[Operation, ...] = (
    Operation("x + y", lambda x, y: x + y, lambda x, y: x + y, _normal(lambda n: (n,), lambda n: (n,))),
    Operation("x * y - x / 3", lambda x, y: x * y - x / 3.0, lambda x, y: x * y - x / 3.0,
              _normal(lambda n: (n,), lambda n: (n,))),
    Operation("x > y", lambda x, y: x > y, lambda x, y: x > y, _normal(lambda n: (n,), lambda n: (n,)), tolerance=0.0),
    *(Operation(name, lambda x, f=name: unary(f, x), f, _between(low, high), tolerance=tolerance)
      for name, (f, low, high, tolerance) in FUNCTIONS.items()),
    Operation("broadcast (n, 1) * (3,)", lambda x, y: x * y, lambda x, y: x * y,
              _normal(lambda n: (n, 1), lambda n: (3,))),
    Operation("broadcast (2, 1, n) + (5, 1)", lambda x, y: x + y, lambda x, y: x + y,
              _normal(lambda n: (2, 1, n), lambda n: (5, 1))),
    Operation("permute", lambda x: x.permute((2, 0, 1)), lambda x: x.transpose(2, 0, 1), _normal(lambda n: (3, n, 5)),
              tolerance=0.0),
    Operation("sum of all", reduce_sum, np.sum, _normal(lambda n: (n, 37)), tolerance=2e-5),
    Operation("sum over rows", lambda x: reduce_sum(x, 0), lambda x: x.sum(0), _normal(lambda n: (n, 5)),
              tolerance=1e-5),
    Operation("mean over columns", lambda x: reduce_mean(x, 1), lambda x: x.mean(1), _normal(lambda n: (9, n))),
    Operation("variance", lambda x: reduce_var(x, 1, correction=0), lambda x: x.var(1), _normal(lambda n: (9, n)),
              tolerance=1e-5),
    Operation("maximum", lambda x: reduce_max(x, 1), lambda x: x.max(1), _normal(lambda n: (9, n)), tolerance=0.0),
    Operation("cumulative sum", lambda x: F.cumsum(x, 1), lambda x: x.cumsum(1), _normal(lambda n: (3, n)),
              tolerance=2e-5),
    Operation("gather", lambda x, i: index_select(x, 0, i), lambda x, i: x[i.astype(int)], _picked, tolerance=0.0),
    Operation("matmul A B", g.matmul, _plain, _product(""), ALL, 2e-5),
    Operation("matmul A B^T", F.linear, lambda a, b: a @ b.T, _product("b"), ALL, 2e-5),
    Operation("matmul A^T B", lambda a, b: g.matmul(a.transpose(), b), lambda a, b: a.T @ b, _product("a"), ALL, 2e-5),
    Operation("matmul of stacks", g.matmul, _plain, _normal(lambda n: (3, n, 5), lambda n: (3, 5, 7)), (1, 7, 63, 257),
              2e-5),
    Operation("matmul backward", _gradient_of_product, lambda a, b: (2 * (a @ b) @ b.T, 2 * a.T @ (a @ b)),
              _product(""), ALL[:5], 5e-5),
    Operation("conv2d 3 x 3", lambda x, w, b: F.conv2d(x, w, b, padding=1), SAME,
              _normal(lambda n: (2, 3, n, 9), lambda n: (5, 3, 3, 3), lambda n: (5,)), (3, 7, 63), 2e-5),
    Operation("conv2d 3 x 3, many channels", lambda x, w, b: F.conv2d(x, w, b, padding=1),
              SAME,
              _normal(lambda n: (2, n, 8, 8), lambda n: (16, n, 3, 3), lambda n: (16,)), (1, 8, 33), 2e-5),
    Operation("conv2d 5 x 5, stride 2", lambda x, w, b: F.conv2d(x, w, b, stride=2), STRIDED,
              _normal(lambda n: (1, 2, n, n), lambda n: (4, 2, 5, 5), lambda n: (4,)), (5, 12, 33), 2e-5),
    Operation("softmax", F.softmax, models.softmax, _normal(lambda n: (5, n))),
    Operation("layer norm", lambda x, w, b: F.layer_norm(x, (x.shape[-1],), w, b), models.layer_norm,
              _normal(lambda n: (5, n), lambda n: (n,), lambda n: (n,)), tolerance=2e-5),
    Operation("LIF neurons", _lif, lambda x: models.lif(x, 0.5, 0.5, 1.0, 2), _quarters, tolerance=0.0),
    Operation("LIF neurons, tau 20 ms", _lif_slow, lambda x: models.lif(x, SLOW.decay, SLOW.gain, 1.0, 2)[0],
              lambda n, rng: (rng.uniform(0.0, 8.0, (STEPS, n)).astype(np.float32),), tolerance=0.0),
    Operation("node forward", _node_forward, models.node_forward, _quarters, tolerance=0.0),
    Operation("node backward", _node_backward, models.node_backward, _with_gradient, tolerance=2e-5),
    Operation("STDP", _stdp, lambda pre, post, w: models.stdp(pre, post, w, 20.0, 0.05), _spikes, tolerance=1e-5),
)  # fmt: skip
