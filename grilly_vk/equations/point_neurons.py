"""The neurons of grilly_vk.sim, each one record: NEST's models by NEST's names, parameters and units.

mV, ms, pF, pA, nS.  What arrives at a receptor is added at the end of the step.  Currents and charges that arrive have
their sign; conductances are positive at both receptors.
"""

from __future__ import annotations

from typing import Any

from .step_equations import arguments

_LIF = {"C_m": 250.0, "tau_m": 10.0, "E_L": -70.0, "V_th": -55.0, "V_reset": -70.0, "t_ref": 2.0, "I_e": 0.0}
_COND = {
    "C_m": 250.0, "g_L": 16.6667, "E_L": -70.0, "V_th": -55.0, "V_reset": -60.0, "t_ref": 2.0, "I_e": 0.0,
    "E_ex": 0.0, "E_in": -85.0, "tau_syn_ex": 0.2, "tau_syn_in": 2.0,
}  # fmt: skip
_ADEX = {
    **_COND, "C_m": 281.0, "g_L": 30.0, "E_L": -70.6, "V_th": -50.4, "t_ref": 0.0, "V_peak": 0.0, "Delta_T": 2.0,
    "tau_w": 144.0, "a": 4.0, "b": 80.5,
}  # fmt: skip
_UNITS = {
    "V_m": "mV", "I_ex": "pA", "I_in": "pA", "dI_ex": "pA/ms", "dI_in": "pA/ms", "g_ex": "nS", "g_in": "nS",
    "dg_ex": "nS/ms", "dg_in": "nS/ms", "g_sfa": "nS", "g_rr": "nS", "w": "pA", "I_1": "pA", "I_2": "pA",
    "Theta": "mV", "V_before": "mV", "current": "pA", "I_e": "pA", "b": "pA", "a": "nS", "Delta_T": "mV",
    "V_T": "mV", "V_peak": "mV", "C_m": "pF",
}  # fmt: skip
_BY_LETTER = {"E": "mV", "V": "mV", "t": "ms", "g": "nS", "q": "nS"}
_POSITIVE = ("C_m", "tau_m", "tau_syn_ex", "tau_syn_in", "tau_w", "Delta_T", "tau_sfa", "tau_rr")
_EXP = "d{0}_ex/dt = -{0}_ex / tau_syn_ex\nd{0}_in/dt = -{0}_in / tau_syn_in\n"
_ALPHA = "d{0}_{1}/dt = d{0}_{1} - {0}_{1} / tau_syn_{1}\ndd{0}_{1}/dt = -d{0}_{1} / tau_syn_{1}\n"
_KICK = "d{0}_{1} = d{0}_{1} + arrived_{2} * 2.718281828459045 / tau_syn_{1}"
_RECEPTORS = {"exc": "ex", "inh": "in"}


def _alpha(letter: str) -> tuple[str, dict[str, str]]:
    """Equations and receptors of alpha functions, which reach the arrived weight after tau_syn."""
    equations = "".join(_ALPHA.format(letter, short) for short in _RECEPTORS.values())
    return equations, {r: _KICK.format(letter, short, r) for r, short in _RECEPTORS.items()}


def _exponential(letter: str) -> tuple[str, dict[str, str]]:
    return _EXP.format(letter), {r: f"{letter}_{short}" for r, short in _RECEPTORS.items()}


def _record(name: str, equations: str, about: str, **given: Any) -> dict[str, Any]:
    parameters = given["parameters"]
    checks = [f"{p} > 0" for p in _POSITIVE if p in parameters]
    checks += ["t_ref >= 0"] * ("t_ref" in parameters)
    level = given["threshold"].partition(" ")[2].split()[-1]
    if {level, "V_reset"} <= parameters.keys():
        checks.append(f"V_reset < {level}")
    if "V_peak" in parameters:
        checks.append("V_peak >= V_th")
    if given.get("refractory", "t_ref"):
        given.setdefault("refractory", "t_ref")
    given.setdefault("initial", {"V_m": "E_L"})
    given.setdefault("reset", "V_m = V_reset")
    stated = given.pop("units", None) or {n: _unit(n) for n in (*_UNITS, *parameters)}
    checked = {} if "define" in given else stated  # formulas of rates are of plain numbers
    made = arguments(name, equations, about=about, checks=checks, units=checked, **given)[0]
    units = {n: stated.get(n, "1") for n in (*made["states"], *parameters, "current")}
    return {"name": name, "units": units, **made}


def _unit(name: str) -> str:
    if name in _UNITS:
        return _UNITS[name]
    return "ms" if name.startswith("tau") else _BY_LETTER[name.split("_")[0]]


