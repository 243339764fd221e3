"""LIFNeuron, GIFNeuron and their kernels against float64 references written here."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.integrate

import grilly_vk
from grilly_vk import models, nn
from grilly_vk.runtime import engine

SIZES = [1, 3, 4, 5, 64, 65, 257, 1000]


def reference(x, *, a, g, rest, th, reset, hold_steps, got, b=0.0, jump=0.0):
    """LIF (with adaptation) in float64, step by step.  Returns spikes, potentials, hold and w.

    Where a potential lies so near the threshold that float32 can't tell, the spike of `got` is taken over."""
    v = np.full(x.shape[1:], rest, np.float64)
    hold = np.zeros(x.shape[1:], np.int64)
    w = np.zeros(x.shape[1:], np.float64)
    spikes, trace, unclear = [], [], 0
    for t, current in enumerate(x.astype(np.float64)):
        h = rest + (v - rest) * a + g * current - (1 - a) * w
        free = hold == 0
        close = free & (np.abs(h - th) < 2e-6)
        unclear += close.sum()
        s = np.where(close, got[t] > 0, free & (h >= th))
        v = np.where(free, h, reset)
        v[s] = reset
        hold = np.where(s, hold_steps, np.maximum(hold - 1, 0))
        w = b * w + jump * s
        spikes.append(s.astype(np.float64))
        trace.append(v.copy())
    assert unclear <= 2 + 1e-5 * x.size, "too many potentials on the threshold to learn anything; change the data"
    return np.array(spikes), np.array(trace), hold, w


def currents(shape, seed, mean=1.5, sd=1.0):
    return np.random.default_rng(seed).normal(mean, sd, shape).astype(np.float32)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("t_refrac", [0.0, 2.0])
def test_lif_follows_the_reference(n, t_refrac):
    x = currents((120, n), seed=n)
    lif = nn.LIFNeuron(n, tau_mem=10.0, v_rest=-0.1, v_reset=-0.3, v_thresh=0.8, r_mem=1.3, t_refrac=t_refrac)
    spikes, membrane = lif.run(x, record_membrane=True)
    a = math.exp(-1 / 10)
    want, trace, hold, _ = reference(
        x, got=spikes, a=a, g=1.3 * (1 - a), rest=-0.1, th=0.8, reset=-0.3, hold_steps=int(t_refrac)
    )
    np.testing.assert_array_equal(spikes, want)
    assert want.mean() > 0.02
    # A leaky float32 state forgets its rounding: the error stays near one unit in the last place.
    np.testing.assert_allclose(membrane, trace, rtol=0, atol=2e-6)
    np.testing.assert_array_equal(lif.refractory, hold)
    np.testing.assert_array_equal(lif.membrane, membrane[-1])


@pytest.mark.parametrize("n", SIZES)
def test_gif_follows_the_reference(n):
    x = currents((150, 2, n), seed=n + 100, mean=2.0)
    gif = nn.GIFNeuron(n, tau_mem=15.0, tau_adapt=60.0, adaptation_strength=0.4, t_refrac=1.0)
    spikes, membrane = gif.run(x, record_membrane=True)
    a, b = math.exp(-1 / 15), math.exp(-1 / 60)
    want, trace, hold, w = reference(
        x, got=spikes, a=a, g=1 - a, rest=0.0, th=1.0, reset=0.0, hold_steps=1, b=b, jump=0.4
    )
    np.testing.assert_array_equal(spikes, want)
    np.testing.assert_allclose(membrane, trace, rtol=0, atol=4e-6)
    np.testing.assert_allclose(gif.adaptation, w, rtol=2e-6, atol=1e-7)
    np.testing.assert_array_equal(gif.refractory, hold)


