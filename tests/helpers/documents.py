"""float64 references for the documents' examples, written from the formulas alone."""

import numpy as np


def normal(*shape, seed=0, scale=1.0, mean=0.0):
    """Normal numbers as float32."""
    rng = np.random.default_rng([seed, *shape])
    return (scale * rng.standard_normal(shape) + mean).astype(np.float32)


def spikes(*shape, rate=0.3, seed=0):
    """Zeros and ones as float32."""
    return (np.random.default_rng([seed, *shape]).random(shape) < rate).astype(np.float32)


def node(x, k, v=0.0, threshold=1.0):
    """Integrate and fire with hard reset to 0, over x (T, ...): H = v + k * (x - v), or v + x for k None.

    Returns (spikes, potentials after each step), and checks that no potential is so near the threshold that rounding
    could decide.
    """
    v = np.zeros(x.shape[1:]) + np.asarray(v, np.float64)
    out, potentials = np.zeros(x.shape), np.zeros(x.shape)
    for t, given in enumerate(x.astype(np.float64)):
        h = v + given if k is None else v + k * (given - v)
        assert np.abs(h - threshold).min(initial=1.0) > 1e-6
        out[t] = h >= threshold
        v = potentials[t] = np.where(h >= threshold, 0.0, h)
    return out, potentials


def biophysical(currents, dt, tau_mem, threshold, refractory=2.0):
    """Leaky integrate and fire in seconds and milliseconds, resting and reset at 0; currents (T, n).

    Returns (spikes, potential after the last step, steps that neurons are still deaf).
    """
    leak, most = np.exp(-1000.0 * dt / tau_mem), round(refractory / (1000.0 * dt))
    v, hold = np.zeros(currents.shape[1:]), np.zeros(currents.shape[1:], int)
    out = np.zeros(currents.shape)
    for t, current in enumerate(currents.astype(np.float64)):
        hears = hold == 0
        h = np.where(hears, v * leak + current * (1.0 - leak), v)
        assert np.abs(h - threshold)[hears].min(initial=1.0) > 1e-6
        out[t] = hears & (h >= threshold)
        v = np.where(out[t] > 0, 0.0, h)
        hold = np.where(out[t] > 0, most, np.maximum(hold - 1, 0))
    return out, v, hold


def exponential(x, tau):
    """y <- y * exp(-1 / tau) + x over x (T, ...), from 0."""
    y, out = np.zeros(x.shape[1:]), np.zeros(x.shape)
    for t, given in enumerate(x.astype(np.float64)):
        y = out[t] = y * np.exp(-1.0 / tau) + given
    return out


def short_term(x, tau_d, tau_f, base):
    """Tsodyks, Pawelzik & Markram (1998) in steps: relax, facilitate at a spike, pass, deplete."""
    u, r, out = np.full(x.shape[1:], base), np.ones(x.shape[1:]), np.zeros(x.shape)
    for t, given in enumerate(x.astype(np.float64)):
        u = base + (u - base) * np.exp(-1.0 / tau_f)
        r = 1.0 + (r - 1.0) * np.exp(-1.0 / tau_d)
        fires = given != 0
        u = np.where(fires, u + base * (1.0 - u), u)
        out[t] = given * u * r
        r = np.where(fires, r - u * r, r)
    return out


def batch_norm(x, axes, eps=1e-5):
    """Zero mean and unit variance over the axes."""
    x = x.astype(np.float64)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def convolution(x, weight, bias, padding):
    """x (N, C, H, W) with weight (O, C, h, w), as in deep learning (no flip)."""
    from scipy.signal import correlate

    x = np.pad(x.astype(np.float64), [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    out = [[correlate(image, w.astype(np.float64), "valid")[0] for w in weight] for image in x]
    return np.array(out) + bias.astype(np.float64)[:, None, None]
