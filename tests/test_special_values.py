"""NaN, zeros of either sign, infinities, denormal, smallest and largest numbers in everything that computes.

Results are numpy's.  A device may count denormal numbers as 0, going in or coming out; nothing else is its choice.
"""

import itertools

import numpy as np
import pytest
import scipy.special
from records_elementwise import BINARY, UNARY
from test_accuracy import TINY, ulps

import grilly_vk as g
from grilly_vk import functional as F
from grilly_vk import nn, surrogate
from grilly_vk.ops import elementwise
from grilly_vk.ops.elementwise import FUNCTIONS, binary, unary

NAN, INF, LARGE = np.nan, np.inf, np.finfo(np.float32).max
_SIZES = [0.0, 1e-45, 1e-40, TINY, 1e-20, 0.4, 0.5, 1.0, 1.5, 2.5, 3.0, 40.0, 1e5, 3e9, 1e20, LARGE, INF]
VALUES = np.array([s * x for x in _SIZES for s in (1, -1)] + [NAN, -NAN], np.float32)


def flushed(x):
    """With zeros in place of denormal numbers."""
    x = np.asarray(x)
    return np.where(np.abs(x) < TINY, np.copysign(np.zeros_like(x), x), x)


def agree(got, reference, arguments, most=16, beside=0.0):
    """Each result is near the reference's for the arguments, or for them with some denormal numbers as zeros."""
    off = np.full(np.shape(got), np.inf)
    with np.errstate(all="ignore"):
        for given in itertools.product(*[(a, flushed(a)) for a in arguments]):
            want = np.asarray(reference(*[np.asarray(a, np.float64) for a in given]), np.float64)
            near = np.where(np.abs(got - want) <= beside, 0, ulps(np.asarray(got, np.float32), want))
            off = np.minimum(off, near)
    if (off > most).any():
        bad = np.argwhere(off > most)
        at = tuple(bad[0])
        with np.errstate(all="ignore"):
            want = np.asarray(reference(*[np.asarray(a, np.float64) for a in arguments]))
        given = [a[at[: a.ndim]] for a in map(np.asarray, arguments)]
        raise AssertionError(f"{got[at]!r} of {given}, not {want[at]!r}; {len(bad)} in all, {off[at]} ULP")


def sigmoid(x):
    return scipy.special.expit(x)


def test_every_function_is_here():
    assert list(UNARY) == FUNCTIONS and set(BINARY) == set(elementwise.BINARY)


@pytest.mark.parametrize("name", UNARY)
def test_functions_and_slopes(name):
    function = UNARY[name]
    for values in (VALUES, VALUES[:33]):  # four at a time, and one
        x = g.tensor(values, requires_grad=True)
        y = unary(name, x, *function.parameters)
        agree(y.numpy(), function.reference, [values], beside=150 * TINY)
        if function.slope is not None:
            y.sum().backward()
            beside = 3e-7 if name in ("tanh", "sigmoid") else 150 * TINY
            agree(x.grad.numpy(), function.slope, [values], most=64, beside=beside)


@pytest.mark.parametrize("name", [n for n in BINARY if n not in ("and", "or", "xor")])
def test_operations(name):
    a, b = (m.ravel() for m in np.meshgrid(VALUES, VALUES))
    for stop in (len(a), len(a) - 1):
        got = binary(name, g.tensor(a[:stop]), g.tensor(b[:stop])).numpy()
        agree(got, BINARY[name], [a[:stop], b[:stop]], most=4 if name != "floordiv" else 1e9)
    wide = binary(name, g.tensor(VALUES), g.tensor(VALUES[:, None])).numpy()  # broadcast
    np.testing.assert_array_equal(wide.ravel(), binary(name, g.tensor(a), g.tensor(b)).numpy())


@pytest.mark.parametrize("name", ["div", "mod", "mul", "maximum"])
def test_signs_of_zero(name):
    """A zero keeps the sign that numpy gives it."""
    a, b = np.array([[0, -0.0, 0, -0.0, 6, -6, 6, 1, 1], [2, 2, -2, -2, 3, 3, -3, INF, -INF]], np.float32)
    with np.errstate(all="ignore"):
        want = BINARY[name](a, b)
    got = binary(name, g.tensor(a), g.tensor(b)).numpy()
    np.testing.assert_array_equal(np.signbit(got), np.signbit(want))


