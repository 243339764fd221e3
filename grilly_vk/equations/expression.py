"""The language: `h = max(0, w * leak)` read into a tree of operations, in the order in which they are written."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FUNCTIONS = {
    "where": 3, "max": 2, "min": 2, "clip": 3, "abs": 1, "exp": 1, "log": 1, "sqrt": 1, "sin": 1, "cos": 1, "tanh": 1,
    "sigmoid": 1,
}  # fmt: skip
COMPARISONS = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!="}
COMPARED = frozenset(COMPARISONS.values())
CONSTANTS = {"pi": math.pi}
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
POWERS = 8  # the highest
_LONGEST = 10_000  # letters of a text
_DEEPEST = 100  # operations within each other, as in a sum of so many parts


class EquationError(ValueError):
    """A text that is no equation, or one that asks for something that isn't there; names the text and the place."""


@dataclass(frozen=True)
class Expression:
    """A tree: `op` is "number" or "name", an operator, "neg", a comparison or one of FUNCTIONS; `args` its operands.

    Of a number, args holds the float; of a name, the text.
    """

    op: str
    args: tuple

    def __hash__(self) -> int:
        found = self.__dict__.get("_hash")
        if found is None:
            found = hash((self.op, self.args))
            object.__setattr__(self, "_hash", found)
        return found

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The operands that are expressions."""
        return () if self.op in ("number", "name") else self.args

    def walk(self) -> Iterator[Expression]:
        """This expression and all within it."""
        yield self
        for part in self.parts:
            yield from part.walk()

    @property
    def names(self) -> set[str]:
        """Every name in it."""
        return {e.args[0] for e in self.walk() if e.op == "name"}

    def put(self, known: Mapping[Expression, Expression]) -> Expression:
        """With some expressions in place of others, the outermost first."""
        if self in known:
            return known[self]
        if not self.parts:
            return self
        return Expression(self.op, tuple(part.put(known) for part in self.args))


@dataclass(frozen=True)
class Statement:
    """`target = value`."""

    target: str
    value: Expression


@dataclass(frozen=True)
class Function:
    """A definition, `name(arguments) = value`, which is put in wherever it is called."""

    name: str
    arguments: tuple[str, ...]
    value: Expression


def text_of(what: str, given: Any) -> str:
    """A text.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(given, str):
        raise TypeError(f"{what} must be a text, not {type(given).__name__}")
    return given


def number(value: float) -> Expression:
    """A number as an expression."""
    return Expression("number", (float(value),))


def name(text: str) -> Expression:
    """A name as an expression."""
    return Expression("name", (text,))


