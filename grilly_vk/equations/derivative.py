"""Symbolic derivatives, simplified on the way so that they are what one would write by hand."""

from __future__ import annotations

from collections import Counter

from .expression import COMPARED, Expression, number

ZERO, ONE = number(0), number(1)
UNDO = "undo"  # a division that takes back a multiplication, see solving.py


def negative(a: Expression) -> Expression:
    """-a."""
    if a.op == "number":
        return number(-a.args[0]) if a.args[0] else a
    if a.op == "neg":
        return a.args[0]
    if a.op == "-":
        return Expression("-", (a.args[1], a.args[0]))
    return Expression("neg", (a,))


def add(a: Expression, b: Expression) -> Expression:
    """a + b."""
    if a == ZERO or b == ZERO:
        return b if a == ZERO else a
    if a.op == b.op == "number":
        return number(a.args[0] + b.args[0])
    if b.op == "neg":
        return subtract(a, b.args[0])
    if a.op == "neg" or (a.op == "number" and a.args[0] < 0):
        return subtract(b, negative(a))
    if a.op == b.op == "-" and a.args[0] == b.args[0]:  # (c - d) + (c - e)
        return subtract(multiply(number(2), a.args[0]), add(a.args[1], b.args[1]))
    return _joined("+", a, b)


def subtract(a: Expression, b: Expression) -> Expression:
    """a - b."""
    if b == ZERO:
        return a
    if a == ZERO:
        return negative(b)
    if a == b:
        return ZERO
    if a.op == b.op == "number":
        return number(a.args[0] - b.args[0])
    if b.op == "neg":
        return add(a, b.args[0])
    if a.op == "-" and a.args[0] == b:  # (b - c) - b
        return negative(a.args[1])
    if a.op == "+" and b in a.args:
        return a.args[1] if a.args[0] == b else a.args[0]
    return _joined("-", a, b)


def _factors(a: Expression) -> list[Expression]:
    return [*_factors(a.args[0]), *_factors(a.args[1])] if a.op == "*" else [a]


def _product(factors: list[Expression]) -> Expression:
    out = ONE
    for factor in factors:
        out = factor if out == ONE else Expression("*", (out, factor))
    return out


def _joined(op: str, a: Expression, b: Expression) -> Expression:
    """a op b; what both have as a factor stands before the sum."""
    shared = Counter(_factors(a)) & Counter(_factors(b))
    shared.pop(ONE, None)
    if not shared:
        return Expression(op, (a, b))
    rest = []
    for side in (a, b):
        left, kept = Counter(shared), []
        for factor in _factors(side):
            if left[factor]:
                left[factor] -= 1
            else:
                kept.append(factor)
        rest.append(_product(kept))
    inner = add(*rest) if op == "+" else subtract(*rest)
    return multiply(_product(list(shared.elements())), inner)


def multiply(a: Expression, b: Expression) -> Expression:
    """a * b; a division by what the other side multiplies with falls away."""
    if ZERO in (a, b):
        return ZERO
    if a == ONE or b == ONE:
        return b if a == ONE else a
    if a.op == b.op == "number":
        return number(a.args[0] * b.args[0])
    for side, other in ((a, b), (b, a)):
        if side.op == "neg" or (side.op == "number" and side.args[0] == -1):
            return negative(multiply(ONE if side.op == "number" else side.args[0], other))
    for side, other in ((a, b), (b, a)):
        quotient = _without(side, other)
        if quotient is not None:
            return quotient
    if a.op == "*" and a.args[1].op in ("+", "-") and b.op in ("name", "number"):
        return Expression("*", (multiply(a.args[0], b), a.args[1]))  # constants first, which one loop shares
    return Expression("*", (a, b))


def _without(a: Expression, b: Expression) -> Expression | None:
    """a * b where a factor of a divides by a factor of b."""
    factors, others = _factors(a), _factors(b)
    for i, factor in enumerate(factors):
        if factor.op in ("/", UNDO) and factor.args[1] in others:
            others.remove(factor.args[1])
            rest = [*factors[:i], *([] if factor.args[0] == ONE else [factor.args[0]]), *factors[i + 1 :]]
            return multiply(_product(rest), _product(others)) if others else _product(rest)
    return None


def divide(a: Expression, b: Expression) -> Expression:
    """a / b."""
    return a if a == ZERO or b == ONE else ONE if a == b else Expression("/", (a, b))


def choose(test: Expression, a: Expression, b: Expression) -> Expression:
    """where(test, a, b)."""
    return a if a == b else Expression("where", (test, a, b))


def derivative(of: Expression, to: str) -> Expression:
    """How fast an expression changes with a name.

    At kinks: max and min follow their second argument where both are equal, clip its first at its ends, abs is 0.
    """
    if of.op == "name":
        return ONE if of.args[0] == to else ZERO
    if of.op == "number" or of.op in COMPARED:
        return ZERO
    if of.op == "where":
        return choose(of.args[0], derivative(of.args[1], to), derivative(of.args[2], to))
    inner = [derivative(part, to) for part in of.args]
    if all(d == ZERO for d in inner):
        return ZERO
    if len(inner) == 2 or of.op == "clip":
        return _of_several(of, inner)
    return multiply(inner[0], _outer(of, of.args[0]))


def _of_several(of: Expression, inner: list[Expression]) -> Expression:
    a, b = of.args[:2]
    da, db = inner[:2]
    if of.op == "+":
        return add(da, db)
    if of.op == "-":
        return subtract(da, db)
    if of.op == "*":
        return add(multiply(da, b), multiply(a, db))
    if of.op == "/":
        return subtract(divide(da, b), divide(multiply(of, db), b))
    if of.op == "**":
        count = b.args[0]
        less = ONE if count == 1 else a if count == 2 else Expression("**", (a, number(count - 1)))
        return multiply(da, multiply(b, less))
    if of.op == "max":
        return choose(Expression(">", (of, b)), da, db)
    if of.op == "min":
        return choose(Expression("<", (of, b)), da, db)
    high = of.args[2]  # of clip, which is its upper end where the ends cross
    inside = a if b.op == high.op == "number" else Expression("max", (a, b))
    return choose(Expression(">", (inside, high)), inner[2], choose(Expression("<", (a, b)), db, da))


def _outer(of: Expression, a: Expression) -> Expression:
    """The derivative of a function of one argument, by that."""
    if of.op == "neg":
        return number(-1)
    if of.op == "abs":
        sides = choose(Expression("<", (a, ZERO)), number(-1), ZERO)
        return choose(Expression(">", (a, ZERO)), ONE, sides)
    if of.op == "exp":
        return of
    if of.op == "log":
        return divide(ONE, a)
    if of.op == "sqrt":
        return divide(number(0.5), of)
    if of.op == "sin":
        return Expression("cos", (a,))
    if of.op == "cos":
        return negative(Expression("sin", (a,)))
    if of.op == "tanh":
        return subtract(ONE, multiply(of, of))
    return multiply(of, subtract(ONE, of))  # sigmoid