@pytest.mark.parametrize("n", [4099, 8192, 16388, 65540, 131073])
@pytest.mark.parametrize("layer", [nn.LIFNeuron, nn.GIFNeuron])
def test_large_layers_follow_the_reference(layer, n):
    """Large layers go through in blocks of elements and steps on a CPU; neither divides these sizes."""
    x = currents((21, n), seed=n, mean=3.0)
    one = layer(n, tau_mem=5.0)
    spikes, membrane = one.run(x, record_membrane=True)
    a = math.exp(-1 / 5)
    more = dict(b=math.exp(-1 / 100), jump=0.1) if layer is nn.GIFNeuron else {}
    want, trace, hold, w = reference(x, got=spikes, a=a, g=1 - a, rest=0.0, th=1.0, reset=0.0, hold_steps=2, **more)
    np.testing.assert_array_equal(spikes, want)
    assert want.mean() > 0.05
    np.testing.assert_allclose(membrane, trace, rtol=0, atol=4e-6)
    np.testing.assert_array_equal(one.refractory, hold)
    if more:
        np.testing.assert_allclose(one.adaptation, w, rtol=2e-6, atol=1e-7)


def test_adaptation_slows_the_neuron():
    x = np.full((400, 1), 3.0, np.float32)
    plain = nn.GIFNeuron(1, adaptation_strength=0.0).run(x)[:, 0]
    slowed = nn.GIFNeuron(1, adaptation_strength=0.5).run(x)[:, 0]
    gaps = np.diff(np.flatnonzero(slowed))
    assert slowed.sum() < plain.sum()
    assert gaps[-1] > gaps[0]


def test_normalised_form():
    x = currents((90, 5), seed=3, mean=0.2, sd=0.4)
    lif = nn.LIFNeuron(threshold=1.0, decay=0.9)
    spikes = np.stack([lif(row) for row in x])
    want, trace, *_ = reference(x, got=spikes, a=0.9, g=1.0, rest=0.0, th=1.0, reset=0.0, hold_steps=0)
    np.testing.assert_array_equal(spikes, want)
    np.testing.assert_allclose(lif.membrane, trace[-1], atol=1e-6)
    assert lif.n_neurons == 5


def test_nir_single_lif():
    """The published single-LIF comparison of NIR: output spikes at the same four steps as every other simulator."""
    steps = {"dt": 0.0001, "tau": 0.0025, "v_threshold": 0.1}
    data = json.loads((Path(__file__).parent / "data" / "nir_lif.json").read_text())
    assert {k: data[k] for k in steps} == steps
    x = np.zeros((data["steps"], 1), np.float32)
    x[data["input_spikes"]] = 1.0
    lif = nn.LIFNeuron(1, dt=data["dt"], tau_mem=1000 * data["tau"], v_thresh=data["v_threshold"], t_refrac=0.0)
    np.testing.assert_array_equal(np.flatnonzero(lif.run(x)[:, 0]), [460, 510, 710, 760])


def test_subthreshold_response_solves_the_differential_equation():
    """tau dv/dt = -(v - rest) + R I, with I constant within a step: the update is its exact solution."""
    x = currents((60, 1), seed=5, mean=0.0, sd=0.5)
    lif = nn.LIFNeuron(1, dt=0.002, tau_mem=12.0, v_thresh=50.0, v_rest=-0.2, r_mem=1.7)
    _, membrane = lif.run(x, record_membrane=True)
    v = [-0.2]
    for current in x[:, 0].astype(np.float64):
        step = scipy.integrate.solve_ivp(
            lambda _, y, i=current: (-(y + 0.2) + 1.7 * i) / 12.0, (0, 2.0), v[-1:], rtol=1e-10, atol=1e-12
        )
        v.append(step.y[0, -1])
    np.testing.assert_allclose(membrane[:, 0], v[1:], atol=2e-6)


def test_interval_under_constant_current_matches_the_closed_form():
    """From reset to threshold: the first n with R I (1 - a**n) >= th; then the refractory steps."""
    for current in (1.2, 2.0, 4.0):
        n = math.ceil(-20.0 * math.log(1 - 1 / current))
        spikes = np.flatnonzero(nn.LIFNeuron(1).run(np.full((300, 1), current, np.float32)))
        assert spikes[0] == n - 1
        assert set(np.diff(spikes)) == {n + 2}


