"""Checks of what callers pass in that tensors themselves need; the others are in `arguments`."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from . import families
from .errors import reason, shown


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if value is True or value is False:
        return value
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, not {type(value).__name__} ({shown(value)})")
    return bool(value)


def axis_index(name: str, axis: Any, ndim: int) -> int:
    """An axis as a number from 0.

    Raises:
        TypeError, ValueError: no whole number, or out of range.
    """
    try:
        number = operator.index(axis)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {type(axis).__name__} ({shown(axis)})") from None
    if not -ndim <= number < ndim:
        raise ValueError(f"{name} {number} is out of range for {ndim} axes")
    return number % ndim


def unmasked(name: str, value: Any) -> Any:
    """The same value, for numpy to read; what knows DLPack alone as an array over its memory.

    Raises:
        TypeError: a masked array in which something is masked, or a tensor on another library's tape, which would get
            lost silently; memory out of the host's reach.
    """
    if isinstance(value, np.ndarray):
        if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
            masked = int(np.ma.count_masked(value))
            raise TypeError(
                f"{name} is a masked array with {masked} masked values, whose mask would be lost; "
                "pass .filled(value), or values (.data) and mask (.mask) by themselves"
            )
    elif families.records_elsewhere(value):
        raise TypeError(
            f"{name} is {families.described(value)}, on its tape, which ends here; give {name}.detach(), or use "
            "tensors of grilly_vk from the start"
        )
    elif hasattr(value, "__dlpack__") and not (hasattr(value, "__array__") or hasattr(value, "__array_interface__")):
        try:
            return np.from_dlpack(value)
        except Exception as error:  # whatever its library raises
            raise TypeError(f"{name}, a {type(value).__name__}, can't be read by DLPack: {reason(error)}") from error
    return value


def read(name: str, value: Any) -> np.ndarray:
    """What numpy makes of a value, of any dtype."""
    try:
        return np.asarray(unmasked(name, value))
    except (ValueError, OverflowError) as error:
        why = "lists in it have different lengths" if "inhomogeneous" in str(error) else reason(error)
        raise ValueError(f"{name} can't be made an array: {why}") from error


def numbers_of(name: str, value: Any) -> np.ndarray:
    """Any real array-like as a numpy array of its own dtype."""
    given = read(name, value)
    if given.dtype.kind == "O" and given.size and all(type(v) in (int, float) for v in given.flat):
        try:
            given = given.astype(np.float64)  # whole numbers beyond 64 bits
        except OverflowError:
            raise ValueError(f"{name} must hold numbers that fit float32, not {shown(value)}") from None
    if given.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, not {came(value, given)}")
    return given


def came(value: Any, made: np.ndarray) -> str:
    """What holds no numbers, for an error: its type, and what it is, or the dtype that numpy makes of it."""
    if isinstance(value, np.ndarray):
        return str(made.dtype)
    whole = made.dtype.kind == "O" or not made.ndim
    return f"{type(value).__name__} " + (f"({shown(value)})" if whole else f"of {made.dtype}")
