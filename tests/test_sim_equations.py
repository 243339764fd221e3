"""sim.equations: models from differential equations of one's own; their methods, units, and what they refuse."""

import logging

import numpy as np
import pytest
import sim_frame
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from grilly_vk import sim

LIF = "dv/dt = (v_rest - v + R*(I + current)) / tau : mV\n"
LIF_NUMBERS = {"v_rest": -70.0, "R": 0.1, "I": 0.0, "tau": 10.0, "v_th": -50.0, "v_reset": -65.0, "t_ref": 2.0}
LIF_UNITS = {"v_rest": "mV", "R": "GOhm", "I": "pA", "tau": "ms", "current": "pA"}


def lif(text=LIF, **change):
    given = {
        "threshold": "v > v_th", "reset": "v = v_reset", "refractory": "t_ref", "parameters": LIF_NUMBERS,
        "initial": {"v": "v_rest"}, "units": LIF_UNITS,
    }  # fmt: skip
    return sim.equations(text, **{**given, **change})


def free(text, method=None, substeps=1, parameters=None, initial=None, **others):
    """A model that never fires."""
    return sim.equations(
        text, threshold="0 > 1", reset="", parameters=parameters or {}, method=method, substeps=substeps,
        initial=initial, **others,
    )  # fmt: skip


def test_the_example_of_everybody():
    """A leaky neuron: exact, with refractory periods, against the closed form between spikes."""
    trace, spikes = sim_frame.run(lif(), {}, 0.1, None, np.full((1000, 1), 300.0), 1000)
    fired = np.flatnonzero(spikes[:, 0])
    assert len(fired) > 3
    begins, v = 0, -70.0
    for spike in fired:
        t = 0.1 * np.arange(1, spike - begins + 1)
        wanted = -40 + (v + 40) * np.exp(-t / 10)
        np.testing.assert_allclose(trace[begins:spike, 0, 0], wanted, rtol=0, atol=1e-3)
        assert wanted[-1] <= -50 + 1e-3
        np.testing.assert_array_equal(trace[spike : spike + 21, 0, 0], -65)
        begins, v = spike + 21, -65.0


LINEAR = "dx/dt = (y - x) / tau\ndy/dt = -(x + y) / slow + z\ndz/dt = -z / tau + b"


def test_linear_systems_are_exact(caplog):
    """Three states that act on each other, by scipy's matrix exponential."""
    p = {"tau": 5.0, "slow": 20.0, "b": 0.1}
    with caplog.at_level(logging.INFO, "grilly_vk"):
        model = free(LINEAR, parameters=p, initial={"x": 1.0, "z": -2.0}, name="three")
    assert "the neuron model 'three' is integrated by method 'exact'" in caplog.text
    trace, _ = sim_frame.run(model, {}, 0.5, None, None, 200)
    a = np.array([[-1 / 5, 1 / 5, 0, 0], [-1 / 20, -1 / 20, 1, 0], [0, 0, -1 / 5, 0.1], [0, 0, 0, 0]])
    wanted = np.array([expm(a * 0.5 * t) @ [1, 0, -2, 1] for t in range(1, 201)])[:, :3]
    np.testing.assert_allclose(trace[:, :, 0], wanted, rtol=0, atol=1e-5)