_MEMBRANE = "dV_m/dt = (E_L - V_m) / tau_m + ({}I_e + current) / C_m\n"
_LEAK = "(g_L * (E_L - V_m) + g_ex * (E_ex - V_m) + g_in * (E_in - V_m) {}+ I_e + current) / C_m\n"
_EXACT = "Integrated exactly (Rotter & Diesmann, Biological Cybernetics 81, 1999)."
_RK4 = "Conductances are integrated exactly, the potential by the Runge-Kutta method of fourth order"
_THRESHOLD = "V_m >= V_th"
_SPIKE = "V_m >= V_peak"
_UPSWING = "V_now = min(V_m, V_peak)\n"
_ADEX_LINES = (
    _UPSWING
    + "rise = g_L * Delta_T * exp((V_now - V_th) / Delta_T)\n"
    + "synaptic = g_ex * (E_ex - V_now) + g_in * (E_in - V_now)\n"
    + "dV_m/dt = (g_L * (E_L - V_now) + rise + synaptic - w + I_e + current) / C_m\n"
    + "dw/dt = (a * (V_now - E_L) - w) / tau_w\n"
)
_RATES = """
alpha_m(u) = 1.28 / exprel((13 - u) / 4)
beta_m(u) = 1.4 / exprel((u - 40) / 5)
alpha_h(u) = 0.128 * exp((17 - u) / 18)
beta_h(u) = 4 / (1 + exp((40 - u) / 5))
alpha_n(u) = 0.16 / exprel((15 - u) / 5)
beta_n(u) = 0.5 * exp((10 - u) / 40)
"""
_GATE = "d{0}/dt = alpha_{0}(V_m - V_T) * (1 - {0}) - beta_{0}(V_m - V_T) * {0}\n"
_STEADY = "alpha_{0}(E_L - V_T) / (alpha_{0}(E_L - V_T) + beta_{0}(E_L - V_T))"


def _adex(name: str, synapses: tuple[str, dict[str, str]], kind: str) -> dict[str, Any]:
    return _record(
        name, _ADEX_LINES + synapses[0],
        f"Adaptive exponential integrate-and-fire neuron with {kind} conductances (Brette & Gerstner, J. Neurophysiol. "
        f"94, 2005). {_RK4}, in 4 substeps. It is reset at the end of the step in which V_m reaches V_peak.",
        parameters=_ADEX, threshold=_SPIKE, reset="V_m = V_reset\nw = w + b", receptors=synapses[1], held=("V_m",),
        substeps=4,
    )  # fmt: skip


