"""Spiking nodes of the user's own: the equations of a neuron as text, run by the kernels of the library's nodes."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from ... import arguments
from ...equations.neuron import NeuronModel
from ...errors import shown as short
from ...ops.nodes import own_kernels
from ...settings import fixed, setting
from ...tensor import Tensor, full
from ..module import Parameter
from .node_models import no_waiting
from .nodes import SpikingNode, shown

_OPTIONS = set(inspect.signature(SpikingNode).parameters)
_TAKEN = {*dir(SpikingNode), "left", "model", "self", "v", "v_seq"}  # names of attributes that every node has


def _unread(model: NeuronModel) -> list[str]:
    return [name for name in ("threshold", "reset") if name not in model.reads]


class ModelNode(SpikingNode):
    """A node of a NeuronModel, which says what its settings and states are called."""

    def _start(self, settings: dict[str, Any]) -> None:
        model = self._record
        own = {name: settings.pop(name, value) for name, value in model.parameters.items()}
        known = _OPTIONS - {f"v_{name}" for name in _unread(model)}
        strange = [name for name in settings if name not in known]
        if strange:
            there = ", ".join([*own, *sorted(known)])
            raise TypeError(f"{strange[0]} is not a setting of the model {model.title!r}, which has {there}")
        super().__init__(**{"strict": model.strict, **settings})
        for name, value in own.items():
            if name != model.learnable:
                setattr(self, name, value)
        if model.second is not None:
            self.register_memory(model.second, model.state[model.second])
        for name in model.learned:
            value = arguments.real(name, own[name]) if name in own else model.value_of(name, self)
            setattr(self, str(model.learnable), Parameter(full((), model.first_learnable(value))))
        self._numbers()

    def _settle(self, name: str) -> None:
        super()._settle(name)
        if name in self._record.parameters:  # what follows from it must have a value
            self._numbers()

    def _learnable(self) -> Tensor | None:
        name = self._record.learnable
        return None if name is None else self._parameters[name]

    def _v_start(self) -> Any:
        model = self._record
        return model.state[model.potential] if model.starts else super()._v_start()

    def _k(self) -> Any:
        return self._record.value_of("k", self)

    def _own(self) -> list[str]:
        return [f"{name}={shown(getattr(self, name))}" for name in self._record.settings]

    def extra_repr(self) -> str:
        """The settings that the model reads."""
        unread = tuple(f"v_{name}=" for name in _unread(self._record))
        return ", ".join(part for part in super().extra_repr().split(", ") if not part.startswith(unread))


class CustomNode(ModelNode):
    """A spiking node by the equations of a `NeuronModel`: all steps in one dispatch, and one for the gradients.

    ```
    model = nn.NeuronModel("leaky", "h = v + (x - v) * k", parameters={"tau": 2.0}, derived={"k": "1 / tau"})
    node = nn.CustomNode(model, tau=3.0, step_mode="m")
    ```

    Args:
        model: the equations.  Its parameters are arguments here, and attributes that can be assigned.
        settings: values of the model's parameters; and v_threshold, v_reset, surrogate_function, detach_reset,
            step_mode, store_v_seq, memory, refractory and strict as in SpikingNode, where the model reads them.  strict
            is what the model's comparison says, unless it is given.

    The model's kernels are compiled when the first node of it is made, for which glslc must be installed, and kept in
    the user's cache folder.  What they need of the way there for the gradients, beside the potentials, is found from
    the equations: the input and the second state are kept where a derivative reads them.

    Attributes:
        v: the potential after the last step, also under the model's own name of it.
        the second state's name: the second state after the last step.
        the learned number's name, or w where `learn` says more than "w": the Parameter that trains, of shape ().

    Raises:
        TypeError: model is no NeuronModel; a setting that it does not have.  ValueError: a setting's value.
        RuntimeError: glslc is not installed.
    """

    model: NeuronModel = fixed()

    def __init__(self, model: NeuronModel, **settings: Any) -> None:
        if not isinstance(model, NeuronModel):
            raise TypeError(f"model must be a NeuronModel, not {type(model).__name__} ({short(model)})")
        own_kernels(model)
        object.__setattr__(self, "__class__", class_of(type(self), model))
        self._start(settings)
        self.model = model

    def _own(self) -> list[str]:
        return [self._record.title, *super()._own()]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _empty, (self._record, type(self).__base__), self.__dict__


def _empty(model: NeuronModel, base: Any = CustomNode) -> CustomNode:
    """A node that its `__dict__` is still to be given, as copies and pickles are made."""
    return object.__new__(class_of(base, model))


def settings_of(model: NeuronModel) -> dict[str, Any]:
    """The attributes of the class of a model's nodes: what its parameters are called are settings."""
    own = {*model.state, *model.parameters, *([model.learnable] if model.learnable else [])}
    for name in sorted(own - {"v"} if model.potential == "v" else own):
        if name in _TAKEN or name.startswith("_"):
            raise ValueError(
                f"the model {model.title!r} can't call a state or parameter {name!r}: nodes have that name"
            )
    body: dict[str, Any] = {}
    for name in model.parameters:
        if name in model.settings:
            body[name] = setting(arguments.real)
        elif name != model.learnable:
            body[name] = fixed(arguments.real, f"it is where {model.learnable} starts; assign to that")
    for name in _unread(model):
        body[f"v_{name}"] = fixed(how=f"the model {model.title!r} reads no {name}")
    if model.recovers:
        body["refractory"] = setting(no_waiting, f"the model {model.title!r}")
    if model.potential != "v":
        body[model.potential] = property(lambda node: node.v, lambda node, value: setattr(node, "v", value))
    return body


def class_of(base: Any, model: NeuronModel) -> type[CustomNode]:
    """What the nodes of a model are, for CustomNode or a class of the user's that comes from it."""
    return _class(base, model)


@functools.lru_cache(256)
def _class(base: Any, model: NeuronModel) -> type[CustomNode]:
    own = {"_model": model, "__module__": base.__module__, "__qualname__": base.__qualname__, "__doc__": base.__doc__}
    return type(base.__name__, (base,), own | settings_of(model))
