"""Spiking nodes: T steps of charge, fire and reset in one dispatch, and backpropagation through time in another."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..autograd import grad_enabled, record
from ..equations import Expression, evaluate
from ..equations.neuron import NeuronModel
from ..equations.neurons import NODES
from ..equations.nodes_glsl import planes, source
from ..runtime import glsl
from ..runtime.kernel import Kernel, Span, spans
from ..tensor import Tensor, empty, from_numpy, full
from . import host_nodes
from .batch_norm import Norm
from .elementwise import add, binary
from .indexing import getitem
from .reduce import reduce
from .shape import broadcast_to
from .surrogate import Slope

_FORWARD = Kernel("snn-node-forward", fours="n m", cut="x? s h z trace")
_BACKWARD = Kernel("snn-node-backward", fours="n m", cut="h z d gs gtrace gx?")
_KERNELS = (_FORWARD, _BACKWARD)
MODELS = {model.title: (i, model) for i, model in enumerate(NODES)}  # with the kernels' constant MODEL
_wants = operator.attrgetter("requires_grad")
_LATE = {"subtract": 2, "zero": 3, "blank": 4, "none": 5}


def sample_of(what: str, own: tuple[int, ...], state: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a sample of this state, which what has a number for each neuron, of shape `own`, broadcasts to.

    Raises:
        ValueError: it doesn't.
    """
    sample = tuple(state[1:] if len(state) > len(own) else state)
    try:
        fits = np.broadcast_shapes(own, sample) == sample
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"one step of x has shape {state}, but {what} have shape {own}, which must broadcast to the last axes of a "
            "step"
        )
    return sample


class Each:
    """Settings with a number for each neuron; equal where the numbers are.

    Args:
        settings: 1 / tau, rest, threshold, reset, refractory steps and first potential, numbers or arrays that
            broadcast with each other; the shape of all of them is that of the last axes of a step.
    """

    def __init__(self, settings: Sequence[Any]) -> None:
        arrays = np.broadcast_arrays(*[np.asarray(a, np.float32) for a in settings])
        values = np.stack(arrays)
        self.shape = arrays[0].shape
        self.refractory = bool((values[4] > 0).any())
        self.table = from_numpy(values)
        self._key = self.shape, values.tobytes()

    def of(self, state: tuple[int, ...]) -> Tensor:
        """(6, ...) for each neuron of a sample of this state.

        Raises:
            ValueError: the settings don't fit.
        """
        sample = sample_of("the node's settings", self.shape, state)
        ones = (1,) * (len(sample) - len(self.shape))
        return broadcast_to(self.table._alias((6, *ones, *self.shape)), (6, *sample))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Each) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@dataclass(frozen=True)
class Dynamics:
    """How a node's potential moves; see equations/neurons.py for the formulas.

    Args:
        model: one of MODELS, or a model of the user's own.
        k: 1 / tau, in steps.
        decay_input: whether the leak divides the input too.
        v_threshold, v_reset: v_reset None subtracts the threshold instead (soft reset).
        numbers: the model's numbers, in the order of its record.
        detach_reset: no gradient through the reset.
        strict: a spike needs more than the threshold, [H > v_threshold].
        rest: what the leak of "lif" and its kin pulls to; None: v_reset, or 0 with a soft reset.
        each: settings of each neuron, in place of k, rest, v_threshold and v_reset.
        late: the reset comes with the next step, one of ops.late_reset.RESETS; for recurrent_nodes alone.
    """

    model: str | NeuronModel = "if"
    k: float = 1.0
    decay_input: bool = True
    v_threshold: float = 1.0
    v_reset: float | None = 0.0
    numbers: tuple[float, ...] = ()
    detach_reset: bool = False
    strict: bool = False
    rest: float | None = None
    each: Each | None = None
    late: str | None = None

    @property
    def record(self) -> NeuronModel:
        """The model's equations."""
        return MODELS[self.model][1] if isinstance(self.model, str) else self.model


