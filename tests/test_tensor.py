"""Tensor: operators, dtypes, indexing, the numpy bridge, in-place changes, errors; and creation."""

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

import grilly_vk as g
from grilly_vk.tensor import Tensor, from_numpy

ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.mod, operator.floordiv]
COMPARE = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
X = np.array([[1.5, -2.0, 3.25], [4.0, 0.5, -6.0]], np.float32)


# ---- operators ----


@pytest.mark.parametrize("f", [*ARITHMETIC, *COMPARE], ids=lambda f: f.__name__)
@pytest.mark.parametrize("other", [2, 2.5, np.float32(1.5), np.array([1.0, 2.0, 4.0], np.float32), True])
def test_operators_both_ways(f, other):
    t = g.tensor(X)
    for got, want in ((f(t, other), f(X, other)), (f(other, t), f(other, X))):
        assert isinstance(got, Tensor)
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-6)
        assert got.dtype == (np.bool_ if f in COMPARE else np.float32)


@pytest.mark.parametrize("f", [*ARITHMETIC, *COMPARE], ids=lambda f: f.__name__)
def test_whole_numbers_stay_whole(f):
    x = np.array([7, -7, 3], np.int32)
    for other in (3, -2, np.array([2, -5, 3], np.int32)):
        got, want = f(g.tensor(x), other), f(x, other)
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-6)
        assert got.dtype == {"i": np.int32, "f": np.float32, "b": np.bool_}[want.dtype.kind]


def test_pow_matmul_invert_neg_abs():
    t = g.tensor(X)
    np.testing.assert_allclose((t**3).numpy(), X**3, rtol=1e-6)
    np.testing.assert_allclose((2.0**t).numpy(), 2.0**X, rtol=1e-6)
    np.testing.assert_allclose((t @ X.T).numpy(), X @ X.T, rtol=1e-6)
    np.testing.assert_allclose((X @ t.T).numpy(), X @ X.T, rtol=1e-6)
    np.testing.assert_array_equal((~(t > 0)).numpy(), ~(X > 0))
    np.testing.assert_array_equal((-g.tensor([1, -2])).numpy(), [-1, 2])
    np.testing.assert_array_equal(abs(g.tensor([1, -2])).numpy(), [1, 2])
    np.testing.assert_array_equal(((t > 0) & (t < 3) | (t == -6)).numpy(), (X > 0) & (X < 3) | (X == -6))


def test_mixed_dtypes():
    i, b, f = g.tensor([1, 2]), g.tensor([True, False]), g.tensor([0.5, 0.5])
    assert (i + b).dtype == np.int32 and (i + f).dtype == np.float32 and (b + b).dtype == np.int32
    assert (i / i).dtype == np.float32 and (i + 0.5).dtype == np.float32
    with pytest.raises(ValueError, match="other must fit int32, got 2147483648"):
        i + 2**31
    with pytest.raises(ValueError, match="other must fit int32, got values from 1 to 4294967296"):
        i + np.array([1, 2**32])


def test_operands_of_the_wrong_type():
    assert (g.tensor(X) == "a") is False and (g.tensor(X) != None) is True  # noqa: E711
    with pytest.raises(TypeError):
        g.tensor(X) + "a"
    with pytest.raises(TypeError):
        g.tensor(X) + None


# ---- indexing ----


@st.composite
def arrays_and_keys(draw):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=5))
    key = draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape), key


@given(arrays_and_keys())
def test_getitem_is_numpys(case):
    array, key = case
    np.testing.assert_array_equal(from_numpy(array)[key].numpy(), array[key])


@given(arrays_and_keys())
def test_setitem_is_numpys(case):
    array, key = case
    t = from_numpy(array)
    t[key] = -1.0
    array = array.copy()
    array[key] = -1.0
    np.testing.assert_array_equal(t.numpy(), array)


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=6, max_side=4))
def test_broadcasting_is_numpys(shapes):
    a, b = (np.random.default_rng(1).random(s).astype(np.float32) for s in shapes.input_shapes)
    np.testing.assert_array_equal((from_numpy(np.asarray(a)) + from_numpy(np.asarray(b))).numpy(), a + b)


