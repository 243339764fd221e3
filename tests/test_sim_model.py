"""Model of grilly_vk.sim: what its texts become, the numbers of each neuron, and what it refuses."""

import numpy as np
import pytest
import sim_frame
from scipy.linalg import expm

from grilly_vk.sim import Model, models
from grilly_vk.sim.model import expm1

PLAIN = {
    "states": {"v": "rest"},
    "parameters": {"rest": -60.0, "tau": 10.0},
    "constants": {"keep": "exp(-dt / tau)"},
    "receptors": ("exc",),
    "step": "v = rest + (v - rest) * keep + current * 0.1",
    "arrive": "v = v + arrived_exc",
    "fires": "v > rest + 5",
    "reset": "v = rest",
    "checks": ("tau > 0",),
}


def test_a_model_of_ones_own_does_what_its_texts_say():
    """In both variants, with parameters of each neuron, against the recursion in float64."""
    model = Model("plain", **PLAIN)
    rng = np.random.default_rng(0)
    for size in (3, 8):
        rest, tau = rng.uniform(-70, -50, size), rng.uniform(5, 20, size)
        arriving, currents = rng.uniform(0, 0.5, (50, 1, size)), rng.uniform(0, 5, (50, size))
        given = {"rest": rest, "tau": tau}
        trace, spikes = sim_frame.run(model, given, 0.5, arriving, currents, 50, size)
        v = rest.copy()
        for t in range(50):
            v = rest + (v - rest) * np.exp(-0.5 / tau) + 0.1 * currents[t] + arriving[t, 0]
            np.testing.assert_array_equal(spikes[t], v > rest + 5)
            v = np.where(spikes[t], rest, v)
            np.testing.assert_allclose(trace[t, 0], v, rtol=0, atol=1e-4)
        assert spikes.sum() > size


def test_numbers_are_computed_in_float64_and_shared():
    """What depends on parameters alone is one number; nothing is lost of a short step's small change."""
    model = models.iaf_psc_delta
    numbers = model.numbers({"tau_m": 20.0, "t_ref": 1.94}, 0.001, 3)
    assert numbers.shape == (6, 3) and numbers.dtype == np.float32
    np.testing.assert_array_equal(numbers[0], np.float32(np.expm1(-0.001 / 20)))
    np.testing.assert_array_equal(numbers[-1], 1940)
    np.testing.assert_array_equal(model.numbers({"t_ref": 0.3}, 0.1, 1)[-1], 3)  # 0.3 / 0.1 is below 3
    np.testing.assert_array_equal(model.initial({"E_L": np.arange(3.0)}, 3), [[0, 1, 2]])


def test_a_large_groups_numbers_are_each_neurons_own(monkeypatch):
    """Matrices are computed some at a time, and none changes with those beside it; against scipy's."""
    model, tau = models.iaf_psc_alpha, np.geomspace(0.01, 100, 50)
    whole = model.numbers({"tau_syn_ex": tau}, 0.1, 50)
    monkeypatch.setattr("grilly_vk.sim.model._AT_ONCE", 7)
    np.testing.assert_array_equal(model.numbers({"tau_syn_ex": tau}, 0.1, 50), whole)
    for i in (0, 20, 49):
        np.testing.assert_array_equal(model.numbers({"tau_syn_ex": tau[i]}, 0.1, 1)[:, 0], whole[:, i])
    matrices = np.random.default_rng(0).normal(0, 1, (40, 3, 3)) * np.geomspace(1e-6, 10, 40)[:, None, None]
    for matrix, found in zip(matrices, expm1(matrices)):
        np.testing.assert_allclose(
            found, expm(matrix) - np.eye(3), rtol=1e-9, atol=1e-12 * np.exp(np.abs(matrix).max())
        )
        np.testing.assert_array_equal(expm1(matrix), found)


@pytest.mark.parametrize("tau_syn", [10.0, 10.0 + 1e-9, 9.99])
def test_equal_time_constants_are_no_special_case(tau_syn):
    """The membrane's answer to one exponential current, where its usual formula divides by nearly 0."""
    arriving = np.zeros((1000, 2, 1))
    arriving[0, 0] = 100.0
    given = {"tau_syn_ex": tau_syn, "tau_m": 10.0}
    trace, _ = sim_frame.run(models.iaf_psc_exp, given, 0.1, arriving, None, 1000)
    t = 0.1 * np.arange(1000)
    np.testing.assert_allclose(trace[:, 0, 0], -70 + 100 / 250 * t * np.exp(-t / 10), rtol=0, atol=2e-3)


