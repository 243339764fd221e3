"""What the result of an equation says of its parts, so that the parts need not be kept for the way back."""

from __future__ import annotations

from collections.abc import Collection

from .derivative import UNDO
from .expression import Expression, name


def solved(value: Expression, result: str, lost: str, switches: Collection[str]) -> dict[Expression, Expression]:
    """Parts of `value` that hold the name `lost`, each as an expression without it, from the name of the result.

    Of h = max(w * leak, 0) with the result "h" and leak lost: {max(...): h, w * leak: h, leak: h / w}, which is right
    where the derivative is not 0.  A division that more than that rests on is the operation UNDO, which has to
    cancel: what it divides by may be 0.

    Args:
        switches: names of conditions whose branches are alternatives, solved each by itself.
    """
    found: dict[Expression, Expression] = {}
    _follow(value, name(result), lost, switches, found, inside=False)
    return found


def _follow(
    e: Expression,
    is_: Expression,
    lost: str,
    switches: Collection[str],
    found: dict[Expression, Expression],
    inside: bool,
) -> None:
    if lost not in e.names:
        return
    found[e] = is_
    if e.op == "where" and e.args[0].op == "name" and e.args[0].args[0] in switches:
        for branch in e.args[1:]:
            _follow(branch, is_, lost, switches, found, inside)
        return
    if e.op == "max" and lost not in e.args[1].names:
        _follow(e.args[0], is_, lost, switches, found, True)
        return
    if e.op not in ("+", "-", "*"):
        return
    a, b = e.args
    if (lost in a.names) == (lost in b.names):
        return
    part, other = (a, b) if lost in a.names else (b, a)
    if e.op == "*":
        back = Expression("/" if inside else UNDO, (is_, other))
    elif e.op == "+":
        back, inside = Expression("-", (is_, other)), False
    else:
        back, inside = (Expression("+", (is_, b)) if part is a else Expression("-", (a, is_))), False
    _follow(part, back, lost, switches, found, inside)
