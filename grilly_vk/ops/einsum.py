"""Einstein sums by batched matrix products: operands are contracted two at a time, from left to right."""

from __future__ import annotations

import math
from typing import Any

from ..errors import shown
from ..tensor import Tensor, overlap
from .arrange import diag
from .elementwise import as_tensor
from .matmul import matmul
from .reductions import reduce_sum
from .shape import broadcast_to, permute, reshape


def einsum(equation: str, *operands: Any) -> Tensor:
    """Sums of products over named axes: ``einsum("tbn,nm->tbm", spikes, weight)``.

    Args:
        equation: a letter for each axis of each operand, operands apart by commas, "..." for axes that broadcast; after
            "->" those of the result, which without it are the letters that occur once, in alphabetical order.
        operands: Tensors or array-likes; or one list of them.

    Raises:
        TypeError: an equation that is no text. ValueError: one that does not fit the operands.
    """
    if not isinstance(equation, str):
        raise TypeError(f"equation must be text, not {type(equation).__name__}; operands come after it")
    given = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    tensors = [as_tensor(f"operands[{i}]", t) for i, t in enumerate(given)]
    terms, wanted = _parse(equation, tensors)
    parts = [_single(t, term) for t, term in zip(tensors, terms)]
    sizes: dict[str, int] = {}
    for (x, term), i in zip(parts, range(len(parts))):
        for letter, n in zip(term, x.shape):
            if sizes.setdefault(letter, n) != n:
                if 1 not in (sizes[letter], n):
                    raise ValueError(f"operands[{i}] has size {n} along {letter!r}, an earlier one {sizes[letter]}")
                sizes[letter] = max(sizes[letter], n)
    x, term = parts[0]
    for k in range(1, len(parts)):
        later = set(wanted).union(*(t for _, t in parts[k + 1 :]))
        x, term = _pair(x, term, *parts[k], later, sizes)
    gone = tuple(i for i, letter in enumerate(term) if letter not in wanted)
    if gone:
        x = reduce_sum(x, gone)
        term = "".join(letter for letter in term if letter in wanted)
    if term != wanted:
        x = permute(x, [term.index(letter) for letter in wanted])
    return x.clone() if overlap(x, tensors[0]) else x


def _parse(equation: str, tensors: list[Tensor]) -> tuple[list[str], str]:
    """A letter for each axis of each operand and of the result; axes under "..." are called by digits."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors):
        raise ValueError(f"equation {shown(equation)} has {len(terms)} operands; {len(tensors)} were given")
    spread = max((x.ndim - len(term.replace("...", "")) for x, term in zip(tensors, terms) if "..." in term), default=0)
    if spread > 10:
        raise ValueError(f"equation {shown(equation)}: '...' stands for {spread} axes; 10 at most")
    dots = "0123456789"[:spread] if spread > 0 else ""
    full = []
    for i, (x, term) in enumerate(zip(tensors, terms)):
        n = x.ndim - len(term.replace("...", ""))
        whole = term.replace("...", dots[len(dots) - n :] if n > 0 else "")
        if len(whole) != x.ndim or not all(c.isalpha() or c.isdigit() for c in whole):
            raise ValueError(f"equation {shown(equation)}: {shown(term)} does not fit operands[{i}] of shape {x.shape}")
        full.append(whole)
    letters = "".join(full)
    if arrow:
        result = right.replace("...", dots)
    else:
        result = dots + "".join(sorted(c for c in set(letters) - set(dots) if letters.count(c) == 1))
    if set(result) - set(letters) or len(set(result)) != len(result):
        raise ValueError(
            f"equation {shown(equation)}: the result {shown(right)} must have letters of the operands, each once"
        )
    return full, result


def _single(x: Tensor, term: str) -> tuple[Tensor, str]:
    """An operand whose letters are all different."""
    if len(set(term)) == len(term):
        return x, term
    if len(term) == 2:
        return diag(x), term[0]
    raise ValueError(f"a letter twice in {shown(term)}: diagonals are taken of matrices only")


def _pair(a: Tensor, s: str, b: Tensor, t: str, later: set[str], sizes: dict[str, int]) -> tuple[Tensor, str]:
    """Two operands as one, with the letters that are needed later."""
    a, s = _summed(a, s, later | set(t))
    b, t = _summed(b, t, later | set(s))
    batch = [c for c in s if c in t and c in later]
    inner = [c for c in s if c in t and c not in later]
    rows, columns = [c for c in s if c not in t], [c for c in t if c not in s]
    left = _grouped(a, s, (batch, rows, inner), sizes)
    right = _grouped(b, t, (batch, inner, columns), sizes)
    out = matmul(left, right)
    term = "".join(batch + rows + columns)
    return reshape(out, [sizes[c] for c in term]), term


def _summed(x: Tensor, term: str, needed: set[str]) -> tuple[Tensor, str]:
    gone = tuple(i for i, c in enumerate(term) if c not in needed)
    return (reduce_sum(x, gone) if gone else x), "".join(c for c in term if c in needed)


def _grouped(x: Tensor, term: str, groups: tuple[list[str], ...], sizes: dict[str, int]) -> Tensor:
    """Three axes, each of a group of letters; a size of 1 is spread to what the letter has elsewhere."""
    order = [c for group in groups for c in group]
    if "".join(order) != term:
        x = permute(x, [term.index(c) for c in order])
    wide = [sizes[c] for c in order]
    x = broadcast_to(x, wide) if list(x.shape) != wide else x
    return reshape(x, [math.prod(sizes[c] for c in group) for group in groups])
