"""Spiking nodes that hear their own spikes of the step before: all T steps of node, weights and synapse as one op.

Where the device is the host's CPU, a large product with the weights is the host's, and a step is that and one dispatch.
Where lanes share loads (lavapipe) a step is one dispatch, the product with the weights and the node's step behind it;
elsewhere a workgroup takes a sample through all steps, or above SMALL units a step is one dispatch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..autograd import grad_enabled, record
from ..equations.nodes_glsl import planes
from ..runtime.engine import Engine
from ..runtime.kernel import Kernel, Span, spans
from ..tensor import Tensor, empty, full
from .core_run import SMALL, by_host_in_steps, by_products, room_for
from .elementwise import add
from .layout import width_of
from .matmul import _NN, _NT, _TN, by_host, product
from .nodes import Dynamics, State, level_of, numbers_of, own_kernels, potentials, specs_of
from .reduce import reduce
from .shape import permute
from .stepped_cores import row
from .surrogate import Slope

_WALKED = 256  # units that are no multiple of four: with more, lavapipe's walk over weights loses against products

_WALKS = (
    Kernel("snn-recurrent-node-forward", over="", fours=None, cut="x s h fs"),
    Kernel("snn-recurrent-node-backward", over="", fours=None, cut="h d gs gx gi fs gtrace"),
)
_LANES = (
    Kernel("snn-node-forward-lanes", over="", fours=None, cut="x s h fs"),
    Kernel("snn-node-backward-lanes", over="", fours=None, cut="h d gs gx gi fs gtrace"),
)

_STEPS = (
    Kernel("snn-node-step-forward", over="", fours=None, cut="x s h fs"),
    Kernel("snn-node-step-backward", over="", fours=None, cut="h d gs gx gi fs gtrace"),
)


def pays(engine: Engine, units: int) -> bool:
    """Whether one op is faster than a node and a product in turn, with their gradients."""
    return units % 4 == 0 or units <= _WALKED or not by_products(engine)


class RecurrentSteps(NamedTuple):
    """What a run gives: spikes (T, ..., n), after it the potential and the synapse's state (..., n), and potentials."""

    spikes: Tensor
    v: Tensor
    f: Tensor | None
    v_seq: Tensor | None = None


@dataclass(frozen=True)
class Feedback:
    """The way from the spikes of a step to the input of the next.

    Args:
        weight, bias: (n, n), to and from, and (n,) or None.
        decay: of the exponential synapse on that way, one element; None: there is none.
        whole: the input goes through that synapse too.
    """

    weight: Tensor
    bias: Tensor | None = None
    decay: Tensor | None = None
    whole: bool = False


def recurrent_node(
    x: Tensor,
    v: State,
    y: Tensor | None,
    f: State,
    dynamics: Dynamics,
    slope: Slope,
    feedback: Feedback,
    *,
    w: Tensor | None = None,
    recompute: bool = False,
    store_v: bool = False,
) -> RecurrentSteps:
    """s[t] = node(x[t] + f[t]), f[t] = weight s[t-1] + bias or, with a synapse, decay f[t-1] + that.

    With `feedback.whole`: s[t] = node(f[t]), f[t] = decay f[t-1] + x[t] + weight s[t-1] + bias.

    All arguments are checked by the caller.

    Args:
        x: input (T, ..., n), at least one step.
        v: the potential before the first step, (..., n) or one number for all.
        y: s[-1], (..., n); None: 0.
        f: the synapse before the first step, likewise.
        dynamics, slope: of the node; a model of one state.
        w: the node's learnable number, as in `nodes.node`.
        recompute: keep the input for the backward pass and run forward again in it, instead of keeping the potentials.
        store_v: also return the potentials before the reset, (T, ..., n).
    """
    run = _RecurrentRun(x, v, y, f, dynamics, feedback, w)
    inputs = [t for t in (x, v, y, f, feedback.weight, feedback.bias, feedback.decay, w) if isinstance(t, Tensor)]
    wants = grad_enabled() and any(t.requires_grad for t in inputs)
    spikes = run.room()
    kept = run.kept() if wants and not recompute else None
    v_seq = None if not store_v else kept[0]._alias() if kept is not None else run.room()
    v_end, f_end = run.forward(x.detach(), spikes, (v_seq, None) if kept is None else kept)
    spikes.is_spikes = True
    if wants:
        again = x.detach() if recompute else None
        held = spikes._alias()  # a result must not be held by its own node
        outputs = [t for t in (spikes, v_end, f_end, v_seq) if t is not None]
        wanted = [isinstance(t, Tensor) and t.requires_grad for t in (y, feedback.weight, feedback.bias)]
        rule = _backward(run, slope, again, held, kept, wanted)
        seen = kept[0] if store_v and kept is not None else None
        needed = (again, held, seen, run.v, run.y, run.f, run.weight, run.bias, run.decay, w)
        record(f"recurrent_{dynamics.record.title}_node", inputs, outputs, rule, [
            t for t in needed if isinstance(t, Tensor)
        ])  # fmt: skip
    return RecurrentSteps(spikes, v_end, f_end, v_seq)


