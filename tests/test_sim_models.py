"""Neuron models of grilly_vk.sim on the device, against equations in float64 that SciPy integrates."""

import numpy as np
import pytest
import sim_frame
import sim_references

from grilly_vk.sim import models

DT, STEPS = 0.1, 10_000  # ms; 1 s
# the current of each 100 ms, in hundreds of pA (mV/ms), and weights at the two receptors, for each model's range
DRIVES = {
    "iaf_psc_delta": (1.0, 1.0, -1.0), "iaf_psc_exp": (1.0, 200.0, -200.0), "iaf_psc_alpha": (1.0, 100.0, -100.0),
    "iaf_cond_exp": (1.0, 30.0, 10.0), "iaf_cond_alpha": (1.0, 10.0, 5.0), "iaf_cond_exp_sfa_rr": (1.5, 10.0, 5.0),
    "aeif_cond_exp": (1.8, 20.0, 10.0), "aeif_cond_alpha": (1.8, 10.0, 5.0), "izhikevich": (0.02, 2.0, -2.0),
    "hh_cond_exp_traub": (0.8, 6.0, 10.0), "mihalas_niebur": (0.3, 20.0, -20.0),
}  # fmt: skip
CURRENTS = np.repeat([1.0, 3.0, 5.0, 4.0, 0.0, 6.0, -1.0, 4.5, 5.0, 2.0], STEPS // 10)


def driven(name, strength):
    """(arriving (T, 2), currents (T)) of the model."""
    rng = np.random.default_rng(7)
    scale, *weights = DRIVES[name]
    arriving = np.zeros((STEPS, 2))
    for receptor, weight in enumerate(weights):
        arriving[rng.choice(STEPS, 40, replace=False), receptor] = np.float32(weight * strength)
    return arriving, (100 * scale * strength * CURRENTS).astype(np.float32).astype(float)


LEVELS = {"izhikevich": 30.0, "aeif_cond_exp": 0.0, "aeif_cond_alpha": 0.0, "iaf_cond_exp_sfa_rr": -57.0}
# Of the range.  In the substep in which the potential of an adaptive exponential neuron grows without bound, w is
# right to the first order.
SPIKING = {"aeif_cond_exp": 6e-4, "aeif_cond_alpha": 6e-4}
QUIET = {"hh_cond_exp_traub": {"I_e": -200.0}}  # it fires without any current
LATE = 2e-3  # ms by which an upswing may be early or late


@pytest.mark.parametrize("strength", [0.2, 1.0], ids=["below-threshold", "spiking"])
@pytest.mark.parametrize("name", models.__all__)
def test_a_second_against_scipy(name, strength):
    """1e-4 of each state's range, at steps of 0.1 ms; spikes are where the reference crosses the threshold."""
    model = getattr(models, name)
    given, size = ({}, 4) if strength == 1.0 else (QUIET.get(name, {}), 1)  # both variants
    p = {**model.parameters, **given}
    arriving, currents = driven(name, strength)
    trace, spikes = sim_frame.run(model, given, DT, arriving[:, :, None], currents[:, None], STEPS, size)
    assert (trace == trace[:, :, :1]).all() and (spikes == spikes[:, :1]).all()
    fired = spikes[:, 0] > 0
    assert fired.sum() > 5 if strength == 1 else not fired.any()
    wanted, before = sim_references.between_spikes(
        name, p, DT, model.initial(given, 1)[:, 0], arriving, currents, fired
    )
    steep = np.abs(np.gradient(wanted[:, 0], DT))
    steep = np.max([np.roll(steep, k) for k in range(-2, 3)], axis=0)
    tolerance = SPIKING.get(name, 1e-4) if strength == 1 else 1e-4
    for place, state in enumerate(model.states):
        if state == "V_before":
            continue
        room = tolerance * np.ptp(wanted[:, place])
        if name == "hh_cond_exp_traub" and state in "mhn":
            room = room + LATE * np.abs(np.gradient(wanted[:, place], DT))
        moving = LATE * steep if state == "V_m" else 0.0
        if state == "V_m" and "Delta_T" in p:  # the approach to V_th multiplies w's error; then V grows to infinity
            moving = 5 * moving + np.where(wanted[:, 0] > p["V_th"] + 5 * p["Delta_T"], np.inf, 0)
        apart = np.abs(trace[:, place, 0] - wanted[:, place])
        assert (apart <= room + moving + 1e-6).all(), (state, apart.max(), apart.argmax())
    if name in ("hh_cond_exp_traub", "mihalas_niebur"):
        return
    level = LEVELS.get(name, -55.0)
    assert (trace[:, 0] < level).all()
    assert all(y[0] > level - 0.1 for y in before.values())


def test_hodgkin_huxley_fires_at_peaks():
    """One spike for each action potential, at the step after its peak; none within the refractory period."""
    model, p = models.hh_cond_exp_traub, models.hh_cond_exp_traub.parameters
    trace, spikes = sim_frame.run(model, {}, DT, None, np.full((3000, 1), 500.0), 3000)
    v = trace[:, 0, 0]
    peaks = 2 + np.flatnonzero((v[1:-1] >= v[:-2]) & (v[1:-1] > v[2:]) & (v[2:] >= p["V_T"] + 30))
    assert len(peaks) > 10
    np.testing.assert_array_equal(np.flatnonzero(spikes[:, 0]), peaks)
    rare = sim_frame.run(model, {"t_ref": 30.0}, DT, None, np.full((3000, 1), 500.0), 3000)
    np.testing.assert_array_equal(rare[0], trace)  # a refractory neuron goes on
    assert np.diff(np.flatnonzero(rare[1][:, 0])).min() > 300


def test_refractory_neurons_hold_the_potential_alone():
    """For t_ref the potential is V_reset; currents decay, and what arrives at a delta synapse is lost."""
    for name, places in (("iaf_psc_delta", ()), ("iaf_psc_exp", (1,)), ("aeif_cond_exp", (1, 2))):
        model = getattr(models, name)
        arriving = np.zeros((60, 2, 1))
        arriving[30:, 0] = 0.5
        given = {"t_ref": 2.0, "V_reset": -71.0}
        high = model.parameters.get("V_peak", -55.0) + 1
        trace, spikes = sim_frame.run(model, given, DT, arriving, None, 60, start={"V_m": high})
        fired = np.flatnonzero(spikes[:, 0])
        assert fired.tolist() == [0]
        held = trace[:21, 0, 0]
        np.testing.assert_array_equal(held, np.float32(-71.0))
        assert trace[21, 0, 0] != held[0]
        for place in places:
            assert len(np.unique(trace[30:, place, 0])) > 20
        trace, _ = sim_frame.run(model, given, DT, arriving[30:], None, 30, start={"V_m": high})
        np.testing.assert_array_equal(trace[:21, 0, 0], np.float32(-71.0))
