"""Operations against float64 numpy, at sizes that fit neither a vector of four nor a work group."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ...tensor import Tensor, from_numpy
from . import table
from .runner import CUT, FAIL, PASS, Check, Found, Time

HINT = "this kernel computes something else here: send the row and the driver's version, and don't train on this device"


def checks() -> list[Check]:
    """A row for each operation of the table."""
    return [Check("operations", o.name, functools.partial(_compare, o), HINT, 12.0) for o in table.TABLE]


def _compare(operation: table.Operation, time: Time) -> Found:
    worst, tried = 0.0, []
    sizes = operation.sizes[::2] if time.quick else operation.sizes
    for size in sizes:
        if time.left < 0:
            break
        given = operation.given(size, np.random.default_rng([size, len(operation.name)]))
        expected = _several(operation.reference(*[a.astype(np.float64) for a in given]))
        got = _several(operation.run(*map(from_numpy, given)))
        for number, (e, o) in enumerate(zip(expected, got, strict=True)):
            problem, error = difference(o, e, operation.tolerance)
            if problem:
                which = f"result {number} " if len(expected) > 1 else ""
                return Found(f"size {size}: {which}{problem}", FAIL, {"size": size, "error": error})
            worst = max(worst, error)
        tried.append(size)
    label = "shapes" if operation.sizes == table.ALL or "matmul" in operation.name else "sizes"
    text = f"{len(tried)} {label}, off by at most {worst:.1e} ({operation.tolerance:g} allowed)"
    if operation.tolerance == 0.0:
        text = f"{len(tried)} {label}, equal"
    values = {"sizes": tried, "error": worst, "tolerance": operation.tolerance}
    return Found(text, PASS if len(tried) == len(sizes) else CUT, values)


def _several(result: Any) -> list[np.ndarray]:
    many = result if isinstance(result, (tuple, list)) else [result]
    return [r.numpy() if isinstance(r, Tensor) else np.asarray(r) for r in many]


def difference(got: np.ndarray, expected: np.ndarray, tolerance: float) -> tuple[str, float]:
    """What is wrong, or "", and the largest difference as a share of max(1, the largest value expected)."""
    if got.shape != expected.shape:
        return f"shape {got.shape} in place of {expected.shape}", float("inf")
    if got.size == 0:
        return "", 0.0
    off = np.abs(got.astype(np.float64) - expected.astype(np.float64))
    off = np.where(np.isnan(off), np.inf, off) / max(1.0, float(np.abs(expected.astype(np.float64)).max()))
    worst = float(off.max())
    if worst <= tolerance:
        return "", worst
    wrong = np.argwhere(off > tolerance)
    at = tuple(int(i) for i in wrong[0])
    values = f"{got[at]!s} in place of {expected[at]!s}"
    return f"{len(wrong)} of {got.size} values are wrong, the first at {list(at)}: {values}", worst