def test_setitem_values_and_errors():
    t = g.tensor(X)
    t[0] = X[1]
    t[1, ::2] = g.tensor([1, 2])
    np.testing.assert_array_equal(t.numpy(), [[4, 0.5, -6], [1, 0.5, 2]])
    t[1:] = t[:1]
    np.testing.assert_array_equal(t.numpy()[1], t.numpy()[0])
    with pytest.raises(ValueError, match=r"can't broadcast|don't broadcast"):
        t[0] = [1.0, 2.0]
    with pytest.raises(IndexError):
        t[5] = 1
    np.testing.assert_array_equal(t[[1, 0, 1]].numpy(), t.numpy()[[1, 0, 1]])
    np.testing.assert_array_equal(t[g.tensor([0, -1])].numpy(), t.numpy()[[0, -1]])
    np.testing.assert_array_equal(t[t > 0].numpy(), t.numpy()[t.numpy() > 0])
    with pytest.raises(TypeError, match="indexed by int32 or bool tensors, not float32"):
        t[g.tensor([0.0])]


# ---- values out ----


def test_item_tolist_and_conversions():
    assert g.tensor([[2.5]]).item() == 2.5 and g.tensor(3).item() == 3 and g.tensor([True]).item() is True
    assert g.tensor(X).tolist() == X.tolist() and float(g.tensor(2.5)) == 2.5 and int(g.tensor([7])) == 7
    assert bool(g.tensor(0.0)) is False and len(g.tensor(X)) == 2
    assert [row.tolist() for row in g.tensor(X)] == X.tolist()
    with pytest.raises(ValueError, match=r"item\(\) needs one element; this tensor has shape \(2, 3\)"):
        g.tensor(X).item()
    with pytest.raises(ValueError, match="ambiguous"):
        bool(g.tensor(X))
    with pytest.raises(TypeError, match="0-d"):
        len(g.tensor(1.0))


def test_numpy_sees_a_copy():
    t = g.tensor(X)
    seen = np.asarray(t)
    np.testing.assert_array_equal(seen, X)
    seen[:] = 0
    np.testing.assert_array_equal(t.numpy(), X)
    assert np.asarray(t, np.float64).dtype == np.float64
    np.testing.assert_allclose(np.exp(t), np.exp(X), rtol=1e-6)


def test_dlpack():
    if not g.tensor([1.0]).engine.host_visible:
        with pytest.raises(BufferError, match="host-visible memory"):
            np.from_dlpack(g.tensor([1.0]))
        return
    for values in (X, np.arange(4, dtype=np.int32), np.zeros((0, 2), np.float32)):
        t = g.tensor(values)
        seen = np.from_dlpack(t)
        np.testing.assert_array_equal(seen, values)
        del t
        np.testing.assert_array_equal(seen, values)  # the memory lives as long as numpy's array
    with pytest.raises(BufferError, match="4-byte dtype"):
        np.from_dlpack(g.tensor([True]))


def test_printing():
    assert repr(g.tensor([1.0, 2.0])) == "Tensor([1., 2.])"
    assert repr(g.tensor([1, 2])) == "Tensor([1, 2], dtype=int32)"
    x = g.tensor([1.0], requires_grad=True)
    assert repr(x) == "Tensor([1.], requires_grad=True)" and repr(x * 2) == "Tensor([2.], made by scale)"
    assert "..." in repr(g.zeros(5000))


# ---- memory ----


def test_clone_and_detach():
    x = g.tensor(X, requires_grad=True)
    copy, same = x.clone(), x.detach()
    assert copy.requires_grad and not same.requires_grad and same.buffer is x.buffer
    same[0] = 0.0
    np.testing.assert_array_equal(x.numpy()[0], 0)
    np.testing.assert_array_equal(copy.numpy(), X)


