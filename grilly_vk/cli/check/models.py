"""What neurons, learning rules and layers compute, as float64 loops that one can read: the yardstick of the check."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def lif(x: Array, decay: float, gain: float, threshold: float, hold_steps: int) -> tuple[Array, Array]:
    """Spikes and potentials after each step of leaky integrate-and-fire neurons at rest at 0; x is (T, n)."""
    v, hold = np.zeros(x.shape[1]), np.zeros(x.shape[1], int)
    spikes, potentials = np.zeros(x.shape), np.zeros(x.shape)
    for t, current in enumerate(x):
        free = hold == 0
        v = np.where(free, v * decay + gain * current, v)
        hold = np.where(free, hold, hold - 1)
        fires = free & (v >= threshold)
        v, hold = np.where(fires, 0.0, v), np.where(fires, hold_steps, hold)
        spikes[t], potentials[t] = fires, v
    return spikes, potentials


def node_forward(x: Array, tau: float = 2.0, threshold: float = 1.0) -> tuple[Array, Array, Array]:
    """Spikes, last potentials and potentials before each reset of `nn.LIFNode`; x is (T, n)."""
    v = np.zeros(x.shape[1])
    spikes, before = np.zeros(x.shape), np.zeros(x.shape)
    for t, current in enumerate(x):
        before[t] = v + (current - v) / tau
        spikes[t] = before[t] >= threshold
        v = before[t] * (1.0 - spikes[t])
    return spikes, v, before


def node_backward(g: Array, x: Array, tau: float = 2.0, threshold: float = 1.0, alpha: float = 2.0) -> Array:
    """Gradient of x through those T steps with the surrogate gradient atan; g is that of the spikes."""
    spikes, _, before = node_forward(x, tau, threshold)
    after = np.zeros(x.shape[1])  # gradient of the potential after the step
    out = np.zeros(x.shape)
    for t in reversed(range(len(x))):
        slope = alpha / 2.0 / (1.0 + (np.pi / 2.0 * alpha * (before[t] - threshold)) ** 2)
        here = g[t] * slope + after * (1.0 - spikes[t] - before[t] * slope)
        out[t] = here / tau
        after = here * (1.0 - 1.0 / tau)
    return out


def stdp(pre: Array, post: Array, weight: Array, tau: float, amplitude: float) -> tuple[Array, Array, Array]:
    """Weights (out, in) and both traces after T steps of pair STDP with hard bounds 0 and 1; tau in steps."""
    keep = np.exp(-1.0 / tau)
    w, x, y = weight.copy(), np.zeros(pre.shape[1]), np.zeros(post.shape[1])
    for before, after in zip(pre, post):
        x, y = x * keep, y * keep
        w = np.clip(w + amplitude * (np.outer(after, x) - np.outer(y, before)), 0.0, 1.0)
        x, y = x + before, y + after
    return w, x, y


def conv2d(x: Array, weight: Array, bias: Array, stride: int, padding: int) -> Array:
    """Cross-correlation of (B, C, H, W) with (O, C, kh, kw)."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    kh, kw = weight.shape[2:]
    rows, columns = (x.shape[2] - kh) // stride + 1, (x.shape[3] - kw) // stride + 1
    out = np.zeros((len(x), len(weight), rows, columns)) + bias[:, None, None]
    for i in range(kh):
        for j in range(kw):
            seen = x[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]
            out += np.einsum("bchw,oc->bohw", seen, weight[:, :, i, j])
    return out


def softmax(x: Array) -> Array:
    """Over the last axis."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def layer_norm(x: Array, weight: Array, bias: Array, eps: float = 1e-5) -> Array:
    """Over the last axis."""
    centred = x - x.mean(-1, keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps) * weight + bias)
