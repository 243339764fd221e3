"""Learning rates that follow a schedule.

A scheduler sets the rate of step 0 when it is made, and the next one at each `step()`, called after
`optimizer.step()`.  The rate is a function of the number of steps alone, so a schedule that is saved and loaded
goes on with the same bits.  It is written into device memory: a captured graph follows it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from .. import arguments
from ..errors import shown
from ..settings import fixed, setting
from .optimizer import Optimizer, an_optimizer, exchange


def _rates(name: str, value: Any) -> list[float]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{name} must be a list of learning rates, not {type(value).__name__}")
    return [arguments.non_negative(f"{name}[{i}]", rate) for i, rate in enumerate(value)]


class Scheduler:
    """Base: a subclass defines `settings(t, base, group)`.

    Attributes:
        last_epoch: steps taken.
        base_lrs: each group's learning rate before any schedule ("initial_lr" in the group).
    """

    optimizer: Optimizer = fixed()
    last_epoch = setting(arguments.size, 0)
    base_lrs: list[float] = setting(_rates)

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = an_optimizer(optimizer)
        self.last_epoch = 0
        self.base_lrs = [group.get("initial_lr", group["lr"]) for group in optimizer.param_groups]
        self._set(0)

    def settings(self, t: int, base: float, group: int) -> dict[str, Any]:
        """What a group is set to after `t` steps."""
        raise NotImplementedError(f"{type(self).__name__} does not define settings()")

    def step(self) -> None:
        """Goes to the next learning rate."""
        self._set(self.last_epoch + 1)
        self.last_epoch += 1

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def _set(self, t: int) -> None:
        """Sets all groups, or none."""
        groups = self.optimizer.param_groups
        found = [self.settings(t, base, i) for i, base in enumerate(self.base_lrs)]
        exchange(
            (group, {"initial_lr": group.get("initial_lr", base), **new})
            for group, base, new in zip(groups, self.base_lrs, found)
        )

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers that `load_state_dict` goes on from."""
        return {"kind": type(self).__name__, "last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes back to a state, with the arguments of construction.  After an error nothing has changed.

        Raises:
            TypeError, ValueError: a state of another kind of scheduler, or of another number of groups.
        """
        new = self._read(state_dict)
        old = [(scheduler, scheduler.last_epoch, scheduler.base_lrs) for scheduler, _, _ in new]
        try:
            for scheduler, t, bases in new:
                scheduler.last_epoch, scheduler.base_lrs = t, bases
            self._set(self.last_epoch)
        except BaseException:
            for scheduler, t, bases in old:
                scheduler.last_epoch, scheduler.base_lrs = t, bases
            raise

    def _read(self, state_dict: Any) -> list[tuple[Scheduler, int, list[float]]]:
        """(scheduler, last_epoch, base_lrs) of a state, checked: of this one last."""
        if not isinstance(state_dict, Mapping) or not {"kind", "last_epoch", "base_lrs"} <= set(state_dict):
            raise TypeError("state_dict must be a dict that a scheduler's state_dict() gave")
        if state_dict["kind"] != type(self).__name__:
            raise ValueError(f"state_dict is of a {state_dict['kind']}; this is a {type(self).__name__}")
        t = arguments.size('state_dict["last_epoch"]', state_dict["last_epoch"], 0)
        bases = [arguments.non_negative('state_dict["base_lrs"]', b) for b in state_dict["base_lrs"]]
        if len(bases) != len(self.base_lrs):
            raise ValueError(f"state_dict has {len(bases)} parameter groups; expected {len(self.base_lrs)}")
        return [(self, t, bases)]


class StepLR(Scheduler):
    """The learning rate times gamma after every step_size steps.

    Args:
        optimizer: whose groups it sets.
        step_size: at least 1.
        gamma: default 0.1.

    Raises:
        TypeError, ValueError: arguments out of range.
    """

    step_size, gamma = setting(arguments.size), setting(arguments.non_negative)

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer)

    def settings(self, t: int, base: float, group: int) -> dict[str, Any]:
        """lr * gamma ** (t // step_size)."""
        return {"lr": base * self.gamma ** (t // self.step_size)}


class ExponentialLR(Scheduler):
    """The learning rate times gamma after every step.

    Args:
        optimizer: whose groups it sets.
        gamma: at least 0.

    Raises:
        TypeError, ValueError: arguments out of range.
    """

    gamma = setting(arguments.non_negative)

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimizer)

    def settings(self, t: int, base: float, group: int) -> dict[str, Any]:
        """lr * gamma ** t."""
        return {"lr": base * self.gamma**t}


class MultiStepLR(Scheduler):
    """The learning rate times gamma at each milestone.

    Args:
        optimizer: whose groups it sets.
        milestones: numbers of steps; one that is named twice counts twice.
        gamma: default 0.1.

    Raises:
        TypeError, ValueError: arguments out of range.
    """

    milestones, gamma = fixed(), setting(arguments.non_negative)

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1) -> None:
        given = arguments.listed("milestones", milestones, "numbers of steps")
        self.milestones = sorted(arguments.size("milestones", m, 0) for m in given)
        self.gamma = gamma
        super().__init__(optimizer)

    def settings(self, t: int, base: float, group: int) -> dict[str, Any]:
        """lr * gamma ** (milestones reached)."""
        return {"lr": base * self.gamma ** sum(t >= m for m in self.milestones)}


class LambdaLR(Scheduler):
    """The learning rate times what a function of the number of steps gives.

    Args:
        optimizer: whose groups it sets.
        lr_lambda: a function of the number of steps, or one for each group.

    Raises:
        TypeError, ValueError: no such functions; what they give is no number of at least 0.
    """

    lr_lambdas: list[Any] = fixed()

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Any]) -> None:
        groups = len(an_optimizer(optimizer).param_groups)
        self.lr_lambdas = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * groups
        if len(self.lr_lambdas) != groups or not all(map(callable, self.lr_lambdas)):
            raise TypeError(
                f"lr_lambda must be a function, or a list of one for each of {groups} parameter groups, not "
                f"{type(lr_lambda).__name__} ({shown(lr_lambda)})"
            )
        super().__init__(optimizer)

    def settings(self, t: int, base: float, group: int) -> dict[str, Any]:
        """lr * lr_lambda(t)."""
        return {"lr": base * arguments.non_negative("what lr_lambda gives", self.lr_lambdas[group](t))}


