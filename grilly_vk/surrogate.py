"""Surrogate gradients: the spike is a hard step forward, and backward takes a smooth derivative in its place.

Every surrogate is called on the distance to the threshold, x = H - v_threshold, gives [x >= 0] as 0.0 and 1.0, and
passes gradients on multiplied by its `derivative(x)`.  Spiking nodes take one as `surrogate_function`.

Source: Neftci, Mostafa & Zenke, "Surrogate gradient learning in spiking neural networks", IEEE Signal Processing
Magazine 36 (2019), doi:10.1109/MSP.2019.2931595; names and parameters as in SpikingJelly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import arguments, families
from .ops import surrogate as ops
from .ops.elementwise import as_tensor
from .ops.surrogate import Slope
from .runtime import glsl
from .runtime.recording import captures, used_settings
from .settings import setting
from .tensor import FLOAT32, Tensor
from .typing import ArrayLike

__all__ = [
    "ATan", "Boxcar", "Custom", "Erf", "FastSigmoid", "PiecewiseQuadratic", "Rect", "Sigmoid", "SuperSpike",
    "Surrogate", "Tanh", "Triangular", "superspike",
]  # fmt: skip


class Surrogate:
    """Base of the surrogates."""

    _shown: tuple[str, ...] = ("alpha",)

    @property
    def slope(self) -> Slope:
        """What kernels need; made of the parameters as they are now, so that they may change while training."""
        raise NotImplementedError(f"{type(self).__name__} does not define slope")

    def __call__(self, x: Any) -> Tensor:
        """Spikes [x >= 0] of x's shape, 0.0 and 1.0; the gradient is the one coming in times `derivative(x)`.

        Args:
            x: distance to the threshold, any shape.

        Raises:
            TypeError: not float32 numbers.
        """
        return ops.spike(_distance(x), self._used())

    def derivative(self, x: ArrayLike) -> Tensor:
        """The surrogate derivative at x, of its shape; off the tape."""
        return ops.derivative(_distance(x), self._used())

    def primitive(self, x: ArrayLike) -> Tensor:
        """The function that has this derivative, 1/2 at x = 0; differentiable."""
        return ops.primitive(_distance(x), self._used())

    def _used(self) -> Slope:
        """The slope; a graph that is captured holds as long as it stays."""
        if captures:
            used_settings(self, self._now)
        return self.slope

    def _now(self) -> Slope:
        return self.slope

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name):g}' for name in self._shown)})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.slope == other.slope

    def __hash__(self) -> int:
        return hash((type(self), self.slope))


def chosen(name: str, value: Any) -> Surrogate:
    """The value, if it is a surrogate.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, Surrogate):
        raise families.wrong(name, value, "a Surrogate such as ATan() or superspike()", "surrogate")
    return value


def slope_of(value: Surrogate | None) -> Slope | None:
    """What a recording holds of a surrogate."""
    return None if value is None else value.slope


def _distance(x: Any) -> Tensor:
    t = as_tensor("x", x)
    if t.dtype is not FLOAT32:
        raise TypeError(f"x must be float32, not {t.dtype}")
    return t


class _Parametric(Surrogate):
    """A surrogate that its positive parameters say all of."""

    _kind: str

    @property
    def slope(self) -> Slope:
        """What kernels need."""
        return Slope(self._kind, *(getattr(self, name) for name in self._shown))


class _Scaled(_Parametric):
    """A surrogate whose parameter is alpha."""

    alpha = setting(arguments.positive)

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha


class ATan(_Scaled):
    """alpha/2 / (1 + (pi/2 alpha x)^2), the derivative of arctan(pi/2 alpha x)/pi + 1/2.

    Args:
        alpha: slope at 0 is alpha/2 (default 2).

    Raises:
        TypeError, ValueError: alpha is not positive.

    Source: Fang et al., "Incorporating learnable membrane time constant to enhance learning of spiking neural
    networks", ICCV 2021.
    """

    _kind = "atan"

    def __init__(self, alpha: float = 2.0) -> None:
        super().__init__(alpha)


class Sigmoid(_Scaled):
    """alpha sig(alpha x) (1 - sig(alpha x)), the derivative of the logistic function, without overflow for any x.

    Called, it gives spikes, as every surrogate; the layer 1 / (1 + exp(-x)) is `nn.SigmoidLayer`.

    Args:
        alpha: steepness (default 4).

    Raises:
        TypeError, ValueError: alpha is not positive.
    """

    _kind = "sigmoid"

    def __init__(self, alpha: float = 4.0) -> None:
        super().__init__(alpha)


class FastSigmoid(_Scaled):
    """``alpha / (2 (1 + alpha |x|)^2)``, the derivative of ``1/2 + alpha x / (2 (1 + alpha |x|))``.

    Args:
        alpha: steepness (default 2).
        height: the derivative at 0, in place of alpha / 2 (default None): ``height / (1 + alpha |x|)^2``.

    Raises:
        TypeError, ValueError: alpha or height is not positive.

    Source: Zenke & Ganguli, "SuperSpike", Neural Computation 30 (2018), scaled to the area 1 (SpikingJelly's SoftSign).
    """

    height = setting(arguments.positive, optional=True)
    _kind = "fast_sigmoid"

    def __init__(self, alpha: float = 2.0, height: float | None = None) -> None:
        super().__init__(alpha)
        self.height = height

    @property
    def slope(self) -> Slope:
        """What kernels need."""
        if self.height is None:
            return super().slope
        return Slope("scaled", self.alpha, self.height)

    def __repr__(self) -> str:
        text = super().__repr__()
        return text if self.height is None else f"{text[:-1]}, height={self.height:g})"