@pytest.mark.parametrize("layer", [nn.LIFNeuron, nn.GIFNeuron])
def test_single_steps_equal_one_run_bit_for_bit(layer):
    x = currents((40, 3, 6), seed=9)
    a, b = layer(6), layer(6)
    np.testing.assert_array_equal(np.stack([a(step) for step in x]), b.run(x))
    np.testing.assert_array_equal(a.membrane, b.membrane)
    np.testing.assert_array_equal(a.refractory, b.refractory)


def test_runs_continue_where_the_last_one_stopped():
    x = currents((64, 7), seed=11)
    whole, parts = nn.LIFNeuron(7), nn.LIFNeuron(7)
    np.testing.assert_array_equal(np.concatenate([parts.run(p) for p in np.split(x, [1, 20, 20, 33])]), whole.run(x))


def test_same_input_same_bits():
    x = currents((50, 130), seed=12)
    first, second = (nn.GIFNeuron(130).run(x, record_membrane=True) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_run_is_one_dispatch():
    lif = nn.LIFNeuron(64)
    x = currents((100, 64), seed=0)
    lif.run(x)
    before = grilly_vk.memory_stats()["dispatches"]
    lif.run(x)
    copies = 0 if engine().host_visible else 2  # in and out
    assert grilly_vk.memory_stats()["dispatches"] - before == 1 + copies


@pytest.mark.parametrize("shape", [(5,), (2, 5), (2, 3, 5)])
def test_leading_axes(shape):
    x = currents(shape, seed=1, mean=40.0)
    lif = nn.LIFNeuron(5)
    assert lif(x).shape == shape
    assert lif.membrane.shape == lif.refractory.shape == shape


def test_empty_batch_and_no_steps():
    assert nn.LIFNeuron(5).run(np.zeros((4, 0, 5), np.float32)).shape == (4, 0, 5)
    lif = nn.LIFNeuron(5)
    lif(np.full(5, 3.0))
    before = lif.membrane
    assert lif.run(np.zeros((0, 5), np.float32)).shape == (0, 5)
    np.testing.assert_array_equal(lif.membrane, before)


@pytest.mark.parametrize("layer", [nn.LIFNeuron, nn.GIFNeuron])
def test_reset(layer):
    x = currents((30, 4), seed=2)
    one = layer(4, v_rest=-0.5)
    first = one.run(x)
    assert (one.membrane != -0.5).any()
    one.reset()
    np.testing.assert_array_equal(one.membrane, np.full(4, -0.5, np.float32))
    np.testing.assert_array_equal(one.refractory, np.zeros(4))
    np.testing.assert_array_equal(one.run(x), first)
    one.reset()
    assert one(np.zeros((2, 4))).shape == (2, 4)  # another batch shape is fine after a reset


def test_state_can_be_set():
    lif = nn.LIFNeuron(3, v_thresh=1.0)
    lif.membrane = [0.0, 0.5, 10.0]
    lif.refractory = [0, 0, 0]
    np.testing.assert_array_equal(lif(np.zeros((2, 3))), [[0, 0, 1]] * 2)
    lif.refractory = 5
    assert not lif(np.full((2, 3), 100.0)).any()
    np.testing.assert_array_equal(lif.refractory, np.full((2, 3), 4))
    lif.membrane = 0.25
    np.testing.assert_array_equal(lif.membrane, np.full((2, 3), 0.25, np.float32))
    membrane = lif.membrane
    membrane[:] = 7  # a copy
    assert (lif.membrane == 0.25).all()


def test_non_finite_input_is_computed_like_numpy():
    x = np.array([[np.nan, np.inf, -np.inf, 1.0]] * 3, np.float32)
    lif = nn.LIFNeuron(4, t_refrac=0.0)
    spikes = lif.run(x)
    np.testing.assert_array_equal(spikes, [[0, 1, 0, 0]] * 3)
    assert np.isnan(lif.membrane[0]) and lif.membrane[2] == -np.inf


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.astype(np.float64),
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x.tolist(),
        lambda x: (x.setflags(write=False), x)[1],
        lambda x: np.ascontiguousarray(x[::-1])[::-1],
    ],
    ids=["float64", "fortran", "strided", "list", "read-only", "reversed"],
)
def test_any_array_like_gives_the_same_result(make):
    x = currents((20, 6), seed=21)
    want = nn.LIFNeuron(6).run(x)
    np.testing.assert_array_equal(nn.LIFNeuron(6).run(make(x.copy())), want)


