"""Differential equations as text, such as "dv/dt = (E - v) / tau : mV", read into a system."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from .expression import EquationError, Expression, Function, expression, text_of

_SLOPE = re.compile(r"d(\w+)\s*/\s*dt\s*=(.*)")
_VALUE = re.compile(r"(\w+)\s*=(?!=)(.*)")
_FLAGS = re.compile(r"\(\s*unless refractory\s*\)\s*$")


@dataclass(frozen=True)
class Line:
    """An equation of the text: its name, its right side, its unit or "", and what messages call it."""

    name: str
    value: Expression
    unit: str
    what: str


@dataclass(frozen=True)
class System:
    """Slopes of states, values that they read in the order in which they can be computed, and states that are held."""

    slopes: Mapping[str, Line]
    values: Mapping[str, Line]
    held: tuple[str, ...]

    def flat(self, state: str) -> Expression:
        """A state's slope without names of values."""
        return self.slopes[state].value.put(self.inlined)

    @cached_property
    def inlined(self) -> dict[Expression, Expression]:
        """What the names of values stand for, without such names."""
        out: dict[Expression, Expression] = {}
        for n, line in self.values.items():
            out[Expression("name", (n,))] = line.value.put(out)
        return out


def read(what: str, text: str, functions: Mapping[str, Function]) -> System:
    """Reads equations, a line each; what follows # is a comment, what follows : a unit.

    Raises:
        TypeError: no text.
        EquationError: a line is neither `dNAME/dt = ...` nor `NAME = ...`, or a name has two; names the line.
    """
    slopes: dict[str, Line] = {}
    values: dict[str, Line] = {}
    held: list[str] = []
    for i, whole in enumerate(text_of(what, text).splitlines(), 1):
        line = whole.split("#")[0].strip()
        if not line:
            continue
        called = f"line {i} of {what}"
        equation, _, unit = (part.strip() for part in line.partition(":"))
        flagged = bool(_FLAGS.search(line))
        equation, unit = (_FLAGS.sub("", part).strip() for part in (equation, unit))
        slope, value = _SLOPE.fullmatch(equation), _VALUE.fullmatch(equation)
        match = slope or value
        if match is None:
            raise EquationError(f"{called}: {line!r}: expected 'dNAME/dt = ... : unit' or 'NAME = ... : unit'")
        n = match[1]
        if n in slopes or n in values:
            raise EquationError(f"{called}: {line!r}: {n} has an equation already")
        if flagged and not slope:
            raise EquationError(f"{called}: {line!r}: only a differential equation can rest while refractory")
        (slopes if slope else values)[n] = Line(n, expression(called, match[2].strip(), functions), unit, called)
        held += [n] * flagged
    if not slopes:
        raise EquationError(f"{what}: expected at least one differential equation 'dNAME/dt = ...'")
    return System(slopes, _sorted(values), tuple(held))


def _sorted(values: Mapping[str, Line]) -> dict[str, Line]:
    """Each after those that it reads."""
    out: dict[str, Line] = {}
    while len(out) < len(values):
        ready = [
            n for n, line in values.items() if n not in out and not (line.value.names & values.keys()) - out.keys()
        ]
        if not ready:
            line = next(line for n, line in values.items() if n not in out)
            raise EquationError(f"{line.what}: {line.name} depends on itself")
        out |= {n: values[n] for n in ready}
    return out


def known(system: System, names: Collection[str]) -> None:
    """Raises EquationError where an equation reads a name that is none of these, no state and no value."""
    there = {*names, *system.slopes, *system.values}
    for line in (*system.slopes.values(), *system.values.values()):
        strange = sorted(line.value.names - there)
        if strange:
            raise EquationError(f"{line.what}: {strange[0]} is unknown; the names are {', '.join(sorted(there))}")
