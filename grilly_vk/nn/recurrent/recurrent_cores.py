"""Recurrent cores with recurrent weights: RIF, RLIF and RCuBaLIF."""

from __future__ import annotations

from ...surrogate import Surrogate
from ...typing import Shape
from .core import RecurrentCore
from .cores import IF, LIF, CuBaLIF


class RIF(IF, RecurrentCore):
    """Integrate and fire with recurrent weights: s = [V > threshold], V = V + x + s W - s threshold.

    Args:
        hidden_shape: of a sample, a tuple or one number.
        threshold: firing threshold (default 1).
        activation: surrogate gradient; None: superspike().
        name: kept as `name`.

    Shape:
        x (..., *hidden_shape), state V of the same shape; gives (spikes, V).

    Attributes:
        recurrent_w: W, Parameter (n, n), from and to.

    Raises:
        TypeError, ValueError: as in Core.

    Source: spyx.nn.RIF.
    """

    def __init__(
        self, hidden_shape: Shape, threshold: float = 1, activation: Surrogate | None = None, name: str = "RIF"
    ) -> None:
        super().__init__(hidden_shape, threshold, activation, name)


class RLIF(LIF, RecurrentCore):
    """LIF with recurrent weights: s = [V > threshold], V = beta V + x + s W - s threshold.

    Args:
        hidden_shape: of a sample, a tuple or one number.
        beta: decay per step, clipped to [0, 1] where it is used.  A number: one learnable scalar that starts there.
            None: one per unit, drawn from a normal distribution (0.5, 0.25), cut to [0, 1].
        threshold: firing threshold (default 1).
        activation: surrogate gradient; None: superspike().
        name: kept as `name`.

    Shape:
        x (..., *hidden_shape), state V of the same shape; gives (spikes, V).

    Attributes:
        recurrent_w: W, Parameter (n, n), from and to.

    Raises:
        TypeError, ValueError: as in Core.

    Source: spyx.nn.RLIF, after snnTorch's RLeaky.
    """

    def __init__(
        self,
        hidden_shape: Shape,
        beta: float | None = None,
        threshold: float = 1,
        activation: Surrogate | None = None,
        name: str = "RLIF",
    ) -> None:
        super().__init__(hidden_shape, beta, threshold, activation, name)


class RCuBaLIF(CuBaLIF, RecurrentCore):
    """Current-based LIF with recurrent weights.

    s = [V > threshold], I = alpha I + x + s W, V = beta (V - s threshold) + I.

    Args:
        hidden_shape: of a sample, a tuple or one number.
        alpha: decay of the current per step, clipped to [0, 1] where it is used.  A number: one learnable scalar that
            starts there.  None: one per unit, drawn from a normal distribution (0.5, 0.25), cut to [0, 1].
        beta: decay of the potential, likewise.
        activation: surrogate gradient; None: superspike().
        name: kept as `name`.
        threshold: firing threshold (default 1); spyx.nn had none; spyx 1.0 has it before `activation`.

    Shape:
        x (..., *hidden_shape), state VI (..., 2 n): V and I side by side along the last axis; gives (spikes, VI).

    Attributes:
        recurrent_w: W, Parameter (n, n), from and to.

    Raises:
        TypeError, ValueError: as in Core.

    Source: spyx.nn.RCuBaLIF.
    """

    def __init__(
        self,
        hidden_shape: Shape,
        alpha: float | None = None,
        beta: float | None = None,
        activation: Surrogate | None = None,
        name: str = "RCuBaLIF",
        threshold: float = 1,
    ) -> None:
        super().__init__(hidden_shape, alpha, beta, threshold, activation, name)
