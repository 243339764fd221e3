"""Expressions as GLSL, as numbers and as text; operations stay in the order in which they were written."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from .expression import Expression

_STRENGTH = {">": 0, ">=": 0, "<": 0, "<=": 0, "==": 0, "!=": 0, "+": 1, "-": 1, "*": 2, "/": 2, "neg": 2, "**": 3}
_AS_GLSL = {
    "abs": "abs", "exp": "exponential", "log": "logarithm", "sqrt": "root", "sin": "sine", "cos": "cosine",
    "max": "at_least", "min": "at_most", "clip": "within", "tanh": "hyperbolic_tangent",
}  # fmt: skip


def text(e: Expression) -> str:
    """The expression as it would be written in the language."""
    return _Text().of(e)


class _Text:
    """Operators with no more brackets than are needed."""

    def of(self, e: Expression, at_least: int = 0) -> str:
        strength = self.strength(e)
        out = self.inner(e)
        return f"({out})" if strength < at_least else out

    def strength(self, e: Expression) -> int:
        return _STRENGTH.get(e.op, 4)

    def inner(self, e: Expression) -> str:
        if e.op == "number":
            return self.number(e.args[0])
        if e.op == "name":
            return self.name(e.args[0])
        if e.op == "neg":
            return f"-{self.of(e.args[0], 3)}"
        if e.op in _STRENGTH:
            return self.operator(e, _STRENGTH[e.op])
        return self.call(e)

    def operator(self, e: Expression, strength: int) -> str:
        left = strength + (strength in (0, 3))  # comparisons would be chained, and powers are taken from the right
        return f"{self.of(e.args[0], left)} {e.op} {self.of(e.args[1], strength + 1)}"

    def call(self, e: Expression) -> str:
        return f"{e.op}({', '.join(self.of(a) for a in e.args)})"

    def number(self, value: float) -> str:
        if value == math.pi:
            return "pi"
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)

    def name(self, value: str) -> str:
        return value


@dataclass
class GLSL(_Text):
    """Prints GLSL of shaders/include/math.glsl and vector.glsl, for one element and for four.

    Args:
        names: what names are in the shader; others stay.
        scalars: names of one number for all elements (float, not REAL).
        switches: names of conditions that are specialization constants, with their GLSL.
        quick: functions and divisions that need not have the same bits on every device, for slopes.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    scalars: Collection[str] = ()
    switches: Mapping[str, str] = field(default_factory=dict)
    quick: bool = False

    def narrow(self, e: Expression) -> bool:
        """Whether it is a float, in the variant of four elements too."""
        for part in e.walk():
            if part.op == "tanh" or (part.op == "where" and part.args[0].op != "name"):
                return False
            if part.op == "name" and part.args[0] not in self.scalars and part.args[0] not in self.switches:
                return False
        return True

    def wide(self, e: Expression) -> str:
        """As a REAL."""
        return f"REAL({self.of(e)})" if self.narrow(e) else self.of(e)

    def strength(self, e: Expression) -> int:
        called = _STRENGTH.get(e.op) == 0 or (e.op == "/" and not self.quick)
        return 4 if called else super().strength(e)

    def number(self, value: float) -> str:
        return repr(float(value)) if value >= 0 else f"({float(value)!r})"

    def name(self, value: str) -> str:
        return self.names.get(value, value)

    def operator(self, e: Expression, strength: int) -> str:
        a, b = e.args
        if e.op in (">", ">="):
            return f"{'ABOVE' if e.op == '>' else 'AT_LEAST'}({self.wide(a)}, {self.wide(b)})"
        if e.op in ("<", "<="):
            return f"{'ABOVE' if e.op == '<' else 'AT_LEAST'}({self.wide(b)}, {self.wide(a)})"
        if e.op in ("==", "!="):
            equal = f"EQUAL({self.wide(a)}, {self.wide(b)})"
            return equal if e.op == "==" else f"NONE({equal})"
        if e.op == "**":
            return "(" + " * ".join([self.of(a, 3)] * int(b.args[0])) + ")"
        if e.op == "/" and not self.quick:
            return self.function("same_quotient", e)
        return super().operator(e, strength)

    def function(self, called: str, e: Expression) -> str:
        one = self.of if self.narrow(e) else self.wide
        return f"{called}({', '.join(one(a) for a in e.args)})"

    def call(self, e: Expression) -> str:
        if e.op == "sigmoid":
            exponential = Expression("exp", (Expression("neg", e.args),))
            return self.of(Expression("/", (_ONE, Expression("+", (_ONE, exponential)))), 4)
        if e.op == "where":
            return self.where(*e.args)
        return self.function("quick_exponential" if self.quick and e.op == "exp" else _AS_GLSL[e.op], e)

    def where(self, test: Expression, a: Expression, b: Expression) -> str:
        if test.op == "name":
            kind = self.of if self.narrow(Expression("+", (a, b))) else self.wide
            return f"({self.switches[test.args[0]]} ? {kind(a)} : {kind(b)})"
        return f"mix({self.wide(b)}, {self.wide(a)}, {self.of(test)})"


_ONE = Expression("number", (1.0,))


def evaluate(e: Expression, values: Mapping[str, Any], m: Any) -> Any:
    """The expression's value.

    Args:
        values: of every name in it.
        m: the module whose functions are taken, such as numpy, with numpy's names.
    """
    if e.op == "number":
        return e.args[0]
    if e.op == "name":
        return values[e.args[0]]
    args = [evaluate(part, values, m) for part in e.args]
    return _MEANING[e.op](m, *args)


_MEANING: dict[str, Callable[..., Any]] = {
    "+": lambda m, a, b: a + b,
    "-": lambda m, a, b: a - b,
    "*": lambda m, a, b: a * b,
    "/": lambda m, a, b: a / b,
    "**": lambda m, a, b: a ** int(b),
    "neg": lambda m, a: -a,
    ">": lambda m, a, b: a > b,
    ">=": lambda m, a, b: a >= b,
    "<": lambda m, a, b: a < b,
    "<=": lambda m, a, b: a <= b,
    "==": lambda m, a, b: a == b,
    "!=": lambda m, a, b: a != b,
    "where": lambda m, test, a, b: m.where(test, a, b),
    "max": lambda m, a, b: m.maximum(a, b),
    "min": lambda m, a, b: m.minimum(a, b),
    "clip": lambda m, a, low, high: m.minimum(m.maximum(a, low), high),
    "abs": lambda m, a: m.abs(a),
    "exp": lambda m, a: m.exp(a),
    "log": lambda m, a: m.log(a),
    "sqrt": lambda m, a: m.sqrt(a),
    "sin": lambda m, a: m.sin(a),
    "cos": lambda m, a: m.cos(a),
    "tanh": lambda m, a: m.tanh(a),
    "sigmoid": lambda m, a: 1 / (1 + m.exp(-a)),
}