def test_integers_and_booleans_are_numbers():
    np.testing.assert_array_equal(nn.LIFNeuron(2)(np.array([100, 0])), [1, 0])
    np.testing.assert_array_equal(nn.LIFNeuron(threshold=1.0)(np.array([True, False])), [1, 0])


def test_input_is_not_changed():
    x = currents((8, 5), seed=4)
    copy = x.copy()
    nn.LIFNeuron(5).run(x)
    np.testing.assert_array_equal(x, copy)


def test_device_results_go_back_in_without_harm():
    """A large result is a window on device memory; it may be an input, and later calls don't change it."""
    x = currents((64, 1024), seed=5)
    spikes = nn.LIFNeuron(1024).run(x)
    copy = spikes.copy()
    second = nn.LIFNeuron(1024, v_thresh=0.04).run(spikes)
    np.testing.assert_array_equal(second, nn.LIFNeuron(1024, v_thresh=0.04).run(copy))
    for _ in range(5):
        nn.LIFNeuron(1024).run(x + 1)
    np.testing.assert_array_equal(spikes, copy)


@pytest.mark.parametrize(
    ("t_refrac", "dt", "steps"),
    [(0.5, 1e-3, 1), (2.5, 1e-3, 3), (1.5, 1e-3, 2), (2.4, 1e-3, 2), (0.49, 1e-3, 0), (0.15, 1e-4, 2), (3.0, 2e-3, 2)],
)
def test_refractory_time_is_the_nearest_number_of_steps_and_at_least_half_a_step(t_refrac, dt, steps):
    """0.15 ms of steps of 0.1 ms is 1.4999999999999998 steps in floats, and 1.5 as it was written."""
    drive = np.full((20, 2), 1e4, np.float32)
    fires = np.arange(20) % (steps + 1) == 0
    physical = dict(dt=dt, t_refrac=t_refrac)
    for layer in (nn.LIFNeuron(2, **physical), nn.GIFNeuron(2, adaptation_strength=0.0, **physical)):
        np.testing.assert_array_equal(layer.run(drive)[:, 0], fires)
    kernels = grilly_vk.VulkanCompute().snn
    np.testing.assert_array_equal(kernels.lif_run(drive, np.zeros(2, np.float32), **physical)[0][:, 0], fires)
    assert grilly_vk.SNNCompute(4, 5, **physical).constants.hold_steps == steps
    assert models.DiehlCook(4, 2, T=3, seed=0, **physical)._constants(3, False).deaf == steps
    assert nn.SNNLayer(3, 2, **physical).neuron.constants.hold_steps == steps


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"n_neurons": 0}, ValueError, "n_neurons"),
        ({"n_neurons": -3}, ValueError, "n_neurons"),
        ({"n_neurons": 2.5}, TypeError, "n_neurons"),
        ({"n_neurons": 1 << 40}, ValueError, "n_neurons"),
        ({"dt": 0.0}, ValueError, "dt must be positive"),
        ({"dt": float("nan")}, ValueError, "dt must be finite"),
        ({"tau_mem": -1.0}, ValueError, "tau_mem must be positive"),
        ({"tau_mem": "20"}, TypeError, "tau_mem must be a number, not str"),
        ({"t_refrac": -1.0}, ValueError, "t_refrac"),
        ({"t_refrac": 1e300}, ValueError, "t_refrac"),
        ({"v_reset": 2.0}, ValueError, "v_reset"),
        ({"v_reset": 0.99999999999}, ValueError, "v_reset"),
        ({"v_thresh": float("inf")}, ValueError, "v_thresh"),
        ({"v_thresh": 1e300}, ValueError, "v_thresh must fit float32"),
        ({"threshold": 0.0}, ValueError, "threshold"),
        ({"decay": 1.5}, ValueError, r"decay must lie in \[0.0, 1.0\]"),
        ({"decay": 0.9, "tau_mem": 20.0}, TypeError, "tau_mem together with decay"),
        ({"n_neurons": 4, "threshold": 1.0}, TypeError, "n_neurons together with threshold"),
    ],
)
def test_bad_arguments(arguments, error, text):
    with pytest.raises(error, match=text):
        nn.LIFNeuron(**arguments)


