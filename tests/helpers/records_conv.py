"""Records of the convolutions.  The reference correlates whole padded planes with a dilated kernel, then strides."""

import numpy as np
import scipy.signal
from op_table import Op, Sample, normal

from grilly_vk.functional import conv


def _both(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if x.ndim == 3:
        return conv2d(x[None], weight, bias, stride, padding, dilation, groups)[0]
    stride, dilation = _both(stride), _both(dilation)
    outs, per, kh, kw = weight.shape
    wide = np.zeros((outs, per, (kh - 1) * dilation[0] + 1, (kw - 1) * dilation[1] + 1))
    wide[:, :, :: dilation[0], :: dilation[1]] = weight
    if padding == "same":
        widths = [((n - 1) // 2, n - 1 - (n - 1) // 2) for n in wide.shape[2:]]
    else:
        widths = [(p, p) for p in _both(0 if padding == "valid" else padding)]
    x = np.pad(x, [(0, 0), (0, 0), *widths])
    rows = []
    for image in x:
        planes = []
        for o in range(outs):
            first = o // (outs // groups) * per
            plane = sum(scipy.signal.correlate(image[first + i], wide[o, i], "valid", "direct") for i in range(per))
            planes.append(plane[:: stride[0], :: stride[1]] + (0 if bias is None else bias[o]))
        rows.append(np.stack(planes))
    if rows:
        return np.stack(rows)
    sizes = [(n - k) // s + 1 for n, k, s in zip(x.shape[2:], wide.shape[2:], stride)]
    return np.zeros((0, outs, *sizes))


def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    pad = padding if isinstance(padding, str) else (0, _both(padding)[0])
    step, gap = (1, _both(stride)[0]), (1, _both(dilation)[0])
    return conv2d(x[..., None, :], weight[:, :, None, :], bias, step, pad, gap, groups)[..., 0, :]


def _sample(x, weight, bias=True, **options):
    arrays = [normal(*x), normal(*weight, seed=1)]
    return Sample([*arrays, normal(weight[0], seed=2)] if bias else arrays, options)


_TWO = [
    _sample((2, 3, 5, 7), (4, 3, 3, 3), padding=1),
    _sample((1, 1, 6, 6), (1, 1, 3, 3), bias=False),
    _sample((2, 4, 5, 4), (6, 4, 3, 2), bias=False, stride=2, padding=1),
    _sample((1, 5, 3, 3), (3, 5, 1, 1)),  # 1 x 1
    _sample((1, 3, 7, 8), (2, 3, 2, 2), stride=(3, 4)),  # stride beyond the kernel: inputs that nothing sees
    _sample((1, 2, 9, 8), (3, 2, 3, 2), padding=(2, 1), dilation=(2, 3)),
    _sample((2, 6, 4, 5), (6, 1, 3, 3), padding=1, groups=6),  # depthwise
    _sample((1, 8, 4, 4), (10, 4, 3, 3), padding=1, groups=2, stride=2),
    _sample((2, 3, 5, 6), (2, 3, 4, 3), padding="same"),  # an even kernel pads the end more
    _sample((1, 2, 6, 9), (2, 2, 2, 3), padding="same", dilation=(3, 2)),
    _sample((1, 4, 5, 5), (2, 4, 5, 5), padding="valid"),  # one result
    _sample((3, 4, 5), (2, 3, 2, 2)),  # no batch
    _sample((1, 1, 2, 2), (1, 1, 2, 2), padding=3, stride=(2, 3), dilation=2),  # windows all in the padding
    _sample((11, 3, 1, 1), (5, 3, 1, 1)),
    _sample((0, 3, 5, 5), (2, 3, 3, 3)),
]
_ONE = [
    _sample((2, 3, 9), (4, 3, 3), padding=1),
    _sample((1, 1, 11), (1, 1, 4), bias=False, stride=3),
    _sample((2, 4, 8), (4, 2, 3), groups=2, dilation=2, padding=(2,)),
    _sample((1, 6, 7), (6, 1, 2), groups=6, padding="same"),
    _sample((3, 300), (2, 3, 5), stride=(2,), padding=2),  # a row of more than one piece, no batch
    _sample((1, 1, 600), (1, 1, 1), bias=False),
    _sample((0, 2, 5), (3, 2, 2)),
]


def _errors(letters, full):
    """Bad calls of a convolution; `full` makes a shape from two sizes and the spatial ones."""
    x, w = normal(*full(2, 4)), normal(*full(6, 2, 3), seed=1)
    good = (normal(*full(2, 2)), w)
    return [
        ((x, w), {}, ValueError, r"x has 4 channels .*expects 2"),
        ((normal(3), w), {}, ValueError, r"x has shape \(3,\); expected \(B, 2, " + letters),
        ((good[0], normal(3, 3)), {}, ValueError, r"weight has shape \(3, 3\); expected \(out, in / groups"),
        ((*good, normal(5)), {}, ValueError, r"bias has shape \(5,\); expected \(6,\)"),
        ((x, w), {"groups": 4}, ValueError, r"weight has 6 outputs, which groups=4 does not divide"),
        (good, {"groups": 0}, ValueError, "groups must be at least 1"),
        (good, {"stride": 0}, ValueError, "stride must be at least 1"),
        (good, {"stride": 1.5}, TypeError, "stride must be a whole number"),
        (good, {"padding": -1}, ValueError, "padding must be at least 0"),
        (good, {"padding": "some"}, ValueError, "padding must be 'same', 'valid' or whole numbers, got 'some'"),
        (good, {"padding": "same", "stride": 2}, ValueError, "padding='same' needs stride 1"),
        (good, {"dilation": (1, 1, 1)}, ValueError, "dilation must be a whole number or"),
        (good, {"dilation": 5}, ValueError, r"x has shape .*the kernel covers \(11"),
        ((good[0].astype(np.int32), w), {}, TypeError, "x must be float32, not int32"),
    ]


_OWN = {"broadcast": "weight and bias have shapes of their own"}
# Sums of up to 72 products of normal numbers: float32 rounding grows with the root of the count.
OPS = [
    Op("conv2d", conv.conv2d, conv2d, _TWO, _errors("H, W", lambda b, c, k=6: (b, c, k, k)),
       rtol=1e-5, atol=1e-5, grad_atol=5e-5, without=_OWN),
    Op("conv1d", conv.conv1d, conv1d, _ONE, _errors("L", lambda b, c, k=6: (b, c, k)),
       rtol=1e-5, atol=1e-5, grad_atol=5e-5, without=_OWN),
]  # fmt: skip

# ---- transposed ----


def _transpose(x, weight, bias, stride, padding, more, groups, dilation):
    """Every product by itself, to where it belongs; any number of axes."""
    axes = weight.ndim - 2
    if x.ndim == axes + 1:
        return _transpose(x[None], weight, bias, stride, padding, more, groups, dilation)[0]
    stride, padding, more, dilation = (np.broadcast_to(v, axes) for v in (stride, padding, more, dilation))
    kernel, sizes = np.array(weight.shape[2:]), np.array(x.shape[2:])
    full = (sizes - 1) * stride + dilation * (kernel - 1) + 1 + more
    outs, per = weight.shape[1] * groups, weight.shape[0] // groups
    y = np.zeros((x.shape[0], outs, *full))
    for at in np.ndindex(*sizes):
        for tap in np.ndindex(*kernel):
            to = tuple(np.array(at) * stride + np.array(tap) * dilation)
            for g in range(groups):
                own, mine = slice(g * per, (g + 1) * per), slice(g * weight.shape[1], (g + 1) * weight.shape[1])
                y[(slice(None), mine, *to)] += x[(slice(None), own, *at)] @ weight[(own, slice(None), *tap)]
    y = y[(..., *(slice(p, n - p) for p, n in zip(padding, full)))]
    return y + (0 if bias is None else bias.reshape(-1, *(1,) * axes))


def conv_transpose(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    return _transpose(x, weight, bias, stride, padding, output_padding, groups, dilation)


def _transposed(x, weight, outs=None, **options):
    arrays = [normal(*x), normal(*weight, seed=1)]
    return Sample(arrays if outs is None else [*arrays, normal(outs, seed=2)], options)


_TWO_T = [
    _transposed((2, 3, 3, 2), (3, 4, 2, 3), 4, padding=1),
    _transposed((1, 4, 3, 4), (4, 6, 2, 3), stride=2),
    _transposed((2, 2, 3, 3), (2, 3, 3, 2), 3, stride=(3, 2), padding=(1, 0), output_padding=(2, 1)),
    _transposed((1, 3, 3, 2), (3, 2, 2, 2), 2, stride=4),  # places that nothing reaches: the bias alone
    _transposed((1, 4, 3, 3), (4, 1, 3, 2), 4, groups=4, padding=1, stride=2, output_padding=1),
    _transposed((1, 8, 3, 3), (8, 2, 2, 2), 4, groups=2, dilation=(2, 3)),
    _transposed((3, 4, 5), (3, 2, 2, 2)),  # no batch
    _transposed((1, 5, 1, 1), (5, 3, 3, 4), 3),
    _transposed((2, 3, 4, 4), (3, 2, 1, 1), 2, dilation=3, output_padding=2),
    _transposed((0, 3, 4, 4), (3, 2, 2, 2)),
]
_ONE_T = [
    _transposed((2, 3, 7), (3, 4, 3), 4, padding=1, stride=2, output_padding=1),
    _transposed((1, 1, 9), (1, 1, 4), stride=3),
    _transposed((2, 4, 6), (4, 2, 3), 4, groups=2, dilation=2, padding=(2,)),
    _transposed((3, 21), (3, 2, 5), stride=(2,), padding=2),
    _transposed((0, 2, 5), (2, 3, 2)),
]


def _transposed_errors(letters, full):
    w = normal(*full(6, 2, 3), seed=1)
    good = (normal(*full(2, 6)), w)
    return [
        ((normal(*full(2, 4)), w), {}, ValueError, r"x has 4 channels .*expects 6"),
        ((normal(3), w), {}, ValueError, r"x has shape \(3,\); expected \(B, 6, " + letters),
        ((good[0], normal(3, 3)), {}, ValueError, r"weight has shape \(3, 3\); expected \(in, out / groups"),
        ((*good, normal(5)), {}, ValueError, r"bias has shape \(5,\); expected \(2,\)"),
        (good, {"groups": 4}, ValueError, r"weight has 6 inputs, which groups=4 does not divide"),
        (good, {"stride": 0}, ValueError, "stride must be at least 1"),
        (good, {"padding": "same"}, TypeError, "padding must be a whole number"),
        (good, {"padding": 9}, ValueError, "nothing is left of the result"),
        (good, {"output_padding": 1}, ValueError, "output_padding .* must be smaller than stride"),
        ((good[0].astype(np.int32), w), {}, TypeError, "x must be float32, not int32"),
    ]


# ---- three axes ----


def conv3d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if x.ndim == 4:
        return conv3d(x[None], weight, bias, stride, padding, dilation, groups)[0]
    stride, dilation = np.broadcast_to(stride, 3), np.broadcast_to(dilation, 3)
    outs, per, *kernel = weight.shape
    wide = np.zeros((outs, per, *((np.array(kernel) - 1) * dilation + 1)))
    wide[(slice(None), slice(None), *(slice(None, None, d) for d in dilation))] = weight
    if padding == "same":
        widths = [((n - 1) // 2, n - 1 - (n - 1) // 2) for n in wide.shape[2:]]
    else:
        widths = [(p, p) for p in np.broadcast_to(0 if padding == "valid" else padding, 3)]
    x = np.pad(x, [(0, 0), (0, 0), *widths])
    sizes = [(n - k) // s + 1 for n, k, s in zip(x.shape[2:], wide.shape[2:], stride)]
    y = np.zeros((x.shape[0], outs, *sizes))
    for b, o in np.ndindex(*y.shape[:2]):
        first = o // (outs // groups) * per
        cube = sum(scipy.signal.correlate(x[b, first + i], wide[o, i], "valid", "direct") for i in range(per))
        y[b, o] = cube[:: stride[0], :: stride[1], :: stride[2]] + (0 if bias is None else bias[o])
    return y


_THREE = [
    _sample((2, 3, 3, 2, 3), (4, 3, 3, 2, 2), padding=1),
    _sample((1, 2, 5, 4, 4), (3, 2, 2, 3, 1), bias=False, stride=(2, 1, 2), padding=(1, 0, 0)),
    _sample((1, 4, 6, 3, 3), (4, 2, 2, 2, 2), groups=2, dilation=(3, 1, 2)),
    _sample((2, 1, 3, 2, 2), (2, 1, 1, 1, 1)),
    _sample((1, 2, 4, 3, 3), (2, 2, 2, 2, 3), padding="same"),
    _sample((1, 1, 1, 2, 2), (1, 1, 2, 1, 1), padding=(4, 0, 0), stride=(3, 1, 1)),  # frames all in the padding
    _sample((2, 3, 3, 3), (3, 2, 3, 2, 1)),  # no batch
    _sample((0, 2, 3, 3, 3), (2, 2, 2, 2, 2)),
]
OPS += [
    Op("conv_transpose2d", conv.conv_transpose2d, conv_transpose, _TWO_T,
       _transposed_errors("H, W", lambda b, c, k=6: (b, c, k, k)), rtol=1e-5, atol=1e-5, grad_atol=5e-5, without=_OWN),
    Op("conv_transpose1d", conv.conv_transpose1d, conv_transpose, _ONE_T,
       _transposed_errors("L", lambda b, c, k=6: (b, c, k)), rtol=1e-5, atol=1e-5, grad_atol=5e-5, without=_OWN),
    Op("conv3d", conv.conv3d, conv3d, _THREE,
       [e for e in _errors("D, H, W", lambda b, c, k=6: (b, c, k, k, k)) if "dilation" not in e[1]] + [
           ((normal(2, 2, 6, 6, 6), normal(6, 2, 3, 3, 3)), {"dilation": (1, 1)}, ValueError, "dilation must be"),
           ((normal(2, 2, 6, 6, 6), normal(6, 2, 3, 3, 3)), {"dilation": 5}, ValueError, r"the kernel covers \(11"),
       ], rtol=1e-5, atol=1e-5, grad_atol=5e-5, without=_OWN),
]  # fmt: skip
