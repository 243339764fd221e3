"""The GLSL of the spiking nodes' models, shaders/include/node.glsl's other half: forward step and adjoint of each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .adjoint import Adjoint, adjoint, separate
from .derivative import ONE, ZERO, derivative, multiply, subtract
from .expression import Expression, Statement, name
from .neuron import LEARNABLE, RESET, SWITCHES, NeuronModel
from .printing import GLSL

Titled = TypeVar("Titled", bound=Any)  # a model's record, with a title
G, A = name("the g"), name("the a")  # the gradients of h and of the second state; parameters may be called g and a


@dataclass(frozen=True)
class Back:
    """The way back through a model's charge, and what the forward pass has to keep for it beside h.

    found: see `adjoint`; the gradients of h and of the second state come in as g and a.
    keeps_u, keeps_x: the second state before each step, and the input.
    again: the second state that the spike finds is made again, since slopes behind the charge read it.
    """

    found: Adjoint
    keeps_u: bool
    keeps_x: bool
    again: bool


def learns(model: NeuronModel) -> dict[str, Expression]:
    """dp/dw of the number p that may be learned, by p where it holds p's own formula."""
    out = {}
    for parameter, value in model.learned.items():
        known = {} if value == LEARNABLE else {value: name(parameter)}
        out[parameter] = derivative(value, LEARNABLE.args[0]).put(known)
    return out


@functools.lru_cache(256)
def back(model: NeuronModel) -> Back:
    """The adjoint of the charge."""
    second = model.second
    charge, now = separate(model.charge, [] if second is None else [second])
    seeds = {now["h"]: G}
    if second is not None and second in now:
        seeds[now[second]] = A
    wanted = ["x", model.potential, *([] if second is None else [second]), *model.learned]
    found = adjoint(charge, seeds, wanted, kept=[now["h"]], lost="x", switches=list(SWITCHES), chain=learns(model))
    if second is not None and second not in now:  # the charge leaves it as it is
        found.gradients[second] = A
    reads = found.names
    late = second is not None and any(second in e.names for e in _after(model))
    if second is not None and late:  # the second state after the charge, made again
        reads = reads | {second, *(n for s in model.charge if s.target != "h" for n in s.value.names)}
    return Back(found, second in reads, "x" in reads, late)


@functools.lru_cache(256)
def planes(model: NeuronModel) -> int:
    """Numbers that the forward pass keeps of each element and step."""
    way = back(model)
    return 1 + way.keeps_u + way.keeps_x


def _after(model: NeuronModel) -> list[Expression]:
    """What the spike's own way back reads: slopes of the level and of the second state after it."""
    second = model.second or ""
    out = [derivative(model.level, second)]
    for s in model.after:
        out += [derivative(s.value, second), derivative(s.value, "s")]
    return out


class _Printer:
    """Prints a model's equations with the kernel's names."""

    def __init__(self, model: NeuronModel, quick: bool = False) -> None:
        scalars = {n: f"p.c{i}" for i, n in enumerate(model.numbers)}
        names = {"rest": "REST", "reset": "RESET", "threshold": "THRESHOLD", **scalars}
        names |= {LEARNABLE.args[0]: "w", G.args[0]: "g", A.args[0]: "a"}
        names |= {model.potential: "v"} | ({} if model.second is None else {model.second: "u"})
        for parameter, value in model.learned.items():
            if parameter in scalars:
                learned = GLSL(names, [LEARNABLE.args[0]]).of(value)
                names[parameter] = f"(LEARN == 1 ? {learned} : {scalars[parameter]})"
        self.locals = [s.target for s in model.charge if s.target not in ("h", model.second)]
        names |= {n: f"local_{i}" for i, n in enumerate(self.locals)}
        self.glsl = GLSL(names, [*scalars, LEARNABLE.args[0]], SWITCHES, quick)

    def of(self, e: Expression, **names: str) -> str:
        """The expression as a REAL, with other names for some."""
        return GLSL({**self.glsl.names, **names}, self.glsl.scalars, SWITCHES, self.glsl.quick).wide(e)


