"""Units of equations: dimensions with their scale, so that pA * MOhm is not taken for mV."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from .expression import COMPARED, EquationError, Expression
from .odes import Line, System
from .printing import text


@dataclass(frozen=True)
class Unit:
    """Powers of V, A and s, and the power of ten."""

    volt: Fraction = Fraction(0)
    ampere: Fraction = Fraction(0)
    second: Fraction = Fraction(0)
    scale: Fraction = Fraction(0)

    def times(self, other: Unit, power: Fraction | int = 1) -> Unit:
        """The product with a power of the other."""
        return Unit(*(a + b * power for a, b in zip(self._parts, other._parts)))

    @property
    def _parts(self) -> tuple[Fraction, ...]:
        return self.volt, self.ampere, self.second, self.scale

    def __str__(self) -> str:
        for name, unit in _SHOWN.items():
            if unit == self:
                return name
        for name in (*WRITTEN, *UNITS):  # a rate of what has a name
            for time in ("ms", "s"):
                if UNITS[name] == self.times(UNITS[time]):
                    return f"{name}/{time}"
        base = [f"{n}^{p}" if p != 1 else n for n, p in zip(("V", "A", "s"), self._parts) if p]
        return " ".join([*([f"10^{self.scale}"] if self.scale else []), *base]) or "1"


ONE = Unit()
_BASE = {
    "V": Unit(volt=Fraction(1)), "A": Unit(ampere=Fraction(1)), "s": Unit(second=Fraction(1)),
    "S": Unit(Fraction(-1), Fraction(1)), "Ohm": Unit(Fraction(1), Fraction(-1)),
    "F": Unit(Fraction(-1), Fraction(1), Fraction(1)), "Hz": Unit(second=Fraction(-1)),
}  # fmt: skip
_PREFIXES = {"": 0, "p": -12, "n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9}
UNITS = {
    f"{p}{n}": unit.times(Unit(scale=Fraction(power))) for p, power in _PREFIXES.items() for n, unit in _BASE.items()
}
WRITTEN = ("mV", "ms", "pA", "nA", "nS", "uS", "pF", "nF", "MOhm", "Hz")  # what equations may hold as numbers
_SHOWN = {"1": ONE, "1/ms": ONE.times(UNITS["ms"], -1), **{n: UNITS[n] for n in WRITTEN}, **UNITS}


def unit_of(what: str, words: str) -> Unit:
    """The unit that a text such as "mV", "1/ms" or "nS*mV" names.

    Raises:
        EquationError: it is none.
    """
    try:
        return _read(ast.parse(words.strip() or "?", mode="eval").body)
    except (SyntaxError, ValueError, KeyError, RecursionError):
        known = "mV, V, ms, s, pA, nA, nS, uS, MOhm, pF, nF, Hz, 1"
        raise EquationError(f"{what}: {words!r} is no unit; units are {known}, and others' products") from None


def _read(node: ast.expr) -> Unit:
    if isinstance(node, ast.Name):
        return UNITS[node.id]
    if isinstance(node, ast.Constant) and node.value == 1 and not isinstance(node.value, bool):
        return ONE
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        return _read(node.left).times(_read(node.right), 1 if isinstance(node.op, ast.Mult) else -1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return ONE.times(_read(node.left), ast.literal_eval(node.right))
    raise ValueError


def check(system: System, given: Mapping[str, str]) -> None:
    """Looks at every equation, as far as the units of what it holds are known.

    Args:
        given: units of parameters and of `current`, and of states whose lines say none.

    Raises:
        EquationError: two sides, or two parts of a sum, have different units; names the line.
    """
    known: dict[str, Unit | None] = {n: unit_of(f"units[{n!r}]", words) for n, words in given.items()}
    for line in (*system.slopes.values(), *system.values.values()):
        if line.unit or line.name not in known:
            known[line.name] = unit_of(line.what, line.unit) if line.unit else None
    for line in (*system.values.values(), *system.slopes.values()):
        found, stated = _Dimensions(line, known).of(line.value), known[line.name]
        if line.name in system.slopes and stated is not None:
            stated = stated.times(UNITS["ms"], -1)
        if found is not None and stated is None and line.name in system.values:
            known[line.name] = found
        elif found is not None and stated is not None and found != stated and not _zero(line.value):
            raise EquationError(f"{line.what}: {text(line.value)!r} has unit {found}, expected {stated}")


def _zero(e: Expression) -> bool:
    return e.op == "number" and e.args[0] == 0


class _Dimensions:
    """The unit of an expression, or None where one is not known."""

    def __init__(self, line: Line, known: Mapping[str, Unit | None]) -> None:
        self.line, self.known = line, known

    def of(self, e: Expression) -> Unit | None:
        """Its unit.

        Raises:
            EquationError: it has parts that don't fit.
        """
        if e.op == "number":
            return ONE
        if e.op == "name":
            return self.known.get(e.args[0], UNITS[e.args[0]] if e.args[0] in WRITTEN else None)
        if e.op == "neg" or e.op == "abs":
            return self.of(e.args[0])
        if e.op in ("*", "/"):
            a, b = (self.of(part) for part in e.args)
            return None if a is None or b is None else a.times(b, 1 if e.op == "*" else -1)
        if e.op in ("**", "sqrt"):
            base = self.of(e.args[0])
            power = Fraction(1, 2) if e.op == "sqrt" else Fraction(int(e.args[1].args[0]))
            return None if base is None else ONE.times(base, power)
        if e.op == "where":
            self.of(e.args[0])
            return self.alike(e, e.args[1:])
        if e.op in ("+", "-", "max", "min", "clip") or e.op in COMPARED:
            return self.alike(e, e.args)
        for part in e.args:  # of exp and its like
            found = self.of(part)
            if found not in (None, ONE):
                raise self.wrong(f"{e.op} takes a number without a unit, and {text(part)!r} has {found}")
        return ONE

    def alike(self, e: Expression, parts: tuple[Expression, ...]) -> Unit | None:
        found = [(part, self.of(part)) for part in parts if not _zero(part)]
        known = [(part, unit) for part, unit in found if unit is not None]
        for part, unit in known[1:]:
            if unit != known[0][1]:
                raise self.wrong(f"{text(known[0][0])!r} has unit {known[0][1]} and {text(part)!r} has {unit}")
        return known[0][1] if known else None

    def wrong(self, why: str) -> EquationError:
        return EquationError(f"{self.line.what}: {why}")