@pytest.mark.parametrize("name", models.__all__)
def test_every_neuron_has_its_own_numbers(name):
    """Neurons with other parameters do as they would alone."""
    model = getattr(models, name)
    p = {
        n: value * np.linspace(0.95, 1.05, 4) if value > 0 else np.full(4, value)
        for n, value in model.parameters.items()
    }
    currents = np.full((400, 1), 8.0 if name == "izhikevich" else 600.0)
    together, spikes = sim_frame.run(model, p, 0.1, None, currents, 400, 4)
    assert spikes.any() and len(np.unique(together[-1, 0])) > 1
    for i in range(4):
        alone, _ = sim_frame.run(model, {n: value[i] for n, value in p.items()}, 0.1, None, currents, 400)
        np.testing.assert_array_equal(alone[:, :, 0], together[:, :, i])


def test_records_say_units_and_what_they_are():
    for name in models.__all__:
        model = getattr(models, name)
        assert model.name == name and len(model.about) > 60
        assert {*model.states, *model.parameters, "current"} <= model.units.keys()


@pytest.mark.parametrize(
    "change, words",
    [
        ({"step": "v = w"}, "step of 'plain': 'w': w is unknown; the names are current, dt, keep, rest, tau, v"),
        ({"step": "v = arrived_exc"}, "arrived_exc is unknown"),
        ({"step": "rest = v"}, "rest can't be given a value here"),
        ({"reset": "other = v"}, "reset of 'plain': other can't be given a value here"),
        ({"step": "v = where(v, 1, 2)"}, "where needs a condition such as v > 0 first"),
        ({"step": "v = v +"}, "no equation"),
        ({"fires": "v"}, "expected a condition such as 'V_m >= V_th'"),
        ({"fires": "v > where(v > 1, (v > 2), 1)"}, "v > 2 is a condition, which stands first in where"),
        ({"checks": ("v > 0",)}, "checks of 'plain': 'v': v is unknown"),
        (
            {"constants": {"keep": "exp(-dt / other)"}},
            "constant 'keep' of 'plain': 'exp(-dt / other)': other is unknown",
        ),
        ({"constants": {"tau": "dt"}}, "can't call one of its constants 'tau'"),
        ({"states": {"dt": 0.0}}, "can't call one of its states 'dt'"),
        ({"states": {}}, "at least one state"),
        ({"states": {"v": float("nan")}}, "states must hold finite numbers of at most 1.8e308, got 'v': nan"),
        ({"held": ("w",)}, "held of 'plain' must name states, got 'w'; there are v"),
        ({"refractory": "t"}, "refractory of 'plain' must name a parameter, or be '', got 't'"),
        ({"substeps": 0}, "substeps must be a whole number from 1 to 1000, got 0"),
        ({"receptors": ("a b",)}, "receptors must be an identifier"),
    ],
)
def test_wrong_records_are_refused(change, words):
    with pytest.raises(ValueError) as refused:
        Model("plain", **{**PLAIN, **change})
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "given, kind, words",
    [
        ({"tua": 1.0}, ValueError, "iaf_psc_exp has no parameter 'tua'; the parameters are C_m, "),
        ({"tau_m": 0.0}, ValueError, "iaf_psc_exp needs tau_m > 0, got tau_m = 0.0"),
        ({"V_th": [-50.0, -80.0, -50.0]}, ValueError, "needs V_reset < V_th, got V_reset = -70.0, V_th = -80.0"),
        ({"tau_m": [1.0, 2.0]}, ValueError, "tau_m of iaf_psc_exp must be a number or have shape (3,), got (2,)"),
        ({"E_L": [1.0, np.inf, 0.0]}, ValueError, "E_L of iaf_psc_exp must be finite, got inf"),
        ({"E_L": "low"}, TypeError, "E_L of iaf_psc_exp must be a number, or one for each neuron, got 'low'"),
        ({"C_m": 1e-300}, ValueError, "too large for float32"),
    ],
)
def test_wrong_parameters_are_refused(given, kind, words):
    with pytest.raises(kind) as refused:
        models.iaf_psc_exp.numbers(given, 0.1, 3)
    assert words in str(refused.value)


def test_constants_may_be_of_constants_before():
    constants = {"rate": "1 / tau", "short": "dt * rate", "keep": "exp(-short)"}
    model = Model("plain", **{**PLAIN, "constants": constants})
    tau = np.array([2.0, 5.0])
    assert np.exp(-0.5 / tau).astype(np.float32).tolist() in model.numbers({"tau": tau}, 0.5, 2).tolist()


def test_wrong_steps_and_what_has_no_value_are_refused():
    with pytest.raises(ValueError, match="dt must be a positive number of milliseconds, got 0"):
        models.iaf_psc_exp.numbers({}, 0, 1)
    model = Model("plain", **{**PLAIN, "checks": ()})
    with pytest.raises(ValueError, match=r"plain: exp\(-dt / tau\) is not finite where dt = 0.1, tau = -0.0001"):
        model.numbers({"tau": -1e-4}, 0.1, 2)