def numbers_of(dynamics: Dynamics) -> dict[str, float]:
    """What kernels with shaders/include/node.glsl take of it as push constants."""
    numbers = (*dynamics.numbers, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)[:6]
    reset = 0.0 if dynamics.v_reset is None else dynamics.v_reset
    return {
        "k": dynamics.k, "rest": reset if dynamics.rest is None else dynamics.rest,
        "threshold": dynamics.v_threshold, "reset": reset,
        **{f"c{i}": c for i, c in enumerate(numbers)},
    }  # fmt: skip


def specs_of(dynamics: Dynamics, learns: bool) -> tuple[tuple[str, int], ...]:
    """What they take of it as specialization constants."""
    return (
        ("MODEL", MODELS[dynamics.model][0] if isinstance(dynamics.model, str) else 0),
        ("DECAY_INPUT", int(dynamics.decay_input)),
        ("HARD", int(dynamics.v_reset is not None) if dynamics.late is None else _LATE[dynamics.late]),
        ("LEARN", int(learns)),
    )  # fmt: skip


@functools.lru_cache(64)
def own_kernels(model: NeuronModel, surrogate: str = "", kernels: tuple[Kernel, Kernel] = _KERNELS) -> str:
    """What to add to the names of the nodes' kernels for a model of the user's own, which it compiles.

    Args:
        surrogate: the text of a surrogate of the user's own.
        kernels: those of the forward step and of its way back.

    Raises:
        RuntimeError: glslc is not installed. ValueError: it reports an error.
    """
    missing = f"the neuron model {model.title!r} becomes kernels, and glslc is not installed", "install it"
    return glsl.compiled(
        [kernel.name for kernel in (kernels[1:] if surrogate else kernels)],
        {"OWN_MODEL": "1"} | ({"SURROGATE_TEXT": surrogate} if surrogate else {}),
        {"own-model.glsl": source([model])},
        missing,
        lambda said: f"the neuron model {model.title!r} does not compile: {said}",
        f"the {'recurrent ' if kernels is not _KERNELS else ''}kernels of the neuron model {model.title!r}",
    )


def level_of(dynamics: Dynamics, each: Tensor | None = None) -> Tensor | float:
    """The level at which it fires, of models where that does not move; `each` is of every neuron, or None."""
    model = dynamics.record
    if model.level == Expression("name", ("threshold",)):
        return dynamics.v_threshold if each is None else each._rows(2, 3)._alias(each.shape[1:])
    numbers = numbers_of(dynamics)
    names: dict[str, Any] = {n: numbers[n] for n in ("rest", "threshold", "reset")}
    if each is not None:
        names |= dict(zip(("rest", "threshold", "reset"), each.numpy()[1:4]))
    names |= {"hard": dynamics.v_reset is not None, "decay_input": dynamics.decay_input}
    level = evaluate(model.level, {**names, **dict(zip(model.numbers, dynamics.numbers))}, np)
    if each is None or not np.ndim(level):
        return float(level)
    return from_numpy(np.asarray(level, np.float32), on=each.engine)


class Steps(NamedTuple):
    """What a run gives: spikes (T, ...), the state after it (...), and potentials of each step (T, ...) or None.

    left: refractory steps that are left after it (...), of neurons that have some.
    """

    spikes: Tensor
    v: Tensor
    u: Tensor | None
    v_seq: Tensor | None
    left: Tensor | None = None


State = Tensor | float