class SuperSpike(_Parametric):
    """``1 / (1 + beta |x|)^2``.

    Args:
        beta: steepness (default 25).

    Raises:
        TypeError, ValueError: beta is not positive.

    Source: Zenke & Ganguli, "SuperSpike: supervised learning in multilayer spiking neural networks", Neural
    Computation 30 (2018).
    """

    beta = setting(arguments.positive)
    _kind = "super_spike"
    _shown = ("beta",)

    def __init__(self, beta: float = 25.0) -> None:
        self.beta = beta


def superspike(k: float = 25.0) -> SuperSpike:
    """``1 / (1 + k |x|)^2``: SuperSpike(beta=k), the default activation of the recurrent cores.

    Args:
        k: steepness (default 25).

    Raises:
        TypeError, ValueError: k is not positive.

    Source: spyx.axn.superspike; Zenke & Ganguli 2018, as SuperSpike.
    """
    return SuperSpike(arguments.positive("k", k))


class PiecewiseQuadratic(_Scaled):
    """``max(0, alpha - alpha^2 |x|)``, the derivative of a piecewise quadratic function.

    Args:
        alpha: height (default 1); it is zero from ``|x| = 1 / alpha`` on.

    Raises:
        TypeError, ValueError: alpha is not positive.

    Source: Esser et al., "Convolutional networks for fast, energy-efficient neuromorphic computing", PNAS 113 (2016).
    """

    _kind = "piecewise_quadratic"


class Erf(_Scaled):
    """alpha / sqrt(pi) exp(-(alpha x)^2), the derivative of (1 + erf(alpha x)) / 2.

    Args:
        alpha: steepness (default 2).

    Raises:
        TypeError, ValueError: alpha is not positive.
    """

    _kind = "erf"

    def __init__(self, alpha: float = 2.0) -> None:
        super().__init__(alpha)


class Rect(_Scaled):
    """alpha where ``|x| < 1 / (2 alpha)``, else 0.

    Args:
        alpha: height (default 1).

    Raises:
        TypeError, ValueError: alpha is not positive.

    Source: Wu et al., "Spatio-temporal backpropagation for training high-performance spiking neural networks",
    Frontiers in Neuroscience 12 (2018).
    """

    _kind = "rect"


class Tanh(_Scaled):
    """1 - tanh(alpha x)^2.

    Args:
        alpha: steepness (default 1).

    Raises:
        TypeError, ValueError: alpha is not positive.
    """

    _kind = "tanh"


class Boxcar(_Parametric):
    """`height` where ``|x| <= width / 2``, else 0.

    Args:
        width: of the box (default 2).
        height: of the box (default 0.5).

    Raises:
        TypeError, ValueError: a parameter is not positive.
    """

    width, height = setting(arguments.positive), setting(arguments.positive)
    _kind = "boxcar"
    _shown = ("width", "height")

    def __init__(self, width: float = 2.0, height: float = 0.5) -> None:
        self.width, self.height = width, height


class Triangular(_Parametric):
    """``max(0, 1 - |k x|)``.

    Args:
        k: steepness (default 2).

    Raises:
        TypeError, ValueError: k is not positive.

    Source: Bellec et al., "Long short-term memory and learning-to-learn in networks of spiking neurons", NeurIPS 2018.
    """

    k = setting(arguments.positive)
    _kind = "triangular"
    _shown = ("k",)

    def __init__(self, k: float = 2.0) -> None:
        self.k = k


class Custom(Surrogate):
    """Your own surrogate gradient, given by its derivative.

    Args:
        derivative: a GLSL expression in `x`, such as "exp(-abs(x))", which is compiled into the backward kernels
            (glslc must be installed); or a function from Tensor to Tensor, which runs before them.
        primitive: a function from Tensor to Tensor, for `primitive(x)`; not needed to train.

    Raises:
        TypeError: derivative is neither text nor callable.
        ValueError: the text does not compile; the message is the compiler's.
        RuntimeError: text, but glslc is not installed.
    """

    def __init__(
        self,
        derivative: str | Callable[[Tensor], Tensor],
        primitive: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        if primitive is not None and not callable(primitive):
            raise TypeError(f"primitive must be a function, not {type(primitive).__name__}")
        self._text, self._primitive = derivative, primitive
        if isinstance(derivative, str):
            kernels = ("snn-node-backward", "snn-surrogate")
            suffix = glsl.with_definition(kernels, "SURROGATE_TEXT", derivative, name="derivative")
            self._slope = Slope("text", suffix=suffix, text=derivative)
        elif callable(derivative):
            self._slope = Slope("given", given=_checked(derivative))
        else:
            raise TypeError(
                f"derivative must be a GLSL expression in x or a function of a Tensor, not {type(derivative).__name__}"
            )

    @property
    def slope(self) -> Slope:
        """What kernels need."""
        return self._slope

    def primitive(self, x: ArrayLike) -> Tensor:
        """The function that was given as `primitive`.

        Raises:
            NotImplementedError: none was given.
        """
        if self._primitive is None:
            raise NotImplementedError("this surrogate has no primitive; pass primitive= to Custom")
        return self._primitive(_distance(x))

    def __repr__(self) -> str:
        return f"Custom({self._text!r})" if isinstance(self._text, str) else f"Custom({self._text})"


def _checked(derivative: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The function, with its results looked at before a kernel trusts them."""

    def given(x: Tensor) -> Tensor:
        out = derivative(x)
        if not isinstance(out, Tensor) or out.shape != x.shape or out.dtype is not FLOAT32:
            got = f"{out.dtype} {out.shape}" if isinstance(out, Tensor) else type(out).__name__
            raise ValueError(f"derivative gave {got}; expected a float32 Tensor of shape {x.shape}")
        return out.detach()

    return given
