"""Synapses: exponential filters against scipy, short-term plasticity against float64 numpy and closed forms."""

import math
import os

import numpy as np
import pytest
import scipy.signal

import grilly_vk
from grilly_vk.tensor import from_numpy

CALLS = 100 if os.environ.get("GRILLY_VK_DEBUG") else 1000  # the debug mode checks all memory at every sync

SHAPES = [(1, 1), (9,), (20, 3), (20, 2, 5), (100, 65), (7, 64), (30, 1000), (0, 3), (4, 0)]


@pytest.fixture(scope="module")
def snn():
    return grilly_vk.VulkanCompute().snn


def inputs(shape, p=0.2, seed=0):
    rng = np.random.default_rng(seed)
    return ((rng.random(shape) < p) * rng.normal(1, 0.5, shape)).astype(np.float32)


def filtered(x, tau, start):
    """(y over time, last y) in float64."""
    d = math.exp(-1 / tau)
    start = np.broadcast_to(start, x.shape[1:]).astype(float)
    if not len(x):
        return x.astype(float), start
    y, _ = scipy.signal.lfilter([1.0], [1.0, -d], x.astype(float), axis=0, zi=d * start[None])
    return y, y[-1]


def tolerance(tau):
    """A leaky float32 sum forgets its rounding: at most 1 / (1 - decay) roundings of 2**-24 add up, times the size."""
    return 4 * 2.0**-24 / -math.expm1(-1 / tau)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("tau", [0.5, 5.0, 100.0])
def test_filter(snn, shape, tau):
    x, start = inputs(shape), np.random.default_rng(1).normal(size=shape[1:])
    y, state = snn.synapse_filter(x, start, tau_syn=tau)
    want, last = filtered(x, tau, start.astype(np.float32) if shape[1:] else start)
    size = 1 + np.abs(want).max(initial=0)
    assert y.shape == shape and state.shape == shape[1:] and y.dtype == state.dtype == np.float32
    np.testing.assert_allclose(y, want, rtol=0, atol=tolerance(tau) * size)
    np.testing.assert_allclose(state, last, rtol=0, atol=tolerance(tau) * size)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_dual_timescale(snn, shape):
    x, rng = inputs(shape), np.random.default_rng(1)
    f, s = (rng.normal(size=shape[1:]) for _ in range(2))
    y, fast, slow = snn.dual_timescale(x, f, s, tau_fast=3.0, tau_slow=40.0, w_fast=0.6, w_slow=-0.3)
    (quick, quick_end), (lasting, lasting_end) = filtered(x, 3.0, f), filtered(x, 40.0, s)
    atol = tolerance(40.0) * (1 + np.abs(lasting).max(initial=0))
    np.testing.assert_allclose(y, 0.6 * quick - 0.3 * lasting, rtol=0, atol=atol)
    np.testing.assert_allclose(fast, quick_end, rtol=0, atol=atol)
    np.testing.assert_allclose(slow, lasting_end, rtol=0, atol=atol)


def test_dual_timescale_defaults(snn):
    x = inputs((60, 4))
    want = 0.7 * filtered(x, 5.0, 0)[0] + 0.3 * filtered(x, 50.0, 0)[0]
    np.testing.assert_allclose(snn.dual_timescale(x)[0], want, rtol=0, atol=2e-5)
    np.testing.assert_allclose(snn.synapse_filter(x)[0], filtered(x, 5.0, 0)[0], rtol=0, atol=2e-5)


