"""Python numbers on their way to the device: each is taken or refused by name, and what comes after an error works."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from op_table import Op, Sample
from test_ops import OPS, several, tensors

import grilly_vk as g
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.data import DataLoader, events
from grilly_vk.ops import elementwise

X = np.array([1.5, -2.0, 0.25, 3.0, 1e-30], np.float32)
I = np.array([1, 2, -3, 2**31 - 1, -(2**31)], np.int32)  # noqa: E741
B = np.array([True, False, True, True, False])
NUMBERS = [
    0, 1, -2, 2**31, -(2**31) - 1, 2**63, 10**30, 0.0, -0.0, 0.1, 2.0**-126, 2.0**-127, 2.0**-140, 2.0**-149, 1e-300,
    2.0**127, 2.0**128, 2.0**140, 1e39, -1e300, np.inf, -np.inf, np.nan, True, False, Fraction(1, 3), Fraction(-7),
    np.float32(0.1), np.float64(1e300), np.float16(2.5), np.int8(-3), np.int64(2**40), np.uint8(200), np.uint64(2**63),
    np.bool_(True), np.array(2.5), np.array(3), np.float32(np.nan),
]  # fmt: skip
HUGE = [10**400, -(10**400), 10**5000, Fraction(10**400)]
NO_NUMBERS = ["a", b"a", 1j, np.complex64(1), Decimal(2), object(), [[1], [2, 3]]]
OPERATORS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "mod": np.mod, "pow": np.power,
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
}  # fmt: skip
COMPARES = ("lt", "le", "gt", "ge", "eq", "ne")


def shown(value):
    text = type(value).__name__ + (f" {value!r}"[:12] if not isinstance(value, int) or abs(value) < 1e30 else "")
    return text.replace(" at 0x", "")


def agrees(found, function, y):
    """Whether this is function(y), where a device may take denormal numbers for 0."""
    tiny = 2.0**-126
    with np.errstate(all="ignore"):
        y = np.float32(float(y))
        options = [function(y), function(y if abs(y) >= tiny else y * np.float32(0))]
    rtol = 2e-5  # of pow
    return (np.isclose(found, options[0], rtol, tiny, True) | np.isclose(found, options[1], rtol, tiny, True)).all()


@pytest.mark.parametrize("value", NUMBERS, ids=shown)
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_of_floats_and_a_number(name, value):
    """As numpy computes with the number as float32."""
    operator, x = OPERATORS[name], g.tensor(X)
    assert agrees(getattr(x, f"__{name}__")(value).numpy(), lambda y: operator(X, y), value)
    denormal = 0 < abs(float(value)) < 2.0**-126
    if name not in COMPARES and not (name == "pow" and denormal):  # logarithms of denormals differ by device
        assert agrees(getattr(x, f"__r{name}__")(value).numpy(), lambda y: operator(y, X), value)


@pytest.mark.parametrize("value", NUMBERS, ids=shown)
@pytest.mark.parametrize("name", ["truediv", "pow", "add", "mul", *COMPARES])
def test_operators_of_whole_numbers_and_a_number(name, value):
    """Results that are floats or bools need no int32; those that are int32 refuse what is none."""
    whole = np.asarray(value).dtype.kind in "iub" or isinstance(value, int)
    operator, call = OPERATORS[name], getattr(g.tensor(I), f"__{name}__")
    if name in ("add", "mul") and whole and not -(2**31) <= int(value) < 2**31:
        with pytest.raises(ValueError, match="other must fit int32"):
            call(value)
        return
    found = call(value).numpy()
    if name in ("truediv", "pow") or not whole:
        assert found.dtype == (bool if name in COMPARES else np.float32)
        assert agrees(found, lambda y: operator(I.astype(np.float32), y), value)
    elif name in COMPARES:
        np.testing.assert_array_equal(found, [getattr(int(i), f"__{name}__")(int(value)) for i in I])
    else:
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(found, operator(I, np.int32(int(value))))
        assert found.dtype == np.int32


@pytest.mark.parametrize("value", HUGE, ids=["10**400", "-10**400", "10**5000", "Fraction"])
@pytest.mark.parametrize("name", OPERATORS)
def test_numbers_beyond_float64_are_refused(name, value):
    for array in (X, I):
        if array is I and isinstance(value, int) and name in COMPARES:
            assert getattr(g.tensor(array), f"__{name}__")(value).numpy().dtype == bool
            continue
        with pytest.raises(ValueError, match=r"other must fit (float64|int32)"):
            getattr(g.tensor(array), f"__{name}__")(value)
    np.testing.assert_array_equal((g.tensor(X) + 1).numpy(), X + 1)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=shown)
def test_what_is_no_number_is_refused(value):
    x = g.tensor(X)
    for name in ("add", "truediv", "pow", "lt"):
        with pytest.raises((TypeError, ValueError), match=r"(input|other) must|can't be made an array"):
            elementwise.binary({"truediv": "div"}.get(name, name), x, value)
    for call in (
        lambda: x.clamp(value, 1), lambda: x.clamp(0, value), lambda: x.pad([(1, 1)], value),
        lambda: g.full((2,), value), lambda: g.full_like(x, value), lambda: x.var(correction=value),
        lambda: F.leaky_relu(x, value), lambda: F.softplus(x, value), lambda: g.arange(value),
    ):  # fmt: skip
        with pytest.raises((TypeError, ValueError), match=r"must (be|hold)"):
            call()
    np.testing.assert_array_equal((x + 1).numpy(), X + 1)


@pytest.mark.parametrize(
    "low", [None, 0, -1.0, 0.5, np.float64(-0.5), -np.inf, 1e39, -1e39, np.nan, True, np.array(0.0)]
)
@pytest.mark.parametrize("high", [None, 1, 2.0, np.inf, -1e300, np.nan, -5, Fraction(1, 2)])
def test_clamp(low, high):
    a, b = (-np.inf if low is None else low), (np.inf if high is None else high)
    if low is None and high is None:
        pytest.skip("that is an error, as in PyTorch")
    for array in (X, I, B):
        wanted = np.clip(array.astype(np.float64), float(a), float(b))
        with np.errstate(over="ignore"):
            wanted = wanted.astype(np.float32)
        found = g.tensor(array).clamp(low, high)
        whole = array is I and all(v is None or isinstance(v, int) for v in (low, high))
        assert found.dtype == (np.int32 if whole else np.float32)
        np.testing.assert_array_equal(found.numpy(), np.clip(I, low, high) if whole else wanted)
    leaf = g.tensor(X, requires_grad=True)
    leaf.clamp(low, high).sum().backward()
    with np.errstate(over="ignore"):
        bottom, top = np.float32(float(a)), np.float32(float(b))
    inside = (bottom <= X) & (top >= X)
    np.testing.assert_array_equal(leaf.grad.numpy(), inside)


def test_clamp_of_whole_numbers_is_exact():
    x = np.array([2**24 + 1, -(2**24) - 1, 5, 2**31 - 1], np.int32)
    np.testing.assert_array_equal(g.tensor(x).clamp(0, 2**30 + 1).numpy(), np.clip(x, 0, 2**30 + 1))
    np.testing.assert_array_equal(g.tensor(x).clamp(-(10**20), 10**400).numpy(), x)
    np.testing.assert_array_equal(g.tensor(x).clamp(10, -10).numpy(), np.full(4, -10))


@pytest.mark.parametrize(
    ("array", "value", "wanted"),
    [(X, 2, 2.0), (X, 1e39, np.inf), (X, np.nan, np.nan), (X, True, 1.0), (X, np.float64(0.5), 0.5),
     (X, 2.0**-140, 2.0**-140),
     (I, 2.0, 2), (I, np.int64(-5), -5), (I, True, 1), (I, -(2**31), -(2**31)), (B, True, True), (B, 0, False)],
)  # fmt: skip
def test_values_that_fill(array, value, wanted):
    padded = np.pad(array, (2, 1))
    padded[:2] = padded[-1] = wanted
    np.testing.assert_array_equal(g.tensor(array).pad([(2, 1)], value).numpy(), padded)
    filled = g.full((3,), value, dtype=array.dtype)
    assert filled.dtype == array.dtype
    np.testing.assert_array_equal(filled.numpy(), np.full(3, wanted, array.dtype))
    np.testing.assert_array_equal(g.full_like(g.tensor(array), value).numpy(), np.full(5, wanted, array.dtype))


@pytest.mark.parametrize("value", [2.5, np.nan, np.inf, 2**31, -(2**31) - 1, 1e20, Fraction(1, 2), np.float32(0.1)])
def test_values_that_a_whole_number_tensor_cannot_hold(value):
    for call in (
        lambda: g.tensor(I).pad([(1, 1)], value), lambda: g.full((2,), value, dtype=np.int32),
        lambda: g.full_like(g.tensor(I), value),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="value must fit int32 as a whole number, got"):
            call()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: x.pad((1, 1)), TypeError, r"widths\[0\] must be a pair \(before, after\), not 1"),
        (lambda x: x.pad(2), TypeError, "widths must hold a pair"),
        (lambda x: x.pad([(1, 1.5)]), TypeError, r"widths\[0\]\[1\] must be a whole number, not float \(1.5\)"),
        (lambda x: x.pad([(1, 2, 3)]), TypeError, r"widths\[0\] must be a pair"),
        (lambda x: x.split(2.0), TypeError, r"size must be a whole number, not float \(2.0\)"),
        (lambda x: x.split(True), TypeError, "size must be a whole number, not bool"),
        (lambda x: x.split((2.0, 3)), TypeError, r"size\[0\] must be a whole number"),
        (lambda x: x.split(None), TypeError, "size must be a whole number"),
        (lambda x: x.split(0), ValueError, "size must be at least 1"),
        (lambda x: x.reshape(5.0), TypeError, r"shape\[0\] must be a whole number, not float \(5.0\)"),
        (lambda x: x.broadcast_to(2, 5.0), TypeError, r"shape\[1\] must be a whole number"),
        (lambda x: x.expand((2.0, -1)), TypeError, r"shape\[0\] must be a whole number"),
        (lambda x: x.permute(0.0), TypeError, r"axes\[0\] must be a whole number"),
        (lambda x: x.permute(None), TypeError, r"axes\[0\] must be a whole number"),
        (lambda x: x.transpose(0.0, 0), TypeError, "first must be a whole number"),
        (lambda x: x.flatten(0.5), TypeError, "start must be a whole number"),
        (lambda x: x.squeeze("a"), TypeError, "axis must be a whole number"),
        (lambda x: x.unsqueeze(1.5), TypeError, "axis must be a whole number"),
        (lambda x: x.flip(None), TypeError, "axis must be a whole number"),
        (lambda x: x.cumsum(1.0), TypeError, "axis must be a whole number"),
        (lambda x: x.sum(1.0), TypeError, "axis must be a whole number"),
        (lambda x: x.var(correction="a"), TypeError, "correction must be a number, not str"),
        (lambda x: x.var(correction=10**400), ValueError, "correction must be finite"),
        (lambda x: x.var(correction=np.nan), ValueError, "correction must be finite"),
        (lambda x: x[1.5:], TypeError, "a slice takes whole numbers or None, not slice"),
        (lambda x: x[2.0], TypeError, "indexed by whole numbers"),
        (lambda x: x.clamp("a"), TypeError, r"min must be a number, not str \('a'\)"),
        (lambda x: x.clamp(0, [1]), TypeError, "max must be a number, not list"),
        (lambda x: x.clamp(10**400), ValueError, "min must fit float64"),
        (lambda x: x.clamp(), ValueError, "clamp needs min, max or both"),
        (lambda x: x.round(400), ValueError, "decimals must lie in -38..38"),
        (lambda x: x.expand_as("a"), TypeError, "other must be a Tensor, not str"),
        (lambda x: x.type_as(1), TypeError, "other must be a Tensor, not int"),
        (lambda x: x.lerp(1.0, "a"), TypeError, "weight must be a number, not str"),
        (lambda x: x.assign(10**400), ValueError, "values must hold numbers that fit float32"),
        (lambda x: x.astype("int32").assign(np.full(5, 2**40)), ValueError, "values hold numbers that don't fit int32"),
        (lambda x: x.astype("int32").assign([0, 1, 2, 3, np.nan]), ValueError, "values hold numbers that don't fit"),
        (lambda x: g.arange(2**40), ValueError, "too many elements; below"),
        (lambda x: g.arange(10**400), ValueError, "stop must be finite"),
        (lambda x: g.full((2,), 10**400), ValueError, "value must fit int32 as a whole number"),
        (lambda x: g.full((2,), 10**5000, dtype=np.float32), ValueError, "value must fit float64"),
        (lambda x: g.full((2.0,), 1), TypeError, "shape must hold whole numbers, not float"),
        (lambda x: g.zeros(2, -1), ValueError, "shape must not hold negative sizes"),
        (
            lambda x: g.tensor([1], dtype=object()),
            TypeError,
            "dtype must be float32, int32, uint32 or bool, not <object",
        ),
        (lambda x: g.encode.receptive_fields(x, 4, 0, 1, beta=2.0**-140), ValueError, "beta must leave a width"),
        (lambda x: g.encode.receptive_fields(x, 4, 0, 1, beta=1e300), ValueError, "beta must"),
        (lambda x: F.max_pool1d(x.reshape(1, 1, 5), 2, np.array([1, 2])), TypeError, "stride must be a whole number"),
    ],
)
def test_refused_by_name(call, error, text):
    with pytest.raises(error, match=text):
        call(g.tensor(X))
    np.testing.assert_array_equal((g.tensor(X) * 2).numpy(), X * 2)


def test_whole_numbers_of_every_kind():
    x = g.tensor(X)
    five = np.int64(5)
    assert [p.shape for p in x.split(np.int64(2))] == [(2,), (2,), (1,)]
    assert [p.shape for p in x.split(np.array([1, 4]))] == [(1,), (4,)]
    assert [p.shape for p in x.split([np.int32(2), 3])] == [(2,), (3,)]
    assert x.reshape(np.uint8(1), five).shape == x.broadcast_to(np.int16(1), five).shape == (1, 5)
    assert x.expand(np.array([2, -1])).shape == (2, 5)
    assert x.pad(np.array([[1, 2]])).shape == x.pad([[np.int64(1), 2]]).shape == (8,)
    np.testing.assert_allclose(x.var(correction=np.float32(0.5)).item(), X.astype(float).var() * 5 / 4.5, rtol=1e-6)
    np.testing.assert_allclose(x.var(correction=Fraction(1, 2)).item(), X.astype(float).var() * 5 / 4.5, rtol=1e-6)


BAD = ["a", None, 10**400, 2.0**-140, 1e300, np.nan, np.inf, 1j, Decimal(2), np.array([1, 2]), [], object(), 2**63, 2.5]
OPTIONS = [
    pytest.param(op, sample, key, id=f"{op.name}-{key}")
    for op in OPS
    for key, sample in {k: s for s in reversed(op.samples) for k in s.options}.items()
    if isinstance(sample.options[key], (int, float, tuple, list)) and not isinstance(sample.options[key], bool)
    # The callers of these have checked them.
    if (op.name, key) not in {("spiking_attention", "heads"), ("qk_gates", "heads"), ("batch_norm", "batches")}
]


@pytest.mark.parametrize(("op", "sample", "key"), OPTIONS)
def test_options_of_every_operation(op: Op, sample: Sample, key: str):
    """Another number, or none, is taken or refused by an error of ours; and the operation works as before."""
    old = sample.options[key]
    before = [o.numpy() for o in several(op.run(*tensors(sample), **sample.options))]
    for bad in BAD:
        nested = [type(old)([bad, *old[1:]])] if isinstance(old, (tuple, list)) and old else []
        for value in [bad, *nested]:
            try:
                for out in several(op.run(*tensors(sample), **{**sample.options, key: value})):
                    out.numpy()
            except (TypeError, ValueError, IndexError, MemoryError) as error:
                text = str(error)
                for bare in ("unsupported operand", "cannot be interpreted", "not supported between", "not iterable",
                             "truth value of", "no len()", "unpack", "required argument"):  # fmt: skip
                    assert bare not in text, f"{key}={shown(value)}: {type(error).__name__}: {text}"
    for found, wanted in zip(several(op.run(*tensors(sample), **sample.options)), before):
        np.testing.assert_array_equal(found.numpy(), wanted)


def test_what_cannot_be_packed_is_refused_and_leaves_nothing_behind():
    """The last line: numbers that some function passed on unchecked."""
    x = g.tensor(X)
    engine = x.engine
    for number in (1e39, 10**400, "a", None, 1j, [1.0]):
        with pytest.raises(ValueError, match="kernel 'elementwise-unary' takes a as float32, got"):
            engine.launch("elementwise-unary", 5, (("OP", 0),), x=x, y=x.copy(), n=5, a=number, b=0.0)
    for number in (-1, 2**32, 1.5, "a"):
        with pytest.raises(ValueError, match="takes n as uint32, got"):
            engine.launch("fill", 5, dst=x, n=number, bits=0)
    for work in (2.5, "a", Decimal(1), np.nan):
        with pytest.raises(TypeError, match="integer"):
            engine.launch("fill", 5, work=work, dst=x, n=0, bits=0)
        with pytest.raises(TypeError, match="integer"):
            engine.alloc(work)
    np.testing.assert_array_equal((g.tensor(X) + x).numpy(), X + X)


RAGGED = [[1.0], [2.0, 3.0]]


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda: g.tensor(RAGGED), "data"),
        (lambda: g.bernoulli(RAGGED), "p"),
        (lambda: g.zeros(2, 2)[RAGGED], "an index"),
        (lambda: g.zeros(2).assign(RAGGED), "values"),
        (lambda: nn.Parameter(RAGGED), "data"),
        (lambda: nn.Linear(1, 1).load_state_dict({"weight": RAGGED, "bias": [1.0]}), "weight"),
        (lambda: F.cross_entropy(np.zeros((2, 3), np.float32), RAGGED), "target"),
        (lambda: DataLoader(RAGGED), r"arrays\[0\]"),
        (lambda: events.to_frames(RAGGED, (4, 4, 2), n_time_bins=3), r"recordings\[0\]"),
    ],
)
def test_lists_of_different_lengths(call, name):
    with pytest.raises(ValueError, match=f"{name} can't be made an array: lists in it have different lengths$"):
        call()
