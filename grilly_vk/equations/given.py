"""Checks of what models are made of: names, lists and mappings of them, and what their texts may read."""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .expression import COMPARED, EquationError, Expression, Function, function, text_of
from .printing import text


def identifier(what: str, given: Any) -> str:
    """A name as Python has them, of ASCII letters.

    Raises:
        TypeError: no text. ValueError: a text that is no name.
    """
    if not _is_name(text_of(what, given)):
        raise ValueError(f"{what} must be an identifier such as 'my_neuron', got {came(given)}")
    return given


def own_names(title: str, parts: Mapping[str, Iterable[Any]], taken: Collection[str]) -> None:
    """Raises ValueError where what users name has no name, one that has a meaning of its own, or one twice.

    Args:
        title: of the model.
        parts: names by the argument that has them.
    """
    there: set[Any] = set()
    for part, names in parts.items():
        for n in names:
            if not _is_name(n) or n in taken or n in there:
                raise ValueError(f"{title!r} can't call one of its {part} {n!r}: it is taken, or no name")
            there.add(n)


def _is_name(given: Any) -> bool:
    return isinstance(given, str) and given.isidentifier() and given.isascii()


def texts_in(what: str, given: Any) -> tuple[str, ...]:
    """The texts of a list.

    Raises:
        TypeError: no list, or one that holds something else.
    """
    if not isinstance(given, (list, tuple)):
        raise TypeError(f"{what} must be a list of texts, not {type(given).__name__}")
    return tuple(text_of(f"{what}[{i}]", t) for i, t in enumerate(given))


def count(what: str, given: Any, most: int) -> int:
    """A whole number from 1 to `most`.

    Raises:
        ValueError: anything else.
    """
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= most:
        raise ValueError(f"{what} must be a whole number from 1 to {most}, got {came(given)}")
    return given


def numbers_by_name(what: str, given: Any) -> dict[str, float]:
    """A mapping from names to finite numbers; see `by_name` for errors."""
    return {n: float(value) for n, value in by_name(what, given, numbers.Real, "numbers").items()}


def texts_by_name(what: str, given: Any) -> dict[str, str]:
    """A mapping from names to texts; see `by_name` for errors."""
    return by_name(what, given, str, "texts")


def starts_by_name(what: str, given: Any) -> dict[str, float | str]:
    """A mapping from names to finite numbers or texts; see `by_name` for errors."""
    return by_name(what, given, (numbers.Real, str), "numbers or texts")


def by_name(what: str, given: Any, kind: Any, kinds: str) -> dict[str, Any]:
    """A mapping from names to what is of some kind, which messages call `kinds`.

    Raises:
        TypeError: no mapping, or one that holds something else. ValueError: numbers that are not finite in float64.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"{what} must be a mapping from names to {kinds}, not {type(given).__name__}")
    for key, value in given.items():
        if not isinstance(key, str) or not isinstance(value, kind) or isinstance(value, bool):
            raise TypeError(f"{what} must be a mapping from names to {kinds}, got {came(key)}: {came(value)}")
        if isinstance(value, numbers.Real) and not _finite(value):
            raise ValueError(f"{what} must hold finite numbers of at most 1.8e308, got {key!r}: {came(value)}")
    return dict(given)


def came(given: Any) -> str:
    """What came, for messages, in one short line; the build imports this package alone, so that it is written here."""
    if isinstance(given, int) and abs(given) > 10**20:
        return "a number beyond 1e20"
    return repr(given)[:80] if isinstance(given, (str, int, float)) else type(given).__name__


def _finite(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def functions_of(what: str, given: Any, known: Iterable[Function] = ()) -> dict[str, Function]:
    """Functions by name: those known, and those of a text with definitions divided by semicolons or lines.

    Raises:
        TypeError: no text. EquationError: a definition that is none.
    """
    found = {f.name: f for f in known}
    for line in text_of(what, given).replace("\n", ";").split(";"):
        if line.strip():
            own = function(what, line.strip(), found)
            found[own.name] = own
    return found


def check(
    what: str, value: Expression, known: Collection[str], conditions: Collection[str] = (), written: str = ""
) -> None:
    """Raises EquationError where an expression reads unknown names, or has conditions anywhere but first in where.

    Args:
        what: what the expression is, for messages.
        known: names that it may read.
        conditions: of all names, those that are conditions.
        written: the text that it stands in, if that is another one.
    """
    written = written or text(value)
    for e in Expression("", (value,)).walk():
        for i, operand in enumerate(e.parts):
            test = operand.op in COMPARED or (operand.op == "name" and operand.args[0] in conditions)
            if test != (e.op == "where" and i == 0):
                why = f"{text(operand)} is a condition, which stands first in where" if test else ""
                why = why or f"where needs a condition such as {text(operand)} > 0 first, not {text(operand)}"
                raise EquationError(f"{what}: {written!r}: {why}")
    strange = sorted(value.names - set(known))
    if strange:
        there = ", ".join(sorted(set(known) - set(conditions)))
        raise EquationError(f"{what}: {written!r}: {strange[0]} is unknown; the names are {there}")
