"""Records of the pooling operations, against plain loops."""

import numpy as np
from op_table import Op, Sample, apart, normal

from grilly_vk.ops import pool


def _both(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def _starts(size, k, stride, pad, gap, ceil_mode):
    """Where windows start, by trying every place."""
    cover, found, at = (k - 1) * gap + 1, [], -pad
    while at + cover <= size + pad or (ceil_mode and at < size and at + cover - stride < size + pad):
        found.append(at)
        at += stride
    return found


def _each(x, kernel_size, stride, padding, dilation, ceil_mode, take):
    """take(values inside, padded count) of every window."""
    (kh, kw), (ph, pw), (dh, dw) = _both(kernel_size), _both(padding), _both(dilation)
    sh, sw = _both(kernel_size if stride is None else stride)
    h, w = x.shape[-2:]
    rows, cols = _starts(h, kh, sh, ph, dh, ceil_mode), _starts(w, kw, sw, pw, dw, ceil_mode)
    out = np.zeros((*x.shape[:-2], len(rows), len(cols)))
    for i, r in enumerate(rows):
        for j, c in enumerate(cols):
            ys = [y for y in range(r, r + kh * dh, dh) if y < h + ph]
            xs = [v for v in range(c, c + kw * dw, dw) if v < w + pw]
            inside = [x[..., y, v] for y in ys if 0 <= y < h for v in xs if 0 <= v < w]
            out[..., i, j] = take(inside, len(ys) * len(xs))
    return out


def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    return _each(x, kernel_size, stride, padding, dilation, ceil_mode, lambda v, n: np.maximum.reduce(v))


def avg_pool2d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    def take(values, count):
        return sum(values) / (divisor_override or (count if count_include_pad else len(values)))

    return _each(x, kernel_size, stride, padding, 1, ceil_mode, take)


def sum_pool2d(x, kernel_size, stride=None, padding=0, ceil_mode=False):
    return _each(x, kernel_size, stride, padding, 1, ceil_mode, lambda v, n: sum(v))


def adaptive_avg_pool2d(x, output_size):
    h, w = x.shape[-2:]
    oh, ow = (n if o is None else o for o, n in zip(_both(output_size), (h, w)))
    out = np.zeros((*x.shape[:-2], oh, ow))
    for i in range(oh):
        for j in range(ow):
            part = x[..., i * h // oh : -(-(i + 1) * h // oh), j * w // ow : -(-(j + 1) * w // ow)]
            out[..., i, j] = part.mean((-2, -1))
    return out


def _indices(x, kernel_size, stride=None, padding=0):
    """The maxima and their places, by numpy's argmax: the first of equals, and the first NaN."""
    values = max_pool2d(x, kernel_size, stride, padding)
    h, w = x.shape[-2:]
    places, rows = np.arange(h * w).reshape(h, w), values.shape[-2:]
    out = np.zeros((*x.shape[:-2], *rows), np.int64)
    (kh, kw), (ph, pw) = _both(kernel_size), _both(padding)
    sh, sw = _both(kernel_size if stride is None else stride)
    for i in range(rows[0]):
        for j in range(rows[1]):
            top, left = i * sh - ph, j * sw - pw
            box = np.s_[max(0, top) : top + kh, max(0, left) : left + kw]
            part, where = x[(..., *box)], places[box].reshape(-1)
            out[..., i, j] = where[part.reshape(*part.shape[:-2], where.size).argmax(-1)]
    return values, out


def _samples(make, *options):
    shapes = [(2, 3, 6, 8), (1, 1, 5, 7), (2, 4, 5), (1, 2, 9, 4), (2, 1, 7, 7), (3, 2, 4, 4)]
    calls = [Sample([make(*shapes[i % len(shapes)])], o) for i, o in enumerate(options)]
    return [*calls, Sample([make(0, 3, 6, 6)], options[0]), Sample([make(2, 0, 6, 6)], options[0])]


_K2 = {"kernel_size": 2}
_MORE = ({"kernel_size": 3, "stride": 2, "padding": 1}, {"kernel_size": (2, 3), "stride": (1, 2)},
         {"kernel_size": 2, "stride": 3}, {"kernel_size": (3, 2), "padding": (1, 0), "ceil_mode": True},
         {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, {"kernel_size": 1},
         {"kernel_size": (5, 4), "stride": 1})  # fmt: skip
_ERRORS = [
    ((normal(4, 4),), _K2, ValueError, r"x has shape \(4, 4\); expected \(B, C, H, W\)"),
    ((normal(1, 2, 0, 4),), _K2, ValueError, "with H and W above 0"),
    ((normal(1, 2, 4, 4).astype(np.int32),), _K2, TypeError, "x must be float32, not int32"),
]
_WINDOW_ERRORS = [
    *_ERRORS,
    ((normal(1, 2, 4, 4),), {"kernel_size": 5}, ValueError, r"a window that covers \(5, 5\) must fit in"),
    ((normal(1, 2, 4, 4),), {"kernel_size": 0}, ValueError, "kernel_size must be at least 1"),
    ((normal(1, 2, 4, 4),), {"kernel_size": 2, "padding": 2}, ValueError, "at most half of what the window covers"),
    ((normal(1, 2, 4, 4),), {"kernel_size": 2, "stride": 0}, ValueError, "stride must be at least 1"),
    ((normal(1, 2, 4, 4),), {"kernel_size": 2, "stride": "2"}, TypeError, "stride must be a whole number"),
]


def _ties(*shape):
    return np.random.default_rng(3).integers(0, 3, shape).astype(np.float32)


_NAN = normal(1, 2, 6, 6)
_NAN[0, 0, 1, 1] = np.nan
_NAN[0, 1, 3] = -np.inf
_NAN[0, 1, 4, 4] = np.inf

OPS = [
    Op("max_pool2d", pool.max_pool2d, max_pool2d,
       _samples(apart, _K2, *_MORE, {"kernel_size": 2, "dilation": 2}, {"kernel_size": (2, 3), "dilation": (3, 1),
                                                                        "padding": (2, 1), "stride": 1}),
       _WINDOW_ERRORS),
    Op("max_pool2d_indices", lambda x, **o: pool.max_pool2d(x, return_indices=True, **o), _indices,
       [Sample([a], o) for a in (_ties(2, 2, 6, 7), -np.abs(_ties(1, 1, 5, 5)), _NAN)
        for o in (_K2, {"kernel_size": 3, "stride": 2, "padding": 1})] + [Sample([normal(0, 3, 6, 6)], _K2)],
       _WINDOW_ERRORS, differentiable=False),
    Op("avg_pool2d", pool.avg_pool2d, avg_pool2d,
       _samples(normal, _K2, *_MORE, {"kernel_size": 3, "padding": 1, "count_include_pad": False},
                {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False},
                {"kernel_size": 3, "padding": 1, "divisor_override": 5}),
       [*_WINDOW_ERRORS, ((normal(1, 2, 4, 4),), {"kernel_size": 2, "divisor_override": 0}, ValueError,
                          "divisor_override must be at least 1")]),
    Op("sum_pool2d", pool.sum_pool2d, sum_pool2d, _samples(normal, _K2, *_MORE), _WINDOW_ERRORS),
    Op("adaptive_avg_pool2d", pool.adaptive_avg_pool2d, adaptive_avg_pool2d,
       _samples(normal, {"output_size": 1}, {"output_size": (3, 2)}, {"output_size": (None, 3)},
                {"output_size": (7, 5)}, {"output_size": 5}, {"output_size": 4}),
       [(a, {"output_size": 2}, e, t) for a, _, e, t in _ERRORS] + [
           ((normal(1, 2, 4, 4),), {"output_size": 0}, ValueError, "output_size must be at least 1"),
           ((normal(1, 2, 4, 4),), {"output_size": (1, 2, 3)}, ValueError, "output_size must be a whole number or 2")]),
]  # fmt: skip
