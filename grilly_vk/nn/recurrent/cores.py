"""The recurrent cores: IF, LIF, LI, ALIF and CuBaLIF, and with recurrent weights RIF, RLIF and RCuBaLIF."""

from __future__ import annotations

from typing import Any

from ...surrogate import Surrogate
from ...typing import ArrayLike, Shape
from .core import Core, RecurrentCore

_CORE = """{what}

    Args:
        hidden_shape: of a sample, a tuple or one number.{decays}
        threshold: {threshold}.
        activation: surrogate gradient; None: superspike().
        name: kept as `name`.

    Shape:
        x (..., *hidden_shape), state {state}; gives (spikes, {name}).{weights}

    Raises:
        TypeError, ValueError: as in Core.

    Source: {source}
    """
_DECAY = """
        {name}: {what} per step, clipped to [0, 1] where it is used.  A number: one learnable scalar that
            starts there.  None: one per unit, drawn normally with mean 0.5 and deviation 0.25, cut to [0, 1]."""
_WEIGHTS = """

    Attributes:
        recurrent_w: W, Parameter (n, n), from and to."""
_STATES = {
    "V": "V of the same shape",
    "VT": "VT (..., 2 n): V and A side by side along the last axis",
    "VI": "VI (..., 2 n): V and I side by side along the last axis",
}


def _text(
    what: str, source: str, *, state: str = "V", threshold: str = "firing threshold (default 1)",
    recurrent: bool = False, **decays: str,
) -> str:  # fmt: skip
    """A core's docstring; `decays` are its constants, and what they are of."""
    told = "".join(_DECAY.format(name=name, what=of) for name, of in decays.items())
    return _CORE.format(
        what=what, source=source, decays=told, threshold=threshold, state=_STATES[state], name=state,
        weights=_WEIGHTS if recurrent else "",
    )  # fmt: skip


class IF(Core):
    __doc__ = _text(
        "Integrate and fire: s = [V > threshold], V = V + x - s threshold.", "Lapicque 1907, as in spyx.nn.IF."
    )

    _model = "if"

    def __init__(
        self, hidden_shape: Shape, threshold: float = 1, activation: Surrogate | None = None, name: str = "IF"
    ) -> None:
        super().__init__(hidden_shape, threshold, activation, name)

    def forward(self, x: ArrayLike, V: Any = None, *, steps: str | None = None) -> Any:
        """(spikes, V after the step) of x (..., *hidden_shape) and the state V before it."""
        return self._call(x, V, steps)


class LIF(Core):
    __doc__ = _text(
        "Leaky integrate and fire: s = [V > threshold], V = beta V + x - s threshold.",
        "as in spyx.nn.LIF, after snnTorch's Leaky.", beta="decay",
    )  # fmt: skip

    _model = "lif"

    def __init__(
        self,
        hidden_shape: Shape,
        beta: float | None = None,
        threshold: float = 1.0,
        activation: Surrogate | None = None,
        name: str = "LIF",
    ) -> None:
        super().__init__(hidden_shape, threshold, activation, name)
        self._constant("beta", beta)

    def forward(self, x: ArrayLike, V: Any = None, *, steps: str | None = None) -> Any:
        """(spikes, V after the step) of x (..., *hidden_shape) and the state V before it."""
        return self._call(x, V, steps)


class LI(Core):
    """Leaky integrator without spikes: V = beta V + x, which is the output too.

    Args:
        layer_shape: of a sample, a tuple or one number.
        beta: decay per step, clipped to [0, 1] where it is used.  A number: one learnable scalar that starts there.
            None: one per unit, 0.8 at the start.
        name: kept as `name`.

    Shape:
        x (..., *layer_shape), state Vin of the same shape; gives (V, V).

    Raises:
        TypeError, ValueError: as in Core.

    Source: spyx.nn.LI.
    """

    _model, _state_name, _shape_name = "li", "Vin", "layer_shape"

    def __init__(self, layer_shape: Shape, beta: float | None = None, name: str = "LI") -> None:
        super().__init__(layer_shape, 1.0, None, name)
        self._constant("beta", beta, 0.8)

    @property
    def layer_shape(self) -> tuple[int, ...]:
        """The same as hidden_shape."""
        return self.hidden_shape

    def _slope(self) -> None:
        return None

    def forward(self, x: ArrayLike, Vin: Any = None, *, steps: str | None = None) -> Any:
        """(V, V) after the step, of x (..., *layer_shape) and the state Vin before it."""
        return self._call(x, Vin, steps)