def test_casts():
    x = np.array(
        [NAN, -NAN, INF, -INF, 3e9, -3e9, 5e9, 2147483520, -2147483648, 2.9, -2.9, 0.0, -0.0, 1e-45], np.float32
    )
    with np.errstate(invalid="ignore"):
        whole = np.nan_to_num(np.clip(np.trunc(x.astype(np.float64)), -(2**31), 2**31 - 1), nan=0)
    for n in (14, 12):  # one element at a time, and four
        np.testing.assert_array_equal(g.tensor(x[:n]).astype(np.int32).numpy(), whole[:n].astype(np.int32))
        np.testing.assert_array_equal(g.tensor(x[:n]).astype(np.bool_).numpy(), x[:n].astype(np.bool_))
        for words in (np.arange(n) - 5, np.arange(n) % 3 > 0, np.arange(n, dtype=np.uint32) + (1 << 31)):
            given = g.tensor(words)
            np.testing.assert_array_equal(given.astype(np.float32).numpy(), words.astype(np.float32))
            np.testing.assert_array_equal(given.astype(np.bool_).numpy(), words.astype(np.bool_))


ROWS = np.array(
    [
        [1, 2, 3, 4, 5],
        [1, NAN, 3, 4, 5],
        [INF, 1, 2, 3, 4],
        [-INF, 1, 2, 3, 4],
        [INF, -INF, 1, 2, 3],
        [-INF] * 5,
        [INF] * 5,
        [NAN] * 5,
        [0.0, -0.0, 0.0, -0.0, 0.0],
        [LARGE, -LARGE, 0, 0, 0],
        [1e-40, 2e-40, 0, 0, 1e-40],
        [-3, 1e-30, 0, 1e30, 2],
    ],
    np.float32,
)
REDUCTIONS = {
    "sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "argmax": np.argmax, "argmin": np.argmin,
    "any": np.any, "all": np.all, "cumsum": np.cumsum, "var": lambda x, axis: np.var(x, axis, ddof=1),
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name):
    for x, axis in ((ROWS, 1), (ROWS.T, 0)):
        got = getattr(g.tensor(np.ascontiguousarray(x)), name)(axis)
        got = getattr(got, "values", got).numpy()  # max and min tell where, too
        agree(got, lambda v, axis=axis: REDUCTIONS[name](v, axis=axis), [x], beside=8 * TINY)


def softmax(x):
    """Not scipy's: a row with infinity is NaN, as in PyTorch."""
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def log_softmax(x):
    off = x - x.max(1, keepdims=True)
    return off - np.log(np.exp(off).sum(1, keepdims=True))


def test_softmax():
    wide = np.tile(ROWS, (1, 60))  # by a workgroup per row
    for x in (ROWS, wide):
        agree(F.softmax(x, 1).numpy(), softmax, [x], most=200, beside=TINY)
        agree(F.log_softmax(x, 1).numpy(), log_softmax, [x], most=64)
        agree(g.VulkanCompute().snn.snn_softmax(x), softmax, [x], most=200, beside=TINY)


def test_cross_entropy():
    target = np.zeros(len(ROWS), np.int32)
    x = g.tensor(ROWS, requires_grad=True)
    loss = F.cross_entropy(x, target, reduction="none")
    loss.sum().backward()
    agree(loss.numpy(), lambda v: -log_softmax(v)[:, 0], [ROWS], most=64)
    agree(x.grad.numpy(), lambda v: softmax(v) - np.eye(5)[0], [ROWS], most=200, beside=3e-7)


