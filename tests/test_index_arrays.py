"""Indexing by arrays and masks, and writing by index, against numpy, or where that differs PyTorch."""

import numpy as np
import pytest

import grilly_vk as g

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
KEYS = [
    ([0, 1],),
    ([-1],),
    ([],),
    (range(2),),
    (np.array([[0, 1], [1, 0]]),),
    (slice(None), [0, 2]),
    (slice(None), [0, 1], [1, 2]),
    ([0, 1], slice(None), [1, 2]),
    (slice(None), [0, -1], [-4, -2]),
    ([-1, 0], [2, -3]),
    (None, [0, 1]),
    ([0, 1], None, [1, 2]),
    (..., [3, 0]),
    (0, [0, 1]),
    (slice(0, 1), [0, -1], slice(1, 3)),
    (X > 5,),
    (X < 0,),
    (X[:, :, 0] > 5,),
    (slice(None), np.array([True, False, True])),
    (slice(None), X[0] > 5),
    ([1], X[0] > 5),
]


def known(key):
    """A key as numpy takes it: a range is a list."""
    return tuple(list(k) if isinstance(k, range) else k for k in key)


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_read_and_its_gradient(key):
    wanted = X[known(key)]
    on_device = tuple(g.tensor(np.asarray(k)) if isinstance(k, (list, np.ndarray)) and len(k) else k for k in key)
    for given in (key, on_device):
        t = g.tensor(X, requires_grad=True)
        got = t[given if len(given) > 1 else given[0]]
        np.testing.assert_array_equal(got.numpy(), wanted)
        weight = np.random.default_rng(0).standard_normal(wanted.shape).astype(np.float32)
        (got * g.tensor(weight)).sum().backward()
        slope = np.zeros(X.shape)
        np.add.at(slope, known(key), weight)
        np.testing.assert_allclose(t.grad.numpy(), slope, atol=1e-6)


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_write(key):
    shape = X[known(key)].shape
    for value in (7.0, np.random.default_rng(1).standard_normal(shape).astype(np.float32)):
        for given in (value, g.tensor(value)):
            t, wanted = g.tensor(X), X.copy()
            t[key if len(key) > 1 else key[0]] = given
            wanted[known(key)] = value
            np.testing.assert_array_equal(t.numpy(), wanted)


def test_whole_numbers_and_bools_keep_their_dtype():
    whole = g.tensor(np.arange(6, dtype=np.int32).reshape(2, 3))
    whole[[0, 1], [2, 0]] = g.tensor([70, 80])
    np.testing.assert_array_equal(whole.numpy(), [[0, 1, 70], [80, 4, 5]])
    truth = whole > 3
    assert truth[truth].dtype == np.bool_ and truth[truth].shape == (4,)


