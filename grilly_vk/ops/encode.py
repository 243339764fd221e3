"""Turning values into spikes, and the random numbers that takes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arguments
from ..autograd import record
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty
from .elementwise import binary, sum_to, where
from .held import marked
from .reduce import reduce

LATENCY_MODES = ("linear", "log")
LATENCY_FORMS = ("LINEAR", "RATIO", "CHARGING", "EXPONENTIAL")  # in the order of shaders/snn-encode-latency.glsl
_LARGE = 3e38  # within float32

_POISSON = Kernel("snn-encode-poisson", cut="s x?", first="start", every=4)
_LATENCY = Kernel("snn-encode-latency", cut="s", first="start")
_DELTA = Kernel("snn-encode-delta", over="all", fours="n all")
_PHASE = Kernel("snn-encode-phase", cut="s", first="start")
_FIELDS = Kernel("snn-receptive-fields", over="n m")
_FIELDS_GRAD = Kernel("snn-receptive-fields-grad")
_EXPAND = Kernel("snn-time-expand", cut="y")
_WORDS = Kernel("random-words")


def encode_poisson(x: Tensor, steps: int | None, *, strict: bool = False) -> Tensor:
    """Independent spikes at each step with probability clip(x, 0, 1); NaN never fires.

    The numbers follow `grilly_vk.manual_seed`: with s the seed and d the count of random operations since, the
    element i at step t compares x with the top 24 bits of word t % 4 of Philox4x32-10 at the counter
    (i, t // 4, d mod 2**32, d // 2**32) under the key (s mod 2**32, s // 2**32).

    Args:
        x: probabilities per step, any shape.
        steps: T, may be 0; None: x is (T, ...) and has probabilities of its own at each step.
        strict: NaN where x is NaN or outside [0, 1].

    Returns:
        Spikes (T, ...) of 0.0 and 1.0.
    """
    shape = x.shape if steps is None else (steps, *x.shape)
    s = empty(shape, on=x.engine)
    # None: the engine's control block
    _POISSON(
        x=x, control=None, s=s, n=math.prod(shape[1:]), steps=shape[0], VARYING=steps is None, STRICT=strict,
    )  # fmt: skip
    return s.as_spikes()


def encode_latency(x: Tensor, steps: int, *, mode: str = "linear", floor: float = 0.01) -> Tensor:
    """One spike per element, the earlier the larger x; none where x <= 0 or x is NaN.

    "linear": at step round((1 - min(x, 1)) * (T - 1)).  "log": at round((T - 1) * log(c) / log(floor)) with
    c = clip(x, floor, 1), so that equal ratios of strength lie equally far apart.  Halves round to even.

    Args:
        x: strengths, any shape; 1 and above fire at step 0.
        steps: T, may be 0.
        mode: one of LATENCY_MODES.
        floor: strength in (0, 1) that fires at the last step in the logarithmic form, like anything weaker.

    Returns:
        Spikes (T, *x.shape) of 0.0 and 1.0.

    Source: Thorpe, Fize & Marlot, "Speed of processing in the human visual system", Nature 381 (1996).
    """
    last = max(0, steps - 1)
    if mode == "linear":
        return latency_spikes(x, steps, "LINEAR", slope=last, silent=0.0)
    return latency_spikes(x, steps, "RATIO", slope=last / math.log(floor), least=floor, silent=0.0)


def latency_spikes(
    x: Tensor,
    steps: int,
    form: str,
    *,
    slope: float = 1.0,
    least: float = 0.0,
    silent: float = -math.inf,
    normalize: bool = False,
    strict: bool = False,
) -> Tensor:
    """One spike per element at step round(min(time, T - 1)), halves to even; none where x <= silent or NaN.

    Times by form, with c = clip(x, 0, 1) where not said otherwise:
    LINEAR (1 - max(c, least)) * slope;
    RATIO log(clip(x, least, 1)) * slope;
    CHARGING log(1 + least / max(x - least, 1e-7)) * slope, of any x, and with `normalize` the slope that brings
    the latest time of all to T - 1;
    EXPONENTIAL -log(c + (1 - c) * least).

    The ends are exact: RATIO at `least`, CHARGING with `normalize` at the lowest x, and EXPONENTIAL at 0 fire at T - 1.

    Args:
        x: strengths, any shape.
        steps: T, may be 0.
        form: one of LATENCY_FORMS.
        slope, least: of the form.
        silent: x must lie above it to fire.
        normalize: see CHARGING.
        strict: NaN where x is NaN or outside [0, 1] (CHARGING: negative).

    Returns:
        Spikes (T, *x.shape) of 0.0 and 1.0.
    """
    if form == "EXPONENTIAL":
        slope = least * 2.0**64  # so small that float32 does not hold it as it is
    s = empty((steps, *x.shape), on=x.engine)
    lowest = None
    if normalize and x.count:  # of those that fire
        fires = x if strict else where(binary("gt", x, -_LARGE), x, _LARGE)
        lowest = reduce("min", fires._alias((x.count,)), (0,), False)
    _LATENCY(
        x=x, lowest=lowest, s=s, n=x.count, steps=steps, latest=max(0, steps - 1), least=least, slope=slope,
        silent=max(silent, -_LARGE), FORM=LATENCY_FORMS.index(form), NORMALIZE=normalize, STRICT=strict,
    )  # fmt: skip
    return s.as_spikes()


def encode_delta(x: Tensor, threshold: float, *, padding: bool = False, off: bool = False) -> Tensor:
    """1.0 where x has risen by at least `threshold` since the step before, with `off` -1.0 where it has fallen so far.

    Args:
        x: signals (T, ...).
        threshold: positive.
        padding: whether the first step is compared with itself, else with 0.
        off: whether falls count.

    Returns:
        (T, ...).
    """
    s = empty(x.shape, on=x.engine)
    n = math.prod(x.shape[1:])
    _DELTA(x=x, s=s, n=n, all=x.count, threshold=threshold, OFF=off, PADDING=padding)
    return s


def encode_phase(x: Tensor, steps: int, period: int, *, strict: bool = False) -> Tensor:
    """The first `period` binary digits of clip(x, 0, 1) after the point as spikes, the highest first, repeating.

    1 itself has the digits of 1 - 2**-period, and NaN those of 0.

    Args:
        x: any shape.
        steps: T, may be 0.
        period: 1 to 31.
        strict: NaN where x is NaN or outside [0, 1].

    Returns:
        Spikes (T, *x.shape) of 0.0 and 1.0.
    """
    s = empty((steps, *x.shape), on=x.engine)
    _PHASE(x=x, s=s, n=x.count, steps=steps, period=period, STRICT=strict)
    return s


def digits(name: str, value: Any) -> int:
    """A period of the phase code: 1 to 31 steps."""
    number = arguments.size(name, value)
    if number > 31:
        raise ValueError(f"{name} must lie in [1, 31], got {number}")
    return number


def receptive_fields(x: Tensor, m: int, first: float, spacing: float, width: float) -> Tensor:
    """exp(-((x - centre) / width)**2 / 2) for m centres from `first` on, `spacing` apart: (...) to (..., m)."""
    y = empty((*x.shape, m), on=x.engine)
    numbers: dict[str, Any] = dict(n=x.count, m=m, first=first, spacing=spacing, width=width)
    _FIELDS(x=x, y=y, **numbers)
    kept = y._alias()  # not y: its node would keep itself alive

    def backward(g: Tensor) -> Tensor:
        gx = empty(x.shape, on=x.engine)
        _FIELDS_GRAD(x=x, y=kept, gy=g, gx=gx, work=kept.count, **numbers)
        return gx

    record("receptive_fields", (x,), (y,), backward, (x, kept))
    return y


def time_expand(x: Tensor, steps: int) -> Tensor:
    """x at every step: (...) to (T, ...), bit for bit; T may be 0."""
    y = empty((steps, *x.shape), x.dtype, x.engine)
    _EXPAND(x=x, y=y, n=x.count, steps=steps)
    shape = x.shape
    record("time_expand", (x,), (y,), lambda g: sum_to(g, shape), ())
    return marked(y.as_spikes(x.is_spikes), x)


def random_words(counter: Tensor, key: tuple[int, int]) -> Tensor:
    """Philox4x32-10 itself: four random words for each counter.

    Args:
        counter: uint32 (n, 4).
        key: two words in [0, 2**32).

    Returns:
        uint32 (n, 4).

    Raises:
        TypeError: counter is not uint32.
        ValueError: counter is not (n, 4).

    Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    if counter.dtype != np.uint32:
        raise TypeError(f"counter must be a uint32 tensor, not {counter.dtype}")
    arguments.shape("counter", counter.shape, ("n", 4))
    n = counter.shape[0]
    y = empty(counter.shape, np.uint32, counter.engine)
    _WORDS(counter=counter, y=y, n=n, key0=key[0], key1=key[1])
    return y
