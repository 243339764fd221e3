"""The spike and its surrogate gradient, element by element."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..autograd import record
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty
from .elementwise import mul

# As in shaders/include/surrogate.glsl; 0 is a derivative that the host computes.
KINDS = [
    "given", "atan", "sigmoid", "fast_sigmoid", "super_spike", "piecewise_quadratic", "erf", "rect", "tanh", "boxcar",
    "triangular", "text", "scaled",
]  # fmt: skip


@dataclass(frozen=True)
class Slope:
    """A surrogate derivative, as kernels take it.

    Args:
        kind: one of KINDS.
        alpha, beta: its parameters.
        text: the derivative as a GLSL expression in x, for the kind "text".
        suffix: of the nodes' kernels that were compiled with it.
        given: the derivative as a function from Tensor to Tensor, for the kind "given".
    """

    kind: str
    alpha: float = 1.0
    beta: float = 0.0
    suffix: str = ""
    text: str = ""
    given: Callable[[Tensor], Tensor] | None = None

    @property
    def code(self) -> int:
        """The kind as a specialization constant."""
        return KINDS.index(self.kind)


_STEP, _DERIVATIVE, _PRIMITIVE, _STRICT = 0, 1, 2, 3
_SURROGATE = Kernel("snn-surrogate")


def _launch(x: Tensor, mode: int, slope: Slope | None = None, g: Tensor | None = None) -> Tensor:
    out = empty(x.shape, on=x.engine)
    kernel = (
        _SURROGATE.with_text("SURROGATE_TEXT", slope.text, name="derivative") if slope and slope.text else _SURROGATE
    )
    kernel(
        x=x, g=g, y=out, n=x.count, alpha=slope.alpha if slope else 1.0, beta=slope.beta if slope else 0.0,
        MODE=mode, SURROGATE=slope.code if slope else 1, HAS_G=g is not None,
    )  # fmt: skip
    return out


def derivative(x: Tensor, slope: Slope) -> Tensor:
    """The surrogate derivative at x, off the tape."""
    return slope.given(x.detach()) if slope.given is not None else _launch(x, _DERIVATIVE, slope)


def primitive(x: Tensor, slope: Slope) -> Tensor:
    """The antiderivative that is 1/2 at 0, with the surrogate derivative as its gradient."""
    out = _launch(x, _PRIMITIVE, slope)
    kept = x.detach()
    record("primitive", (x,), (out,), lambda g: _times_derivative(kept, slope, g), (kept,))
    return out


def spike(x: Tensor, slope: Slope, *, strict: bool = False) -> Tensor:
    """[x >= 0], or strictly [x > 0], as 0.0 and 1.0, with the surrogate derivative as its gradient."""
    out = _launch(x, _STRICT if strict else _STEP).as_spikes()
    kept = x.detach()
    record("spike", (x,), (out,), lambda g: _times_derivative(kept, slope, g), (kept,))
    return out


def _times_derivative(x: Tensor, slope: Slope, g: Tensor) -> Tensor:
    if slope.given is not None:
        return mul(g, slope.given(x))
    return _launch(x, _DERIVATIVE, slope, g)
