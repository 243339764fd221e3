"""The unit that spiking transformers are made of: spike(norm(x @ weight.T)) of tokens."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from ... import arguments, families
from ...modes import S
from ...ops.batch_norm import Norm
from ...ops.elementwise import as_tensor
from ...stepping import has_mode, has_steps, over_steps
from ...tensor import Tensor
from ...typing import ArrayLike, StepMode
from ..joining import joins
from ..layers.linear import Linear
from ..layers.norm import BatchNorm1d, _BatchNorm
from ..module import Module, checked_module
from ..reading import told
from .nodes import LIFNode

Factory = Callable[..., Module]
_PAPER = {"tau": 2.0, "detach_reset": True}  # the nodes of Spikformer and QKFormer


def made_by(name: str, factory: Any, example: str) -> None:
    """Checks what makes a part: a class or function, and not a part that is made.

    Raises:
        TypeError: it is none.
    """
    if isinstance(factory, Module):
        what = families.described(factory)
        raise TypeError(f"{name} must make a part, as {example} or a function does, not be {what}")
    if factory is not None and not callable(factory):
        raise TypeError(f"{name} must be callable or None, not {type(factory).__name__}")


def made_node(factory: Factory | None, options: Mapping[str, Any], step_mode: StepMode, **defaults: Any) -> Module:
    """A node from what the user gave: the default's arguments give way to the user's, a factory gets those alone.

    Raises:
        TypeError: no factory, or one that makes no Module.
    """
    made_by("spiking_neuron", factory, "nn.LIFNode")
    if factory is None:
        return LIFNode(**copy.deepcopy({**_PAPER, **defaults, **options, "step_mode": step_mode}))
    node = factory(**copy.deepcopy(dict(options)))
    checked_module("what spiking_neuron makes", node)
    families.refuse("what spiking_neuron makes", node, "a spiking node", "flat", "core", "trace")
    return node


def made_norm(factory: Factory | None, features: int) -> Module | None:
    """A norm of so many features, or None.

    Raises:
        TypeError: no factory, or one that makes no Module.
    """
    made_by("norm", factory, "nn.BatchNorm1d")
    made = None if factory is None else factory(features)
    return None if made is None else checked_module("what norm makes", made)


class TimedModule(Module):
    """A module with spiking nodes in it, whose parts follow its step mode.

    Attributes:
        step_mode: "s": a call is one step (B, ...). "m": a call is all steps (T, B, ...).  Setting it sets the parts'.
    """

    takes_steps = True
    _mode: str = S

    @property
    def step_mode(self) -> str:
        """ "s" or "m"."""
        return self._mode

    @step_mode.setter
    def step_mode(self, value: str) -> None:
        self.__dict__["_mode"] = arguments.choice("step_mode", value, ("s", "m"))
        for part in self.children():
            if has_mode(part):
                part.step_mode = value

    def _steps(self, steps: str | None, x: Any = None) -> str | None:
        """How to go through time in a call: "merge" or "loop", or None for one step; the axes of x may tell."""
        if steps is None and x is not None and told(self, x):
            return "merge"
        return "merge" if has_steps(self, steps) and steps is None else steps


def through(module: Any, x: Tensor, steps: str | None, **options: Any) -> Tensor:
    """A part's result: of one step (None), or of all."""
    merge = steps == "merge"
    out: Tensor = module(x, **options) if steps is None else over_steps(module, x, merge=merge, **options)
    return out


class TokenBatchNorm1d(_BatchNorm):
    """Batch norm of the last axis: `BatchNorm1d` over every token of (..., C).

    Args:
        num_features, eps, momentum, affine, track_running_stats: as in `BatchNorm1d`.

    Shape:
        (..., C) to the same.

    Attributes:
        weight, bias, running_mean, running_var, num_batches_tracked: as in `BatchNorm1d`.

    Raises:
        ValueError: as in `BatchNorm1d`.

    Source: Ioffe & Szegedy, "Batch normalization", ICML 2015.
    """

    over_time = "fold"
    _shapes = BatchNorm1d._shapes
    _time_rank = 0

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape, normalised channel by channel."""
        x = as_tensor("x", x)
        return self._prepare(x).run().reshape(x.shape)

    def _prepare(self, x: Any, steps: str | None = None) -> Norm:
        """As in BatchNorm1d, with every axis but the last one in the batch."""
        x = as_tensor("x", x)
        if x.ndim < 2 or x.shape[-1] != self.num_features:
            raise ValueError(f"x has shape {x.shape}; expected (..., {self.num_features})")
        return super()._prepare(x.reshape(-1, self.num_features))


class SpikingLinear(TimedModule):
    """spike(norm(x @ weight.T)) for every token.

    Args:
        in_features, out_features: sizes of the last axis of input and output.
        norm: makes the norm from out_features, such as `TokenBatchNorm1d` (default) or `LayerNorm`; None: no norm, and
            the product has a bias.  It gets (B, ..., out_features), in step mode "m" with T * B for B; in a container
            that goes step by step, batch norm in training is given one step at a time.
        spiking_neuron: makes the node; None: LIFNode(tau=2.0, detach_reset=True).
        step_mode: "s" or "m".
        node_options: arguments of the node, such as tau, v_threshold or surrogate_function.

    Shape:
        (B, ..., in_features) to (B, ..., out_features), in step mode "m" with a leading T.

    Attributes:
        linear, norm, node: the parts.

    Raises:
        TypeError, ValueError: arguments of the wrong type or value; at the call, an input of another last axis.

    Source: Zhou et al., "Spikformer", ICLR 2023, equation (14): how its attention makes q, k and v.
    """

    norm: Module | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        norm: Factory | None = TokenBatchNorm1d,
        spiking_neuron: Factory | None = None,
        step_mode: StepMode = S,
        **node_options: Any,
    ) -> None:
        super().__init__()
        self.linear = Linear(in_features, out_features, bias=norm is None)
        self.norm = made_norm(norm, out_features)
        self.node = made_node(spiking_neuron, node_options, step_mode)
        self.step_mode = step_mode

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """Spikes (..., out_features); `steps` is given by containers."""
        steps = self._steps(steps)
        y = self.linear(x)
        if self.norm is not None:
            alone = isinstance(self.norm, _BatchNorm) and not self.norm.training  # each sample by itself
            if joins(self.norm, self.node) and (alone or steps != "loop"):
                return through(self.node, y, steps, norm=self.norm)
            y = through(self.norm, y, "merge" if alone and steps is not None else steps)
        return through(self.node, y, steps)