def node(
    x: Tensor,
    v: State,
    dynamics: Dynamics,
    slope: Slope,
    *,
    u: State = 0.0,
    w: Tensor | None = None,
    steps: int | None = None,
    store_v: bool | str = False,
    recompute: bool = False,
    held: bool = False,
    norm: Norm | None = None,
    left: State = 0.0,
) -> Steps:
    """Runs a layer of spiking nodes; all arguments are checked by the caller.

    Args:
        x: input (T, ...), or (...) for one step.
        v: the potential before the first step, (...) or one number for all.
        dynamics, slope: the neuron and its surrogate gradient.
        u: the second state (current, recovery or adaptation) of models that have one.
        w: the learnable number, one element; see `learn` of the model's record.
        steps: T, if x has a time axis.
        store_v: also return the potentials of each step, after the reset (True, "after") or before it ("before").
        held: x (...) is the input at every one of `steps` steps.
        norm: normalises x on its way in; x is the norm's, of any shape.
        recompute: keep the input for the backward pass and run the forward kernel again in it, instead of keeping
            the potentials.
        left: refractory steps that are left before the first step, (...) or one number for all.

    Returns:
        Spikes (T, ...) or, for one step, (...), the state after the last step, and the potentials.
    """
    if norm is not None and not norm.on_the_way:
        x, norm = norm.run().reshape(x.shape), None
    run = _Run(x, v, u, w, dynamics, steps, held, norm, left)
    spikes = run.room()
    v_seq = run.room() if store_v else None
    inputs = [x] if norm is None else norm.inputs
    inputs += [t for t in (v, u, w) if isinstance(t, Tensor)]
    wants = run.steps > 0 and grad_enabled() and any(map(_wants, inputs))
    early = store_v == "before"
    # What backward reads is what the caller gets, so it is stored once.
    both = early and wants and not recompute and run.planes == 1
    h, z = run.kept(v_seq._alias() if both and v_seq is not None else None) if wants and not recompute else (None, None)
    run.forward(x, spikes, h, z, None if both else v_seq, early)
    v_end, u_end = run.ends.pop()  # results, which must not be held by their own node
    assert v_end is not None
    spikes.is_spikes = True
    if wants:
        again = x.detach() if recompute else None
        outputs = [t for t in (spikes, v_end, u_end, v_seq) if t is not None]
        rule = _backward(run, slope, again, h, z, v, u, early)
        saved = [t for t in (again, h if both else None, *run.ends[0], w) if t is not None]
        if norm is not None:
            rule, saved = _through(norm, rule), saved + norm.read
        record(f"{run.model.title}_node", inputs, outputs, rule, saved)
    return Steps(spikes, v_end, u_end, v_seq, run.left_end)


def run_forward(x: Tensor, v: Tensor, dynamics: Dynamics) -> tuple[Tensor, Tensor, Tensor]:
    """The forward kernel by itself, over x (T, ...): spikes, the potential after it, and those before each reset."""
    run = _Run(x, v, 0.0, None, dynamics, x.shape[0])
    spikes, (h, _) = run.room(), run.kept()
    run.forward(x, spikes, h, None, None)
    end = run.ends[-1][0]
    assert end is not None
    return spikes, end, h


def run_backward(g: Tensor, h: Tensor, v: Tensor, dynamics: Dynamics, slope: Slope) -> tuple[Tensor, Tensor]:
    """The backward kernel by itself: from the gradient of the spikes (T, ...) to those of x and of v."""
    run = _Run(h, v, 0.0, None, dynamics, h.shape[0])
    if run.steps == 0:
        return run.room(), full(run.state, 0.0, on=run.engine)
    gx, gv = _backward(run, slope, None, h, None, v, 0.0)(g, None)
    assert gx is not None and gv is not None
    return gx, gv


