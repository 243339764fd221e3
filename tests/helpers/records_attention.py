"""Records of the attention operations: heads of many sizes in both orders, gates, squeeze and excite."""

import numpy as np
from op_table import Op, Sample, apart, normal

from grilly_vk.ops import gates
from grilly_vk.ops.attention import attention
from grilly_vk.ops.squeeze import excite, squeeze


def _attention(qkv, heads, scale, first=None):
    *lead, n, width = qkv.shape
    size = width // 3 // heads
    parts = (p.reshape(*lead, n, heads, size) for p in np.split(qkv, 3, -1))
    q, k, v = (np.moveaxis(p, -2, -3) for p in parts)
    return np.moveaxis(q @ np.swapaxes(k, -1, -2) @ v * scale, -3, -2).reshape(*lead, n, width // 3)


def _gated(qk, heads, form):
    q, k = np.split(qk, 2, -1)
    if form == "channel":
        return q.sum(-2, keepdims=True) * k
    sums = q.reshape(*q.shape[:-1], heads, q.shape[-1] // heads).sum(-1)
    return np.repeat(sums, q.shape[-1] // heads, -1) * k


def _run_gated(qk, heads, form):
    sums, again = gates.sums(qk, heads, form)
    return gates.use(again, sums, heads, form)


_OVER = {"time": (2, 3), "channels": (0, 3), "places": (0, 2)}
_WEIGHTS = np.array([0.7, -1.3], np.float32)


def _squeezed(x, over):
    mean, top = x.mean(_OVER[over], keepdims=True), x.max(_OVER[over], keepdims=True)
    return x * (_WEIGHTS[0] * mean + _WEIGHTS[1] * top)


def _run_squeezed(x, over):
    pooled, again, link = squeeze(x, over)
    return excite(again, (pooled * _WEIGHTS.reshape(2, 1, 1)).sum(0), link)


_HEADS = [
    ((2, 2, 8, 48), 2), ((3, 20, 96), 1), ((2, 5, 27), 3), ((1, 1, 3), 1), ((2, 33, 72), 1), ((0, 4, 12), 2),
]  # fmt: skip
_UNCHECKED = {"errors": "the modules that call it check"}
OPS = [
    Op(
        "spiking_attention",
        attention,
        _attention,
        [
            Sample([normal(*shape)], {"heads": heads, "scale": 0.125, "first": first})
            for shape, heads in _HEADS
            for first in ("qk", "kv", None)
        ],
        rtol=2e-5,
        atol=2e-5,
        grad_atol=2e-4,  # sums of up to 33 * 32 products, about ten in size
        exact=False,
        arrays=False,
        without=_UNCHECKED,
    ),
    Op(
        "qk_gates",
        _run_gated,
        _gated,
        [
            Sample([normal(*shape)], {"heads": heads, "form": form})
            for shape, heads in (((2, 3, 5, 16), 2), ((2, 7, 18), 3), ((1, 3, 18), 1), ((0, 3, 8), 2))
            for form in ("token", "channel")
        ],
        rtol=1e-5,
        atol=1e-5,
        exact=False,
        arrays=False,
        without=_UNCHECKED,
    ),
    Op(
        "squeeze_excite",
        _run_squeezed,
        _squeezed,
        [
            Sample([apart(*shape, gap=0.01)], {"over": over})
            for shape in ((3, 2, 4, 8), (2, 3, 3, 5), (1, 1, 1, 1), (5, 1, 2, 1), (2, 2, 1, 9))
            for over in _OVER
        ],
        rtol=1e-5,
        atol=1e-5,
        exact=False,
        arrays=False,
        without={**_UNCHECKED, "empty": "no element is largest; the modules refuse"},
    ),
]
