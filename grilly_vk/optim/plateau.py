"""A learning rate that falls when a metric stops getting better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from .. import arguments
from ..settings import fixed, setting
from ..tensor import Tensor
from .optimizer import Optimizer, an_optimizer


class ReduceLROnPlateau:
    """The learning rate times factor after more than `patience` calls of `step` without a better metric.

    PyTorch's meaning of every argument; the rate is written into device memory, so that captured steps follow it.

    Args:
        optimizer: whose groups it sets.
        mode: "min" (default) if less is better, "max" if more is.
        factor: in [0, 1), default 0.1.
        patience: calls without improvement that are accepted (default 10).
        threshold: an improvement must be larger (default 1e-4): of the best so far with threshold_mode "rel" (default),
            by itself with "abs".
        threshold_mode: "rel" or "abs".
        cooldown: calls after a reduction that don't count (default 0).
        min_lr: the least rate, a number or one for each group (default 0).
        eps: a smaller change of a rate is left out (default 1e-8).

    Attributes:
        best: the best metric so far. num_bad_epochs, cooldown_counter: where it stands. last_epoch: calls so far.

    Raises:
        TypeError, ValueError: arguments out of range.
    """

    optimizer: Optimizer = fixed()
    mode = fixed(how="make a new scheduler: what was best so far would not be")
    min_lrs = fixed()
    factor, threshold, eps = (
        setting(arguments.below_one),
        setting(arguments.non_negative),
        setting(arguments.non_negative),
    )
    threshold_mode = setting(arguments.choice, ("rel", "abs"))
    patience, cooldown = setting(arguments.size, 0), setting(arguments.size, 0)
    best = setting(arguments.number)
    num_bad_epochs, cooldown_counter, last_epoch = (setting(arguments.size, 0) for _ in range(3))

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: Any = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self.optimizer = an_optimizer(optimizer)
        self.mode = arguments.choice("mode", mode, ("min", "max"))
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        groups = len(optimizer.param_groups)
        least = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * groups
        if len(least) != groups:
            raise ValueError(f"min_lr has {len(least)} values for {groups} parameter groups")
        self.min_lrs = [arguments.non_negative("min_lr", m) for m in least]
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0

    def step(self, metrics: Any) -> None:
        """Takes a metric (a number, or a Tensor of one element) and lowers the rates if it is time.

        Raises:
            TypeError, ValueError: no number.
        """
        value = float(arguments.number("metrics", metrics.item() if isinstance(metrics, Tensor) else metrics))
        bad, cool = self.num_bad_epochs + 1, self.cooldown_counter
        best = self.best
        if self._better(value):
            best, bad = value, 0
        if cool > 0:
            cool, bad = cool - 1, 0
        if bad > self.patience:
            self._reduce()
            cool, bad = self.cooldown, 0
        self.best, self.num_bad_epochs, self.cooldown_counter = best, bad, cool
        self.last_epoch += 1

    def _better(self, value: float) -> bool:
        sign = -1.0 if self.mode == "min" else 1.0
        edge = self.best * (1.0 + sign * self.threshold)  # as PyTorch has it for negative metrics too
        if self.threshold_mode == "abs":
            edge = self.best + sign * self.threshold
        return value < edge if self.mode == "min" else value > edge

    def _reduce(self) -> None:
        for group, least in zip(self.optimizer.param_groups, self.min_lrs):
            new = max(group["lr"] * self.factor, least)
            if group["lr"] - new > self.eps:
                group["lr"] = new

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers that `load_state_dict` goes on from."""
        names = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")
        return {"kind": type(self).__name__, **{name: getattr(self, name) for name in names}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes back to a state; the rates are the optimizer's to load.

        Raises:
            TypeError, ValueError: no such state; nothing has changed then.
        """
        names = ("num_bad_epochs", "cooldown_counter", "last_epoch")
        if not isinstance(state_dict, Mapping) or not {"kind", "best", *names} <= set(state_dict):
            raise TypeError("state_dict must be a dict that a ReduceLROnPlateau's state_dict() gave")
        if state_dict["kind"] != type(self).__name__:
            raise ValueError(f"state_dict is of a {state_dict['kind']}; this is a {type(self).__name__}")
        best = float(arguments.number('state_dict["best"]', state_dict["best"]))
        counts = [arguments.size(f'state_dict["{name}"]', state_dict[name], 0) for name in names]
        self.best = best
        self.num_bad_epochs, self.cooldown_counter, self.last_epoch = counts
