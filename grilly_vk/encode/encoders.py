"""Encoders as modules: one step of spikes per call, in SpikingJelly's meaning."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from .. import arguments
from ..nn.module import Module
from ..nn.stateful import StatefulModule
from ..ops import encode as ops
from ..settings import fixed, setting
from ..tensor import Tensor
from ..typing import ArrayLike
from .given import within
from .rates import rate
from .times import latency, phase


class PoissonEncoder(Module):
    """Each element of x fires with probability x, independently at every call.  See `rate`.

    Args:
        clip: True cuts x to [0, 1].

    Shape:
        x (...) in [0, 1] to spikes (...); a sequence (T, ...) is encoded in one dispatch.

    Raises:
        TypeError: clip is neither True nor False; at the call as `rate`.
    """

    clip = setting(arguments.flag)
    batchwise = True
    _time_rank = 0

    def __init__(self, *, clip: bool = False) -> None:
        super().__init__()
        self.clip = clip

    def _repeats(self) -> bool:
        return False  # each step has spikes of its own

    def forward(self, x: ArrayLike) -> Tensor:
        """Spikes of x's shape."""
        given = within("x", x, 0.0, 1.0, self.clip)
        return rate(given._alias((1, *given.shape)), clip=self.clip)._alias(given.shape)


class StepEncoder(StatefulModule):
    """Base: the first call encodes x to (T, ...); the call t gives its step t mod T, until `reset()`."""

    T: int = fixed()
    spike: Tensor | None
    t: int
    _shown: tuple[str, ...] = ("T",)

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.T = steps
        self.register_memory("spike", None)
        self.register_memory("t", 0)

    def encode(self, x: ArrayLike) -> Tensor:
        """All T steps of x; to be defined by each subclass."""
        raise NotImplementedError(f"{type(self).__name__} does not define encode()")

    def forward(self, x: ArrayLike | None = None) -> Tensor:
        """One step of spikes.

        Args:
            x: what to encode; after the first call its values are not looked at, and it may be left out.

        Returns:
            Spikes of x's shape.

        Raises:
            ValueError: no x at the first call, or later one of another shape.
        """
        self.beginning()
        if self.spike is None:
            if x is None:
                raise ValueError(f"x is None at the first call of {type(self).__name__}; expected what to encode")
            self.spike = self.encode(x)
        shape = self.spike.shape[1:]
        if x is not None:
            given = x.shape if isinstance(x, Tensor) else np.shape(x)
            if given != shape:
                raise ValueError(f"x has shape {given}; {shape} is being encoded: call reset() first")
        period = self.spike.shape[0]
        at = arguments.size("t", self.t, 0) % period
        self.t = (at + 1) % period
        return self.spike._rows(at, at + 1)._alias(shape)


class PeriodicEncoder(StepEncoder):
    """Plays a run of spikes: the call t gives step t mod T.

    Args:
        spikes: (T, ...), T at least 1.

    Raises:
        TypeError, ValueError: no numbers, or no time steps.
    """

    def __init__(self, spikes: ArrayLike) -> None:
        run = arguments.tensor("spikes", spikes).detach()
        if not run.ndim or not len(run):
            raise ValueError(f"spikes has shape {run.shape}; expected (T, ...) with at least one step")
        super().__init__(len(run))
        self._run = [run]
        self.reset()

    def reset(self) -> None:
        """Back to step 0."""
        super().reset()
        self.spike = self._run[0]


class LatencyEncoder(StepEncoder):
    """One spike per element in T calls, the earlier the larger x.

    "linear": at step round((T - 1) * (1 - x)).  "log": at step round(T - 1 - log(alpha * x + 1)) with
    alpha = exp(T - 1) - 1, so that x = 1 fires at step 0 and x = 0 at the last; computed as
    -log(x + (1 - x) * exp(1 - T)), which does not overflow.

    Args:
        T: steps, at least 1.
        enc_function: "linear" (default) or "log".

    Shape:
        x (...) in [0, 1] to spikes (...) at each call.

    Raises:
        TypeError, ValueError: an argument out of range; at the call an x outside [0, 1].
    """

    enc_function = setting(arguments.choice, ops.LATENCY_MODES)
    _shown = ("T", "enc_function")

    def __init__(self, T: int, enc_function: Literal["linear", "log"] = "linear") -> None:
        self.enc_function = enc_function
        super().__init__(arguments.size("T", T))

    def encode(self, x: ArrayLike) -> Tensor:
        """All T steps: (...) to (T, ...)."""
        if self.enc_function == "linear":
            return latency(x, self.T)
        given = within("x", x, 0.0, 1.0)
        return ops.latency_spikes(given, self.T, "EXPONENTIAL", least=math.exp(1 - self.T), strict=True)


class WeightedPhaseEncoder(StepEncoder):
    """The first K binary digits of x in K calls, the highest first.  See `phase`.

    Args:
        K: digits, 1 to 31.

    Shape:
        x (...) in [0, 1] to spikes (...) at each call.

    Raises:
        TypeError, ValueError: K out of range; at the call an x outside [0, 1].

    Source: Kim, Kim, Huh, Lee & Choi, Neurocomputing 311 (2018).
    """

    def __init__(self, K: int) -> None:
        super().__init__(ops.digits("K", K))

    def encode(self, x: ArrayLike) -> Tensor:
        """All K steps: (...) to (K, ...)."""
        return phase(x, K=self.T)

    def extra_repr(self) -> str:
        """The period."""
        return f"K={self.T}"
