"""Encoding kernels on flat arrays."""

from __future__ import annotations

from typing import Literal

import numpy as np

from .. import arguments
from ..errors import shown
from ..ops import encode as ops
from ..typing import ArrayLike


class EncodeKernels:
    """encode_poisson, encode_latency, time_expand."""

    def encode_poisson(self, x: ArrayLike, timesteps: int) -> np.ndarray:
        """Bernoulli spikes: at each step an element fires with probability clip(x, 0, 1).

        `grilly_vk.manual_seed` restarts the random numbers; each call draws fresh ones.

        Args:
            x: probabilities per step, any shape (...); NaN never fires.
            timesteps: steps T, 0 or more.

        Returns:
            Spikes (T, ...), float32 of 0.0 and 1.0.

        Raises:
            TypeError, ValueError: x holds no real numbers, or timesteps is no such number.
        """
        steps = arguments.size("timesteps", timesteps, 0)
        return ops.encode_poisson(arguments.tensor("x", x, borrow=True), steps).share()

    def encode_latency(
        self, x: ArrayLike, timesteps: int, *, mode: Literal["linear", "log"] = "linear", floor: float = 0.01
    ) -> np.ndarray:
        """One spike per element, the earlier the stronger; none where x <= 0.

        "linear": at step round((1 - min(x, 1)) * (T - 1)).  "log": at round((T - 1) * log(c) / log(floor)) with
        c = clip(x, floor, 1).  Halves round to even.

        Args:
            x: strengths, any shape (...); 1 and above fire at step 0, NaN never.
            timesteps: steps T, 0 or more.
            mode: "linear" (default) or "log".
            floor: in (0, 1), default 0.01; the strength that fires at the last step of the logarithmic form.

        Returns:
            Spikes (T, ...), float32 of 0.0 and 1.0.

        Raises:
            TypeError, ValueError: an argument is out of range; the message names it.

        Source: Thorpe, Fize & Marlot, Nature 381 (1996).
        """
        steps = arguments.size("timesteps", timesteps, 0)
        arguments.choice("mode", mode, ops.LATENCY_MODES)
        least = arguments.real("floor", floor)
        if not 1e-30 <= least < 1:
            raise ValueError(f"floor must lie in [1e-30, 1), got {shown(floor)}")
        x = arguments.tensor("x", x, borrow=True)
        return ops.encode_latency(x, steps, mode=mode, floor=least).share()

    def time_expand(self, x: ArrayLike, timesteps: int) -> np.ndarray:
        """The same input at every step: (B, ...) to (T, B, ...).

        Args:
            x: any shape (...).
            timesteps: steps T, 0 or more.

        Returns:
            (T, ...), bit for bit.

        Raises:
            TypeError, ValueError: x holds no real numbers, or timesteps is no such number.
        """
        steps = arguments.size("timesteps", timesteps, 0)
        return ops.time_expand(arguments.tensor("x", x, borrow=True), steps).share()
