"""Runs of the recurrences in equations/synapses.py, forward and backward, T steps in one dispatch each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..autograd import grad_enabled, record
from ..equations.printing import evaluate
from ..equations.recurrence import Recurrence
from ..equations.synapses import RECURRENCES, SYNAPSE_FILTER
from ..runtime.host import HostCall
from ..runtime.kernel import Kernel, Span, spans
from ..tensor import Tensor, empty
from .reduce import reduce
from .surrogate import Slope, derivative

Constant = float | Tensor

_FORWARD = Kernel("snn-synapse-forward")
_BACKWARD = Kernel("snn-synapse-backward")
_HOST_FILTER, _HOST_FILTER_GRAD = HostCall("host-filter"), HostCall("host-filter-grad")
_MODELS = {model: i for i, model in enumerate(RECURRENCES)}
_TENSORS = ("c0", "c1", "c2", "c3")  # constants as the kernels take them, or as numbers k0 to k3
_NO_CONSTANTS = {**dict.fromkeys(_TENSORS), **dict.fromkeys(("k0", "k1", "k2", "k3"), 0.0)}
_A_END, _B_END, _LATER = 4, 8, 16  # bits of `given` in the backward kernel, beside those of the first states


def run(
    model: Recurrence,
    x: Tensor,
    starts: Sequence[Tensor | None],
    constants: Sequence[Constant],
    steps: int | None,
    *,
    held: bool = False,
    slope: Slope | None = None,
    detach: bool = False,
) -> tuple[Tensor, ...]:
    """T steps of a recurrence.  All arguments are checked by the caller.

    Args:
        model: one of RECURRENCES.
        x: input (T, ...); (...) for one step.
        starts: states before the first step, (...), or None for the recurrence's own start.
        constants: numbers or one-element Tensors, which get gradients where the recurrence has no spike.
        steps: T; None: x is one step without a time axis.
        held: x is (...), the same at each of the T steps.
        slope: the surrogate of a spike.
        detach: whether gradients stop at a spike where it changes the state.

    Returns:
        The output (T, ...), or of x's shape where steps is None; the states after the last step (...).
    """
    on, count = x.engine, 1 if steps is None else steps
    shape = x.shape if held or steps is None else x.shape[1:]
    n = math.prod(shape)
    # The pieces are for the way back too: what fits a submit may change.
    pieces = list(spans(on, count, n)) or [Span(0, 0, 0)]
    inputs = [t for t in (x, *starts, *constants) if isinstance(t, Tensor)]
    live = grad_enabled()
    learns = live and model.spike is None and any(isinstance(c, Tensor) and c.requires_grad for c in constants)
    wants = live and any(t.requires_grad for t in inputs)
    reads = model.reads[learns] if wants else ()

    y = empty((count, *shape) if held else x.shape, on=on)
    ends = [empty(shape, on=on) for _ in starts]
    kept: list[Tensor | None] = [None, None]
    for i, name in enumerate(model.keep):
        if name in reads and name != model.output:  # the output is there anyway
            kept[i] = empty(y.shape, on=on)
    firsts = [None if t is None else t.detach() for t in starts]
    common = {**_NO_CONSTANTS, "MODEL": _MODELS[model], "HELD": held, "LEARN": 0, "n": n, **_pair("a0", "b0", firsts)}
    for i, (c, constant) in enumerate(zip(_TENSORS, constants)):
        if isinstance(constant, Tensor):
            common[c] = constant.detach()
            common["LEARN"] |= 1 << i
        else:
            common[f"k{i}"] = constant
    given = sum(1 << i for i, t in enumerate(starts) if t is not None)
    plain = model is SYNAPSE_FILTER and not held and not isinstance(constants[0], Tensor)
    hosted = plain and on.host_streams(n * count)
    if hosted:
        _HOST_FILTER(
            on, x=x, start=firsts[0], y=y, end=ends[0], n=n, steps=count, started=firsts[0] is not None,
            decay=constants[0], work=n * count,
        )  # fmt: skip
    for start, stop, _ in () if hosted else pieces:
        _FORWARD(
            on, **common, x=x, y=y, left=kept[0], right=kept[1], **_pair("a", "b", ends), steps=stop - start,
            begun=start, given=given, STORE=sum(t is not None for t in kept),
        )  # fmt: skip
    if not wants:
        return y, *ends
    if model.keep[0] == model.output and reads:
        kept[0] = y._alias()  # a result must not keep itself alive
    past, x_shape = (x.detach() if "x" in reads else None), x.shape
    other = common["b0"] if past is None else past
    own = [t is not None for t in starts]
    learnt = {i: c.shape if c.requires_grad else None for i, c in enumerate(constants) if isinstance(c, Tensor)}
    sums = len(constants) if learns else 0

    def backward(gy: Tensor | None, *g_ends: Tensor | None) -> Sequence[Tensor | None]:
        gx = empty(x_shape, on=on)
        before = [empty(shape, on=on) for _ in own]
        if hosted:
            _HOST_FILTER_GRAD(
                on, gy=gy, gend=g_ends[0], gx=gx, gstart=before[0], n=n, steps=count, has_gy=gy is not None,
                has_gend=g_ends[0] is not None, decay=constants[0], work=n * count,
            )  # fmt: skip
            return [gx, *(g for g, there in zip(before, own) if there)]
        gc = empty((sums, n), on=on) if sums else None
        ending = given | (_A_END if g_ends[0] is not None else 0) | (_B_END if g_ends[-1] is not None else 0)
        left, right, options = *kept, {"SURROGATE": 1, "DETACH": detach, "alpha": 0.0, "beta": 0.0}
        if slope is not None and model.spike is not None:
            ours = not slope.given and not slope.suffix
            options |= {"SURROGATE": slope.code if ours else 0, "alpha": slope.alpha, "beta": slope.beta}
            if not ours:
                values = {model.spike.of: left, **{name: common[c] for name, c in zip(model.constants, _TENSORS)}}
                right = derivative(evaluate(model.spike.distance, values, None), slope)
        for start, stop, _ in reversed(pieces):
            _BACKWARD(
                on, **common, gy=gy, x_or_b0=other, left=left, right=right, gx=gx, gc=gc,
                **_pair("ga_end", "gb_end", g_ends), **_pair("ga0", "gb0", before), steps=stop - start, begun=start,
                given=ending, **options, SUMS=sums, HAS_GY=gy is not None,
            )  # fmt: skip
            ending |= _LATER
        total = reduce("sum", gc, (1,), keepdims=False) if gc is not None else None
        found: list[Tensor | None] = [gx, *(g for g, there in zip(before, own) if there)]
        for i, of in learnt.items():
            found.append(None if total is None or of is None else total._rows(i, i + 1)._alias(of))
        return found

    saved = [past, *kept[:1], *firsts, *(common[c] for c in _TENSORS)]
    record(model.name, inputs, (y, *ends), backward, [t for t in saved if t is not None])
    return y, *ends


def _pair(a: str, b: str, tensors: Sequence[Tensor | None]) -> dict[str, Tensor | None]:
    """What belongs to the first state, and to the second where there is one."""
    return {a: tensors[0], b: tensors[1] if len(tensors) > 1 else None}
