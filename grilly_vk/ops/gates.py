"""Q-K attention: sums over channels or tokens of q become gates of k, which lies beside it; and their gradients.

The two operations share one gradient: `use` writes k's half of it, and `sums` fills in q's.

Source: Zhou et al., "QKFormer", NeurIPS 2024, section 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import autograd
from ..autograd import record
from ..runtime.host import HostCall
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty, full

_TOKENS = Kernel("snn-token-sum", over="rows heads", fours="size")
_CHANNELS = Kernel("snn-channel-sum", over="sequences d", fours="d")
_BY_TOKEN = Kernel("snn-gate", over="rows d", fours="d size")
_BY_CHANNEL = Kernel("snn-gate", over="rows d", fours="d")
_HOST_SUMS = HostCall("host-gate-sums")
_HOST_GATE = HostCall("host-gate")


def sums(qk: Tensor, heads: int, form: str) -> tuple[Tensor, Tensor]:
    """Sums of q: what the gates are made of; all arguments are checked by the caller.

    Args:
        qk: (..., N, 2 D), q beside k.
        heads: divides D.
        form: "token": over each head's channels; "channel": over tokens.

    Returns:
        The sums, (..., N, heads) or (..., D), and qk again, for `use`, and nothing else.
    """
    tokens, d = qk.shape[-2], qk.shape[-1] // 2
    shape = (*qk.shape[:-1], heads) if form == "token" else (*qk.shape[:-2], d)
    out, again = empty(shape, on=qk.engine), qk._alias()
    _sum(qk, None, None, out, None, heads, form)

    def backward(g: Tensor | None, half: Tensor | None) -> Sequence[Tensor | None]:
        if half is None:
            half = full(qk.shape, 0.0, on=qk.engine)
        g = full(shape, 0.0, on=qk.engine) if g is None else g
        _spread(None, g, half, d, heads, tokens, form)
        return (half,)

    record("gate_sums", (qk,), (out, again), backward, ())
    return out, again


def use(qk: Tensor, gate: Tensor, heads: int, form: str) -> Tensor:
    """k * gate, (..., N, D), from the second result of `sums` and gates of the first one's shape."""
    tokens, d = qk.shape[-2], qk.shape[-1] // 2
    out = empty((*qk.shape[:-1], d), on=qk.engine)
    _spread(qk, gate, out, d, heads, tokens, form)

    def backward(g: Tensor) -> Sequence[Tensor | None]:
        ggate = empty(gate.shape, on=qk.engine)
        anomalies = autograd.detecting_anomalies  # which must not find what the other half's memory held
        half = full(qk.shape, 0.0, on=qk.engine) if anomalies else empty(qk.shape, on=qk.engine)
        _sum(qk, g, gate, ggate, half, heads, form)
        return half, ggate

    record("gate", (qk, gate), (out,), backward, (qk, gate))
    return out


def _sum(
    qk: Tensor, g: Tensor | None, gate: Tensor | None, out: Tensor, gqk: Tensor | None, heads: int, form: str
) -> None:
    tokens, d = qk.shape[-2], qk.shape[-1] // 2
    rows = math.prod(qk.shape[:-1])
    shared: dict[str, Any] = {"x": qk, "gy": g, "gate": gate, "y": out, "gx": gqk, "work": max(1, qk.count // 2)}
    if qk.engine.host_streams(qk.count):
        numbers = {"rows": rows, "d": d, "size": d // heads, "tokens": tokens}
        _HOST_SUMS(qk.engine, by_token=form == "token", grad=g is not None, **numbers, **shared)
        return
    shared["GRAD"] = g is not None
    if form == "token":
        _TOKENS(rows=rows, heads=heads, size=d // heads, **shared)
    else:
        _CHANNELS(sequences=rows // max(1, tokens), tokens=tokens, d=d, **shared)


def _spread(qk: Tensor | None, gate: Tensor, out: Tensor, d: int, heads: int, tokens: int, form: str) -> None:
    """out = k * gate, or without qk: the gradient of sums into q's half of out."""
    rows = out.count // (d if qk is not None else 2 * d) if d else 0
    if out.engine.host_streams(out.count):
        _HOST_GATE(
            out.engine, x=qk, gate=gate, y=out, rows=rows, d=d, size=d // heads, tokens=tokens,
            by_token=form == "token", grad=qk is None, work=rows * d,
        )  # fmt: skip
        return
    kernel = _BY_TOKEN if form == "token" else _BY_CHANNEL
    kernel(
        x=qk, gate=gate, y=out, rows=rows, d=d, size=d // heads, tokens=tokens, TOKEN=form == "token", GRAD=qk is None
    )
