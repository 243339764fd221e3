"""Spiking neurons over time: each run of T steps is one dispatch (more only when it would take seconds)."""

from __future__ import annotations

from ..runtime.host import HostCall
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty
from .lif_constants import LIFConstants

_LIF = Kernel("snn-lif", cut="x s trace")
_HOST = HostCall("host-lif")
_NONE = {"pull": 0.0, "adapt_decay": 0.0, "jump": 0.0}


def lif(
    x: Tensor, v: Tensor, hold: Tensor, c: LIFConstants, *, record: bool = False, held: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Runs leaky integrate-and-fire neurons over x (T, ...), updating v and hold (...) in place.

    Args:
        x: input current, float32 (T, ...).
        v: membrane potential, float32 (...).
        hold: refractory steps left, uint32 (...).
        c: the constants.
        record: also return the potential after each step.
        held: `hold` may be above 0 although the neurons have no refractory time of their own.

    Returns:
        Spikes (T, ...) of 0.0 and 1.0, and the potentials (T, ...) or None.
    """
    return _run(x, v, hold, None, c, record, held)


def gif(
    x: Tensor,
    v: Tensor,
    hold: Tensor,
    w: Tensor,
    c: LIFConstants,
    *,
    adapt_decay: float,
    adaptation_strength: float,
    record: bool = False,
    held: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Runs adaptive integrate-and-fire neurons over x (T, ...), updating v, hold and w (...) in place.

    The adaptation current w is subtracted from the input: H = rest + (v - rest) * decay + gain * x
    - (1 - decay) * w, and w <- adapt_decay * w + adaptation_strength * s.  Arguments and results are those of
    `lif`, with w float32 (...).
    """
    adaptation = {"pull": 1.0 - c.decay, "adapt_decay": adapt_decay, "jump": adaptation_strength}
    return _run(x, v, hold, w, c, record, held, **adaptation)


def _run(
    x: Tensor, v: Tensor, hold: Tensor, w: Tensor | None, c: LIFConstants, record: bool, held: bool, **adaptation: float
) -> tuple[Tensor, Tensor | None]:
    spikes = empty(x.shape, on=x.engine)
    trace = empty(x.shape, on=x.engine) if record else None
    refractory = c.hold_steps > 0 or held
    plain = w is None and not record and c.hold_steps < 1 << 31
    if plain and x.engine.host_streams(x.count):
        _HOST(
            x.engine, x=x, v=v, hold=hold, s=spikes, n=v.count, steps=x.shape[0], **vars(c), refractory=refractory,
            work=x.count,
        )  # fmt: skip
        return spikes, None
    _LIF(
        x=x, v=v, hold=hold, w=w, s=spikes, trace=trace, n=v.count, steps=x.shape[0], **vars(c),
        **(adaptation or _NONE), REFRACTORY=refractory, STORE_V=record, ADAPT=w is not None,
    )  # fmt: skip
    return spikes, trace