class CosineAnnealingLR(Scheduler):
    """Half a cosine from the learning rate to eta_min over T_max steps (and back over the next).

    Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, without restarts.

    Args:
        optimizer: whose groups it sets.
        T_max: steps of the half wave, at least 1.
        eta_min: default 0.

    Raises:
        TypeError, ValueError: arguments out of range.
    """

    T_max = setting(arguments.size)
    eta_min = setting(arguments.non_negative)

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer)

    def settings(self, t: int, base: float, group: int) -> dict[str, Any]:
        """eta_min + (lr - eta_min) (1 + cos(pi t / T_max)) / 2."""
        return {"lr": self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2}


class LinearWarmup(Scheduler):
    """A straight line from start_factor times the learning rate to the rate itself, which it then keeps.

    PyTorch's LinearLR with end_factor 1.

    Args:
        optimizer: whose groups it sets.
        total_iters: steps of the line, at least 1 (default 5).
        start_factor: in [0, 1] (default 1/3).

    Raises:
        TypeError, ValueError: arguments out of range.
    """

    total_iters, start_factor = setting(arguments.size), setting(arguments.between, 0.0, 1.0)

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, start_factor: float = 1.0 / 3) -> None:
        self.total_iters = total_iters
        self.start_factor = start_factor
        super().__init__(optimizer)

    def settings(self, t: int, base: float, group: int) -> dict[str, Any]:
        """lr * (start_factor + (1 - start_factor) * min(1, t / total_iters))."""
        return {"lr": base * (self.start_factor + (1 - self.start_factor) * min(1.0, t / self.total_iters))}


