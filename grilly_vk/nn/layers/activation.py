"""Activations as layers, without parameters to train."""

from __future__ import annotations

from typing import Literal

from ... import arguments
from ...errors import shown
from ...functional import activation as F
from ...ops.elementwise import unary
from ...settings import fixed, setting
from ...tensor import Tensor, full
from ...typing import ArrayLike
from ..module import Module, Parameter


class _Elementwise(Module):
    """What acts on each element by itself: any number of axes, with time or without."""

    batchwise = True
    _time_rank = 0


class ReLU(_Elementwise):
    """max(x, 0) element by element.

    Args:
        inplace: taken for PyTorch's sake; the result is a tensor of its own in any case.

    Raises:
        TypeError: inplace is no bool.
    """

    inplace = setting(arguments.flag)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape."""
        return F.relu(x)


class Hardtanh(_Elementwise):
    """x cut to [min_val, max_val], with slope 0 outside and at the bounds; NaN stays NaN.

    Args:
        min_val, max_val: default -1 and 1; min_val below max_val.
        inplace: taken for PyTorch's sake; the result is a tensor of its own in any case.

    Raises:
        TypeError, ValueError: no finite numbers, or min_val not below max_val.
    """

    min_val, max_val, inplace = setting(arguments.real), setting(arguments.real), setting(arguments.flag)
    _shown: tuple[str, ...] = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace
        self.min_val, self.max_val = min_val, max_val
        if self.min_val >= self.max_val:
            raise ValueError(f"min_val must be below max_val={max_val!r}, got {shown(min_val)}")

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape."""
        return unary("hardtanh", x, self.min_val, self.max_val)


class ReLU6(Hardtanh):
    """min(max(x, 0), 6) element by element, with slope 0 at 0 and at 6.

    Source: Krizhevsky, "Convolutional deep belief networks on CIFAR-10" (2010).
    """

    _shown = ()

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)


class LeakyReLU(_Elementwise):
    """x where x > 0, else negative_slope * x.

    Args:
        negative_slope: default 0.01.
        inplace: taken for PyTorch's sake; the result is a tensor of its own in any case.

    Raises:
        TypeError, ValueError: a slope that is no finite number.

    Source: Maas, Hannun & Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
    """

    negative_slope, inplace = setting(arguments.real), setting(arguments.flag)
    _shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace
        self.negative_slope = negative_slope

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape."""
        return F.leaky_relu(x, self.negative_slope)


class PReLU(Module):
    """x where x > 0, else weight * x, with a trainable weight.

    Args:
        num_parameters: 1 (default), or the number of channels, which are axis 1.
        init: of the weight (default 0.25).

    Attributes:
        weight: Parameter (num_parameters,).

    Raises:
        TypeError, ValueError: arguments out of range; at the call, another number of channels.

    Source: He, Zhang, Ren & Sun, "Delving deep into rectifiers", ICCV 2015.
    """

    init: float = fixed(how="assign to weight")
    batchwise = True

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        super().__init__()
        self.init = arguments.real("init", init)
        self.weight = Parameter(full((arguments.size("num_parameters", num_parameters),), self.init))

    def reset_parameters(self) -> None:
        """The weight as at the start."""
        self.weight.detach().assign(full(self.weight.shape, self.init, on=self.weight.engine))

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape."""
        return F.prelu(x, self.weight)

    def extra_repr(self) -> str:
        """How many weights."""
        return f"num_parameters={self.weight.count}"


class ELU(_Elementwise):
    """x where x > 0, else alpha * (exp(x) - 1).

    Args:
        alpha: default 1.
        inplace: taken for PyTorch's sake; the result is a tensor of its own in any case.

    Raises:
        TypeError, ValueError: an alpha that is no finite number.

    Source: Clevert, Unterthiner & Hochreiter, "Fast and accurate deep network learning by exponential linear units",
    ICLR 2016.
    """

    alpha, inplace = setting(arguments.real), setting(arguments.flag)
    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape."""
        return F.elu(x, self.alpha)


class GELU(_Elementwise):
    """x times the normal distribution function of x.

    Args:
        approximate: "none" (default), or "tanh" for its form by tanh.

    Raises:
        ValueError: another word.

    Source: Hendrycks & Gimpel, "Gaussian error linear units", arXiv:1606.08415 (2016).
    """

    approximate = setting(arguments.choice, ("none", "tanh"))
    _shown = ("approximate",)

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape."""
        return F.gelu(x, self.approximate)


class SiLU(_Elementwise):
    """x * sigmoid(x) element by element.

    Source: Elfwing, Uchibe & Doya, "Sigmoid-weighted linear units", Neural Networks 107 (2018).
    """

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape."""
        return F.silu(x)


class SigmoidLayer(_Elementwise):
    """1 / (1 + exp(-x)) element by element; `nn.Sigmoid` is a surrogate gradient here."""

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape."""
        return F.sigmoid(x)


class Softplus(_Elementwise):
    """log(1 + exp(beta * x)) / beta, and x itself where beta * x > threshold.

    Args:
        beta: default 1.
        threshold: default 20.

    Raises:
        TypeError, ValueError: beta is not positive, or a parameter is no finite number.
    """

    beta, threshold = setting(arguments.positive), setting(arguments.real)
    _shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape."""
        return F.softplus(x, self.beta, self.threshold)


class Tanh(_Elementwise):
    """Hyperbolic tangent element by element."""

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape."""
        return F.tanh(x)