LOSSES = {
    "mse_loss": lambda x, t: (x - t) ** 2,
    "l1_loss": lambda x, t: np.abs(x - t),
    "smooth_l1_loss": lambda x, t: np.where(np.abs(x - t) < 1, 0.5 * (x - t) ** 2, np.abs(x - t) - 0.5),
    "binary_cross_entropy_with_logits": lambda x, t: (
        np.where(x < 0, -t * x, (1 - t) * x) + np.log1p(np.exp(-np.abs(x)))
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    for t in (0.0, 0.25, 1.0):
        target = np.full_like(VALUES, t)
        got = getattr(F, name)(g.tensor(VALUES), g.tensor(target), reduction="none").numpy()
        agree(got, LOSSES[name], [VALUES, target], beside=8 * TINY)


SURROGATES = [
    (surrogate.ATan(2.0), lambda x: 1 / (1 + (np.pi * x) ** 2), lambda x: np.arctan(np.pi * x) / np.pi + 0.5),
    (surrogate.Sigmoid(4.0), lambda x: 4 * sigmoid(4 * x) * sigmoid(-4 * x), lambda x: sigmoid(4 * x)),
    (surrogate.FastSigmoid(2.0), lambda x: 1 / (1 + 2 * np.abs(x)) ** 2, lambda x: 0.5 + x / (1 + 2 * np.abs(x))),
    (surrogate.SuperSpike(2.0), lambda x: 1 / (1 + 2 * np.abs(x)) ** 2, lambda x: 0.5 + x / (1 + 2 * np.abs(x))),
    (surrogate.PiecewiseQuadratic(1.0), lambda x: np.where(np.abs(x) > 1, 0, 1 - np.abs(x)), None),
    (
        surrogate.Erf(2.0),
        lambda x: 2 / np.sqrt(np.pi) * np.exp(-((2 * x) ** 2)),
        lambda x: scipy.special.ndtr(2 * x * np.sqrt(2)),
    ),
    (surrogate.Rect(1.0), lambda x: 1.0 * (np.abs(x) < 0.5), None),
    (surrogate.Tanh(1.0), lambda x: 1 / np.cosh(x) ** 2, lambda x: 0.5 + np.tanh(x)),
    (surrogate.Boxcar(2.0, 0.5), lambda x: 0.5 * (np.abs(x) <= 1), None),
    (surrogate.Triangular(2.0), lambda x: np.where(2 * np.abs(x) > 1, 0, 1 - 2 * np.abs(x)), None),
]


@pytest.mark.parametrize(("kind", "slope", "primitive"), SURROGATES, ids=[type(s[0]).__name__ for s in SURROGATES])
def test_surrogates(kind, slope, primitive):
    agree(kind.derivative(g.tensor(VALUES)).numpy(), slope, [VALUES], beside=1e-7)
    if primitive is not None:
        finite = VALUES[~(np.abs(VALUES) > 1e37)]  # beyond, some are Inf / Inf: no potential is that far off
        agree(kind.primitive(g.tensor(finite)).numpy(), primitive, [finite], beside=3e-7)


def test_norms_keep_special_rows_apart():
    """A row (or channel) with NaN or infinity is NaN; the others don't notice."""
    wild = ~np.isfinite(ROWS).all(1) | (np.abs(ROWS) > 1e18).any(1)
    rows = ROWS[~wild].astype(np.float64)
    centred = rows - rows.mean(1, keepdims=True)
    want = centred / np.sqrt(rows.var(1, keepdims=True) + 1e-5)
    layer = F.layer_norm(g.tensor(ROWS), (5,)).numpy()
    np.testing.assert_allclose(layer[~wild], want, rtol=1e-5, atol=1e-6)
    assert np.isnan(layer[~np.isfinite(ROWS).all(1)]).any(1).all()
    batch = nn.BatchNorm1d(len(ROWS))(g.tensor(np.ascontiguousarray(ROWS.T))).numpy().T
    np.testing.assert_allclose(batch[~wild], want, rtol=1e-5, atol=1e-6)
    assert np.isnan(batch[~np.isfinite(ROWS).all(1)]).any(1).all()
    rms = g.VulkanCompute().snn.snn_rmsnorm(ROWS, np.ones(5, np.float32))
    want = rows / np.sqrt((rows**2).mean(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(rms[~wild], want, rtol=1e-3, atol=1e-6)