def stp(x, tau_d=200.0, tau_f=20.0, U=0.2, u=None, r=None):
    """Short-term plasticity in float64: (output, u, r)."""
    u = np.full(x.shape[1:], U) if u is None else np.array(u, float)
    r = np.ones(x.shape[1:]) if r is None else np.array(r, float)
    out = np.zeros(x.shape)
    for t, now in enumerate(x.astype(float)):
        u = U + (u - U) * math.exp(-1 / tau_f)
        r = 1 - (1 - r) * math.exp(-1 / tau_d)
        s = now != 0
        u = np.where(s, u + U * (1 - u), u)
        out[t] = np.where(s, now * u * r, 0)
        r = np.where(s, r - u * r, r)
    return out, u, r


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    "constants", [{}, dict(tau_d=50.0, tau_f=750.0, U=0.1), dict(tau_d=800.0, tau_f=1.0, U=0.9)], ids=str
)
def test_stp(snn, shape, constants):
    x, rng = inputs(shape), np.random.default_rng(1)
    u, r = rng.uniform(size=shape[1:]), rng.uniform(size=shape[1:])
    want = stp(x, **constants, u=u, r=r)
    got = snn.stp_run(x, u, r, **constants)
    # u and r lie in [0, 1] and relax, slowest with tau = 800: at most 800 roundings of 2**-24 stay.
    for a, b, size in zip(got, want, (3.0, 1.0, 1.0)):
        assert a.shape == b.shape and a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=0, atol=size * 800 * 2.0**-24)
    for a, b in zip(snn.stp_run(x, **constants), stp(x, **constants)):
        np.testing.assert_allclose(a, b, rtol=0, atol=3 * 800 * 2.0**-24)


