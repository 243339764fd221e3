"""Neurons that leave a trace: T steps of potential, spike, trace, threshold and refractory time in one dispatch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..runtime.kernel import Kernel
from ..tensor import BOOL, FLOAT32, Tensor, empty
from .elementwise import cast

MODELS = ["input", "linear", "exponential", "if"]  # as in shaders/snn-trace-neuron.glsl
_NEURON = Kernel("snn-trace-neuron", cut="x many pre s y")
_LINE = Kernel("snn-trace-line")
_HOW = {"linear": 1, "exponential": 2, None: 0}


@dataclass(frozen=True)
class Numbers:
    """The numbers of one kind of neuron; k is a decay factor (linear) or dt / tau (exponential).

    Args:
        model: one of MODELS.
        trace: "linear" or "exponential".
        adapt: the same for the threshold, None where it is fixed.
        hold: refractory time after a spike, in the unit of dt.
    """

    model: str
    trace: str
    alpha_t: float
    k_t: float
    rest: float = 0.0
    alpha_v: float = 0.0
    k_v: float = 0.0
    adapt: str | None = None
    alpha_thresh: float = 0.0
    k_thresh: float = 0.0
    dt: float = 1.0
    hold: float = 0.0


@dataclass(frozen=True)
class State:
    """What is updated in place, all of one shape (...); of input neurons trace and spikes alone."""

    trace: Tensor
    v: Tensor | None = None
    refrac: Tensor | None = None
    thresh: Tensor | None = None
    center: Tensor | None = None  # where an adaptive threshold goes back to; only read
    spikes: Tensor | None = None  # of the last step, bool


def trace_neurons(x: Tensor, state: State, numbers: Numbers, pre: Tensor | None = None) -> tuple[Tensor | None, Tensor]:
    """Runs neurons over x (T, ...) or (T, ..., m), whose last axis is summed, updating the state in place.

    All arguments are checked by the caller.

    Args:
        x: float32 or bool.
        state: tensors (...).
        numbers: the neuron.
        pre: taken off x before the sum, float32 of x's shape, or None.

    Returns:
        Spikes, bool (T, ...), None of input neurons; and the traces after each step, float32 (T, ...).
    """
    shape = state.trace.shape
    steps, n = x.shape[0], math.prod(shape)
    folding = x.ndim > len(shape) + 1 or pre is not None
    m = math.prod(x.shape[len(shape) + 1 :])
    traces = empty((steps, *shape), on=x.engine)
    own = None if numbers.model == "input" else empty((steps, *shape), BOOL, x.engine)
    held = (state.trace, state.v, state.refrac, state.thresh, state.spikes)
    own_numbers = {name: value for name, value in vars(numbers).items() if name not in ("model", "adapt", "trace")}
    _NEURON(
        x=None if folding else x, many=x if folding else None, pre=pre, center=state.center, v=state.v,
        trace=state.trace, refrac=state.refrac, thresh=state.thresh, last_s=state.spikes, s=own, y=traces, n=n,
        steps=steps, m=m, work=n * m, **own_numbers, MODEL=MODELS.index(numbers.model), TRACE=_HOW[numbers.trace],
        ADAPT=_HOW[numbers.adapt], BITS=x.dtype is BOOL, FOLD=folding, PRE=pre is not None,
    )  # fmt: skip
    for tensor in held:
        if tensor is not None and steps:
            tensor.version += 1
    if own is not None:
        own.is_spikes = True
    return own, traces


def delay_line(x: Tensor, kept: Tensor | None) -> Tensor:
    """What x (T, n...) and the steps before it look like to a synapse with a delay: float32 (lag + T, n...).

    Args:
        x: float32 or bool.
        kept: the last `lag` steps before x, (lag, n...), which become the last steps of x; None without delays.
    """
    if kept is None:
        return cast(x, FLOAT32)
    lag, steps, n = kept.shape[0], x.shape[0], math.prod(x.shape[1:])
    line = empty((lag + steps, *x.shape[1:]), on=x.engine)
    _LINE(x=x, kept=kept, line=line, n=n, steps=steps, lag=lag, work=(lag + steps) * n, BITS=x.dtype is BOOL)
    kept.version += 1
    return line