@pytest.mark.parametrize("arguments", [{"tau_adapt": 0.0}, {"adaptation_strength": float("nan")}, {"dt": -1.0}])
def test_bad_gif_arguments(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        nn.GIFNeuron(4, **arguments)


@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        (np.zeros(3), ValueError, "current has .*3.* expected 4"),
        (np.float32(1), ValueError, "current"),
        (np.zeros(4, complex), TypeError, "complex"),
        (np.array(["a"] * 4), TypeError, "current must hold real numbers"),
        ([None] * 4, TypeError, "not list"),
        ([[1, 2], [3]], ValueError, "current"),
        (np.zeros((2, 4)), ValueError, r"state has shape \(4,\).*reset\(\)"),
    ],
)
def test_bad_input_changes_nothing(x, error, text):
    lif = nn.LIFNeuron(4)
    lif(np.full(4, 5.0))
    before = lif.membrane
    with pytest.raises(error, match=text):
        lif(x)
    np.testing.assert_array_equal(lif.membrane, before)
    assert lif(np.zeros(4)).shape == (4,)


def test_run_needs_a_time_axis():
    with pytest.raises(ValueError, match=r"currents has shape \(4,\); expected \(T, ..., 4\)"):
        nn.LIFNeuron(4).run(np.zeros(4))


@pytest.mark.parametrize("value", [[1.5] * 4, [-1] * 4])
def test_bad_state(value):
    with pytest.raises(ValueError, match="refractory"):
        nn.LIFNeuron(4).refractory = value


def test_calls_do_not_grow_memory():
    lif, x = nn.LIFNeuron(40), currents((40,), seed=0)
    lif(x)
    before = grilly_vk.memory_stats()
    for _ in range(2000):
        lif(x)
    after = grilly_vk.memory_stats()
    assert after["bytes_in_use"] == before["bytes_in_use"]
    assert after["programs"] == before["programs"]
    assert after["bytes_reserved"] == before["bytes_reserved"]


def test_huge_layers_are_refused_and_the_next_call_works():
    with pytest.raises(grilly_vk.OutOfDeviceMemory, match="was asked for"):
        nn.LIFNeuron((1 << 31) - 1)(np.broadcast_to(np.float32(0), ((1 << 31) - 1,)))
    assert nn.LIFNeuron(4)(np.zeros(4)).shape == (4,)


