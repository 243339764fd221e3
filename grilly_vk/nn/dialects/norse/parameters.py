"""Parameters of Norse's neurons, and what our nodes take of them."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from .... import arguments
from ....errors import shown
from ....surrogate import Custom, SuperSpike, Surrogate, Tanh
from ....tensor import Tensor

__all__ = [
    "IAFParameters", "LIBoxParameters", "LIFBoxParameters", "LIFExParameters", "LIFParameters", "LIParameters",
    "LSNNParameters",
]  # fmt: skip


class LIFParameters(NamedTuple):
    """Of LIFCell, LIF and the recurrent ones: inverse time constants in 1/s, potentials, and the spike's gradient.

    method is "super", "tanh" (1 - tanh(alpha x)^2), "triangle" (alpha max(0, 1 - |x|)), "circ" (alpha^3 / (alpha^2 +
    x^2)^1.5) or "heavi_erfc" (2 exp(-(alpha x)^2) / sqrt(pi)).
    """

    tau_syn_inv: float = 1 / 5e-3
    tau_mem_inv: float = 1 / 1e-2
    v_leak: float = 0.0
    v_th: float = 1.0
    v_reset: float = 0.0
    method: str = "super"
    alpha: float = 100.0


class LIFBoxParameters(NamedTuple):
    """Of LIFBoxCell: as LIFParameters; reset_method is "reset_value" or "reset_subtract", functions there."""

    tau_mem_inv: float = 1 / 1e-2
    v_leak: float = 0.0
    v_th: float = 1.0
    v_reset: float = 0.0
    method: str = "super"
    alpha: float = 100.0
    reset_method: str = "reset_value"


class LIFExParameters(NamedTuple):
    """Of LIFExCell and LIFEx: as LIFParameters, and the sharpness delta_T."""

    delta_T: float = 0.5
    tau_syn_inv: float = 1 / 5e-3
    tau_mem_inv: float = 1 / 1e-2
    v_leak: float = 0.0
    v_th: float = 1.0
    v_reset: float = 0.0
    method: str = "super"
    alpha: float = 100.0


class LSNNParameters(NamedTuple):
    """Of LSNNCell and LSNN: as LIFParameters, and how the threshold adapts."""

    tau_syn_inv: float = 1 / 5e-3
    tau_mem_inv: float = 1 / 1e-2
    tau_adapt_inv: float = 1 / 800
    v_leak: float = 0.0
    v_th: float = 1.0
    v_reset: float = 0.0
    beta: float = 1.8
    method: str = "super"
    alpha: float = 100.0


class IAFParameters(NamedTuple):
    """Of IAFCell and IAF: potentials and the spike's gradient."""

    v_th: float = 1.0
    v_reset: float = 0.0
    method: str = "super"
    alpha: float = 100.0


class LIParameters(NamedTuple):
    """Of LICell, LI and LILinearCell: inverse time constants in 1/s; v_leak must be 0."""

    tau_syn_inv: float = 1 / 5e-3
    tau_mem_inv: float = 1 / 1e-2
    v_leak: float = 0.0


class LIBoxParameters(NamedTuple):
    """Of LIBoxCell: the inverse time constant in 1/s; v_leak must be 0."""

    tau_mem_inv: float = 1 / 1e-2
    v_leak: float = 0.0


def read(p: Any, kind: type[Any], what: str = "p") -> dict[str, Any]:
    """The fields of the parameters, numbers as float; errors call them `what`."""
    if isinstance(p, type):
        raise TypeError(f"{what} must be {kind.__name__}(...), not the class {p.__name__} itself; give {p.__name__}()")
    out: dict[str, Any] = {}
    for name in kind._fields:
        try:
            value = getattr(p, name)
        except AttributeError:
            raise TypeError(f"{what} must be {kind.__name__}(...), got {type(p).__name__}, without {name}") from None
        if name not in ("method", "reset_method"):
            one = getattr(value, "ndim", None) == 0  # a tensor of any library
            value = arguments.real(f"{what}.{name}", value.item() if one else value)
        out[name] = value
    return out


def steps(own: dict[str, Any], name: str, dt: float) -> float:
    """The time constant, in steps, whose inverse is the parameter of this name."""
    inverse = own[name]
    share = inverse * arguments.positive("dt", dt)
    if not 0.0 < share <= 1.0 + 1e-9:
        raise ValueError(f"p.{name} times dt must be above 0 and at most 1, got {shown(inverse)} and {shown(dt)}")
    return max(1.0, 1.0 / share)


def firing(own: dict[str, Any]) -> dict[str, Any]:
    """What a node needs to know of spike and reset."""
    return {
        "v_threshold": own["v_th"],
        "v_reset": own["v_reset"],
        "surrogate_function": surrogate(own["method"], own["alpha"]),
        "strict": True,
    }


def surrogate(method: str, alpha: float) -> Surrogate:
    arguments.choice("p.method", method, ("super", "tanh", "triangle", "circ", "heavi_erfc"))
    if method == "super":
        return SuperSpike(1.0)
    if method == "tanh":
        return Tanh(arguments.positive("p.alpha", alpha))
    derivative = {"triangle": _triangle, "circ": _circ, "heavi_erfc": _heavi_erfc}[method]
    return Custom(functools.partial(derivative, arguments.positive("p.alpha", alpha)))


def _triangle(alpha: float, x: Tensor) -> Tensor:
    return alpha * (1.0 - abs(x)).relu()


def _circ(alpha: float, x: Tensor) -> Tensor:
    return (1.0 + (x / alpha) ** 2) ** -1.5


def _heavi_erfc(alpha: float, x: Tensor) -> Tensor:
    return 2.0 / math.sqrt(math.pi) * (-((alpha * x) ** 2)).exp()