class _Run:
    """One forward run: its numbers, and the states between the pieces that it went in (the first: before the run)."""

    def __init__(
        self,
        x: Tensor,
        v: State,
        u: State,
        w: Tensor | None,
        dynamics: Dynamics,
        steps: int | None,
        held: bool = False,
        norm: Norm | None = None,
        left: State = 0.0,
    ) -> None:
        self.engine, self.dynamics = x.engine, dynamics
        self.norm, self.table = norm, None if norm is None else norm.table()
        self.steps = 1 if steps is None else steps
        self.held = held
        self.state = x.shape if steps is None or held else x.shape[1:]
        self.shape = x.shape if steps is None else (steps, *self.state)
        self.n = math.prod(self.state)
        self.pieces = spans(self.engine, self.steps, self.n)  # for the way back too: what fits a submit may change
        self.model = dynamics.record
        self.two = self.model.second is not None
        self.planes = planes(self.model)
        self.own = "" if isinstance(dynamics.model, str) else own_kernels(dynamics.model)
        self.w = None if w is None else w.detach()
        self.learn = w is not None
        self.ends: list[tuple[Tensor | None, Tensor | None]] = [
            (v.detach() if isinstance(v, Tensor) else None, u.detach() if isinstance(u, Tensor) else None)
        ]
        start = 0.0 if isinstance(v, Tensor) else v
        self.numbers: dict[str, Any] = {**numbers_of(dynamics), "v_init": start}
        self.u_init = 0.0 if isinstance(u, Tensor) else u
        each = dynamics.each
        self.each = None if each is None else each.of(self.state)
        self.m = 0 if self.each is None else self.each.count // 6
        self.refractory = each is not None and each.refractory
        self.left = left.detach() if isinstance(left, Tensor) else left
        self.left_end: Tensor | None = None
        self.by_host = host_nodes.takes(self)
        self.specs: tuple[tuple[str, float], ...] = (
            *specs_of(dynamics, w is not None), ("STRICT", int(dynamics.strict)), ("HELD", int(held)),
            ("EACH", int(each is not None)), ("REFRACTORY", int(self.refractory)),
        )  # fmt: skip

    def room(self) -> Tensor:
        """Uninitialised (T, ...)."""
        return empty(self.shape, on=self.engine)

    def kept(self, h: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Room for what the backward pass reads: potentials (in h, if given), and distances to a moving threshold."""
        if h is None:
            h = self.room() if self.planes == 1 else empty((self.steps, self.planes, *self.state), on=self.engine)
        return h, self.room() if self.model.moves or self.refractory else None

    def launch(self, kernel: Kernel, span: Span, specs: Any, **arguments: Any) -> None:
        """One dispatch for some of the steps."""
        kernel(
            self.engine, n=self.n, steps=span, w=self.w, each=self.each, m=self.m, work=self.n, **self.numbers,
            **arguments, **dict((*self.specs, *specs)),
        )  # fmt: skip

    def forward(
        self,
        x: Tensor,
        s: Tensor | None,
        h: Tensor | None,
        z: Tensor | None,
        v_seq: Tensor | None,
        early: bool = False,
    ) -> None:
        """Steps through x, filling what is asked for, and notes the states at the ends of the pieces.

        early: v_seq gets the potentials before the reset.
        """
        del self.ends[1:]
        left = None
        if self.refractory:
            given = self.left
            left = given.copy() if isinstance(given, Tensor) else full(self.state, given, on=self.engine)
        if self.steps == 0:  # nothing happens, but the state is there
            v, u = self.ends[0]
            fill = [(v, self.numbers["v_init"]), (u, self.u_init)][: 1 + self.two]
            ends = [full(self.state, c, on=self.engine) if t is None else t.copy() for t, c in fill]
            self.ends.append((ends[0], ends[1] if self.two else None))
        norm: tuple[tuple[str, int], ...] = ()
        by_host = v_seq is None and self.by_host
        if self.norm is not None:
            norm = ("NORM", 1 + (self.norm.layout.own > 1)), ("SCALE", int(self.norm.scale is not None))
        trace = 0 if v_seq is None else 1 + early
        stores = (("STORE_S", int(s is not None)), ("STORE_H", int(h is not None)), ("STORE_V", trace))
        for span in self.pieces:
            v0, u0 = self.ends[-1]
            v = empty(self.state, on=self.engine)
            u = empty(self.state, on=self.engine) if self.two else None
            self.ends.append((v, u))
            if self.two and (v0 is None) != (u0 is None):  # one is given, the other starts at its number
                v0 = full(self.state, self.numbers["v_init"], on=self.engine) if v0 is None else v0
                u0 = full(self.state, self.u_init, on=self.engine) if u0 is None else u0
            if by_host:
                host_nodes.forward(self, span, x, v0, s, h, v, self._lines(span), dict(norm).get("NORM", 0))
                continue
            self.launch(
                _FORWARD.compiled(self.own), span, (*stores, *norm), given=int(v0 is not None),
                x=x, v0=v0, u0=u0, s=s, h=h, z=z, trace=v_seq, v=v, u=u, left=left, u_init=self.u_init,
                **self._lines(span),
            )  # fmt: skip
        self.left_end = left

    def _lines(self, span: Span) -> dict[str, Any]:
        """The table of the norm before the node in some of the steps, and which elements its lines are for."""
        if self.norm is None or self.table is None:
            return {"table": None, "scale": None, "inner": 1, "channels": 1}
        table, scale, layout = self.table, self.norm.scale, self.norm.layout
        if layout.own > 1:
            table = table._rows(span.start, span.stop)
        if scale is not None:
            scale = scale._rows(span.start, span.stop)
        return {"table": table, "scale": scale, "inner": layout.inner, "channels": layout.channels}


def _through(norm: Norm, rule: Callable[..., Sequence[Tensor | None]]) -> Callable[..., Sequence[Tensor | None]]:
    """The gradient rule of a node behind a norm: the gradient of the normalised x goes on to the norm's inputs."""

    def backward(*given: Tensor | None) -> Sequence[Tensor | None]:
        gy, *more = rule(*given)
        assert gy is not None
        return [*norm.backward(gy._alias(norm.x.shape)), *more]

    return backward


def potentials(h: Tensor, planes: int) -> Tensor:
    """Those of what the forward pass kept in so many planes, (T, ...)."""
    return h if planes == 1 else getitem(h, (slice(None), 0))


def _backward(
    run: _Run,
    slope: Slope,
    x: Tensor | None,
    h: Tensor | None,
    z: Tensor | None,
    v: State,
    u: State,
    early: bool = False,
) -> Callable[..., Sequence[Tensor | None]]:
    """The gradient rule: gradients of (spikes, v, [u], [v_seq]) to those of (x, [v], [u], [w])."""
    wants_v, wants_u = isinstance(v, Tensor), isinstance(u, Tensor)
    level = level_of(run.dynamics, run.each) if slope.given is not None and not run.model.moves else 0.0
    suffix = own_kernels(run.model, slope.text) if run.own and slope.text else run.own or slope.suffix

    def backward(gs: Tensor | None, gv: Tensor | None, *more: Tensor | None) -> Sequence[Tensor | None]:
        gu, gtrace = (more[0], more[1:]) if run.two else (None, more)
        kept, above = (h, z) if x is None else run.kept()
        if x is not None:
            run.forward(x, None, kept, above, None)
        assert kept is not None
        given = None
        if slope.given is not None:
            given = slope.given(above if above is not None else binary("sub", potentials(kept, run.planes), level))
        gx, sums, shares = run.room() if not run.held else None, [], []
        of_trace = gtrace[0] if gtrace else None
        by_host = of_trace is None and run.by_host and slope.kind in host_nodes.SLOPES
        for span, (v0, _) in reversed(list(zip(run.pieces, run.ends))):
            gend, guend = gv, gu
            gv, gu = empty(run.state, on=run.engine), empty(run.state, on=run.engine) if run.two else None
            gw = empty((run.n,), on=run.engine) if run.learn else None
            if run.held:
                gx = empty(run.state, on=run.engine)
                shares.append(gx)
            if by_host:
                assert gx is not None
                host_nodes.backward(run, span, slope, kept, gs, gend, gx, gv)
                continue
            specs = [("HAS_GS", int(gs is not None)), ("HAS_GTRACE", 0 if of_trace is None else 1 + early)]
            run.launch(
                _BACKWARD.compiled(suffix), span,
                (*specs, ("SURROGATE", slope.code), ("DETACH", int(run.dynamics.detach_reset))),
                given=int(v0 is not None) + 2 * int(gend is not None) + 4 * int(guend is not None),
                h=kept, z=above, d=given, v0=v0, gs=gs, gtrace=of_trace, gend=gend, guend=guend,
                gx=gx, gv=gv, gu=gu, gw=gw, alpha=slope.alpha, beta=slope.beta,
            )  # fmt: skip
            if gw is not None:
                sums.append(reduce("sum", gw, (0,), keepdims=False))
        found: list[Tensor | None] = [functools.reduce(add, shares) if shares else gx]
        found += [gv] if wants_v else []
        found += [gu] if wants_u else []
        if run.w is not None:
            found.append(functools.reduce(add, sums)._alias(run.w.shape))
        return found

    return backward