@pytest.mark.parametrize("hertz", [1, 2, 5, 10, 20, 50, 100])
@pytest.mark.parametrize(("tau_d", "tau_f", "U"), [(200.0, 20.0, 0.2), (130.0, 530.0, 0.15), (800.0, 5.0, 0.5)])
def test_stp_steady_state(snn, hertz, tau_d, tau_f, U):
    """Regular trains, 1 ms steps, against the fixed point of the map from spike to spike."""
    gap = 1000 // hertz
    spikes = np.zeros((gap * max(12, 6 * 800 // gap), 1), np.float32)
    spikes[::gap] = 1
    out, _, _ = snn.stp_run(spikes, tau_d=tau_d, tau_f=tau_f, U=U)
    f, d = math.exp(-gap / tau_f), math.exp(-gap / tau_d)
    u = (U + U * (1 - U) * (1 - f)) / (1 - (1 - U) * f)
    r = (1 - d) / (1 - (1 - u) * d)
    assert out[::gap][0, 0] == pytest.approx(U + U * (1 - U), abs=1e-6)  # the first spike meets u = U, r = 1
    assert out[::gap][-1, 0] == pytest.approx(u * r, rel=1e-4)


def test_steps_equal_a_run(snn):
    x = inputs((25, 2, 5))
    out, u, r = snn.stp_run(x)
    state = (None, None)
    for t in range(25):
        step, *state = snn.stp_step(x[t], *state)
        np.testing.assert_array_equal(step, out[t])
    np.testing.assert_array_equal(state, [u, r])
    for run in (snn.synapse_filter, snn.dual_timescale):
        whole = run(x)
        first = run(x[:11])
        second = run(x[11:], *first[1:])
        np.testing.assert_array_equal(np.concatenate([first[0], second[0]]), whole[0])
        for a, b in zip(second[1:], whole[1:]):
            np.testing.assert_array_equal(a, b)


RUNS = ["synapse_filter", "dual_timescale", "stp_run"]


@pytest.mark.parametrize("name", RUNS)
def test_no_steps_leave_the_state(snn, name):
    out, *state = getattr(snn, name)(np.ones((0, 2, 3)), 0.25)
    assert out.shape == (0, 2, 3)
    np.testing.assert_array_equal(state[0], np.full((2, 3), 0.25))
    if name == "stp_run":
        np.testing.assert_array_equal(state[1], np.ones((2, 3)))


@pytest.mark.parametrize("name", RUNS)
def test_infinities_and_nan_stay_with_their_element(snn, name):
    x = inputs((6, 8))
    clean = getattr(snn, name)(x)
    x[2, 1], x[3, 6] = np.nan, np.inf
    dirty = getattr(snn, name)(x)
    others = [0, 2, 3, 4, 5, 7]
    for a, b in zip(clean, dirty):
        np.testing.assert_array_equal(a[..., others], b[..., others])
    assert np.isnan(dirty[0][2, 1]) and dirty[0][3, 6] == np.inf
    if name == "synapse_filter":
        assert np.isnan(dirty[0][2:, 1]).all() and (dirty[0][3:, 6] == np.inf).all()


@pytest.mark.parametrize("name", RUNS)
def test_unusual_arrays(snn, name):
    run, x = getattr(snn, name), inputs((9, 2, 6))
    start = np.random.default_rng(0).uniform(size=(2, 6)).astype(np.float32)
    kept = start.copy()
    want = run(x, start)
    np.testing.assert_array_equal(start, kept)
    x.flags.writeable = start.flags.writeable = False
    for values in (x, x.astype(float), np.asfortranarray(x), np.repeat(x, 2, 1)[:, ::2], from_numpy(x), x.tolist()):
        for state in (start, start.astype(float), np.asfortranarray(start), from_numpy(start)):
            for a, b in zip(run(values, state), want):
                np.testing.assert_array_equal(a, b)


def test_long_runs_are_cut(snn, monkeypatch):
    x = inputs((50, 3, 4))
    whole = [getattr(snn, name)(x) for name in RUNS]
    monkeypatch.setattr(type(from_numpy(x).engine), "steps_per_submit", lambda self, work: 4)
    for name, want in zip(RUNS, whole):
        for a, b in zip(getattr(snn, name)(x), want):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda s: s.synapse_filter(1.0), ValueError, ["x", "()", "(T, ...)"]),
        (lambda s: s.synapse_filter(np.ones((2, 3)), np.ones(4)), ValueError, ["state", "(4,)", "(3,)"]),
        (lambda s: s.synapse_filter(np.ones((2, 3)), tau_syn=0), ValueError, ["tau_syn", "0"]),
        (lambda s: s.synapse_filter(np.ones((2, 3)), tau_syn=-1.0), ValueError, ["tau_syn", "-1"]),
        (lambda s: s.synapse_filter(np.ones((2, 3)), tau_syn=np.nan), ValueError, ["tau_syn", "nan"]),
        (lambda s: s.synapse_filter(np.ones((2, 3), complex)), TypeError, ["x", "complex"]),
        (lambda s: s.dual_timescale(np.ones((2, 3)), tau_fast=0), ValueError, ["tau_fast"]),
        (lambda s: s.dual_timescale(np.ones((2, 3)), tau_slow="a"), TypeError, ["tau_slow", "str"]),
        (lambda s: s.dual_timescale(np.ones((2, 3)), w_slow=np.inf), ValueError, ["w_slow"]),
        (lambda s: s.dual_timescale(np.ones((2, 3)), slow=np.ones((2, 2))), ValueError, ["slow", "(2, 2)"]),
        (lambda s: s.stp_run(np.ones((2, 3)), U=1.5), ValueError, ["U", "1.5"]),
        (lambda s: s.stp_run(np.ones((2, 3)), tau_d=0), ValueError, ["tau_d"]),
        (lambda s: s.stp_run(np.ones((2, 3)), tau_f=-2), ValueError, ["tau_f"]),
        (lambda s: s.stp_run(np.ones((2, 3)), u=np.ones(2)), ValueError, ["u", "(2,)", "(3,)"]),
        (lambda s: s.stp_run(3.0), ValueError, ["spikes", "()"]),
        (lambda s: s.stp_step(["a"]), TypeError, ["spikes", "real"]),
    ],
    ids=lambda a: "",
)
def test_bad_arguments(snn, call, error, words):
    with pytest.raises(error) as caught:
        call(snn)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    np.testing.assert_array_equal(snn.synapse_filter([[1.0]])[0], [[1.0]])


@pytest.mark.parametrize("name", RUNS)
def test_memory_does_not_grow(snn, name):
    x, run = inputs((3, 5)), getattr(snn, name)
    run(x)
    before = grilly_vk.memory_stats()["bytes_in_use"]
    for _ in range(CALLS):
        run(x)
    assert grilly_vk.memory_stats()["bytes_in_use"] <= before
