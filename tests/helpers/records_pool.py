"""Records of the pooling operations, against plain loops."""

import numpy as np
from op_table import Op, Sample, apart, normal

from grilly_vk.functional import pool
from grilly_vk.functional.resize import interpolate


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

# ---- one axis: as images of one row ----


def _line(function):
    def reference(x, **options):
        many = {n: v if isinstance(v, bool) else (int(n != "padding"), v) for n, v in options.items()}
        if "kernel_size" in many and many.get("stride") is None:
            many["stride"] = (1, options["kernel_size"])
        return np.squeeze(function(x[..., None, :], **many), -2)

    return reference


def _line_samples(make, *options):
    shapes = [(2, 3, 9), (1, 1, 8), (3, 7), (2, 4, 12)]
    calls = [Sample([make(*shapes[i % len(shapes)])], o) for i, o in enumerate(options)]
    return [*calls, Sample([make(0, 3, 6)], options[0]), Sample([make(2, 0, 6)], options[0])]


_LINES = ({"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1}, {"kernel_size": 2, "stride": 3},
          {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, {"kernel_size": 1})  # fmt: skip
_LINE_ERRORS = [
    ((normal(4),), _K2, ValueError, r"x has shape \(4,\); expected \(B, C, L\) or \(C, L\) with L above 0"),
    ((normal(1, 2, 0),), _K2, ValueError, "with L above 0"),
    ((normal(1, 2, 4).astype(np.int32),), _K2, TypeError, "x must be float32, not int32"),
]
_LINE_WINDOWS = [
    *_LINE_ERRORS,
    ((normal(1, 2, 4),), {"kernel_size": 5}, ValueError, r"a window that covers \(5,\) must fit in"),
    ((normal(1, 2, 4),), {"kernel_size": (2, 2)}, ValueError, "kernel_size must be a whole number or 1 of them"),
    ((normal(1, 2, 4),), {"kernel_size": 2, "padding": 2}, ValueError, "at most half of what the window covers"),
]
OPS += [
    Op("max_pool1d", pool.max_pool1d, _line(max_pool2d),
       _line_samples(apart, *_LINES, {"kernel_size": 2, "dilation": 3}), _LINE_WINDOWS),
    Op("avg_pool1d", pool.avg_pool1d, _line(avg_pool2d),
       _line_samples(normal, *_LINES, {"kernel_size": 3, "padding": 1, "count_include_pad": False}), _LINE_WINDOWS),
    Op("adaptive_avg_pool1d", pool.adaptive_avg_pool1d, _line(adaptive_avg_pool2d),
       _line_samples(normal, {"output_size": 1}, {"output_size": 3}, {"output_size": 7}),
       [(a, {"output_size": 2}, e, t) for a, _, e, t in _LINE_ERRORS] + [
           ((normal(1, 2, 4),), {"output_size": 0}, ValueError, "output_size must be at least 1")]),
]  # fmt: skip

# ---- another size ----


def _places(n, out, factor, mode, corners):
    """(out, n): how much of each input each result takes; in float64 with float32's scale, as PyTorch has it."""
    scale = float(np.float32((n - 1) / max(out - 1, 1) * (out > 1) if corners else 1 / factor if factor else n / out))
    share = np.zeros((out, n))
    for o in range(out):
        at = o * scale
        if not corners and mode != "nearest":
            at = (o + 0.5) * scale - (0.0 if mode == "nearest-exact" else 0.5)
        first = min(int(max(at, 0)), n - 1)
        over = 0.0 if mode.startswith("nearest") else min(max(max(at, 0) - first, 0.0), 1.0)
        share[o, first] += 1 - over
        share[o, min(first + 1, n - 1)] += over
    return share


def _interpolate(x, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None):
    axes = x.ndim - 2
    for i in range(axes):
        factor = scale_factor if scale_factor is None or np.isscalar(scale_factor) else scale_factor[i]
        out = (size if np.isscalar(size) else size[i]) if factor is None else int(x.shape[2 + i] * factor)
        share = _places(x.shape[2 + i], out, None if recompute_scale_factor else factor, mode, align_corners)
        x = np.moveaxis(np.tensordot(share, x, (1, 2 + i)), 0, 2 + i)
    return x


_SIZES = [
    *[Sample([normal(2, 3, 5)], {"size": s, "mode": m}) for s in (1, 3, 5, 8, 11) for m in ("nearest", "linear")],
    *[Sample([normal(2, 1, 4, 6)], {"scale_factor": f, "mode": m})
      for f in (2, 0.5, 1.7, (3, 0.7)) for m in ("nearest", "nearest-exact", "bilinear")],
    *[Sample([normal(1, 2, 4, 3)], {"size": s, "mode": "bilinear", "align_corners": c})
      for s in (7, (1, 5), (2, 2)) for c in (True, False)],
    Sample([normal(1, 2, 7)], {"scale_factor": 1.3, "mode": "linear", "recompute_scale_factor": True}),
    Sample([normal(1, 2, 1)], {"size": 6, "mode": "linear", "align_corners": True}),
    Sample([normal(0, 2, 3)], {"size": 6}),
    Sample([normal(2, 0, 3, 3)], {"scale_factor": 2}),
]  # fmt: skip
OPS.append(
    Op("interpolate", interpolate, _interpolate, _SIZES, [
        ((normal(3, 4),), {"size": 2}, ValueError, r"x has shape \(3, 4\); expected \(B, C, L\) or"),
        ((normal(1, 2, 4),), {"size": 2, "scale_factor": 2}, ValueError, "one of size and scale_factor must be given"),
        ((normal(1, 2, 4),), {}, ValueError, "one of size and scale_factor must be given"),
        ((normal(1, 2, 4),), {"size": 2, "mode": "bicubic"}, ValueError, "mode must be one of 'nearest', "),
        ((normal(1, 2, 4),), {"size": 2, "mode": "bilinear"}, ValueError, "mode 'bilinear' does not go with x of"),
        ((normal(1, 2, 4),), {"size": 2, "align_corners": True}, ValueError, "align_corners=True needs mode 'linear'"),
        ((normal(1, 2, 4),), {"size": (2, 3)}, ValueError, r"size must be one number or 1 for x of shape"),
        ((normal(1, 2, 4),), {"scale_factor": 0.1}, ValueError, "nothing is left"),
        ((normal(1, 2, 4),), {"scale_factor": -1}, ValueError, "scale_factor must be positive"),
        ((normal(1, 2, 4).astype(np.int32),), {"size": 3}, TypeError, "x must be float32, not int32"),
    ])
)  # fmt: skip