def test_in_place_operators():
    t = g.tensor(X)
    before = t.buffer
    t += 1
    t -= np.float32(0.5)
    t *= g.tensor([1.0, 2.0, 3.0])
    t /= 2
    np.testing.assert_allclose(t.numpy(), (X + 0.5) * [1, 2, 3] / 2, rtol=1e-6)
    assert t.buffer is before and t.version == 4
    with pytest.raises(ValueError, match="broadcast"):
        t += np.ones((4, 2, 3), np.float32)
    i = g.tensor([1, 2])
    i += 3
    assert i.tolist() == [4, 5]
    with pytest.raises(TypeError, match="float32 result of add can't go into an int32 tensor"):
        i += 0.5
    assert i.tolist() == [4, 5]


def test_assign():
    t = g.tensor(X)
    t.assign(X * 2)
    t.assign(t)
    t.assign(g.tensor(X) * 3)
    np.testing.assert_array_equal(t.numpy(), X * 3)
    with pytest.raises(ValueError, match=r"values have shape \(2,\); expected \(2, 3\)"):
        t.assign([1.0, 2.0])
    with pytest.raises(TypeError, match="values are int32; expected float32"):
        t.assign(g.zeros(2, 3, dtype=np.int32))


def test_a_recorded_tensor_is_not_changed():
    x = g.tensor(X, requires_grad=True)
    for change in (lambda t: t.assign(X), lambda t: t.__setitem__(0, 1.0), lambda t: t.__iadd__(1)):
        for t in (x, x * 2):
            with pytest.raises(RuntimeError, match="can't be changed in place"):
                change(t)
    with g.no_grad():
        x += 1
    np.testing.assert_array_equal(x.numpy(), X + 1)


# ---- creation ----


def test_tensor_from_values():
    whole = [[1, 2], 2, np.uint8([1])]
    real = [[1.0, 2], np.arange(3.0), [], X[::-1, ::2]]
    for data, dtype in [(d, np.int32) for d in whole] + [(d, np.float32) for d in real] + [([True], np.bool_)]:
        t = g.tensor(data)
        assert t.dtype == dtype
        np.testing.assert_array_equal(t.numpy(), np.asarray(data, dtype))
    assert g.tensor([1, 0], bool).tolist() == [True, False] and g.tensor([1.7, -1.7], "int32").tolist() == [1, -1]
    own = g.tensor(X)
    other = g.tensor(own)
    assert other.buffer is not own.buffer
    assert g.tensor(own, np.int32).dtype == np.int32 and g.tensor(1e300).item() == np.inf
    for data, kind, error, text in (
        ("a", None, TypeError, "data must hold real numbers, not str"),
        ([[1], [2, 3]], None, ValueError, "data can't be made an array"),
        ([2**31], None, ValueError, "data must fit int32, got values from 2147483648"),
        ([np.nan], np.int32, ValueError, "data must fit int32"),
        ([1.0], np.float64, TypeError, "dtype must be float32, int32, uint32 or bool, not float64"),
        ([1j], None, TypeError, "complex"),
    ):
        with pytest.raises(error, match=text):
            g.tensor(data, kind)
    with pytest.raises(TypeError, match="only float32 tensors have gradients"):
        g.tensor([1], requires_grad=True)
    with pytest.raises(TypeError, match="not float64"):
        from_numpy(np.zeros(3))


def test_the_module_and_the_function_share_a_name():
    import grilly.tensor

    assert grilly.tensor is g.tensor and g.tensor.from_numpy is from_numpy and grilly.tensor([1.0]).shape == (1,)