def _off(value: Any) -> Any:
    """A tensor off the tape; a number as it is."""
    return value.detach() if isinstance(value, Tensor) else value


class _RecurrentRun:
    """One run: sizes, constants, the state before it, and the pieces of steps that it goes in."""

    def __init__(
        self,
        x: Tensor,
        v: State,
        y: Tensor | None,
        f: State,
        dynamics: Dynamics,
        feedback: Feedback,
        w: Tensor | None,
    ) -> None:
        self.engine, self.dynamics = x.engine, dynamics
        self.steps, self.shape, self.state = x.shape[0], x.shape, x.shape[1:]
        self.units = x.shape[-1]
        self.n = math.prod(self.state)
        self.rows = self.n // self.units
        self.v, self.y, self.f, self.w = _off(v), _off(y), _off(f), _off(w)
        self.weight, self.bias, self.decay = _off(feedback.weight), _off(feedback.bias), _off(feedback.decay)
        self.whole = feedback.whole
        self.sizes = 1, self.rows, self.units, self.units, (0, 0)  # of the product with the weights
        self.sums_decay = feedback.decay is not None and feedback.decay.requires_grad
        self.hosted = by_host_in_steps(self.engine, self.rows, self.units)
        self.stepped = not self.hosted and by_products(self.engine) and self.units % 4 == 0
        self.kernels = _STEPS if self.hosted else _LANES if self.stepped else _WALKS
        self.planes = planes(dynamics.record)
        self.work = self.n * max(1, self.units // 8)
        whole = self.units <= SMALL and not (self.stepped or self.hosted)
        self.pieces = spans(self.engine, self.steps, self.work, None if whole else 1)
        self.models = (*specs_of(dynamics, w is not None), ("STRICT", int(dynamics.strict)))
        self.numbers: dict[str, Any] = {**numbers_of(dynamics), "w": self.w, "decay": self.decay}

    def room(self) -> Tensor:
        """Uninitialised (T, ..., n)."""
        return empty(self.shape, on=self.engine)

    def kept(self) -> tuple[Tensor, Tensor | None]:
        """Room for what the backward pass reads: potentials, maybe inputs, and the synapse before each step."""
        h = self.room() if self.planes == 1 else empty((self.steps, self.planes, *self.state), on=self.engine)
        return h, self.room() if self.sums_decay else None

    def compiled(self, place: int, surrogate: str = "") -> Kernel:
        """The kernel of the forward step or of its way back, with the texts of the user's own."""
        kernel, model = self.kernels[place], self.dynamics.model
        if not isinstance(model, str):
            return kernel.compiled(own_kernels(model, surrogate, self.kernels))
        return kernel.with_text("SURROGATE_TEXT", surrogate, name="derivative") if surrogate else kernel

    def beginning(self, value: State) -> Tensor:
        """A state before the first step, in memory of its own."""
        return value.detach().copy() if isinstance(value, Tensor) else full(self.state, value, on=self.engine)

    def launch(self, kernel: Kernel, specs: Any, span: Span, tensors: Mapping[str, Any], **more: Any) -> None:
        """One dispatch for some of the steps."""
        own = {"rows": self.rows, "steps": span, "work": self.work, **self.numbers, **tensors, **more}
        if self.stepped:
            rows, items = self.engine.tuning.lane_tiles(self.rows, self.units)
            own |= {"ROWS": rows, **dict((*self.models, *specs))}
            kernel(items=items, units=self.units // 4, tiles=1, vec4=False, **own)
            return
        wide = width_of(self.units, *tensors.values())
        if self.hosted:
            own |= {"units": self.units // wide, "tiles": 1, "vec4": wide == 4, **dict((*self.models, *specs))}
            kernel(items=self.n // wide, **own)
            return
        tiles = 1 if self.units <= SMALL else -(-self.units // (wide * self.engine.local))
        if "backward" in kernel.name:
            space = room_for(self.units) if tiles == 1 else self.engine.local * wide
            room = ("SPACE", max(1, space // wide))
        else:
            room = ("WORDS", room_for(self.units) // 32)
        kernel(
            items=self.n, groups=min(self.rows * tiles, 65535), units=self.units // wide, tiles=tiles, vec4=wide == 4,
            **own, **dict((*self.models, *specs, room)),
        )  # fmt: skip

    def forward(self, x: Tensor, spikes: Tensor, kept: tuple[Tensor | None, Tensor | None]) -> tuple[Any, Any]:
        """Steps through x, filling spikes and what is asked for; the states after the last step."""
        h, fs = kept
        v, f = self.beginning(self.v), None if self.decay is None else self.beginning(self.f)
        weight = self.weight if self.hosted else permute(self.weight, (1, 0))
        bias, prev = self.bias, self.y
        kernel, came = self.compiled(0), 0
        if self.stepped:
            x, bias, prev = (self.loadable(t) for t in (x, bias, self.beginning(0.0 if prev is None else prev)))
        elif prev is not None:  # what y holds need not be 0 and 1
            prev = prev if self.hosted else product(_NT, prev, self.weight, *self.sizes)
            came = 2
        way = 0 if self.decay is None else 1 + self.whole
        stores = (("STORE_H", int(h is not None)), ("STORE_F", int(fs is not None)))
        specs = (("FILTER", way), ("BIAS", int(bias is not None)), *stores)
        tensors = {"x": x, "s": spikes, "h": h, "fs": fs, "v": v, "f": f, "weight": weight, "bias": bias}
        for span in self.pieces:
            before = row(spikes, span.start - 1) if span.start else prev
            if self.hosted and before is not None:
                before = by_host(_NT, before, self.weight, *self.sizes)
            self.launch(kernel, specs, span, {**tensors, "prev": before}, came=1 if span.start else came)
        return v, f

    def loadable(self, t: Tensor | None) -> Any:
        """The tensor, or a copy from which four elements at a time can be read."""
        return t if t is None or width_of(t.count, t) == 4 else t.detach().copy()


def _backward(
    run: _RecurrentRun,
    slope: Slope,
    x: Tensor | None,
    spikes: Tensor,
    kept: tuple[Tensor, Tensor | None] | None,
    wanted: Sequence[bool],
) -> Callable[..., Sequence[Tensor | None]]:
    """The gradient rule: of (spikes, v, [f], [v_seq]) to those of (x, [v], [y], [f], weight, [bias], [decay], [w])."""

    def backward(gs: Tensor | None, gv: Tensor | None, *more: Tensor | None) -> Sequence[Tensor | None]:
        gf = more[0] if run.decay is not None else None
        of_trace = more[-1] if len(more) > (run.decay is not None) else None
        h, fs = kept or run.kept()
        if x is not None:
            run.forward(x, run.room(), (h, fs))
        sums = full((2, *run.state), 0.0, on=run.engine) if run.w is not None or run.sums_decay else None
        gx, gi, gv, gf = _through(run, slope, h, fs, gs, gv, gf, of_trace, sums)
        n = run.units
        found: list[Tensor | None] = [gi if run.whole else gx]
        found += [gv] if isinstance(run.v, Tensor) else []
        if run.y is not None:
            gy = product(_NN, gi._rows(0, 1), run.weight, 1, run.rows, n, n, (0, 0)) if wanted[0] else None
            found.append(None if gy is None else gy._alias(run.state))
        found += [gf] if isinstance(run.f, Tensor) else []
        found.append(_of_weight(run, gi, spikes) if wanted[1] else None)
        if run.bias is not None:
            flat = gi._alias((run.steps * run.rows, n))
            found.append(reduce("sum", flat, (0,), keepdims=False) if wanted[2] else None)
        for constant, place in ((run.decay, 1), (run.w, 0)):
            if constant is not None:
                some = None if sums is None else sums._rows(place, place + 1)._alias((run.n,))
                found.append(None if some is None else reduce("sum", some, (0,), keepdims=False)._alias(constant.shape))
        return found

    return backward


def _of_weight(run: _RecurrentRun, gi: Tensor, spikes: Tensor) -> Tensor:
    """The gradient of the weight: that of each step's current times the spikes of the step before."""
    n, parts = run.units, []
    if run.steps > 1:
        late, early = gi._rows(1, run.steps), spikes._rows(0, run.steps - 1)
        parts.append(product(_TN, late, early, 1, n, n, (run.steps - 1) * run.rows, (0, 0)))
    if run.y is not None:
        parts.append(product(_TN, gi._rows(0, 1), run.y, 1, n, n, run.rows, (0, 0)))
    return functools.reduce(add, parts)._alias((n, n)) if parts else full((n, n), 0.0, on=run.engine)


def _through(
    run: _RecurrentRun,
    slope: Slope,
    h: Tensor,
    fs: Tensor | None,
    gs: Tensor | None,
    gv: Tensor | None,
    gf: Tensor | None,
    gtrace: Tensor | None,
    sums: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Back through time: gradients of x and of the current that came by the weights, and of the first states."""
    kernel, d = run.compiled(1, slope.text), None
    if slope.given is not None:
        d = slope.given(potentials(h, run.planes) - level_of(run.dynamics))
    own = run.decay is not None  # the current's gradient is not the input's
    gx = run.room()
    gi = run.room() if own else None
    gv = run.beginning(0.0 if gv is None else gv)
    gf = run.beginning(0.0 if gf is None else gf) if own else None
    first, weight = run.beginning(run.v), run.weight
    later = None
    if run.stepped:
        d, gs, gtrace, weight = (run.loadable(t) for t in (d, gs, gtrace, weight))
        later = run.beginning(0.0)
    specs = (
        ("FILTER", int(own)), ("SURROGATE", slope.code), ("DETACH", int(run.dynamics.detach_reset)),
        ("HAS_GS", int(gs is not None)), ("SUM_DECAY", int(run.sums_decay)), ("HAS_GTRACE", int(gtrace is not None)),
    )  # fmt: skip
    tensors = {"h": h, "d": d, "gs": gs, "gx": gx, "gi": gi, "fs": fs, "gtrace": gtrace}
    tensors |= {"weight": weight, "gv": gv, "gf": gf, "sums": sums}
    for span in reversed(run.pieces):
        if span.stop < run.steps:
            later = row(gi if gi is not None else gx, span.stop)
            if run.hosted and later is not None:
                later = by_host(_NN, later, weight, *run.sizes)
        before = row(h, span.start - 1) if span.start else first
        run.launch(
            kernel, specs, span, {**tensors, "before": before, "later": later},
            given=int(span.start == 0) + 2 * int(later is not None), alpha=slope.alpha, beta=slope.beta,
        )  # fmt: skip
    return gx, gx if gi is None else gi, gv, gf
