"""Strength as the time of spikes: latency, change, and phase."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from .. import arguments
from ..errors import shown
from ..ops import encode as ops
from ..tensor import Tensor
from ..typing import ArrayLike
from .given import within


def latency(
    x: ArrayLike,
    T: int,
    *,
    mode: Literal["linear", "log"] = "linear",
    tau: float | None = None,
    threshold: float | None = None,
    normalize: bool = False,
    keep_weak: bool = True,
    clip: bool = False,
) -> Tensor:
    """One spike per element, the earlier the larger x, at step round(min(t, T - 1)); halves round to even.

    "linear": t = tau * (1 - max(x, threshold)).  The defaults are SpikingJelly's LatencyEncoder; with tau or
    threshold they are snnTorch's spikegen.latency(linear=True).

    "log": t = tau * log(x / (x - threshold)), when a membrane of time constant tau that x charges reaches the
    threshold; x - threshold counts as 1e-7 at least.  It is snnTorch's spikegen.latency.

    Args:
        x: strengths, any shape (...), in [0, 1]; for "log" 0 or more.
        T: steps, 0 or more.
        mode: "linear" (default) or "log".
        tau: in steps, positive; default T - 1 for "linear", 1 for "log".
        threshold: strength in [0, 1) at and below which spikes come as late as at it; default 0 for "linear", and
            0.01 for "log", where it is positive.
        normalize: True brings the latest spike to the last step: tau = T - 1 for "linear", and for "log" the tau
            that does so for the smallest x of all.
        keep_weak: False: elements below the threshold don't fire at all (snnTorch's clip=True).
        clip: True cuts x to its range; NaN and -infinity never fire.

    Returns:
        Spikes (T, ...), float32 of 0.0 and 1.0, without gradient.

    Raises:
        TypeError, ValueError: an argument out of range; the message names it.  tau and normalize exclude each other.

    Source: Thorpe, Fize & Marlot, Nature 381 (1996); Eshraghian et al., Proceedings of the IEEE 111 (2023).
    """
    steps = arguments.size("T", T, 0)
    linear = arguments.choice("mode", mode, ops.LATENCY_MODES) == "linear"
    normalize, clip = arguments.flag("normalize", normalize), arguments.flag("clip", clip)
    if normalize and tau is not None:
        raise ValueError(f"tau ({tau!r}) has no effect with normalize=True; give one of the two")
    last = max(0, steps - 1)
    slope = (last if linear else 1.0) if tau is None else arguments.positive("tau", tau)
    least = (0.0 if linear else 0.01) if threshold is None else arguments.real("threshold", threshold)
    if not 0 <= least < 1 or not (linear or least):
        raise ValueError(f"threshold must lie in {'[0' if linear else '(0'}, 1), got {shown(threshold)}")
    weakest = -math.inf if arguments.flag("keep_weak", keep_weak) else below(least)
    given = within("x", x, 0.0, 1.0 if linear else math.inf, clip)
    return ops.latency_spikes(
        given,
        steps,
        "LINEAR" if linear else "CHARGING",
        slope=slope,
        least=least,
        silent=weakest,
        normalize=normalize and not linear,
        strict=not clip,
    )


def below(number: float) -> float:
    """The float32 below a number: what lies above it is at least the number."""
    return float(np.nextafter(np.float32(number), np.float32(-np.inf)))


def delta(x: ArrayLike, threshold: float = 0.1, *, padding: bool = False, off_spikes: bool = False) -> Tensor:
    """A spike where a signal has risen by at least the threshold since the step before.

    s[t] = [x[t] - x[t-1] >= threshold], minus [x[t] - x[t-1] <= -threshold] with `off_spikes`.

    Args:
        x: signals (T, ...), any finite values.
        threshold: positive, in x's unit; default 0.1.
        padding: what comes before the first step: False (default) zeros, True the first step itself.
        off_spikes: whether falls give -1.0 (default False).

    Returns:
        (T, ...), float32 of 0.0, 1.0 and -1.0, without gradient.  NaN gives no spike.

    Raises:
        TypeError, ValueError: x has no time axis or is not finite, or an argument is out of range.

    Source: Corradi & Indiveri, IEEE Trans. Biomedical Circuits and Systems 9 (2015) (delta modulation); snnTorch's
    spikegen.delta.
    """
    step = arguments.positive("threshold", threshold)
    padding, off = arguments.flag("padding", padding), arguments.flag("off_spikes", off_spikes)
    given = within("x", x, -math.inf, math.inf)
    if not given.ndim:
        raise ValueError("x has shape (); expected (T, ...)")
    return ops.encode_delta(given, step, padding=padding, off=off)


def phase(x: ArrayLike, T: int | None = None, *, K: int = 8, clip: bool = False) -> Tensor:
    """Weighted spikes: the first K binary digits of x, the highest first, again in each period of K steps.

    The spike at step t stands for 2**-(1 + t mod K), and a period adds up to x rounded down to K digits.  1 itself
    has the digits of 1 - 2**-K, the most that K digits can say.  `grilly_vk.decode.phase` is the way back.

    Args:
        x: in [0, 1], any shape (...).
        T: steps, 0 or more; default K, one period.
        K: digits, 1 to 31; default 8.
        clip: True cuts x to [0, 1], and NaN never fires.

    Returns:
        Spikes (T, ...), float32 of 0.0 and 1.0, without gradient.

    Raises:
        TypeError, ValueError: an argument out of range; the message names it.

    Source: Kim, Kim, Huh, Lee & Choi, "Deep neural networks with weighted spikes", Neurocomputing 311 (2018).
    """
    period = ops.digits("K", K)
    steps = period if T is None else arguments.size("T", T, 0)
    clip = arguments.flag("clip", clip)
    return ops.encode_phase(within("x", x, 0.0, 1.0, clip), steps, period, strict=not clip)
