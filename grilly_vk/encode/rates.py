"""Strength as the rate of spikes, and the strength itself at each step."""

from __future__ import annotations

from .. import arguments
from ..ops import encode as ops
from ..ops.elementwise import as_tensor
from ..tensor import Tensor
from ..typing import ArrayLike
from .given import within


def rate(x: ArrayLike, T: int | None = None, *, clip: bool = False) -> Tensor:
    """Independent spikes: at each step an element fires with probability x.

    The numbers follow `grilly_vk.manual_seed`, each call draws fresh ones, and so does each replay of a graph.

    Args:
        x: probabilities per step in [0, 1], any shape (...).
        T: steps, 0 or more; None (default): x is (T, ...) and has probabilities of its own at each step.
        clip: True cuts x to [0, 1], and NaN never fires.

    Returns:
        Spikes (T, ...), float32 of 0.0 and 1.0, without gradient.

    Raises:
        TypeError: x holds no real numbers, or T is no whole number.
        ValueError: numbers of the host outside [0, 1]; x without a time axis where T is None.

    Source: Adrian & Zotterman, Journal of Physiology 61 (1926) (rate code); snnTorch's spikegen.rate draws alike.
    """
    steps = None if T is None else arguments.size("T", T, 0)
    clip = arguments.flag("clip", clip)
    given = within("x", x, 0.0, 1.0, clip)
    if steps is None and not given.ndim:
        raise ValueError("x has shape (); expected (T, ...), or T given")
    return ops.encode_poisson(given, steps, strict=not clip)


poisson = rate  # the field's name for the same thing


def direct(x: ArrayLike, T: int) -> Tensor:
    """The same values at every step, for a first layer that turns currents into spikes itself.

    Args:
        x: any values, float32, int32 or bool, any shape (...).
        T: steps, 0 or more.

    Returns:
        (T, ...), x's dtype; the gradient of x is the sum over steps.

    Raises:
        TypeError: x holds no real numbers, or T is no whole number.
        ValueError: T is negative.

    Source: Rueckauer et al., Frontiers in Neuroscience 11 (2017), section 2.2.4 (analog input to the first layer).
    """
    return ops.time_expand(as_tensor("x", x), arguments.size("T", T, 0))