def test_states_that_follow_a_held_one_see_it_held():
    """An adaptation current goes on towards the held potential, in the exact method too."""
    text = "dv/dt = (20 - v - w) / 10 (unless refractory)\ndw/dt = (v - w) / 30"
    found = []
    for method, substeps in (("exact", 1), ("rk4", 1), ("rk4", 3), ("exponential_euler", 3)):
        model = sim.equations(
            text, threshold="v > 5", reset="v = 2", parameters={"rest": 10.0}, refractory="rest", method=method,
            substeps=substeps,
        )  # fmt: skip
        trace, spikes = sim_frame.run(model, {}, 0.1, None, None, 300)
        found.append((trace, spikes))
        first = np.flatnonzero(spikes[:, 0])[0]
        held = trace[first : first + 101, :, 0]
        wanted = 2 + (held[0, 1] - 2) * np.exp(-0.1 * np.arange(101) / 30)
        np.testing.assert_allclose(held[:, 1], wanted, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(held[:, 0], 2)
    for trace, spikes in found[1:3]:
        np.testing.assert_array_equal(spikes, found[0][1])
        np.testing.assert_allclose(trace, found[0][0], rtol=0, atol=1e-5)


def test_states_that_are_marked_are_held_and_no_others():
    text = "dv/dt = 1 + 0*v\ndw/dt = 1 + 0*w (unless refractory)"
    model = sim.equations(text, threshold="v > 3", reset="v = 0", parameters={"rest": 5.0}, refractory="rest")
    assert model.held == ("w",)
    trace, spikes = sim_frame.run(model, {}, 1.0, None, None, 9)
    np.testing.assert_array_equal(np.flatnonzero(spikes[:, 0]), [3])  # v is above 3 once more, and refractory
    np.testing.assert_array_equal(trace[:, 0, 0], [1, 2, 3, 0, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(trace[:, 1, 0], [1, 2, 3, 4, 4, 4, 4, 4, 4])


NONLINEAR = """
drive = a * x * y            # a value, which two slopes read
dx/dt = (1 - x) / 4 - drive
dy/dt = -y / 10 + drive - 0.02 * y**2
"""


@pytest.mark.parametrize("method, order, tolerance", [("euler", 1, 2e-2), ("heun", 2, 1e-3), ("rk4", 4, 1e-5)])
def test_explicit_methods_have_their_order(method, order, tolerance):
    start = {"x": 0.9, "y": 0.5}
    exact = solve_ivp(
        lambda _, y: [(1 - y[0]) / 4 - 0.5 * y[0] * y[1], -y[1] / 10 + 0.5 * y[0] * y[1] - 0.02 * y[1] ** 2],
        (0, 40), [0.9, 0.5], "DOP853", rtol=1e-12, atol=1e-12,
    ).y[:, -1]  # fmt: skip

    def apart(dt, substeps=1):
        model = free(NONLINEAR, method, substeps, {"a": 0.5}, start)
        trace, _ = sim_frame.run(model, {}, dt, None, None, round(4 / dt))
        return np.abs(trace[-1, :, 0] - early).max()

    early = solve_ivp(
        lambda _, y: [(1 - y[0]) / 4 - 0.5 * y[0] * y[1], -y[1] / 10 + 0.5 * y[0] * y[1] - 0.02 * y[1] ** 2],
        (0, 4), [0.9, 0.5], "DOP853", rtol=1e-12, atol=1e-12,
    ).y[:, -1]  # fmt: skip
    model = free(NONLINEAR, method, 1, {"a": 0.5}, start)
    trace, _ = sim_frame.run(model, {}, 0.25, None, None, 160)
    np.testing.assert_allclose(trace[-1, :, 0], exact, rtol=0, atol=tolerance)
    coarse, fine = (2.0, 1.0) if method == "rk4" else (0.5, 0.25)
    assert 0.7 * 2**order < apart(coarse) / apart(fine) < 1.6 * 2**order
    np.testing.assert_allclose(apart(coarse, 2), apart(fine), rtol=1e-2)


def test_exponential_euler_is_exact_for_held_rates():
    """x' = (s - x) k with k and s held over a step, where k passes through 0 too; the series and the formula meet."""
    model = free("dx/dt = (2 - x) * current", "exponential_euler")
    rates = np.array([0.0, 1e-6, 0.05, 0.099, 0.101, 1.0, 30.0, -0.5, -0.0999, -0.1001])
    trace, _ = sim_frame.run(model, {}, 1.0, None, np.broadcast_to(rates, (3, 10)), 3, 10)
    steps = np.arange(1, 4)[:, None]
    np.testing.assert_allclose(trace[:, 0], 2 - 2 * np.exp(-rates * steps), rtol=2e-6, atol=1e-6)


def test_what_arrives_goes_where_receptors_say():
    model = sim.equations(
        "dg/dt = -g / 5\ndh/dt = -h / 5", threshold="0 > 1", reset="", parameters={"tau": 2.0},
        receptors={"exc": "g", "inh": "h = h - arrived_inh / tau"},
    )  # fmt: skip
    assert model.receptors == ("exc", "inh")
    arriving = np.zeros((3, 2, 1))
    arriving[1] = [[3.0], [4.0]]
    trace, _ = sim_frame.run(model, {}, 1.0, arriving, None, 3)
    np.testing.assert_allclose(trace[:, :, 0], [[0, 0], [3, -2], [3 * np.exp(-0.2), -2 * np.exp(-0.2)]], rtol=1e-6)


def test_thresholds_and_resets_may_read_values():
    model = sim.equations(
        "level = 2 + w\ndv/dt = 1 + 0*v\ndw/dt = 0*w", threshold="v > level", reset="v = 0; w = level", parameters={}
    )
    trace, spikes = sim_frame.run(model, {}, 0.5, None, None, 30)
    np.testing.assert_array_equal(np.flatnonzero(spikes[:, 0]), [4, 13, 26])  # v above 2, 4 and 6
    np.testing.assert_array_equal(trace[-1, 1, 0], 6)


def test_units_of_numbers_in_the_text():
    text = "dv/dt = (0.04/ms/mV)*v**2 + 5/ms*v + 140*mV/ms - u + current : mV\ndu/dt = a*(b*v - u) : mV/ms"
    units = {"a": "1/ms", "b": "1/ms", "current": "mV/ms"}
    model = sim.equations(
        text, threshold="v > 30", reset="v = -65; u = u + 8", parameters={"a": 0.02, "b": 0.2}, units=units,
        initial={"v": -65.0, "u": -13.0}, substeps=2, method="rk4",
    )  # fmt: skip
    assert model.units["u"] == "mV/ms"
    currents = np.full((2000, 1), 10.0)
    _, spikes = sim_frame.run(model, {}, 0.1, None, currents, 2000)
    _, wanted = sim_frame.run(sim.models.izhikevich, {}, 0.1, None, currents, 2000)
    assert np.abs(np.flatnonzero(spikes[:, 0]) - np.flatnonzero(wanted[:, 0])).max() <= 1 and spikes.sum() > 3


@pytest.mark.parametrize(
    "text, change, words",
    [
        ("dv/dt = (v_rest - v + R*I) / t", {}, "line 1 of the equations of 'own': t is unknown; the names are "),
        ("dv/dt = -v / tau\nv + 1", {}, "line 2 of the equations of 'own': 'v + 1': expected 'dNAME/dt = ... : unit'"),
        ("dv/dt = -v / tau\ndv/dt = 1", {}, "line 2 of the equations of 'own': 'dv/dt = 1': v has an equation already"),
        ("dv/dt = -v / tau +", {}, "line 1 of the equations of 'own': '-v / tau +'"),
        ("dv/dt = a\na = b\nb = a", {}, "line 2 of the equations of 'own': a depends on itself"),
        ("# nothing", {}, "expected at least one differential equation"),
        ("dv/dt = -v\na = v (unless refractory)", {}, "(unless refractory)': only a differential equation"),
        (LIF + "dw/dt = w * v", {"method": "exact"}, "line 2 of the equations of 'own': method 'exact' needs slopes"),
        ("dv/dt = v * v", {"method": "exponential_euler"}, "'exponential_euler' needs dv/dt linear in v"),
        ("dv/dt = abs(v)", {"method": "exponential_euler"}, "'exponential_euler' needs dv/dt linear in v"),
        (LIF, {"method": "best"}, "method must be None or one of exact, exponential_euler, euler, heun, rk4,"),
        (LIF, {"initial": {"w": 1.0}}, "initial must name states, got 'w'; the states are v"),
        (LIF, {"threshold": "u > v_th"}, "threshold of 'own': 'u': u is unknown"),
        (LIF, {"reset": "R = 1"}, "reset of 'own': R can't be given a value here"),
        (LIF, {"receptors": {"exc": "q"}}, "arrive of 'own'"),
        (LIF, {"units": {"w": "mV"}}, "units must be of parameters or current, got 'w'"),
        (LIF, {"units": {"tau": "weeks"}}, "units['tau']: 'weeks' is no unit; units are mV, V, ms"),
        (LIF, {"units": {**LIF_UNITS, "tau": "s"}}, "has unit mV/s, expected mV/ms"),
        (LIF, {"units": {**LIF_UNITS, "R": "MOhm"}}, "line 1 of the equations of 'own': 'v_rest - v' has unit mV and "
         "'R * (I + current)' has uV"),
        (LIF, {"units": {**LIF_UNITS, "I": "nA"}}, "'I' has unit nA and 'current' has pA"),
        (LIF.replace("mV", "pA"), {}, "'v_rest' has unit mV and 'v' has pA"),
        ("dv/dt = exp(v) / tau : mV", {}, "exp takes a number without a unit, and 'v' has mV"),
        ("dv/dt = x / tau : mV\nx = v**2 : mV", {}, "'v ** 2' has unit 10^-6 V^2, expected mV"),
        ("dv/dt = x / tau : mV\nx = v*v", {}, "expected mV/ms"),
        ("dv/dt = sqrt(v) / tau : mV", {}, "expected mV/ms"),
        ("dv/dt = where(v > tau, 1, 2) * v / tau : mV", {}, "'v' has unit mV and 'tau' has ms"),
        ("dv/dt = where(v > 1, v, v + 1)", {"method": "exact", "units": {}}, "method 'exact' needs slopes"),
        ("dx/dt = 1 : 1", {}, "'1' has unit 1, expected 1/ms"),
        ("dv/dt = -v / tau : mW", {}, "line 1 of the equations of 'own': 'mW' is no unit"),
    ],
)  # fmt: skip
def test_wrong_equations_are_refused(text, change, words):
    with pytest.raises(ValueError) as refused:
        lif(text, **change)
    assert words in str(refused.value)


def test_units_that_are_not_known_are_not_looked_at():
    for units in ({}, {"tau": "ms"}, {n: LIF_UNITS[n] for n in ("tau", "v_rest")}):
        assert lif(units=units).units["v"] == "mV"
    assert lif(LIF.replace(" : mV", "")).units.keys() == LIF_UNITS.keys()
    assert lif("dv/dt = max(-v, 0) / tau : mV").units["v"] == "mV"  # 0 has every unit