def source(models: Sequence[NeuronModel]) -> str:
    """An include file with the functions of all models, chosen by the kernel's constant MODEL."""
    backs = [back(m) for m in models]
    two = [m.second is not None for m in models]
    parts = [
        "// Made of the records in grilly_vk/equations/neurons.py; see node.glsl.",
        *(['#include "special.glsl"'] if any(e.op == "tanh" for m in models for e in _all(m)) else []),
        f"const bool TWO_STATES = {any_of(two)};",
        f"const bool MOVES = {any_of([m.moves for m in models])}; // the threshold in force, with the second state",
        f"const bool ADAPTS = {any_of([bool(m.after) for m in models])}; // the spike moves the second state",
        f"const bool KEEPS_U = {any_of([b.keeps_u for b in backs])}; // the second state before each step",
        f"const bool KEEPS_X = {any_of([b.keeps_x for b in backs])}; // the input",
        "const uint PLANES = 1 + uint(KEEPS_U) + uint(KEEPS_X); // numbers that are kept of each element and step",
        f"const bool AGAIN = {any_of([b.again for b in backs])}; // the spike's slopes read the second state it finds",
        "#define KEPT(t, i, n) ((t) * PLANES * (n) + i) // of h",
        "",
        chosen("REAL learned(REAL k, float w)", models, _learned, "return k;"),
        chosen("REAL charge(REAL x, REAL v, inout REAL u, REAL k, float w)", models, _charge, "return v;"),
        chosen("REAL level(REAL u)", models, _level, "return THRESHOLD;"),
        chosen("REAL reset_of(REAL h, REAL threshold)", models, _reset, f"return {_plain_reset()};"),
        chosen("REAL adapt(REAL u, REAL s)", models, _adapt, "return u;"),
        "#ifdef REVERSE",
        chosen("REAL rise(REAL h, REAL threshold)", models, _rise, f"return {_plain_rise()};"),
        chosen("REAL passed(REAL g, REAL h, REAL threshold)", models, _passed, "return HARD == 1 ? REAL(0) : g;"),
        chosen("REAL of_level(REAL g, REAL h, REAL threshold)", models, _of_level, f"return {_plain_of_level()};"),
        chosen("REAL level_slope(REAL u)", models, _level_slope, "return REAL(0);"),
        chosen("REAL spike_slope(REAL u, REAL s)", models, _spike_slope, "return REAL(0);"),
        chosen("REAL adapt_slope(REAL u, REAL s)", models, _adapt_slope, "return REAL(1);"),
        chosen(
            "REAL discharge(\n"
            "    REAL x, REAL u, REAL h, REAL v, inout REAL g, inout REAL a, inout REAL sum, REAL k, float w)",
            models, _discharge, "return g;",
        ),
        "#endif",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def _all(model: NeuronModel) -> list[Expression]:
    return [e for value in (*model.expressions, *model.learned.values()) for e in value.walk()]


def any_of(holds: Sequence[bool]) -> str:
    return " || ".join(f"MODEL == {i}" for i, yes in enumerate(holds) if yes) or "false"


def chosen(head: str, models: Sequence[Titled], body: Callable[[Titled], list[str]], rest: str) -> str:
    """One function; models with the same lines share them, and those without take the last line."""
    cases: dict[tuple[str, ...], list[int]] = {}
    for i, m in enumerate(models):
        lines = tuple(body(m))
        if lines:
            cases.setdefault(lines, []).append(i)
    out = [head, "{"]
    for lines, who in cases.items():
        titles = ", ".join(models[i].title for i in who)
        out.append(f"    if ({' || '.join(f'MODEL == {i}' for i in who)}) {{ // {titles}")
        out += [*(f"        {line}" for line in lines), "    }"]
    return "\n".join([*out, f"    {rest}", "}"])


def _learned(model: NeuronModel) -> list[str]:
    if "k" not in model.learned:
        return []
    return ["if (LEARN == 1)", f"    return {_Printer(model).of(model.learned['k'])};"]


def _charge(model: NeuronModel) -> list[str]:
    return [*_run(model, _Printer(model), model.charge), "return h;"]


def _run(model: NeuronModel, printer: _Printer, lines: Sequence[Statement]) -> list[str]:
    """Statements of the charge; `u` is the kernel's variable."""
    out, made = [], set()
    for i, s in enumerate(lines):
        value = printer.of(s.value)
        if s.target == model.second:
            out += [f"precise REAL u_{i} = {value};", f"u = u_{i};"]
        elif s.target in made:
            out.append(f"{printer.glsl.name(s.target)} = {value};")
        else:
            out.append(f"precise REAL {printer.glsl.name(s.target)} = {value};")
            made.add(s.target)
    return out


def _level(model: NeuronModel) -> list[str]:
    return [] if model.level == name("threshold") else [f"return {_Printer(model).of(model.level)};"]


def _own_reset(model: NeuronModel) -> bool:
    return model.texts["reset"] != RESET


def _plain_reset() -> str:
    return "HARD == 1 ? RESET : h - threshold"


def _plain_of_level() -> str:
    return "HARD == 1 ? REAL(0) : -g"


def _plain_rise() -> str:
    return "HARD == 1 ? RESET - h : -threshold"


def _reset(model: NeuronModel) -> list[str]:
    return [f"return {_Printer(model).of(model.reset, threshold='threshold')};"] if _own_reset(model) else []


def _adapt(model: NeuronModel) -> list[str]:
    made = [f"precise REAL next = {_Printer(model).of(s.value)};" for s in model.after]
    return [*made, "return next;"] if made else []


def _rise(model: NeuronModel) -> list[str]:
    if not _own_reset(model):
        return []
    return [f"return {_Printer(model, True).of(subtract(model.reset, name('h')), threshold='threshold')};"]


def _slope(model: NeuronModel, of: Expression, to: str) -> str:
    return _Printer(model, True).of(multiply(G, derivative(of, to)), threshold="threshold")


def _passed(model: NeuronModel) -> list[str]:
    return [f"return {_slope(model, model.reset, 'h')};"] if _own_reset(model) else []


def _of_level(model: NeuronModel) -> list[str]:
    return [f"return {_slope(model, model.reset, 'threshold')};"] if _own_reset(model) else []


def _level_slope(model: NeuronModel) -> list[str]:
    slope = derivative(model.level, model.second or "")
    return [] if slope == ZERO else [f"return {_Printer(model, True).of(slope)};"]


def _spike_slope(model: NeuronModel) -> list[str]:
    return [f"return {_Printer(model, True).of(derivative(s.value, 's'))};" for s in model.after]


def _adapt_slope(model: NeuronModel) -> list[str]:
    slopes = [derivative(s.value, model.second or "") for s in model.after]
    return [f"return {_Printer(model, True).of(slope)};" for slope in slopes if slope != ONE]


def _discharge(model: NeuronModel) -> list[str]:
    found, printer = back(model).found, _Printer(model, True)
    local = {s.target: f"back_{i}" for i, s in enumerate(found.lines)}

    def shown(e: Expression) -> str:
        return printer.of(e, **local)

    out = [f"REAL {local[s.target]} = {shown(s.value)};" for s in found.lines]
    for parameter in model.learned:
        out += ["if (LEARN == 1)", f"    sum += {shown(found.gradients[parameter])};"]
    of_x, of_v = shown(found.gradients["x"]), shown(found.gradients[model.potential])
    of_u = "a" if model.second is None else shown(found.gradients[model.second])
    out += [f"REAL of_x = {of_x};", *([] if of_v == "g" else [f"REAL of_v = {of_v};"])]
    out += [f"{old} = {new};" for old, new, now in (("a", of_u, of_u), ("g", "of_v", of_v)) if now != old]
    return [*out, "return of_x;"]
