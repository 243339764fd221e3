"""Synapses in float64 numpy, one step after the other, written from their formulas."""

import numpy as np


def synapse_filter(x, state, tau):
    """(y over time, last y)."""
    y, out = np.asarray(state, np.float64), np.zeros(x.shape)
    for t in range(len(x)):
        y = y * np.exp(-1 / tau) + x[t]
        out[t] = y
    return out, y


def dual_timescale(x, fast, slow, tau_fast, tau_slow, w_fast, w_slow):
    """(y over time, last fast, last slow)."""
    quick, fast = synapse_filter(x, fast, tau_fast)
    lasting, slow = synapse_filter(x, slow, tau_slow)
    return w_fast * quick + w_slow * lasting, fast, slow


def stp(x, u, r, tau_d, tau_f, U):
    """(what passes over time, last u, last r)."""
    u, r = np.broadcast_to(u, x.shape[1:]), np.broadcast_to(r, x.shape[1:])
    out = np.zeros(x.shape)
    for t in range(len(x)):
        u = U + (u - U) * np.exp(-1 / tau_f)
        r = 1 - (1 - r) * np.exp(-1 / tau_d)
        spike = x[t] != 0
        u = np.where(spike, u + U * (1 - u), u)
        out[t] = np.where(spike, x[t] * u * r, 0)
        r = np.where(spike, r - u * r, r)
    return out, u, r


def delayed_linear(x, weight, delay, bias=None, history=None, max_delay=0):
    """(y, the last max_delay inputs), a loop over steps and connections."""
    past = np.zeros((max_delay, *x.shape[1:])) if history is None else history
    whole = np.concatenate([past, x])
    y = np.zeros((*x.shape[:2], len(weight))) + (0 if bias is None else bias)
    for o, i in np.ndindex(*weight.shape):
        d = min(max(delay[o, i], 0), max_delay)
        k = int(np.floor(d))
        for t in range(len(x)):
            now = (1 - (d - k)) * whole[t + max_delay - k, :, i]
            if d > k:
                now = now + (d - k) * whole[t + max_delay - k - 1, :, i]
            y[t, :, o] += weight[o, i] * now
    return y, whole[len(x) :]
