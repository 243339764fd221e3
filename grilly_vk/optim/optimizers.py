"""SGD, Adam, AdamW and RMSprop, by the formulas of PyTorch's documentation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .. import arguments
from ..errors import shown
from ..runtime.kernel import Kernel
from .optimizer import Optimizer, ParamGroup


def _common(group: Mapping[str, Any]) -> None:
    arguments.non_negative("lr", group["lr"])
    arguments.non_negative("weight_decay", group["weight_decay"])
    arguments.flag("maximize", group["maximize"])


def _log(beta: float) -> float:
    return math.log(beta) if beta > 0 else -1e30


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and Nesterov's variant.

    g = grad + weight_decay * w; v = momentum * v + (1 - dampening) * g (at the first step v = g);
    w -= lr * v, with nesterov w -= lr * (g + momentum * v).

    Sutskever, Martens, Dahl & Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013.

    Args:
        params: parameters, or a dict for each group.
        lr: learning rate (default 1e-3).
        momentum, dampening, weight_decay: default 0.
        nesterov: needs momentum and no dampening (default False).
        maximize: go uphill (default False).

    Raises:
        ValueError, TypeError: as `Optimizer`; a negative number; nesterov without momentum; momentum set later in a
            group that was made without.
    """

    kernel = Kernel("optim-sgd")
    fixed = ("nesterov", "maximize")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = dict(lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov)
        super().__init__(params, settings | {"maximize": maximize})

    def check(self, group: Mapping[str, Any]) -> None:
        """Raises if a setting is out of range."""
        _common(group)
        arguments.non_negative("momentum", group["momentum"])
        arguments.real("dampening", group["dampening"])
        arguments.flag("nesterov", group["nesterov"])
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError("nesterov needs a momentum above zero and dampening 0")

    def numbers(self, group: Mapping[str, Any]) -> list[float]:
        """lr, weight decay, momentum, 1 - dampening."""
        return [group["lr"], group["weight_decay"], group["momentum"], 1.0 - group["dampening"]]

    def states(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The momentum, if there is one."""
        return ("momentum_buffer",) if group["momentum"] else ()

    def constants(self, group: ParamGroup) -> dict[str, Any]:
        """With momentum, or not; which form."""
        return {"MOMENTUM": len(group.names), "NESTEROV": group["nesterov"], "MAXIMIZE": group["maximize"]}


class Adam(Optimizer):
    """Adam: steps scaled by running means of the gradient and of its square.

    g = grad + weight_decay * w; m += (1 - beta1) (g - m); v = beta2 v + (1 - beta2) g^2;
    w -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps).

    Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015; amsgrad (the largest v so far in place of
    v): Reddi, Kale & Kumar, "On the convergence of Adam and beyond", ICLR 2018.

    Args:
        params: parameters, or a dict for each group.
        lr: learning rate (default 1e-3).
        betas: (beta1, beta2), each in [0, 1) (default (0.9, 0.999)).
        eps: added to the root (default 1e-8).
        weight_decay: default 0.
        amsgrad: default False.
        maximize: go uphill (default False).

    Raises:
        ValueError, TypeError: as `Optimizer`; a setting out of range.
    """

    kernel = Kernel("optim-adam")
    fixed = ("amsgrad", "maximize")
    _decoupled = 0

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize)
        super().__init__(params, settings)

    def check(self, group: Mapping[str, Any]) -> None:
        """Raises if a setting is out of range."""
        _common(group)
        betas = group["betas"]
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise TypeError(f"betas must be a pair of numbers, got {shown(betas)}")
        arguments.below_one("betas[0]", betas[0])
        arguments.below_one("betas[1]", betas[1])
        arguments.non_negative("eps", group["eps"])
        arguments.flag("amsgrad", group["amsgrad"])

    def numbers(self, group: Mapping[str, Any]) -> list[float]:
        """What the kernel reads: differences from 1 and logarithms are taken here, in double precision."""
        beta1, beta2 = group["betas"]
        rates = [group["lr"], group["weight_decay"], beta2, group["eps"]]
        return [*rates, 1.0 - beta1, 1.0 - beta2, _log(beta1), _log(beta2)]

    def states(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The two means, and the largest second one."""
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

    def constants(self, group: ParamGroup) -> dict[str, Any]:
        """Which form."""
        return {"DECOUPLED": self._decoupled, "AMSGRAD": group["amsgrad"], "MAXIMIZE": group["maximize"]}


class AdamW(Adam):
    """Adam with decoupled weight decay: ``w *= 1 - lr * weight_decay`` in place of the term in g.

    Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Args:
        params, lr, betas, eps, amsgrad: as in Adam.
        weight_decay: default 0.01.

    Raises:
        ValueError, TypeError: as Adam.
    """

    _decoupled = 1

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)


class RMSprop(Optimizer):
    """RMSprop: steps scaled by a running mean of the gradient's square.

    g = grad + weight_decay * w; v = alpha v + (1 - alpha) g^2; d = g / (sqrt(v) + eps), with centered
    g / (sqrt(v - mean^2) + eps) for the running mean of g; w -= lr * d, or with momentum
    b = momentum * b + d, w -= lr * b.

    Tieleman & Hinton, "Neural networks for machine learning", lecture 6.5, 2012; centered: Graves, "Generating
    sequences with recurrent neural networks", arXiv:1308.0850.

    Args:
        params: parameters, or a dict for each group.
        lr: learning rate (default 1e-2).
        alpha: of the means, in [0, 1) (default 0.99).
        eps: added to the root (default 1e-8).
        weight_decay, momentum: default 0.
        centered: default False.
        maximize: go uphill (default False).

    Raises:
        ValueError, TypeError: as `Optimizer`; a setting out of range.
    """

    kernel = Kernel("optim-rmsprop")
    fixed = ("centered",)

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = dict(lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered)
        super().__init__(params, settings | {"maximize": maximize})

    def check(self, group: Mapping[str, Any]) -> None:
        """Raises if a setting is out of range."""
        _common(group)
        arguments.below_one("alpha", group["alpha"])
        arguments.non_negative("eps", group["eps"])
        arguments.non_negative("momentum", group["momentum"])
        arguments.flag("centered", group["centered"])

    def numbers(self, group: Mapping[str, Any]) -> list[float]:
        """lr, weight decay, alpha, 1 - alpha, eps, momentum."""
        alpha = group["alpha"]
        return [group["lr"], group["weight_decay"], alpha, 1.0 - alpha, group["eps"], group["momentum"]]

    def states(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The mean square, then momentum and mean where they are used."""
        momentum = ("momentum_buffer",) if group["momentum"] else ()
        return ("square_avg", *momentum, *(("grad_avg",) if group["centered"] else ()))

    def constants(self, group: ParamGroup) -> dict[str, Any]:
        """Which form."""
        momentum = "momentum_buffer" in group.names
        return {"MOMENTUM": momentum, "CENTERED": group["centered"], "MAXIMIZE": group["maximize"]}