def test_facade_equals_the_layers():
    snn = grilly_vk.VulkanCompute().snn
    x = currents((25, 2, 9), seed=31)
    lif, gif = nn.LIFNeuron(9, tau_mem=12.0), nn.GIFNeuron(9, tau_adapt=30.0)
    spikes, v, hold = snn.lif_run(x, np.zeros((2, 9)), tau_mem=12.0)
    np.testing.assert_array_equal(spikes, lif.run(x))
    np.testing.assert_array_equal(v, lif.membrane)
    np.testing.assert_array_equal(hold, lif.refractory)
    spikes, v, hold, w = snn.gif_run(x, 0.0, tau_adapt=30.0)
    np.testing.assert_array_equal(spikes, gif.run(x))
    np.testing.assert_array_equal(w, gif.adaptation)
    one, v1, hold1 = snn.lif_step(x[0], np.zeros(9), None, tau_mem=12.0)
    lif.reset()
    np.testing.assert_array_equal(one, lif(x[0]))
    np.testing.assert_array_equal(v1, lif.membrane)
    np.testing.assert_array_equal(hold1, lif.refractory)
    s, v2, hold2, w2 = snn.gif_step(x[1], v1, hold1, np.zeros(9))
    assert s.shape == v2.shape == hold2.shape == w2.shape == (2, 9)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((np.zeros(3), np.zeros(3)), "currents has shape"),
        ((np.zeros((2, 3)), np.zeros(4)), r"membrane has shape \(4,\); expected \(3,\)"),
        ((np.zeros((2, 3)), np.zeros(3), np.full(3, 0.5)), "refractory must hold whole numbers"),
        ((np.zeros((2, 3)), np.zeros(3), np.zeros(5)), "refractory has shape"),
    ],
)
def test_facade_checks_its_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        grilly_vk.VulkanCompute().snn.lif_run(*arguments)


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"dt": 0.0}, ValueError, "dt must be positive"),
        ({"tau_mem": "20"}, TypeError, "tau_mem must be a number"),
        ({"v_rest": True}, TypeError, "v_rest must be a number"),
        ({"r_mem": float("nan")}, ValueError, "r_mem must be finite"),
        ({"t_refrac": -1.0}, ValueError, "t_refrac must not be negative"),
        ({"v_reset": 1.0}, ValueError, "v_reset .* must be below v_thresh"),
        ({"tau_adapt": 0.0}, ValueError, "tau_adapt must be positive"),
        ({"adaptation_strength": None}, TypeError, "adaptation_strength must be a number"),
    ],
)
def test_facade_checks_its_settings(settings, error, text):
    snn, x = grilly_vk.VulkanCompute().snn, np.zeros((2, 3))
    for run in [snn.gif_run] if {*settings} & {"tau_adapt", "adaptation_strength"} else [snn.lif_run, snn.gif_run]:
        with pytest.raises(error, match=text):
            run(x, x[0], **settings)


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"dt": 0.0}, ValueError, "dt must be positive"),
        ({"tau_mem": -1.0}, ValueError, "tau_mem must be positive"),
        ({"t_refrac": -1.0}, ValueError, "t_refrac must not be negative"),
        ({"t_refrac": 1e30}, ValueError, "t_refrac .* is too many steps"),
        ({"v_reset": 1.0}, ValueError, "v_reset .* must be below v_thresh"),
        ({"v_rest": True}, TypeError, "v_rest must be a number"),
    ],
)
def test_settings_are_checked_when_they_are_assigned(settings, error, text):
    ((name, value),) = settings.items()
    for made in (nn.LIFNeuron(3), nn.GIFNeuron(3), nn.SNNLayer(3, 3), grilly_vk.SNNCompute(3)):
        before = getattr(made, name)
        with pytest.raises(error, match=text):
            setattr(made, name, value)
        assert getattr(made, name) == before


def test_runs_larger_than_a_buffer_go_through_in_pieces(monkeypatch):
    from grilly_vk.ops import steps

    x = currents((40, 3, 6), seed=40)
    whole, cut = nn.GIFNeuron(6), nn.GIFNeuron(6)
    want = whole.run(x)
    monkeypatch.setattr(steps, "_PIECE", 7 * x[0].nbytes)
    np.testing.assert_array_equal(cut.run(x), want)
    for state in ("membrane", "refractory", "adaptation"):
        np.testing.assert_array_equal(getattr(cut, state), getattr(whole, state))


