"""The neuron models of grilly_vk.sim in float64, written from their papers: slopes, and what arrivals and spikes do.

Each takes y, the states in the model's order, parameters p and the current; `hears` is whether the potential may move.
"""

import math

import numpy as np


def _synapses(y, p, first, alpha):
    if not alpha:
        return [-y[first] / p["tau_syn_ex"], -y[first + 1] / p["tau_syn_in"]]
    out = []
    for k, tau in ((first, p["tau_syn_ex"]), (first + 2, p["tau_syn_in"])):
        out += [y[k + 1] - y[k] / tau, -y[k + 1] / tau]
    return out


def _psc(kind):
    def slope(y, p, current, hears):
        drive = p["I_e"] + current + (0 if kind == "delta" else y[1] + y[2 if kind == "exp" else 3])
        dv = -(y[0] - p["E_L"]) / p["tau_m"] + drive / p["C_m"]
        return [dv * hears, *([] if kind == "delta" else _synapses(y, p, 1, kind == "alpha"))]

    return slope


def _into(first, step, alpha):
    """Arrivals into states `first` and `step` further on; of alpha functions into the state behind."""

    def arrive(y, p, weights, hears):
        for k, (weight, tau) in enumerate(zip(weights, (p["tau_syn_ex"], p["tau_syn_in"]))):
            y[first + k * step + alpha] += weight * (math.e / tau if alpha else 1)

    return arrive


def _into_potential(y, p, weights, hears):
    y[0] += sum(weights) * hears


def _cond(alpha, extra=False):
    def slope(y, p, current, hears):
        inhibition = y[3 if alpha else 2]
        total = p["g_L"] * (y[0] - p["E_L"]) + y[1] * (y[0] - p["E_ex"]) + inhibition * (y[0] - p["E_in"])
        more = []
        if extra:
            total += y[3] * (y[0] - p["E_sfa"]) + y[4] * (y[0] - p["E_rr"])
            more = [-y[3] / p["tau_sfa"], -y[4] / p["tau_rr"]]
        return [hears * (p["I_e"] + current - total) / p["C_m"], *_synapses(y, p, 1, alpha), *more]

    return slope


def _adex(alpha):
    def slope(y, p, current, hears):
        v, w = min(y[0], p["V_peak"]), y[1]
        spike = p["g_L"] * p["Delta_T"] * math.exp((v - p["V_th"]) / p["Delta_T"])
        synaptic = y[2] * (v - p["E_ex"]) + y[4 if alpha else 3] * (v - p["E_in"])
        dv = (-p["g_L"] * (v - p["E_L"]) + spike - synaptic - w + p["I_e"] + current) / p["C_m"]
        dw = (p["a"] * (v - p["E_L"]) - w) / p["tau_w"]
        return [hears * dv, dw, *_synapses(y, p, 2, alpha)]

    return slope


def _izhikevich(y, p, current, hears):
    v = min(y[0], p["V_th"])
    return [0.04 * v**2 + 5 * v + 140 - y[1] + p["I_e"] + current, p["a"] * (p["b"] * v - y[1])]


def _linear_over_exponential(x, scale):
    """x / (exp(x / scale) - 1)."""
    return scale if x == 0 else x / math.expm1(x / scale)


def _traub(y, p, current, hears):
    v, m, h, n, g_ex, g_in = y[:6]
    u = v - p["V_T"]
    am, bm = 0.32 * _linear_over_exponential(13 - u, 4), 0.28 * _linear_over_exponential(u - 40, 5)
    ah, bh = 0.128 * math.exp((17 - u) / 18), 4 / (1 + math.exp((40 - u) / 5))
    an, bn = 0.032 * _linear_over_exponential(15 - u, 5), 0.5 * math.exp((10 - u) / 40)
    ionic = p["g_L"] * (v - p["E_L"]) + p["g_Na"] * m**3 * h * (v - p["E_Na"]) + p["g_K"] * n**4 * (v - p["E_K"])
    synaptic = g_ex * (v - p["E_ex"]) + g_in * (v - p["E_in"])
    dv = (p["I_e"] + current - ionic - synaptic) / p["C_m"]
    gates = [am * (1 - m) - bm * m, ah * (1 - h) - bh * h, an * (1 - n) - bn * n]
    return [dv, *gates, -g_ex / p["tau_syn_ex"], -g_in / p["tau_syn_in"], 0.0]