class OneCycleLR(Scheduler):
    """Up to max_lr and down to almost nothing, once; momentum runs the other way.

    Smith & Topin, "Super-convergence: very fast training of neural networks using large learning rates",
    arXiv:1708.07120, in PyTorch's form.

    Args:
        optimizer: whose groups it sets.
        max_lr: the peak, a number or one for each group.
        total_steps: length of the cycle; or give epochs and steps_per_epoch.
        pct_start: share of the cycle that goes up (default 0.3).
        anneal_strategy: "cos" (default) or "linear".
        cycle_momentum: also moves `momentum`, or beta1 (default True).
        base_momentum, max_momentum: between which it moves (0.85, 0.95).
        div_factor: the start is max_lr / div_factor (default 25).
        final_div_factor: the end is the start / final_div_factor (default 1e4).
        three_phase: down to the start by the same slope, then to the end (default False).

    Raises:
        TypeError, ValueError: arguments out of range; cycle_momentum with an optimizer that has none; more steps
            than the cycle has.
    """

    total_steps, max_lrs = fixed(), fixed()
    anneal_strategy = setting(arguments.choice, ("cos", "linear"))

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        groups = an_optimizer(optimizer).param_groups
        cycle_momentum = arguments.flag("cycle_momentum", cycle_momentum)
        three_phase = arguments.flag("three_phase", three_phase)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("give total_steps, or both epochs and steps_per_epoch")
            total_steps = arguments.size("epochs", epochs) * arguments.size("steps_per_epoch", steps_per_epoch)
        for name, count in (("epochs", epochs), ("steps_per_epoch", steps_per_epoch)):
            if count is not None:
                arguments.size(name, count)
        self.total_steps = arguments.size("total_steps", total_steps)
        peaks = list(max_lr) if isinstance(max_lr, (list, tuple)) else [max_lr] * len(groups)
        if len(peaks) != len(groups):
            raise ValueError(f"max_lr has {len(peaks)} values for {len(groups)} parameter groups")
        self.max_lrs = [arguments.positive("max_lr", m) for m in peaks]
        pct = arguments.between("pct_start", pct_start, 0.0, 1.0)
        self.anneal_strategy = anneal_strategy
        start = arguments.positive("div_factor", div_factor)
        final = arguments.positive("final_div_factor", final_div_factor)
        low = arguments.between("base_momentum", base_momentum, 0.0, 1.0)
        high = arguments.between("max_momentum", max_momentum, 0.0, 1.0)
        self._momentum = ""
        if cycle_momentum:
            self._momentum = next((name for name in ("betas", "momentum") if name in groups[0]), "")
            if not self._momentum or any(g[self._momentum] == 0 for g in groups):
                raise ValueError("cycle_momentum needs an optimizer with momentum or betas; pass cycle_momentum=False")
        # (last step, factor of max_lr at its start and end, momentum at its start and end)
        up, top, end = 1 / start, 1.0, 1 / (start * final)
        turn = float(pct * self.total_steps) - 1
        last = self.total_steps - 1
        if three_phase:
            self._phases = [
                (turn, up, top, high, low),
                (float(2 * pct * self.total_steps) - 2, top, up, low, high),
                (last, up, end, high, high),
            ]
        else:
            self._phases = [(turn, up, top, high, low), (last, top, end, low, high)]
        super().__init__(optimizer)

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (end - start) * share
        return end + (start - end) / 2 * (1 + math.cos(math.pi * share))

    def settings(self, t: int, base: float, group: int) -> dict[str, Any]:
        """The learning rate, and momentum or betas."""
        if t > self.total_steps:  # the step after the last one keeps its values: one step() a batch is total_steps
            raise ValueError(f"step {t + 1} of a cycle of total_steps={self.total_steps}")
        turn = next((i for i, phase in enumerate(self._phases) if t <= phase[0]), len(self._phases) - 1)
        start = self._phases[turn - 1][0] if turn else 0.0
        last, a, b, m, n = self._phases[turn]
        share = min(1.0, (t - start) / (last - start)) if last != start else 1.0
        new: dict[str, Any] = {"lr": self.max_lrs[group] * self._between(a, b, share)}
        if self._momentum:
            value = self._between(m, n, share)
            own = self.optimizer.param_groups[group]
            new[self._momentum] = value if self._momentum == "momentum" else (value, own["betas"][1])
        return new


class SequentialLR(Scheduler):
    """Schedulers one after the other; each starts from its own step 0.

    Args:
        optimizer: whose groups it sets, the one of all schedulers.
        schedulers: in order.
        milestones: the steps at which the second, third, ... take over, ascending.

    Raises:
        TypeError, ValueError: schedulers of another optimizer, milestones that don't ascend or don't fit.
    """

    schedulers, milestones = fixed(), fixed()

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[Scheduler], milestones: Sequence[int]) -> None:
        an_optimizer(optimizer)
        self.schedulers = arguments.listed("schedulers", schedulers, "schedulers")
        given = arguments.listed("milestones", milestones, "numbers of steps")
        self.milestones = [arguments.size("milestones", m, 1) for m in given]
        if not self.schedulers or any(not isinstance(s, Scheduler) for s in self.schedulers):
            came = f"{type(schedulers).__name__} ({shown(schedulers)})"
            raise TypeError(f"schedulers must be a list of schedulers, at least one, not {came}")
        if any(s.optimizer is not optimizer for s in self.schedulers):
            raise ValueError("schedulers must all belong to the same optimizer")
        if len(self.milestones) != len(self.schedulers) - 1:
            raise ValueError(f"{len(self.schedulers)} schedulers need {len(self.schedulers) - 1} milestones")
        if any(a >= b for a, b in zip(self.milestones, self.milestones[1:])):
            raise ValueError(f"milestones must ascend, got {self.milestones}")
        super().__init__(optimizer)

    def settings(self, t: int, base: float, group: int) -> dict[str, Any]:
        """What the scheduler whose turn it is says."""
        i = sum(t >= m for m in self.milestones)
        chosen = self.schedulers[i]
        return chosen.settings(t - (self.milestones[i - 1] if i else 0), chosen.base_lrs[group], group)

    def _set(self, t: int) -> None:
        super()._set(t)
        for i, scheduler in enumerate(self.schedulers):
            scheduler.last_epoch = max(0, t - ([0, *self.milestones][i]))

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers, with those of the schedulers."""
        return {**super().state_dict(), "schedulers": [s.state_dict() for s in self.schedulers]}

    def _read(self, state_dict: Any) -> list[tuple[Scheduler, int, list[float]]]:
        inner = state_dict.get("schedulers") if isinstance(state_dict, Mapping) else None
        if not isinstance(inner, Sequence) or len(inner) != len(self.schedulers):
            raise ValueError(f"state_dict must hold the states of {len(self.schedulers)} schedulers")
        parts = [part for scheduler, state in zip(self.schedulers, inner) for part in scheduler._read(state)]
        return [*parts, *super()._read(state_dict)]
