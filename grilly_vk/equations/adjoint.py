"""Reverse mode: from the gradients of what a list of statements computes to those of what they read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from .derivative import ONE, UNDO, ZERO, add, choose, derivative, multiply
from .expression import Expression, Statement, name
from .solving import solved


@dataclass(frozen=True)
class Adjoint:
    """The way back through statements.

    lines: statements to run first, in order, the gradients of what was between among them.
    gradients: of each name that was asked for, an expression.
    """

    lines: tuple[Statement, ...]
    gradients: dict[str, Expression]

    @property
    def names(self) -> set[str]:
        """What it reads."""
        out: set[str] = set()
        given: set[str] = set()
        for line in self.lines:
            out |= line.value.names - given
            given.add(line.target)
        for value in self.gradients.values():
            out |= value.names - given
        return out


def separate(statements: Sequence[Statement], last: Collection[str] = ()) -> tuple[list[Statement], dict[str, str]]:
    """Statements that give each name a value once: where one is set again, the values before get names of their own.

    Args:
        last: names that keep the value from before, so that the last gets another name too.

    Returns:
        The statements, and what each name is called after them.
    """
    now: dict[str, str] = {}
    out = []
    for i, statement in enumerate(statements):
        value = statement.value.put({name(old): name(new) for old, new in now.items()})
        again = any(s.target == statement.target for s in statements[i + 1 :])
        own = statement.target
        if again or own in last:
            own = _free(f"{own}_{i}", statements)
        now[statement.target] = own
        out.append(Statement(own, value))
    return out, now


def _free(wanted: str, statements: Sequence[Statement]) -> str:
    """A name that none of the statements has."""
    taken = {n for s in statements for n in (s.target, *s.value.names)}
    while wanted in taken:
        wanted += "_"
    return wanted


def adjoint(
    statements: Sequence[Statement],
    seeds: Mapping[str, Expression],
    wanted: Collection[str],
    *,
    kept: Collection[str] = (),
    lost: str = "",
    switches: Collection[str] = (),
    chain: Mapping[str, Expression] | None = None,
) -> Adjoint:
    """The way back through statements, each of whose names has one value (see `separate`).

    Args:
        seeds: the gradients that come in, of names that the statements set.
        wanted: names whose gradients are asked for.
        kept: names that they set and that are known on the way back; others are computed again where they are read.
        lost: a name that is not known on the way back, unless the adjoint reads it: then it has to be kept.
        switches: names of conditions that are constants of the kernel.
        chain: what gradients of names are multiplied with, such as dk/dw of a k that follows from w.
    """
    bars: dict[str, Expression] = dict(seeds)
    known: dict[Expression, Expression] = {}
    for s in statements:
        if s.target in kept and lost:
            known |= solved(s.value, s.target, lost, switches)
    lines: list[Statement] = []
    for s in reversed(statements):
        bar = bars.pop(s.target, ZERO)
        if bar == ZERO:
            continue
        if bar.op != "name":
            own = _free(f"of_{s.target}", statements)
            lines.append(Statement(own, bar))
            bar = name(own)
        for part in sorted(s.value.names):
            slope = _scaled(derivative(s.value, part), (chain or {}).get(part, ONE))
            slope = _without(slope, known, lost)
            bars[part] = add(bars.get(part, ZERO), multiply(bar, slope))
    gradients = {n: bars.get(n, ZERO) for n in wanted}
    found = Adjoint(tuple(lines), gradients)
    again: list[Statement] = []
    needed = found.names
    for s in reversed(statements):
        if s.target in needed and s.target not in kept:
            again.insert(0, s)
            needed |= s.value.names
    return Adjoint((*again, *lines), gradients)


def _scaled(slope: Expression, factor: Expression) -> Expression:
    """The slope times a factor, which each branch takes by itself."""
    if slope.op == "where":
        return choose(slope.args[0], _scaled(slope.args[1], factor), _scaled(slope.args[2], factor))
    return multiply(slope, factor)


def _without(slope: Expression, known: Mapping[Expression, Expression], lost: str) -> Expression:
    """The slope by what is known, if all of what is lost falls out of it."""
    if not known or lost not in slope.names:
        return slope
    other = _again(slope.put(known))
    return slope if any(e.op == UNDO for e in other.walk()) or lost in other.names else other


def _again(e: Expression) -> Expression:
    """Products simplified once more, from within."""
    if not e.parts:
        return e
    parts = tuple(_again(part) for part in e.args)
    return multiply(*parts) if e.op == "*" else Expression(e.op, parts)