class ALIF(Core):
    __doc__ = _text(
        """Adaptive LIF: the threshold is `threshold` + A, and A follows the neuron's own spikes.

    s = [V > threshold + A], V = beta V + x - s (threshold + A), A = gamma A + (1 - gamma) s.""",
        """spyx.nn.ALIF; after Bellec, Salaj, Subramoney, Legenstein & Maass, "Long short-term memory
    and learning-to-learn in networks of spiking neurons", NeurIPS 2018, whose A is scaled by another factor and whose
    neurons spike on the potential after the input.""",
        state="VT", threshold="firing threshold without adaptation (default 1)",
        beta="decay of the potential", gamma="decay of the adaptation",
    )  # fmt: skip

    _model, _second, _state_name = "alif", "gamma", "VT"

    def __init__(
        self,
        hidden_shape: Shape,
        beta: float | None = None,
        gamma: float | None = None,
        threshold: float = 1,
        activation: Surrogate | None = None,
        name: str = "ALIF",
    ) -> None:
        super().__init__(hidden_shape, threshold, activation, name)
        self._constant("beta", beta)
        self._constant("gamma", gamma)

    def forward(self, x: ArrayLike, VT: Any = None, *, steps: str | None = None) -> Any:
        """(spikes, VT after the step) of x (..., *hidden_shape) and the state VT before it."""
        return self._call(x, VT, steps)


class CuBaLIF(Core):
    __doc__ = _text(
        """Current-based LIF: the input goes into a current that decays, and the current into the potential.

    s = [V > threshold], I = alpha I + x, V = beta (V - s threshold) + I.""",
        "as in spyx.nn.CuBaLIF of spyx 1.0 (earlier releases subtracted the reset twice).",
        state="VI", alpha="decay of the current", beta="decay of the potential",
    )  # fmt: skip

    _model, _second, _state_name = "cuba", "alpha", "VI"

    def __init__(
        self,
        hidden_shape: Shape,
        alpha: float | None = None,
        beta: float | None = None,
        threshold: float = 1,
        activation: Surrogate | None = None,
        name: str = "CuBaLIF",
    ) -> None:
        super().__init__(hidden_shape, threshold, activation, name)
        self._constant("alpha", alpha)
        self._constant("beta", beta)

    def forward(self, x: ArrayLike, VI: Any = None, *, steps: str | None = None) -> Any:
        """(spikes, VI after the step) of x (..., *hidden_shape) and the state VI before it."""
        return self._call(x, VI, steps)


class RIF(IF, RecurrentCore):
    __doc__ = _text(
        "Integrate and fire with recurrent weights: s = [V > threshold], V = V + x + s W - s threshold.",
        "spyx.nn.RIF.", recurrent=True,
    )  # fmt: skip

    def __init__(
        self, hidden_shape: Shape, threshold: float = 1, activation: Surrogate | None = None, name: str = "RIF"
    ) -> None:
        super().__init__(hidden_shape, threshold, activation, name)


class RLIF(LIF, RecurrentCore):
    __doc__ = _text(
        "LIF with recurrent weights: s = [V > threshold], V = beta V + x + s W - s threshold.",
        "spyx.nn.RLIF, after snnTorch's RLeaky.", recurrent=True, beta="decay",
    )  # fmt: skip

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
    __doc__ = _text(
        """Current-based LIF with recurrent weights.

    s = [V > threshold], I = alpha I + x + s W, V = beta (V - s threshold) + I.""",
        "spyx.nn.RCuBaLIF.", state="VI", recurrent=True,
        threshold="firing threshold (default 1); spyx.nn had none; spyx 1.0 has it before `activation`",
        alpha="decay of the current", beta="decay of the potential",
    )  # fmt: skip

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