def _models() -> list[dict[str, Any]]:
    synapse = {"tau_syn_ex": 2.0, "tau_syn_in": 2.0}
    current_exp, current_alpha = _exponential("I"), _alpha("I")
    cond_exp, cond_alpha = _exponential("g"), _alpha("g")
    membrane = _MEMBRANE.format("I_ex + I_in + ")
    return [
        _record(
            "iaf_psc_delta", _MEMBRANE.format(""),
            f"Leaky integrate-and-fire neuron; a spike adds its weight, in mV, to the potential. {_EXACT}",
            parameters=_LIF, threshold=_THRESHOLD, receptors={"exc": "V_m", "inh": "V_m"},
        ),
        _record(
            "iaf_psc_exp", membrane + current_exp[0],
            f"Leaky integrate-and-fire neuron with exponential currents; weights in pA. {_EXACT}",
            parameters={**_LIF, **synapse}, threshold=_THRESHOLD, receptors=current_exp[1],
        ),
        _record(
            "iaf_psc_alpha", membrane + current_alpha[0],
            f"Leaky integrate-and-fire neuron with alpha-shaped currents, which reach the weight, in pA, after "
            f"tau_syn. {_EXACT}",
            parameters={**_LIF, **synapse}, threshold=_THRESHOLD, receptors=current_alpha[1],
        ),
        _record(
            "iaf_cond_exp", "dV_m/dt = " + _LEAK.format("") + cond_exp[0],
            f"Leaky integrate-and-fire neuron with exponential conductances; weights in nS, positive. {_RK4}.",
            parameters=_COND, threshold=_THRESHOLD, receptors=cond_exp[1],
        ),
        _record(
            "iaf_cond_alpha", "dV_m/dt = " + _LEAK.format("") + cond_alpha[0],
            f"Leaky integrate-and-fire neuron with alpha-shaped conductances, which reach the weight, in nS, after "
            f"tau_syn. {_RK4}.",
            parameters=_COND, threshold=_THRESHOLD, receptors=cond_alpha[1],
        ),
        _record(
            "iaf_cond_exp_sfa_rr",
            "dV_m/dt = " + _LEAK.format("+ g_sfa * (E_sfa - V_m) + g_rr * (E_rr - V_m) ") + cond_exp[0]
            + "dg_sfa/dt = -g_sfa / tau_sfa\ndg_rr/dt = -g_rr / tau_rr",
            "Leaky integrate-and-fire neuron with exponential conductances, spike-frequency adaptation and a relative "
            f"refractory period (Muller et al., Neural Computation 19, 2007). {_RK4}, in 2 substeps.",
            parameters={
                **_COND, "C_m": 289.5, "g_L": 28.95, "V_th": -57.0, "V_reset": -70.0, "t_ref": 0.5, "E_in": -75.0,
                "tau_syn_ex": 1.5, "tau_syn_in": 10.0, "tau_sfa": 110.0, "tau_rr": 1.97, "E_sfa": -70.0,
                "E_rr": -70.0, "q_sfa": 14.48, "q_rr": 3214.0,
            },
            threshold=_THRESHOLD, receptors=cond_exp[1], substeps=2,
            reset="V_m = V_reset\ng_sfa = g_sfa + q_sfa\ng_rr = g_rr + q_rr",
        ),
        _adex("aeif_cond_exp", cond_exp, "exponential"),
        _adex("aeif_cond_alpha", cond_alpha, "alpha-shaped"),
        _record(
            "izhikevich",
            "V_now = min(V_m, V_th)\n"
            "dV_m/dt = 0.04 / mV / ms * V_now * V_now + 5 / ms * V_now + 140 * mV / ms - U_m + current + I_e\n"
            "dU_m/dt = a * (b * V_now - U_m)",
            "Izhikevich's neuron (IEEE Trans. Neural Networks 14, 2003); a spike adds its weight, in mV. By the "
            "Runge-Kutta method of fourth order in 2 substeps, not by the paper's steps of Euler.",
            parameters={"a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0, "V_th": 30.0, "I_e": 0.0},
            threshold=_THRESHOLD, reset="V_m = c\nU_m = U_m + d", refractory="", substeps=2,
            initial={"V_m": -65.0, "U_m": "b * -65"}, receptors={"exc": "V_m", "inh": "V_m"},
            units={"V_m": "mV", "U_m": "mV/ms", "a": "1/ms", "b": "1/ms", "c": "mV", "d": "mV/ms", "V_th": "mV",
                   "I_e": "mV/ms", "current": "mV/ms"},
        ),
        _record(
            "hh_cond_exp_traub",
            "dV_m/dt = (g_L * (E_L - V_m) + g_Na * m * m * m * h * (E_Na - V_m) + g_K * n * n * n * n * (E_K - V_m)"
            " + g_ex * (E_ex - V_m) + g_in * (E_in - V_m) + I_e + current) / C_m\n"
            + "".join(_GATE.format(gate) for gate in "mhn") + cond_exp[0],
            "Hodgkin-Huxley neuron of Traub & Miles (1991) with exponential conductances, as in Brette et al. (J. "
            f"Comput. Neurosci. 23, 2007). It fires at the peak above V_T + 30 mV. {_RK4}, with its gates, in 8 "
            "substeps.",
            parameters={
                "C_m": 200.0, "g_Na": 20000.0, "g_K": 6000.0, "g_L": 10.0, "E_Na": 50.0, "E_K": -90.0, "E_L": -60.0,
                "V_T": -63.0, "t_ref": 2.0, "I_e": 0.0, "E_ex": 0.0, "E_in": -80.0, "tau_syn_ex": 5.0,
                "tau_syn_in": 10.0,
            },
            threshold="where(V_m >= V_T + 30, V_before, -1000000) > V_m", reset="", held=(), define=_RATES,
            receptors=cond_exp[1], substeps=8, begin="V_before = V_m",
            initial={"V_m": "E_L", "V_before": "E_L", **{gate: _STEADY.format(gate) for gate in "mhn"}},
        ),
        _record(
            "mihalas_niebur",
            "dV_m/dt = (g_L * (E_L - V_m) + I_1 + I_2 + I_ex + I_in + I_e + current) / C_m\n"
            "dTheta/dt = a * (V_m - E_L) - b * (Theta - Theta_inf)\n"
            "dI_1/dt = -k_1 * I_1\ndI_2/dt = -k_2 * I_2\n" + current_exp[0],
            "Generalized linear integrate-and-fire neuron (Mihalas & Niebur, Neural Computation 21, 2009) with "
            "exponential currents; weights in pA. Integrated exactly.",
            parameters={
                "C_m": 100.0, "g_L": 5.0, "E_L": -70.0, "V_reset": -70.0, "Theta_inf": -50.0, "Theta_reset": -60.0,
                "a": 0.0, "b": 0.01, "k_1": 0.2, "k_2": 0.02, "R_1": 0.0, "R_2": 1.0, "A_1": 0.0, "A_2": 0.0,
                "t_ref": 0.0, "I_e": 0.0, **synapse,
            },
            threshold="V_m >= Theta", held=("V_m", "Theta"),
            reset="I_1 = R_1 * I_1 + A_1\nI_2 = R_2 * I_2 + A_2\nV_m = V_reset\nTheta = max(Theta, Theta_reset)",
            initial={"V_m": "E_L", "Theta": "Theta_inf"}, receptors=current_exp[1],
            units={"V_m": "mV", "Theta": "mV", "I_1": "pA", "I_2": "pA", "I_ex": "pA", "I_in": "pA", "C_m": "pF",
                   "g_L": "nS", "E_L": "mV", "V_reset": "mV", "Theta_inf": "mV", "Theta_reset": "mV", "a": "1/ms",
                   "b": "1/ms", "k_1": "1/ms", "k_2": "1/ms", "R_1": "1", "R_2": "1", "A_1": "pA", "A_2": "pA",
                   "t_ref": "ms", "I_e": "pA", "tau_syn_ex": "ms", "tau_syn_in": "ms", "current": "pA"},
        ),
    ]  # fmt: skip


NEURONS = {record["name"]: record for record in _models()}  # what StepModel takes
