"""Kernels as operations declare and call them: a call chooses the variant and cuts long runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from . import glsl
from .engine import Engine
from .kernels import Kernels, Pipeline
from .memory import Part
from .spirv import Interface, SpirvError

REGISTRY: dict[str, Kernel] = {}  # every declared kernel, by name
_SUFFIX = {1: "", 4: ".vec4", 8: ".vec8"}  # of the variants, by elements a load
_Over = str | Callable[[Mapping[str, Any]], int]


class Span(NamedTuple):
    """Steps start..stop of a run of `steps` steps."""

    start: int
    stop: int
    steps: int


def spans(on: Engine, steps: int, work: int, most: int | None = None, every: int = 1) -> list[Span]:
    """A run in pieces, each small enough for one submit.

    Args:
        on: the device.
        steps: of the run.
        work: of one step, in element-steps.
        most: steps that a piece may have.
        every: pieces begin at multiples of it.
    """
    size = every * on.steps_per_submit(work * every)
    if most is not None:
        size = max(1, min(size, most))
    if 0 < steps <= size:
        return [Span(0, steps, steps)]
    return [Span(start, min(steps, start + size), steps) for start in range(0, steps, size)]


class Kernel:
    """One shader, and what its SPIR-V does not say: over what it runs, and which of its numbers and tensors are cut.

    Calling it issues its dispatch, or several where a run is long.  Arguments go by the shader's names: a tensor for
    each binding (None for one that this variant does not use), a number for each push constant, and a number or bool
    for each specialization constant, in capitals, that differs from the shader's default.  Filled in are offsets, the
    number `draw` of a random operation, CHUNK and BLOCK (shaders/include/blocks.glsl) and TEAM (team.glsl).

    The variant of four elements a load is taken where the build made one, the numbers in `fours` are multiples of
    four, and so is the place of each tensor that it reads by fours.

    Args:
        name: of the shader's file.
        over: what it has an invocation for: names of numbers that are multiplied (a binding's stands for its number
            of elements), or a function of all arguments.
        fours: names of the numbers that count elements, which are a quarter in the variant of four; a name that is
            none of the shader's is only looked at.  None: the caller chooses, by an argument `vec4`, and quarters.
            The variant of eight, where the build made one, takes fours two at a time: on devices that like it, unless
            an argument `eights` forbids it.
        team: each takes a workgroup; where the shader has TEAM (shaders/include/team.glsl), each is a row of `n`
            elements that lie `inner` apart, if there is such a number, and only long ones take one.
        cut: names of the tensors (T, ...) that are cut to the steps of a piece; one with a question mark behind it
            may be the same at all steps, and is cut only where it has `n` elements for each of them.
        steps: name of the number that is cut.
        first: name of the number that is the first step of a piece, less what the caller gives for it.
        every: pieces begin at multiples of it.
    """

    def __init__(
        self,
        name: str,
        over: _Over = "n",
        *,
        fours: str | None = "n",
        team: bool = False,
        cut: str = "",
        steps: str = "steps",
        first: str = "",
        every: int = 1,
    ) -> None:
        self.name = name
        self._declared: dict[str, Any] = {
            "over": over, "fours": fours, "team": team, "cut": cut, "steps": steps, "first": first, "every": every
        }  # fmt: skip
        self._over = tuple(over.split()) if isinstance(over, str) else over
        self._one = "n" if over == "n" else ""  # the most usual, looked up at once
        self._fours = () if fours is None else tuple(fours.split())
        self._chosen = fours is None
        self.team = team
        self._cut = tuple(cut.split())
        self._steps, self._every = steps, every
        self._first = first
        self._texts: dict[tuple[str, str], str] = {}  # suffixes
        self._compiled: dict[str, Kernel] = {}
        if "~" not in name:
            REGISTRY.setdefault(name, self)

    def __repr__(self) -> str:
        return f"Kernel({self.name!r})"

    @property
    def runs(self) -> str:
        """What it has an invocation or a workgroup for, and what is cut where a run is long, to be read."""
        over = " x ".join(self._over) if isinstance(self._over, tuple) else "what its numbers come to"
        cut = f", by {self._steps}: {' '.join(self._cut)}" if self._cut else ""
        return f"{over or 'what the operation says'}{cut}"

    def with_text(self, macro: str, text: str, *, name: str) -> Kernel:
        """The kernel compiled with a macro of the shader defined as the user's text; see `glsl.with_definition`."""
        key = (macro, text)
        if key not in self._texts:
            self._texts[key] = glsl.with_definition((self.name,), macro, text, name=name)
        return self.compiled(self._texts[key])

    def compiled(self, suffix: str) -> Kernel:
        """The module that was compiled under the kernel's name and this suffix, itself without one; see glsl.py."""
        if not suffix:
            return self
        if suffix not in self._compiled:
            self._compiled[suffix] = Kernel(self.name + suffix, **self._declared)
        return self._compiled[suffix]

    def __call__(self, on: Engine | None = None, /, **arguments: Any) -> None:
        """Issues the kernel.

        Args:
            on: the device; default that of the first tensor.
            arguments: tensors, numbers and constants, by name, and if wanted

                - items: invocations, instead of those that `over` says;
                - work: element-steps, for splitting submits, of a kernel with `cut` those of one step; default the
                  items;
                - groups: exact number of workgroups, instead of the one that follows from the items;
                - LOCAL: invocations of a workgroup, instead of what suits the device;
                - extents: as in `Engine.issue`.

                Of a kernel with `cut`, the number `steps` is T, and the run goes in pieces if one is too long; or it is
                the Span that the tensors are to be cut to.

        Raises:
            KeyError: an argument that the kernel needs is missing.
            SpirvError: a constant that the kernel has not.
        """
        if on is None:
            for given in arguments.values():
                on = getattr(given, "engine", None)
                if on is not None:
                    break
            assert on is not None
        if self._cut and type(arguments[self._steps]) is not Span:
            steps, each = arguments[self._steps], arguments.get("work") or self._items(arguments)
            if on.steps_per_submit(each * self._every) * self._every < steps:
                for span in spans(on, steps, each, every=self._every):
                    self(on, **{**arguments, self._steps: span})
                return
            arguments[self._steps] = Span(0, steps, steps)
        with on.lock:
            face = on.kernels.faces.get(self) or _face(on.kernels, self)
            buffers = []
            for name in face.bindings:
                given = arguments[name]
                buffers.append(on.control if given is None else given.buffer)
            work = arguments.get("work")
            if self._cut:
                work = self._to_span(face, buffers, arguments)
            pipelines, wide = face.pipelines, 1
            if self._chosen:
                if arguments["vec4"]:
                    pipelines, wide = face.by_fours, 4
            elif face.places is not None:
                for number in self._fours:
                    if arguments[number] & 3:
                        break
                else:
                    for place in face.places:
                        if buffers[place].offset & 15:
                            break
                    else:
                        pipelines, wide = face.by_fours, 4
                        for number in self._fours:
                            arguments[number] >>= 2
            if wide == 4 and face.eights and on.eights and arguments.get("eights", True):
                for place in face.places or ():
                    if buffers[place].offset & 31:
                        break
                else:
                    pipelines, wide = face.by_eights, 8
            items = arguments[self._one] if self._one else self._items(arguments)
            if items <= 0:
                return
            if face.shares:
                items = self._shared(on, face, arguments, items, min(wide, 4))
            # Which arguments there are tells a call with a misspelt constant from one without that constant.
            key: Any = tuple(arguments)
            if face.constants:
                key = (key, *map(arguments.get, face.constants))
            pipeline = pipelines.get(key)
            local = arguments.get("LOCAL") or on.local
            if pipeline is None or pipeline.local != local:
                pipeline = pipelines[key] = self._pipeline(on, face, wide, local, arguments)
            if self._chosen:
                pipeline.aligned(buffers)
            on.issue(pipeline, buffers, arguments, items, work)

    def _items(self, arguments: Mapping[str, Any]) -> int:
        """What `over` comes to, or what the caller said."""
        if "items" in arguments:
            return int(arguments["items"])
        if callable(self._over):
            return self._over(arguments)
        items = 1
        for name in self._over:
            given = arguments[name]
            items *= given if type(given) is int else getattr(given, "count", given)
        return items

    def _to_span(self, face: _Face, buffers: list[Any], arguments: dict[str, Any]) -> int:
        """Cuts what is to be cut; the work of the piece."""
        start, stop, steps = arguments[self._steps]
        arguments[self._steps] = stop - start
        if self._first:
            arguments[self._first] = arguments.get(self._first, 0) + start
        if stop - start < steps:
            for place, name in enumerate(face.bindings):
                given = arguments[name]
                if given is None or (name not in self._cut and f"{name}?" not in self._cut):
                    continue
                if name in self._cut or given.count >= arguments["n"] * steps:
                    row = 4 * given.count // steps
                    buffers[place] = Part(buffers[place], start * row, (stop - start) * row)
        return (stop - start) * (arguments.get("work") or self._items(arguments))

    def _shared(self, on: Engine, face: _Face, arguments: dict[str, Any], items: int, wide: int) -> int:
        """How invocations share out the items: what the device likes.  The invocations wanted."""
        if face.walks:
            arguments["CHUNK"], arguments["BLOCK"] = on.tuning.blocks(items)
            return -(-items // arguments["CHUNK"])
        if "TEAM" in face.constants:  # by the row and the device alone: the same bits in every batch
            least = on.tuning.column if arguments.get("inner", 1) > 1 else on.tuning.row
            arguments["TEAM"] = arguments["n"] * wide >= least
            return items * on.local if arguments["TEAM"] else items
        return items * on.local

    def _pipeline(self, on: Engine, face: _Face, wide: int, local: int, arguments: Mapping[str, Any]) -> Pipeline:
        unknown = sorted(name for name in arguments if name.isupper() and name not in ("LOCAL", *face.constants))
        if unknown:
            raise SpirvError(f"kernel {self.name!r} has no specialization constant {unknown}")
        specs = tuple((name, arguments[name]) for name in face.constants if arguments.get(name) is not None)
        return on.kernels.pipeline(self.name + _SUFFIX[wide], specs, local)


class _Face:
    """What a device's SPIR-V says of a kernel, and its pipelines by the values of the constants."""

    __slots__ = ("bindings", "by_eights", "by_fours", "constants", "eights", "pipelines", "places", "shares", "walks")

    def __init__(self, scalar: Interface, vec4: Interface | None, eights: bool, team: bool) -> None:
        self.bindings = tuple(b.name for b in scalar.bindings)
        self.constants = tuple(s.name for s in scalar.specs if s.name != "LOCAL")
        self.walks = "CHUNK" in self.constants
        self.shares = team or self.walks
        # which bindings the variant of four reads by fours
        self.places = None if vec4 is None else [i for i, b in enumerate(vec4.bindings) if b.stride == 16]
        self.pipelines: dict[Any, Pipeline] = {}
        self.by_fours: dict[Any, Pipeline] = {}
        self.eights = eights
        self.by_eights: dict[Any, Pipeline] = {}


def _face(kernels: Kernels, kernel: Kernel) -> _Face:
    wide = kernel.name + _SUFFIX[4]
    vec4 = kernels.module(wide)[1] if kernels.has(wide) else None
    eights = kernels.has(kernel.name + _SUFFIX[8])
    found = kernels.faces[kernel] = _Face(kernels.module(kernel.name)[1], vec4, eights, kernel.team)
    return found