def _mihalas_niebur(y, p, current, hears):
    v, theta, one, two, ex, inh = y
    dv = (p["I_e"] + current + one + two + ex + inh - p["g_L"] * (v - p["E_L"])) / p["C_m"]
    dtheta = p["a"] * (v - p["E_L"]) - p["b"] * (theta - p["Theta_inf"])
    rest = [-ex / p["tau_syn_ex"], -inh / p["tau_syn_in"]]
    return [hears * dv, hears * dtheta, -p["k_1"] * one, -p["k_2"] * two, *rest]


def _to(place, value):
    def reset(y, p):
        y[place] = p[value]

    return reset


def _reset_adex(y, p):
    y[0] = p["V_reset"]
    y[1] += p["b"]


def _reset_izhikevich(y, p):
    y[0] = p["c"]
    y[1] += p["d"]


def _reset_adapting(y, p):
    y[0] = p["V_reset"]
    y[3] += p["q_sfa"]
    y[4] += p["q_rr"]


def _reset_mihalas_niebur(y, p):
    y[2] = p["R_1"] * y[2] + p["A_1"]
    y[3] = p["R_2"] * y[3] + p["A_2"]
    y[0], y[1] = p["V_reset"], max(y[1], p["Theta_reset"])


V_RESET = _to(0, "V_reset")
# slope, what arrives, what a spike resets
MODELS = {
    "iaf_psc_delta": (_psc("delta"), _into_potential, V_RESET),
    "iaf_psc_exp": (_psc("exp"), _into(1, 1, 0), V_RESET),
    "iaf_psc_alpha": (_psc("alpha"), _into(1, 2, 1), V_RESET),
    "iaf_cond_exp": (_cond(False), _into(1, 1, 0), V_RESET),
    "iaf_cond_alpha": (_cond(True), _into(1, 2, 1), V_RESET),
    "iaf_cond_exp_sfa_rr": (_cond(False, True), _into(1, 1, 0), _reset_adapting),
    "aeif_cond_exp": (_adex(False), _into(2, 1, 0), _reset_adex),
    "aeif_cond_alpha": (_adex(True), _into(2, 2, 1), _reset_adex),
    "izhikevich": (_izhikevich, _into_potential, _reset_izhikevich),
    "hh_cond_exp_traub": (_traub, _into(4, 1, 0), lambda y, p: None),
    "mihalas_niebur": (_mihalas_niebur, _into(4, 1, 0), _reset_mihalas_niebur),
}


def between_spikes(name, p, dt, start, arriving, currents, fired):
    """The states (T, STATES) after each step, with spikes where they are given.

    Args:
        arriving: (T, 2). currents: (T). fired: (T).

    Returns:
        The states, and those that each step that fired had before its reset, {step: states}.
    """
    from scipy.integrate import solve_ivp

    slope, arrive, reset = MODELS[name]
    steps, y = len(currents), np.array(start, float)
    hold = round(p.get("t_ref", 0.0) / dt) * (name != "hh_cond_exp_traub")
    out, before, waits = np.empty((steps, len(y))), {}, 0
    fired = np.asarray(fired, bool)
    cuts = fired | (np.asarray(arriving) != 0).any(1) | (np.diff(currents, append=np.inf) != 0)
    ends = set(np.flatnonzero(cuts)) | {t + hold for t in np.flatnonzero(fired) if hold and t + hold < steps}
    t = 0
    for end in sorted(ends):
        hears = waits <= t
        times = np.arange(t, end + 1) + 1
        found = solve_ivp(
            lambda _, y, i=currents[t], h=hears: slope(y, p, i, h), (t * dt, (end + 1) * dt), y, "LSODA", times * dt,
            rtol=1e-10, atol=1e-10, max_step=5.0,
        )  # fmt: skip
        assert found.success
        out[t : end + 1] = found.y.T
        y = out[end].copy()
        arrive(y, p, arriving[end], hears)
        if fired[end]:
            before[end] = y.copy()
            reset(y, p)
            waits = end + 1 + hold
        out[end] = y
        t = end + 1
    return out, before