def test_an_element_that_is_meant_twice_keeps_the_last_value():
    t = g.zeros(3)
    t[[0, 0, 1, 0]] = g.tensor([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_array_equal(t.numpy(), [4, 3, 0])


def test_plain_numbers_come_first_as_in_pytorch():
    np.testing.assert_array_equal(g.tensor(X)[0, :, [1, 2]].numpy(), X[0][:, [1, 2]])  # numpy: transposed


def test_assignment_from_the_same_memory():
    t = g.tensor(np.arange(6.0))
    t[[1, 2, 3]] = t[[0, 1, 2]]
    np.testing.assert_array_equal(t.numpy(), [0, 0, 1, 2, 4, 5])
    t[t > 1] = t.sum()
    np.testing.assert_array_equal(t.numpy(), [0, 0, 1, 12, 12, 12])


def test_indices_of_the_device_that_are_out_of_range_give_nan():
    t = g.tensor(X)
    got = t[g.tensor([0, 5, 0, 1]), g.tensor([1, 0, 4, -4])].numpy()  # (0, 4) would be an entry if they were one line
    np.testing.assert_array_equal(got[0], X[0, 1])
    assert np.isnan(got[1:]).all()
    t[g.tensor([7])] = 1.0
    np.testing.assert_array_equal(t.numpy(), X)


def test_a_mask_with_a_number_needs_no_reading():
    """So that a captured step can use it."""
    step = g.compile(lambda x: _masked(x))
    for seed in range(3):
        x = np.random.default_rng(seed).standard_normal((4, 5)).astype(np.float32)
        np.testing.assert_array_equal(step(x).numpy(), np.where(x > 0, 9, x))
    assert step.captures == 1


def _masked(x):
    y = x.clone()
    y[x > 0] = 9.0
    return y


@pytest.mark.parametrize(
    "key, error, text",
    [
        (([0, 2],), IndexError, r"index holds 0..2; the axis has 2 entries"),
        (([0.5],), TypeError, "indexed by whole numbers and bools, not by an array of float64"),
        ((np.zeros((2, 2), bool),), IndexError, r"a mask of shape \(2, 2\) does not fit axes 0 to 1 of .* \(2, 3, 4\)"),
        (([0, 1], [0, 1, 2]), ValueError, "don't broadcast"),
        (([0], [0], [0], [0]), IndexError, "4 indices for shape"),
        ((True,), TypeError, "can't be indexed by a bool"),
        (([0], ..., ...), IndexError, "one ... only"),
    ],
)
def test_bad_keys(key, error, text):
    t = g.tensor(X)
    with pytest.raises(error, match=text):
        t[key if len(key) > 1 else key[0]]
    with pytest.raises(error, match=text):
        t[key if len(key) > 1 else key[0]] = 1.0
    np.testing.assert_array_equal(t.numpy(), X)


# ---- scatter ----


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_scatter_and_its_gradients(axis):
    rng = np.random.default_rng(axis)
    shape = list(X.shape)
    shape[axis] = 5
    index = rng.integers(0, X.shape[axis], shape)
    source = rng.standard_normal(shape).astype(np.float32)
    weight = rng.standard_normal(X.shape).astype(np.float32)
    last = np.full(X.shape, -1)
    for place in np.ndindex(*shape):  # in the order of `axis`, so that the last one stays
        to = list(place)
        to[axis] = index[place]
        last[tuple(to)] = max(last[tuple(to)], place[axis])
    wanted, to_source = X.copy(), np.zeros(shape)
    for place in np.ndindex(*X.shape):
        if last[place] >= 0:
            origin = list(place)
            origin[axis] = last[place]
            wanted[place] = source[tuple(origin)]
            to_source[tuple(origin)] = weight[place]
    x, s = g.tensor(X, requires_grad=True), g.tensor(source, requires_grad=True)
    out = x.scatter(axis, index, s)
    np.testing.assert_array_equal(out.numpy(), wanted)
    (out * g.tensor(weight)).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.where(last >= 0, 0, weight))
    np.testing.assert_array_equal(s.grad.numpy(), to_source.astype(np.float32))


def test_added_by_index():
    rng = np.random.default_rng(7)
    index, source = rng.integers(0, 3, 6), rng.standard_normal((2, 6, 4)).astype(np.float32)
    wanted = X.astype(np.float64)
    np.add.at(wanted, (slice(None), index), source)
    x, s = g.tensor(X, requires_grad=True), g.tensor(source, requires_grad=True)
    out = x.index_add(1, index, s)
    np.testing.assert_allclose(out.numpy(), wanted, rtol=1e-6)
    every = np.broadcast_to(index[None, :, None], source.shape)
    np.testing.assert_array_equal(out.numpy(), g.tensor(X).scatter_add(1, every, source).numpy())
    weight = rng.standard_normal(X.shape).astype(np.float32)
    (out * g.tensor(weight)).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), weight)
    np.testing.assert_array_equal(s.grad.numpy(), weight[:, index])


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: x.scatter(0, [[[0]]], 1.0), ValueError, r"index has shape \(1, 1, 1\); expected \(2, 3, 4\) ex"),
        (lambda x: x.scatter(0, np.full((1, 3, 4), 2), 1.0), IndexError, "index holds 2..2; the axis has 2 entries"),
        (lambda x: x.scatter(0, np.zeros((1, 3, 4), int), g.ones(2)), ValueError, r"src has shape \(2,\); expected"),
        (lambda x: x.scatter(0, np.zeros((1, 3, 4), int)), TypeError, "scatter needs either src or value"),
        (lambda x: x.index_add(1, [0, 1], g.ones(2, 3, 4)), ValueError, r"source has shape \(2, 3, 4\) and index"),
        (lambda x: x.astype("int32").index_add(0, [0], x[:1]), TypeError, "x must be float32 to be added to by index"),
    ],
)
def test_bad_scatters(call, error, text):
    with pytest.raises(error, match=text):
        call(g.tensor(X))