class _Reader:
    """Reads one text; errors say what it is and where in it they are."""

    def __init__(self, what: str, text: str, functions: Mapping[str, Function]) -> None:
        if len(text_of(what, text)) > _LONGEST:
            raise EquationError(f"{what} has {len(text)} letters; at most {_LONGEST} are read")
        self.what, self.lines, self.functions = what, [line.strip() for line in text.split("\n")], functions

    def wrong(self, why: str, line: int = 1, column: int | None = None) -> EquationError:
        shown = self.lines[min(line, len(self.lines)) - 1]
        shown = shown if len(shown) <= 200 else f"{shown[:197]}..."
        place = "" if column is None else f", letter {max(column, 0) + 1}"
        return EquationError(f"{self.what}: {shown!r}{place}: {why}")

    def at(self, node: ast.AST, why: str) -> EquationError:
        return self.wrong(why, getattr(node, "lineno", 1), getattr(node, "col_offset", 0))

    def parsed(self) -> list[ast.stmt]:
        try:
            return ast.parse("\n".join(self.lines)).body
        except SyntaxError as error:
            column = None if error.offset is None else error.offset - 1
            raise self.wrong(f"no equation ({error.msg})", error.lineno or 1, column) from None
        except (RecursionError, MemoryError):
            raise self.wrong("too many operations within each other") from None
        except ValueError as error:  # a null byte
            raise self.wrong(str(error)) from None

    def tree(self, node: ast.AST) -> Expression:
        if isinstance(node, ast.Constant):
            value = node.value
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1.7e308 < value < 1.7e308:
                raise self.at(node, f"{value!r} is no finite number")
            return number(value)
        if isinstance(node, ast.Name):
            return number(CONSTANTS[node.id]) if node.id in CONSTANTS else name(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return Expression("neg", (self.tree(node.operand),))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            exponent = self.tree(node.right)
            if exponent.op != "number" or exponent.args[0] not in range(1, POWERS + 1):
                raise self.at(node, f"powers are whole numbers from 1 to {POWERS}; write exp(b * log(a)) for others")
            return Expression("**", (self.tree(node.left), exponent))
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return Expression(_OPERATORS[type(node.op)], (self.tree(node.left), self.tree(node.right)))
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
            return Expression(COMPARISONS[type(node.ops[0])], (self.tree(node.left), self.tree(node.comparators[0])))
        if isinstance(node, ast.Call):
            return self.call(node)
        known = f"numbers, names, + - * / **, one of > >= < <= == !=, and the functions {', '.join(sorted(FUNCTIONS))}"
        raise self.at(node, f"not part of the language, which has {known}")

    def call(self, node: ast.Call) -> Expression:
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        own = self.functions.get(called)
        count = FUNCTIONS.get(called) if own is None else len(own.arguments)
        if count is None:
            known = ", ".join(sorted({*FUNCTIONS, *self.functions}))
            raise self.at(node, f"{called or 'this'} is no function here; there are {known}")
        if node.keywords or len(node.args) != count:
            raise self.at(node, f"{called} takes {count} argument{'s' * (count != 1)}, got {len(node.args)}")
        args = tuple(self.tree(arg) for arg in node.args)
        if own is not None:
            return own.value.put({name(a): value for a, value in zip(own.arguments, args)})
        return Expression(called, args)


def expression(what: str, text: str, functions: Mapping[str, Function] | None = None) -> Expression:
    """A text such as "h >= threshold" as a tree.

    Args:
        what: what the text is, for messages.
        functions: definitions that it may call.

    Raises:
        EquationError: the text is no expression of the language.
    """
    reader = _Reader(what, text, functions or {})
    body = reader.parsed()
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        raise reader.wrong("expected one expression")
    return _limited(reader, body[0].value)


def statements(what: str, text: str, functions: Mapping[str, Function] | None = None) -> tuple[Statement, ...]:
    """A text such as "u = c * u + x; h = v + u" as statements, divided by semicolons or lines.

    Raises:
        EquationError: the text holds something else, or calls what is not defined.
    """
    reader = _Reader(what, text, functions or {})
    found = []
    for line in reader.parsed():
        if not isinstance(line, ast.Assign) or len(line.targets) != 1 or not isinstance(line.targets[0], ast.Name):
            raise reader.at(line, "expected statements such as 'h = v + x'")
        target = line.targets[0].id
        if target in CONSTANTS or target in FUNCTIONS:
            raise reader.at(line, f"{target} has a meaning of its own and can't be given a value")
        found.append(Statement(target, _limited(reader, line.value)))
    return tuple(found)


def function(what: str, text: str, functions: Mapping[str, Function] | None = None) -> Function:
    """A definition such as "leak(x) = v + (x - v) * k".

    Raises:
        EquationError: it is none.
    """
    match = re.fullmatch(r"\s*(\w+)\s*\(([\w\s,]*)\)\s*=(.*)", text, re.DOTALL)
    if match is None:
        raise EquationError(f"{what}: {text!r}: expected a definition such as 'leak(x) = v + (x - v) * k'")
    title, listed, value = match.groups()
    arguments = tuple(a.strip() for a in listed.split(","))
    if len(set(arguments)) < len(arguments) or not all(a.isidentifier() for a in (title, *arguments)):
        raise EquationError(f"{what}: {text!r}: a definition has arguments, each with a name of its own")
    return Function(title, arguments, expression(what, value, functions))


def _limited(reader: _Reader, node: ast.AST) -> Expression:
    try:
        found = reader.tree(node)
    except RecursionError:
        raise reader.at(node, "too many operations within each other") from None
    within = [found]
    for _ in range(_DEEPEST):
        within = [*{part for e in within for part in e.parts}]
    if within:
        raise reader.at(node, f"more than {_DEEPEST} operations within each other; write several statements")
    return found
