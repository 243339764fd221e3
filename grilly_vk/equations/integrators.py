"""One time step of a system of differential equations, as statements: exact, or by one of four methods."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from .derivative import ONE, ZERO, add, derivative, multiply, subtract
from .expression import COMPARED, EquationError, Expression, Statement, name, number
from .odes import System
from .step_model import EXPREL, HEARS, Element

METHODS = ("exact", "exponential_euler", "euler", "heun", "rk4")
DT = name("dt")
_KINKS = {*COMPARED, "where", "max", "min", "clip", "abs"}


@dataclass
class Scheme:
    """The statements of a step and the constants that they read.

    begin: statements before the first of several substeps.
    exactly: the states that are integrated exactly.
    """

    method: str
    begin: list[Statement] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    constants: dict[str, Element] = field(default_factory=dict)
    exactly: tuple[str, ...] = ()


def integrate(
    system: System, method: str | None, host: Collection[str], held: Sequence[str], substeps: int = 1
) -> Scheme:
    """One step of length dt, one of several substeps where there are such.

    Args:
        system: the equations.
        method: one of METHODS; None: exact where the system is linear with constant coefficients, else rk4, in which
            states that are linear by themselves are integrated exactly.
        host: names that are constant, the parameters.
        held: states that may be held at their value.

    Raises:
        EquationError: the method can't be used; names the line.
    """
    together = linear(system, host)
    if method is None:
        method = "exact" if set(together) == set(system.slopes) else "rk4"
    scheme = Scheme(method)
    if method == "exact":
        _exact(scheme, system, together, held)
    elif method == "exponential_euler":
        _exponential_euler(scheme, system)
    else:
        exactly = linear(system, host, without=held) if method == "rk4" else ()
        _stages(scheme, system, method, exactly, held, substeps > 1)
    return scheme


def linear(system: System, host: Collection[str], without: Collection[str] = ()) -> tuple[str, ...]:
    """The states whose slopes are linear, with constant coefficients, in such states and `current` alone."""
    found = set(system.slopes) - set(without)
    while True:
        lost = {s for s in found if not _is_linear(system.flat(s), found, host)}
        if not lost:
            return tuple(s for s in system.slopes if s in found)
        found -= lost


def _is_linear(slope: Expression, states: Collection[str], host: Collection[str]) -> bool:
    if slope.names - set(states) - set(host) - {"current"}:
        return False
    moving = slope.names - set(host)
    if any(e.op in _KINKS and e.names & moving for e in slope.walk()):
        return False
    return all(derivative(slope, n).names <= set(host) for n in moving)


class _Propagator:
    """An exact step of linear states: each grows by a sum of elements of a matrix exponential times all of them."""

    def __init__(
        self, scheme: Scheme, system: System, states: Sequence[str], scale: float, title: str, still: Sequence[str] = ()
    ) -> None:
        self.states, self.title, self.scheme, self.scale = states, title, scheme, scale
        slopes = {s: ZERO if s in still else system.flat(s) for s in states}
        self.inputs = [*states, *(["current"] if any("current" in e.names for e in slopes.values()) else [])]
        nothing = {name(n): ZERO for n in self.inputs}
        rows = []
        for s in states:
            rest = simplified(slopes[s].put(nothing))
            rows.append((*(derivative(slopes[s], n) for n in self.inputs), rest))
        self.matrix = (*rows, *[(ZERO,) * (len(self.inputs) + 1)] * (len(self.inputs) + 1 - len(states)))
        self._reach()

    def _reach(self) -> None:
        """Which elements of the exponential are not zero whatever the numbers are."""
        n = len(self.matrix)
        self.there = {(i, j) for i in range(n) for j in range(n) if self.matrix[i][j] != ZERO}
        for k in range(n):
            self.there |= {(i, j) for i in range(n) for j in range(n) if {(i, k), (k, j)} <= self.there}

    def grown(self, state: str, now: Mapping[str, Expression]) -> Expression:
        """The state after the step."""
        i, total = self.states.index(state), ZERO
        values = [*(now.get(n, name(n)) for n in self.inputs), ONE]
        for j, value in enumerate(values):
            if (i, j) in self.there:
                constant = f"{self.title} {i} {j}"
                self.scheme.constants[constant] = Element(self.matrix, i, j, self.scale)
                total = (
                    add(total, multiply(name(constant), value)) if total != ZERO else multiply(name(constant), value)
                )
        return now.get(state, name(state)) if total == ZERO else Expression("+", (now.get(state, name(state)), total))


def _exact(scheme: Scheme, system: System, together: Sequence[str], held: Sequence[str]) -> None:
    for s, line in system.slopes.items():
        if s not in together:
            raise EquationError(
                f"{line.what}: method 'exact' needs slopes that are linear in the states with constant coefficients"
            )
    scheme.exactly = tuple(together)
    hearing = _Propagator(scheme, system, together, 1.0, "grows")
    resting = _Propagator(scheme, system, together, 1.0, "rests", still=held)
    follow = {s for s in together if s not in held and any(h in system.flat(s).names for h in held)}
    changing = bool(follow)
    for s in together:
        value = hearing.grown(s, {})
        if changing and s not in held:
            value = Expression("where", (name(HEARS), value, resting.grown(s, {})))
        scheme.statements.append(Statement(f"{s} next", value))
    scheme.statements += [Statement(s, name(f"{s} next")) for s in together]


def _exponential_euler(scheme: Scheme, system: System) -> None:
    scheme.statements += [Statement(n, line.value) for n, line in system.values.items()]
    for s, line in system.slopes.items():
        rate = derivative(system.flat(s), s)
        if s in rate.names or any(e.op in _KINKS and s in e.names for e in system.flat(s).walk()):
            raise EquationError(f"{line.what}: method 'exponential_euler' needs d{s}/dt linear in {s}")
        grows = DT
        if rate != ZERO:
            x = multiply(rate, DT)
            grows = multiply(DT, EXPREL.value.put({name(EXPREL.arguments[0]): x}))
        scheme.statements.append(Statement(f"{s} next", Expression("+", (name(s), multiply(line.value, grows)))))
    scheme.statements += [Statement(s, name(f"{s} next")) for s in system.slopes]


# Of explicit methods: where each stage looks, in dt, and its weight in the sum.
_TABLES = {
    "euler": ((0.0, 1.0),),
    "heun": ((0.0, 0.5), (1.0, 0.5)),
    "rk4": ((0.0, 1 / 6), (0.5, 1 / 3), (0.5, 1 / 3), (1.0, 1 / 6)),
}


def _stages(
    scheme: Scheme, system: System, method: str, exactly: Sequence[str], held: Sequence[str], carries: bool
) -> None:
    scheme.exactly = tuple(exactly)
    free = [s for s in system.slopes if s not in exactly]
    at: dict[float, dict[str, Expression]] = {0.0: {s: name(s) for s in exactly}}
    if exactly:
        half = _Propagator(scheme, system, exactly, 0.5, "half")
        for begin, then, title in ((0.0, 0.5, "half"), (0.5, 1.0, "whole")):
            for s in exactly:
                scheme.statements.append(Statement(f"{s} {title}", half.grown(s, at[begin])))
            at[then] = {s: name(f"{s} {title}") for s in exactly}
    watched = {s for s in held if any(s in system.flat(o).names for o in free if o != s)}
    now = {s: name(s) for s in free}
    total: dict[str, Expression] = dict.fromkeys(free, ZERO)
    for stage, (place, weight) in enumerate(_TABLES[method]):
        if stage:
            for s in free:
                moved = Expression(
                    "+", (name(s), multiply(multiply(number(place), DT), name(f"{s} slope {stage - 1}")))
                )
                scheme.statements.append(Statement(f"{s} at {stage}", moved))
                now[s] = name(f"{s} at {stage}")
        names = {name(n): v for n, v in {**at.get(place, {}), **now}.items()}
        for n, line in system.values.items():
            scheme.statements.append(Statement(f"{n} at {stage}", line.value.put(names)))
            names[name(n)] = name(f"{n} at {stage}")
        for s in free:
            slope = system.slopes[s].value.put(names)
            if s in watched:
                slope = Expression("where", (name(HEARS), slope, ZERO))
            scheme.statements.append(Statement(f"{s} slope {stage}", slope))
            total[s] = add(total[s], multiply(multiply(number(weight), DT), name(f"{s} slope {stage}")))
    for s in free:
        scheme.statements += _carried(s, total[s]) if carries else [Statement(s, Expression("+", (name(s), total[s])))]
    scheme.begin = [Statement(f"{s} carry", ZERO) for s in free] if carries else []
    scheme.statements += [Statement(s, at[1.0][s]) for s in exactly]


def _carried(state: str, grows: Expression) -> list[Statement]:
    """The sum with what rounding took off the substep before (Kahan): short substeps lose no more than one long."""
    old, new, change, carry = (name(n) for n in (state, f"{state} sum", f"{state} change", f"{state} carry"))
    taken = Expression("-", (new, old))
    return [
        Statement(f"{state} change", Expression("+", (grows, carry))),
        Statement(f"{state} sum", Expression("+", (old, change))),
        Statement(f"{state} carry", Expression("-", (change, taken))),
        Statement(state, new),
    ]


def simplified(e: Expression) -> Expression:
    """Without sums and products of zeros."""
    if not e.parts:
        return e
    args = tuple(simplified(a) for a in e.args) if e.op != "**" else (simplified(e.args[0]), e.args[1])
    if e.op == "+":
        return add(*args)
    if e.op == "-":
        return subtract(*args)
    if e.op == "*":
        return multiply(*args)
    if args[0] == ZERO and e.op in ("/", "neg", "**"):
        return ZERO
    return Expression(e.op, args)
