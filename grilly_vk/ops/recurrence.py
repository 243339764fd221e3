"""Runs of the recurrences in equations/synapses.py, forward and backward, T steps in one dispatch each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..autograd import grad_enabled, record
from ..equations.printing import evaluate
from ..equations.recurrence import Recurrence
from ..equations.synapses import RECURRENCES
from ..runtime.kernel import Kernel, Span, spans
from ..tensor import Tensor, empty
from .reduce import reduce
from .surrogate import Slope, derivative

Constant = float | Tensor

_FORWARD = Kernel("snn-synapse-forward")
_BACKWARD = Kernel("snn-synapse-backward")
_MODELS = {model: {"MODEL": i} for i, model in enumerate(RECURRENCES)}
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
    live = grad_enabled() and count > 0
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
    common = {**_MODELS[model], "HELD": int(held), "LEARN": 0, "n": n, **_pair("{}0", firsts)}
    for i in range(4):
        constant = constants[i] if i < len(constants) else None
        tensor = constant.detach() if isinstance(constant, Tensor) else None
        common["LEARN"] |= (tensor is not None) << i
        common[f"c{i}"], common[f"k{i}"] = tensor, 0.0 if constant is None or tensor is not None else constant
    given = sum(1 << i for i, t in enumerate(starts) if t is not None)
    for start, stop, _ in pieces:
        _FORWARD(
            on, **common, x=x, y=y, left=kept[0], right=kept[1], **_pair("{}", ends), steps=stop - start, begun=start,
            given=given, STORE=sum(t is not None for t in kept),
        )  # fmt: skip
    if not wants:
        return y, *ends
    if model.keep[0] == model.output and reads:
        kept[0] = y._alias()  # a result must not keep itself alive
    past, x_shape = (x.detach() if "x" in reads else None), x.shape
    other = common["b0"] if past is None else past

    def backward(gy: Tensor | None, *g_ends: Tensor | None) -> Sequence[Tensor | None]:
        gx = empty(x_shape, on=on)
        before = [empty(shape, on=on) for _ in starts]
        gc = empty((len(constants), n), on=on) if learns else None
        ending = given | (_A_END if g_ends[0] is not None else 0) | (_B_END if g_ends[-1] is not None else 0)
        left, right, options = *kept, {"SURROGATE": 1, "DETACH": int(detach), "alpha": 0.0, "beta": 0.0}
        if slope is not None and model.spike is not None:
            own = not slope.given and not slope.suffix
            options |= {"SURROGATE": slope.code if own else 0, "alpha": slope.alpha, "beta": slope.beta}
            if not own:
                values = {model.spike.of: left, **{name: common[f"c{i}"] for i, name in enumerate(model.constants)}}
                right = derivative(evaluate(model.spike.distance, values, None), slope)
        for start, stop, _ in reversed(pieces):
            _BACKWARD(
                on, **common, gy=gy, x_or_b0=other, left=left, right=right, gx=gx, gc=gc, **_pair("g{}_end", g_ends),
                **_pair("g{}0", before), steps=stop - start, begun=start, given=ending, **options,
                SUMS=len(constants) if learns else 0, HAS_GY=int(gy is not None),
            )  # fmt: skip
            ending |= _LATER
        sums = reduce("sum", gc, (1,), keepdims=False) if gc is not None else None
        found: list[Tensor | None] = [gx, *(g for g, t in zip(before, starts) if t is not None)]
        for i, c in enumerate(constants):
            if isinstance(c, Tensor):
                found.append(sums._rows(i, i + 1)._alias(c.shape) if sums is not None and c.requires_grad else None)
        return found

    saved = [past, *kept[:1], *firsts, *(common[f"c{i}"] for i in range(4))]
    record(model.name, inputs, (y, *ends), backward, [t for t in saved if t is not None])
    return y, *ends


def _pair(name: str, tensors: Sequence[Tensor | None]) -> dict[str, Tensor | None]:
    """What belongs to states a and b, by name."""
    return {name.format(slot): tensors[i] if i < len(tensors) else None for i, slot in enumerate("ab")}