def test_constants():
    assert g.zeros(2, 3).numpy().tolist() == [[0] * 3] * 2 and g.ones((2,)).tolist() == [1, 1]
    assert g.full((2,), 7).dtype == np.int32 and g.full(2, True).tolist() == [True, True]
    assert g.full((), -0.5).item() == -0.5 and g.zeros(0, 3).shape == (0, 3)
    np.testing.assert_array_equal(g.eye(2, 3).numpy(), np.eye(2, 3))
    np.testing.assert_array_equal(g.arange(5).numpy(), np.arange(5))
    np.testing.assert_array_equal(g.arange(5, 1, -2).numpy(), [5, 3])
    np.testing.assert_allclose(g.arange(0, 1, 0.1).numpy(), np.arange(0, 1, 0.1), rtol=1e-7)
    x = g.tensor([1, 2])
    assert g.zeros_like(x).dtype == np.int32 and g.ones_like(x, np.float32, requires_grad=True).requires_grad
    assert g.full_like(x, 4).tolist() == [4, 4] and g.rand_like(x).shape == g.randn_like(x).shape == (2,)
    for call, error, text in (
        (lambda: g.zeros(-1), ValueError, "must not hold negative sizes"),
        (lambda: g.zeros(2.0), TypeError, "shape must hold whole numbers, not float"),
        (lambda: g.zeros(1 << 20, 1 << 20), ValueError, r"below 2\*\*31"),
        (lambda: g.full(2, "a"), TypeError, "value must be a number, not str"),
        (lambda: g.full(2, 2**31), ValueError, "value must fit int32"),
        (lambda: g.arange(0, 1, 0), ValueError, "step must not be 0"),
        (lambda: g.arange(np.inf), ValueError, "stop must be finite"),
        (lambda: g.arange("a"), TypeError, "stop must be a number, not str"),
        (lambda: g.bernoulli([0.5, 1.5]), ValueError, r"p must lie in \[0, 1\]"),
        (lambda: g.poisson(-1.0), ValueError, r"rate must lie in \[0, inf\)"),
        (lambda: g.poisson(np.nan), ValueError, "rate must lie"),
        (lambda: g.bernoulli("a"), TypeError, "p must hold real numbers, not str"),
    ):
        with pytest.raises(error, match=text):
            call()


def test_random_numbers_are_distributed_and_repeat_by_seed():
    g.manual_seed(6)
    u, n = g.rand(50001).numpy(), g.randn(50001).numpy()
    assert stats.kstest(u, "uniform").pvalue > 1e-3 and u.min() >= 0 and u.max() < 1
    assert stats.kstest(n, "norm").pvalue > 1e-3
    p = np.linspace(0, 1, 5).astype(np.float32)
    b = g.bernoulli(np.tile(p, (20000, 1))).numpy()
    np.testing.assert_allclose(b.mean(0), p, atol=0.02)
    assert set(np.unique(b)) == {0, 1} and not b[:, 0].any() and b[:, -1].all()
    assert not np.array_equal(g.rand(9).numpy(), u[:9])
    g.manual_seed(6)
    np.testing.assert_array_equal(g.rand(50001).numpy(), u)
    np.testing.assert_array_equal(g.randn(50001).numpy(), n)


@pytest.mark.parametrize("rate", [0.0, 0.3, 9.9, 10.0, 45.0, 3000.0, 1e6])
def test_poisson(rate):
    """A chi-squared test against the exact distribution, in thirty cells."""
    g.manual_seed(11)
    counts = g.poisson(np.full(60000, rate, np.float32)).numpy().astype(np.float64)
    np.testing.assert_array_equal(counts, np.round(counts))
    if rate == 0:
        assert not counts.any()
        return
    true = float(np.float32(rate))
    inner = np.unique(np.round(np.linspace(*stats.poisson.ppf([0.005, 0.995], true), 29)))
    want = np.diff([0, *stats.poisson.cdf(inner, true), 1]) * counts.size
    got = np.histogram(counts, [-1, *(inner + 0.5), 1e12])[0]
    cells = want > 5
    statistic = ((got - want)[cells] ** 2 / want[cells]).sum()
    assert stats.chi2.sf(statistic, cells.sum() - 1) > 1e-3
    bad = g.poisson(g.tensor([np.nan, -1.0, np.inf])).numpy()
    assert np.isnan(bad).all()


def test_replays_draw_fresh_numbers():
    with g.capture() as graph:
        x = g.randn(8)
    draws = []
    for _ in range(2):
        graph.replay()
        draws.append(x.numpy())
    assert not np.array_equal(*draws)
