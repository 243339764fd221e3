"""Float64 numpy reference of converted networks, written from the formulas: convolutions by loops over taps."""

import numpy as np


def conv(x, weight, bias, stride=1, pad=0):
    """(B, C, H, W) with (O, C, k, k)."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    k = weight.shape[-1]
    rows, cols = ((n - k) // stride + 1 for n in x.shape[2:])
    out = np.zeros((len(x), len(weight), rows, cols))
    for i in range(k):
        for j in range(k):
            part = x[:, :, i : i + stride * rows : stride, j : j + stride * cols : stride]
            out += np.einsum("bchw,oc->bohw", part, weight[:, :, i, j])
    return out + (0 if bias is None else bias[:, None, None])


def pool(x, k, how):
    """Windows of k by k without overlap."""
    b, c, h, w = x.shape
    parts = x[:, :, : h // k * k, : w // k * k].reshape(b, c, h // k, k, w // k, k)
    return getattr(parts, how)((3, 5))


def norm(x, mean, var, weight, bias, eps=1e-5):
    """By running statistics, axis 1."""
    shape = (1, -1, *(1,) * (x.ndim - 2))
    return (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps) * weight.reshape(shape) + bias.reshape(shape)


class If:
    """Integrate and fire, soft reset, spikes as high as the threshold."""

    def __init__(self, threshold, start=0.5):
        self.threshold, self.v, self.start = float(threshold), None, start
        self.nearest = np.inf  # how near a potential came to the threshold

    def __call__(self, x):
        self.v = np.full(x.shape, self.start * self.threshold) if self.v is None else self.v
        h = self.v + x
        self.nearest = min(self.nearest, np.abs(h - self.threshold).min(initial=np.inf))
        s = np.where(h >= self.threshold, self.threshold, 0.0)
        self.v = h - s
        return s


class Gate:
    """Max pooling by the largest sum so far: the winner's spikes, window by window."""

    def __init__(self, k):
        self.k, self.sums, self.before = k, 0.0, 0.0

    def __call__(self, x):
        self.sums = self.sums + x
        now = pool(self.sums, self.k, "max")
        out, self.before = now - self.before, now
        return out


def arrays(module):
    """A module's state as float64 arrays."""
    return {name: t.numpy().astype(np.float64) for name, t in module.state_dict().items()}
