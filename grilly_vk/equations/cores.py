"""The recurrent cores' models as records, and their GLSL: a step begins with the spike, by the potential before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from .adjoint import Adjoint, adjoint, separate
from .derivative import ZERO, add, derivative
from .expression import Expression, Statement, expression, name, statements
from .nodes_glsl import A, G, any_of, chosen
from .printing import GLSL

_GY = name("the gy")  # the gradient of the output
_NAMES = {G.args[0]: "g", A.args[0]: "a", _GY.args[0]: "gy", "h": "next", "threshold": "REAL(p.threshold)"}


@dataclass(frozen=True)
class CoreModel:
    """A core's equations: s = [v > level], then `charge` makes h, the next potential, of x, s, v and a second state u.

    Args:
        title: its name.
        charge: statements; `beta` is the potential's constant, `second` the second state's.
        level: what the potential is compared with; "": it never fires, and h is the output.
    """

    title: str
    charge: str
    level: str = "threshold"

    @cached_property
    def lines(self) -> tuple[Statement, ...]:
        """The charge."""
        return statements(f"charge of {self.title!r}", self.charge)

    @cached_property
    def above(self) -> Expression:
        """The level."""
        return expression(f"level of {self.title!r}", self.level or "threshold")

    @property
    def fires(self) -> bool:
        """Whether it has spikes, which are the output then."""
        return bool(self.level)

    @property
    def moves(self) -> bool:
        """Whether the level moves with the second state."""
        return "u" in self.above.names

    @property
    def two(self) -> bool:
        """Whether it has a second state."""
        return any(s.target == "u" for s in self.lines)

    @cached_property
    def back(self) -> Adjoint:
        """The way back through the charge."""
        charge, now = separate(self.lines, ["u"])
        seeds = {now["h"]: G if self.fires else add(G, _GY), **({now["u"]: A} if self.two else {})}
        return adjoint(charge, seeds, ["x", "v", "u", "s", "beta", "second"])


# In the order of the kernels' constant MODEL.
CORES = (
    CoreModel("if", "h = v + x - s * threshold"),
    CoreModel("lif", "h = beta * v + x - s * threshold"),
    CoreModel("li", "h = beta * v + x", level=""),
    CoreModel("alif", "h = beta * v + x - s * (threshold + u); u = second * u + (1 - second) * s", "threshold + u"),
    CoreModel("cuba", "u = second * u + x; h = beta * (v - s * threshold) + u"),
)


def _print(e: Expression, **names: str) -> str:
    return GLSL({**_NAMES, **names}).wide(e)


def source() -> str:
    """An include file with the functions of all cores, chosen by the kernel's constant MODEL."""
    state = "REAL v, REAL u"
    moves = "inout REAL g, inout REAL a,\n    inout REAL sum_b, inout REAL sum_c, REAL beta, REAL second"
    parts = [
        "// Made of the records in grilly_vk/equations/cores.py; see core.glsl.",
        f"const bool TWO_STATES = {any_of([m.two for m in CORES])};",
        f"const bool LEAKS = {any_of(['beta' in m.back.names for m in CORES])}; // by beta",
        f"const bool SPIKES = {any_of([m.fires for m in CORES])};",
        "",
        _each(f"REAL above({state})", _above, "return v;"),
        _each(
            "REAL advance(REAL x, REAL s, inout REAL v, inout REAL u, REAL beta, REAL second)", _advance, "return s;"
        ),
        "#ifdef REVERSE",
        _each("REAL of_input(REAL g, REAL a, REAL gy)", _of_input, "return g;"),
        _each(f"void retreat(\n    {state}, REAL slope, REAL gy, REAL spike, {moves})", _retreat, "return;"),
        "#endif",
    ]
    return "\n".join(parts) + "\n"


def _each(head: str, body: Callable[[CoreModel], list[str]], rest: str) -> str:
    return chosen(head, CORES, body, rest)


def _above(model: CoreModel) -> list[str]:
    return [f"return v - ({_print(model.above)});"]


def _advance(model: CoreModel) -> list[str]:
    out: list[str] = []
    own: dict[str, str] = {}
    for s in model.lines:
        out.append(f"precise REAL {'next' if s.target == 'h' else 'other'} = {_print(s.value, **own)};")
        own |= {"u": "other"} if s.target == "u" else {}
    ends = ["v = next;", *(["u = other;"] if model.two else [])]
    return [*out, *ends, f"return {'s' if model.fires else 'v'};"]


def _of_input(model: CoreModel) -> list[str]:
    lines, shown = _shown(model)
    return [*lines, f"return {shown['x']};"]


def _shown(model: CoreModel) -> tuple[list[str], dict[str, str]]:
    """The adjoint's lines, and its gradients that are not 0."""
    local = {s.target: f"back_{i}" for i, s in enumerate(model.back.lines)}
    lines = [f"REAL {local[s.target]} = {_print(s.value, **local)};" for s in model.back.lines]
    return lines, {n: _print(e, **local) for n, e in model.back.gradients.items() if e != ZERO}


def _retreat(model: CoreModel) -> list[str]:
    out, shown = _shown(model)
    if model.fires:
        out = ["REAL s = REAL(ABOVE(above(v, u), REAL(0)));", *out]
    out += [f"{total} += {shown[n]};" for total, n in (("sum_b", "beta"), ("sum_c", "second")) if n in shown]
    of_v, of_u = shown["v"], shown.get("u", "a")
    if model.fires:
        out += [f"spike += {shown['s']};", "spike += gy;"]
        out.append(
            "REAL through = mix(spike * slope, REAL(0), EQUAL(slope, REAL(0))); // 0, not NaN, where v overflowed"
        )
        of_v = f"{of_v} + through"
        moves = derivative(model.above, "u")
        of_u = of_u if moves == ZERO else f"{of_u} - through * {_print(moves)}"
    return [*out, f"REAL of_v = {of_v};", *([f"a = {of_u};"] if of_u != "a" else []), "g = of_v;", "return;"]