def test_no_memory_in_the_middle_of_a_run_leaves_the_state(monkeypatch):
    from grilly_vk.ops import steps

    x = currents((40, 6), seed=41)
    lif = nn.LIFNeuron(6)
    lif.run(x)
    before = lif.membrane
    monkeypatch.setattr(steps, "_PIECE", 7 * x[0].nbytes)
    run, calls = lif._run, []

    def third_time_out_of_memory(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise grilly_vk.OutOfDeviceMemory("no room")
        return run(*arguments)

    monkeypatch.setattr(lif, "_run", third_time_out_of_memory)
    with pytest.raises(grilly_vk.OutOfDeviceMemory):
        lif.run(x)
    np.testing.assert_array_equal(lif.membrane, before)


def test_a_failed_first_call_does_not_fix_the_size():
    lif = nn.LIFNeuron(threshold=1.0)
    with pytest.raises(ValueError, match="last axis of current"):
        lif(np.zeros(0))
    assert lif(np.zeros(3)).shape == (3,)


@pytest.mark.parametrize("layer", [nn.LIFNeuron, nn.GIFNeuron])
def test_layers_refuse_to_be_captured_and_keep_their_state(layer):
    fresh, used = layer(7), layer(7)
    x = currents((7,), seed=50)
    used(x)
    before = used.membrane
    for one in (fresh, used):
        with pytest.raises(RuntimeError, match=f"{layer.__name__} .* captured"), grilly_vk.capture():
            one(x)
    np.testing.assert_array_equal(used.membrane, before)
    np.testing.assert_array_equal(fresh(x), layer(7)(x))
    np.testing.assert_array_equal(fresh.membrane, before)


@pytest.mark.parametrize("layer", [nn.LIFNeuron, nn.GIFNeuron])
def test_a_refractory_time_set_by_hand_holds_layers_without_one(layer):
    one = layer(4, t_refrac=0.0)
    one.refractory = [0, 1, 2, 0]
    spikes = one.run(np.full((3, 4), 100.0))
    np.testing.assert_array_equal(spikes, [[1, 0, 0, 1], [1, 1, 0, 1], [1, 1, 1, 1]])
    one.reset()
    assert one(np.full(4, 100.0)).all()


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e10, 2.0**32, -1, 0.5, [[1], [2, 3]]])
def test_counters_are_checked(value):
    lif, snn = nn.LIFNeuron(4), grilly_vk.VulkanCompute().snn
    with pytest.raises(ValueError, match="refractory"):
        lif.refractory = value
    with pytest.raises(ValueError, match="refractory"):
        snn.lif_step(np.zeros(4), np.zeros(4), value)


def test_a_single_number_is_no_layer():
    with pytest.raises(ValueError, match=r"current has shape \(\); expected \(..., n\)"):
        grilly_vk.VulkanCompute().snn.lif_step(1.0, 0.0)


def test_state_of_another_shape_is_refused():
    lif = nn.LIFNeuron(4)
    with pytest.raises(ValueError, match=r"membrane has shape \(5,\); expected \(4,\)"):
        lif.membrane = np.zeros(5)
    with pytest.raises(ValueError, match="membrane can't be set yet"):
        nn.LIFNeuron(threshold=1.0).membrane = 0.5


def test_numbers_beyond_float32_are_refused_by_name():
    with pytest.raises(ValueError, match="current holds numbers beyond float32"):
        nn.LIFNeuron(2)(np.array([1e300, 0.0]))
    assert nn.LIFNeuron(2)(np.array([np.inf, 0.0]))[0] == 1


def test_a_tensor_of_another_dtype_fixes_nothing():
    lif = nn.LIFNeuron(threshold=1.0)
    with pytest.raises(TypeError, match="current must be a float32 tensor"):
        lif(grilly_vk.tensor.full((5,), 0, np.int32))
    assert lif(np.zeros(7)).shape == (7,)
