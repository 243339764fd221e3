"""A point neuron of grilly_vk.sim as one record: states, parameters, and the statements of one time step."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from types import MappingProxyType
from typing import Any

from .expression import (
    COMPARED,
    CONSTANTS,
    FUNCTIONS,
    EquationError,
    Expression,
    Statement,
    expression,
    function,
    name,
    number,
    statements,
    text_of,
)  # fmt: skip
from .given import (
    by_name,
    check,
    count,
    functions_of,
    identifier,
    numbers_by_name,
    own_names,
    starts_by_name,
    texts_by_name,
    texts_in,
)  # fmt: skip
from .neuron import HostMath
from .printing import evaluate, text

EXPREL = function(
    "(exp(x) - 1) / x, by its series near 0",
    "exprel(x) = where(abs(x) < 0.1, 1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5))), (exp(x) - 1) / x)",
)
HEARS = "hears"  # the condition that the neuron is not refractory
TESTS = frozenset({HEARS})
MOST_SUBSTEPS = 1000
_TAKEN = {HEARS, "dt", "current", *CONSTANTS, *FUNCTIONS, "exprel"}


@dataclass(frozen=True)
class Element:
    """One element of exp(scale * dt * matrix) less the identity: what an exact step of a linear system multiplies by.

    Args:
        matrix: rows of expressions of parameters.
    """

    matrix: tuple[tuple[Expression, ...], ...]
    row: int
    column: int
    scale: float


class StepModel:
    """A neuron's step: `begin` once, `step` `substeps` times, `arrive` once; whether it fires, and what that resets.

    Args:
        name: a Python identifier.
        states: their names with what they begin with, numbers or texts of parameters.
        parameters: names with their defaults; each neuron has its own.
        constants: texts of parameters, `dt` (the length of a substep, ms) and constants before, computed in float64.
        receptors: names; what arrives at one in a step is `arrived_NAME` in `arrive`.
        step: statements that set states and names between; they read states, parameters, constants and `current`.
        fires: a condition such as "V_m >= V_th".
        reset: statements for the neurons that fired.
        refractory: the parameter that is the refractory period in ms, or "".
        held: states that keep their value while the neuron is refractory.
        begin, arrive: statements before and after the substeps.
        checks: conditions of parameters that must hold, such as "tau_m > 0".
        define: functions that the texts may call, divided by semicolons or lines.
        units: of states, parameters and `current`, for readers.
        about: what it is, with its source.

    Where the neuron is not refractory the condition `hears` holds; it stands first in where.

    Raises:
        EquationError (a ValueError): a text is none of the language, or reads a name that is not there.
        ValueError, TypeError: another argument is none of what is expected.
    """

    def __init__(
        self,
        name: str,
        *,
        states: Mapping[str, float | str],
        parameters: Mapping[str, float],
        step: str | Sequence[Statement],
        fires: str | Expression,
        reset: str | Sequence[Statement],
        constants: Mapping[str, Any] | None = None,
        receptors: Sequence[str] = ("exc", "inh"),
        refractory: str = "",
        held: Sequence[str] = (),
        begin: str | Sequence[Statement] = "",
        arrive: str = "",
        substeps: int = 1,
        checks: Sequence[str] = (),
        define: str = "",
        units: Mapping[str, str] | None = None,
        about: str = "",
    ) -> None:
        self.name = identifier("name", name)
        states = starts_by_name("states", states)
        constants = by_name("constants", constants or {}, (Real, str, Expression, Element), "numbers or texts")
        self.parameters = MappingProxyType(numbers_by_name("parameters", parameters))
        self.receptors = tuple(identifier("receptors", r) for r in texts_in("receptors", receptors))
        self.refractory, self.held = text_of("refractory", refractory), texts_in("held", held)
        self.units, self.about = MappingProxyType(texts_by_name("units", units or {})), text_of("about", about)
        self.substeps = count("substeps", substeps, MOST_SUBSTEPS)
        self._functions = functions_of(self._what("define"), define, [EXPREL])
        self._names(states, constants)
        self.starts = {n: self._host(f"state {n!r}", v, self.parameters) for n, v in states.items()}
        self.constants: dict[str, Expression | Element] = {}
        for n, value in constants.items():
            known = [*self.parameters, "dt", *self.constants]
            made = value if isinstance(value, Element) else self._host(f"constant {n!r}", value, known)
            self.constants[n] = made
        self.begin = self._statements("begin", begin, arrivals=False)
        self.step = self._statements("step", step, arrivals=False, made={s.target for s in self.begin})
        self.arrive = self._statements("arrive", arrive, arrivals=True)
        self.fires = self._condition("fires", fires, [*states, *self._known])
        self.reset = self._statements("reset", reset, arrivals=False, own=False)
        self.checks = tuple((c, self._condition("checks", c, self.parameters)) for c in texts_in("checks", checks))
        if refractory and refractory not in self.parameters:
            raise ValueError(f"refractory of {name!r} must name a parameter, or be '', got {refractory!r}")
        for state in self.held:
            if state not in states:
                raise ValueError(f"held of {name!r} must name states, got {state!r}; there are {', '.join(states)}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    # ---- reading ----

    def _what(self, part: str) -> str:
        return f"{part} of {self.name!r}"

    def _names(self, states: Mapping[str, Any], constants: Mapping[str, Any]) -> None:
        if not states:
            raise ValueError(f"states of {self.name!r} must name at least one state")
        arrivals = [f"arrived_{r}" for r in self.receptors]
        named = [n for n, value in constants.items() if not isinstance(value, Element)]
        parts = {"states": states, "parameters": self.parameters, "constants": named, "receptors": arrivals}
        own_names(self.name, parts, _TAKEN)
        self.states = tuple(states)

    @cached_property
    def _known(self) -> tuple[str, ...]:
        """What all texts know beside states."""
        return (*self.parameters, *self.constants, "dt")

    def _host(self, part: str, value: Any, known: Collection[str]) -> Expression:
        if isinstance(value, Expression):
            return value
        if not isinstance(value, str):
            return number(value)
        made = expression(self._what(part), value, self._functions)
        check(self._what(part), made, known)
        return made

    def _condition(self, part: str, given: str | Expression, known: Collection[str]) -> Expression:
        made = given if isinstance(given, Expression) else expression(self._what(part), given, self._functions)
        condition(self._what(part), made, known)
        return made

    def _statements(
        self, part: str, given: str | Sequence[Statement], arrivals: bool, own: bool = True, made: Iterable[str] = ()
    ) -> tuple[Statement, ...]:
        if isinstance(given, (list, tuple)) and all(isinstance(s, Statement) for s in given):
            found: tuple[Statement, ...] = tuple(given)
        else:
            found = statements(self._what(part), text_of(self._what(part), given), self._functions)
        known = {*self.states, *self._known, "current", *made}
        if arrivals:
            known |= {f"arrived_{r}" for r in self.receptors}
        for s in found:
            check(self._what(part), s.value, known | TESTS, TESTS)
            if s.target not in self.states and (not own or s.target in known - set(made) or s.target in _TAKEN):
                raise EquationError(f"{self._what(part)}: {s.target} can't be given a value here")
            known.add(s.target)
        return found

    # ---- what kernels take of it ----

    @cached_property
    def lowered(self) -> Lowered:
        """The statements, with all that the host can compute as numbers of each neuron."""
        known: dict[Expression, Expression] = {}
        for n, v in self.constants.items():
            if isinstance(v, Expression):
                known[name(n)] = v.put(known)  # constants of those before
        elements = {n for n, v in self.constants.items() if isinstance(v, Element)}
        lower = Lowering({*self.parameters, "dt", *elements}, known)
        parts = {part: lower.statements(getattr(self, part)) for part in ("begin", "step", "arrive", "reset")}
        return Lowered(fires=lower.of(self.fires), numbers=tuple(lower.numbers), **parts)

    @property
    def refractory_at(self) -> int:
        """The place of the refractory period in steps among the numbers, or how many there are."""
        return len(self.lowered.numbers)

    @property
    def count(self) -> int:
        """How many numbers a neuron has in the kernel, at least 1."""
        return max(1, len(self.lowered.numbers) + bool(self.refractory))

    def default(self, state: str) -> float:
        """What a state begins with where all parameters are the defaults."""
        return float(evaluate(self.starts[state], self.parameters, HostMath))


@dataclass(frozen=True)
class Lowered:
    """Statements whose names "number 0", "number 1", ... stand for `numbers`, expressions of parameters."""

    begin: tuple[Statement, ...]
    step: tuple[Statement, ...]
    arrive: tuple[Statement, ...]
    reset: tuple[Statement, ...]
    fires: Expression
    numbers: tuple[Expression, ...]


class Lowering:
    """Takes out of expressions what depends on `host` names alone; no division by such is left."""

    def __init__(self, host: Collection[str], known: Mapping[Expression, Expression]) -> None:
        self.host, self.known = host, known
        self.numbers: dict[Expression, None] = {}

    def statements(self, given: Iterable[Statement]) -> tuple[Statement, ...]:
        """Statements with numbers in place of what the host computes."""
        return tuple(Statement(s.target, self.of(s.value)) for s in given)

    def of(self, e: Expression) -> Expression:
        """An expression with numbers in place of what the host computes."""
        return self._of(e.put(self.known))

    def _of(self, e: Expression) -> Expression:
        if e.op not in COMPARED and e.names <= set(self.host):
            return self._number(e)
        if not e.parts:
            return e
        if e.op in ("*", "/"):
            return self._product(e)
        return Expression(e.op, (self._of(e.args[0]), e.args[1]) if e.op == "**" else tuple(map(self._of, e.args)))

    def _number(self, e: Expression) -> Expression:
        if not e.names:
            return number(float(evaluate(e, {}, HostMath)))
        self.numbers.setdefault(e)
        return name(f"number {list(self.numbers).index(e)}")

    def _product(self, e: Expression) -> Expression:
        above: list[Expression] = []
        below: list[Expression] = []
        self._factors(e, above, below)
        host_above = [a for a in above if a.names <= set(self.host)]
        host_below = [b for b in below if b.names <= set(self.host)]
        above = [self._of(a) for a in above if a not in host_above]
        below = [self._of(b) for b in below if b not in host_below]
        if host_above or host_below:
            factor = _product(host_above) if host_above else number(1)
            made = self._number(Expression("/", (factor, _product(host_below))) if host_below else factor)
            if made != number(1) or not above:
                above.append(made)
        top = _product(above) if above else number(1)
        return Expression("/", (top, _product(below))) if below else top

    def _factors(self, e: Expression, above: list[Expression], below: list[Expression]) -> None:
        if e.op == "*":
            self._factors(e.args[0], above, below)
            self._factors(e.args[1], above, below)
        elif e.op == "/":
            self._factors(e.args[0], above, below)
            self._factors(e.args[1], below, above)
        else:
            above.append(e)


def _product(factors: Sequence[Expression]) -> Expression:
    out = factors[0]
    for factor in factors[1:]:
        out = Expression("*", (out, factor))
    return out


def condition(what: str, given: Expression, known: Collection[str]) -> None:
    """Raises EquationError where an expression is no condition of known names."""
    if given.op not in COMPARED:
        raise EquationError(f"{what}: {text(given)!r}: expected a condition such as 'V_m >= V_th'")
    for side in given.args:
        check(what, side, known)
