"""Module: layers that know their parameters, buffers and parts.  The meaning of every name is PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from .. import arguments, families
from ..control import check_device
from ..errors import shown
from ..ops.elementwise import as_tensor
from ..runtime.plain import FILL
from ..runtime.recording import called, captures
from ..settings import Fixed, Setting, held, setting
from ..stepping import folded, stepped
from ..tensor import Tensor
from ..typing import DeviceLike, DTypeLike
from .forwards import check_inputs, explained, takes
from .hooks import Handle, WithKwargs
from .parameter import Buffer, Parameter
from .state_dict import Keys, load

_NAMES = ("_parameters", "_buffers", "_modules")
_KEPT = ("_kept_settings", "_moves")
_PLAIN = {Tensor, float, int, bool, str, type(None), tuple, list, dict, np.ndarray}  # attributes that are taken at once


class Module:
    """Base of layers and networks.

    Subclass it, call ``super().__init__()`` first, assign Parameters, Buffers and Modules as attributes (that
    registers them), and define ``forward(*args)``; the module is then called like a function.

    Attributes:
        training: True after construction and `train()`, False after `eval()`.
        over_time: of the class: what containers of step mode "m" do with a whole run (T, B, ...) of its input.  "step",
            which a class of your own is unless it says something else: they call it once a step, its parts in step
            mode "s".  "fold": they call it once, with (T * B, ...).  "self": they call it once, with (T, B, ...), and
            its parts are in step mode "m".  A subclass with a `forward` of its own says it again.
        batchwise: of the class, True: it folds, and does so in containers that go step by step too, since it treats
            each sample by itself.  (Batch norm folds, but does not in these.)

    In a forward of your own that is called with all steps, after `F.set_step_mode(model, "m")`, library layers that
    fold do so by themselves.
    """

    training: bool = setting(arguments.flag)
    over_time: str = "step"
    input_hint: str = ""  # what a call with more inputs than forward takes is told
    batchwise: bool = False  # every sample of a batch by itself, so that time steps are more samples in every container
    takes_steps: bool = False  # forward has an argument `steps`, by which containers say that x has a time axis
    runs_steps: bool = False  # sees to the time of its parts, whatever their step mode
    _ranks: tuple[int, ...] = ()  # as _step_ranks gives them
    _shown: tuple[str, ...] = ()  # the settings that `repr` shows
    _flattens = False  # gives (B, n)
    _is_list = False  # holds modules that others call
    _is_chain = False  # a Sequential
    _looked: Any = None  # the step mode in which the first input was looked at
    _ends_time = False  # gives (B, ...) of all steps (T, B, ...)
    _needs_time = False  # takes (T, B, ...) in every step mode
    _time_rank = 3  # least number of axes of an input with time, where a layer that folds is called by itself; 0: any
    _timed_alone = False  # it knows of time when it is called by itself in step mode "m", though it does not fold
    _keeps_shapes = False  # of parameters and buffers, when others are assigned: where no one has subclassed it
    _frees_shapes = False  # of a library class: its functions check them
    _in_time = 0  # the least rank in step mode "m", else 0
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def __init_subclass__(cls, **options: Any) -> None:
        """Works out what the class does with time, from what it says or inherits."""
        super().__init_subclass__(**options)
        if "_keeps_shapes" not in vars(cls):
            cls._keeps_shapes = cls.__module__.partition(".")[0] == "grilly_vk" and not cls._frees_shapes
        own, base = vars(cls), next(kind for kind in cls.__mro__[1:] if issubclass(kind, Module))
        if "over_time" in own:
            arguments.choice(f"over_time of {cls.__name__}", cls.over_time, ("step", "fold", "self"))
            cls._timed_alone &= cls.over_time == "step"
        elif own.get("takes_steps"):
            cls.over_time = "self"
        elif own.get("batchwise"):
            cls.over_time = "fold"
        elif cls.forward is not base.forward is not Module.forward:  # what the base said was of its forward
            if not cls.takes_steps:
                cls.over_time, cls.batchwise = "step", False
                cls._timed_alone = base._timed_alone or base.over_time == "fold"
                cls._time_rank = base._time_rank or 3
            elif not takes(cls.forward, "steps"):
                cls.over_time, cls.takes_steps = "step", False
        if cls.takes_steps:
            cls.over_time = "self"

    def __init__(self) -> None:
        own = self.__dict__
        own["training"] = True
        own["_parameters"], own["_buffers"], own["_modules"] = {}, {}, {}
        own["_transient"] = set()  # buffers that state_dict leaves out
        own["_forward_hooks"], own["_forward_pre_hooks"] = {}, {}

    # ---- running ----

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; to be defined by each subclass."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) > 1:
            check_inputs(self, len(args))
        try:
            if self._in_time:
                return self._call_in_time(args, kwargs)
            if self._forward_hooks or self._forward_pre_hooks or captures:
                return self._call_once(*args, **kwargs)
            return self.forward(*args, **kwargs)
        except (TypeError, ValueError) as error:
            told = self._told(error, args, kwargs)
            if told is None:
                raise
        raise told

    def _told(self, error: Exception, args: tuple[Any, ...], kwargs: dict[str, Any]) -> TypeError | None:
        """As `explained`."""
        last = error.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        calls = {f.__code__ for f in (Module.__call__, Module._call_once, type(self)._call_in_time)}
        outside = isinstance(error, TypeError) and last is not None and last.tb_frame.f_code in calls
        return explained(self, error, args, kwargs, not outside)

    def _call_in_time(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call in step mode "m": T joins the batch, or each step is a call, or the module sees to it."""
        if self.takes_steps:
            return self._call_once(*args, **{"steps": "merge", **kwargs})
        if len(args) == 0:
            return self._call_once(**kwargs)
        x = as_tensor("x", args[0])
        if x.ndim < self._in_time:
            return self._call_once(*args, **kwargs)
        if self.over_time == "step":
            return stepped(self, self._call_once, x, *args[1:], **kwargs)
        return folded(self, self._call_once, x, *args[1:], **kwargs)

    def _call_once(self, *args: Any, **kwargs: Any) -> Any:
        """A call, whatever the step mode."""
        if captures:
            called(self)
        for before in tuple(self._forward_pre_hooks.values()):
            changed = before(self, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        out = self.forward(*args, **kwargs)
        for after in tuple(self._forward_hooks.values()):
            changed = after(self, args, out, kwargs) if isinstance(after, WithKwargs) else after(self, args, out)
            if changed is not None:
                out = changed
        return out

    def register_forward_pre_hook(self, hook: Callable[[Module, tuple[Any, ...]], Any]) -> Handle:
        """Calls ``hook(module, args)`` before each forward; what it returns (if not None) replaces the arguments."""
        return Handle(self._forward_pre_hooks, hook)

    def register_forward_hook(self, hook: Callable[..., Any], *, with_kwargs: bool = False) -> Handle:
        """Calls ``hook(module, args, output)`` after each forward; what it returns (if not None) replaces the output.

        Args:
            with_kwargs: call ``hook(module, args, kwargs, output)``, with the keyword arguments too (default False).

        Returns:
            A handle; call it or its `remove()` to take the hook away.

        Raises:
            TypeError: a hook that can't be called.
        """
        wanted = arguments.flag("with_kwargs", with_kwargs) and callable(hook)
        return Handle(self._forward_hooks, WithKwargs(hook) if wanted else hook)

    def _step_ranks(self) -> tuple[int, ...]:
        """The numbers of axes that the input of one step may have; none: any."""
        kind = type(self)
        return kind._ranks or ((kind._time_rank - 1,) if kind._time_rank > 3 else ())

    def _repeats(self) -> bool:
        """Whether equal steps give equal results, so that one call does for all of them; nobody looks at the calls."""
        hooked = self._forward_hooks or self._forward_pre_hooks
        return self.batchwise and not hooked and type(self).forward.__module__.startswith("grilly_vk.")

    def _of_one(self, step: Tensor, steps: int) -> Any:
        """What each of so many equal steps (B, ...) gives, where `_repeats` says that one call does."""
        return self._call_once(step)

    # ---- registration ----

    def __setattr__(self, name: str, value: Any) -> None:
        if "_modules" not in self.__dict__:
            if isinstance(value, (Parameter, Buffer, Module)):
                raise AttributeError(f"{type(self).__name__}: call super().__init__() before assigning {name!r}")
            object.__setattr__(self, name, value)
            return
        if isinstance(value, Parameter):
            self._put("_parameters", name, value)
        elif isinstance(value, Buffer):
            self._put("_buffers", name, value)
            (self._transient.discard if value.persistent else self._transient.add)(name)
        elif isinstance(value, Module):
            self._put("_modules", name, value)
        elif name in self._buffers and (value is None or isinstance(value, Tensor)):
            self._keep_shape("_buffers", name, value)
            self._buffers[name] = value
        elif name in self._buffers or name in self._parameters or name in self._modules:
            if isinstance(getattr(type(self), name, None), Setting):  # a constant that may train
                object.__setattr__(self, name, value)
                return
            if value is not None:
                what = next(k for k in _NAMES if name in self.__dict__[k])
                wanted = {"_parameters": "a Parameter", "_buffers": "a Tensor", "_modules": "a Module"}[what]
                raise TypeError(f"{name!r} must be {wanted} or None here, not {type(value).__name__}")
            for kind in _NAMES:
                if name in self.__dict__[kind]:
                    self.__dict__[kind][name] = None
        else:
            if type(value) not in _PLAIN and families.trains_elsewhere(value):
                raise TypeError(
                    f"{name} of {type(self).__name__} can't be {families.described(value)}, which would not be trained "
                    f"here{families.instead(value, 'layer')}"
                )
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        for kind in _NAMES:
            found = self.__dict__.get(kind)
            if found is not None and name in found:
                return found[name]
        hint = "" if "_modules" in self.__dict__ else " (its __init__ did not call super().__init__())"
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}{hint}")

    def __delattr__(self, name: str) -> None:
        for kind in _NAMES:
            if self.__dict__[kind].pop(name, self) is not self:
                self._transient.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self._parameters, *self._buffers, *self._modules})

    def _put(self, kind: str, name: str, value: Any) -> None:
        if isinstance(getattr(type(self), name, None), (Setting, Fixed)):  # its check says what it takes
            object.__setattr__(self, name, value)
            return
        self._keep_shape(kind, name, value)
        for other in _NAMES:
            if other != kind:
                self.__dict__[other].pop(name, None)
        self.__dict__.pop(name, None)
        self.__dict__[kind][name] = value

    def _keep_shape(self, kind: str, name: str, value: Any) -> None:
        """Layers of the library take parameters and buffers of the shapes that they were made with: kernels rely on it.

        Raises:
            ValueError: another shape.
        """
        before = self.__dict__[kind].get(name) if self._keeps_shapes and kind != "_modules" else None
        if before is not None and value is not None and before.shape != value.shape:
            raise ValueError(
                f"{name} of {type(self).__name__} has shape {before.shape}, and was given {value.shape}: sizes are "
                "fixed when a layer is made; make a new one"
            )

    def _free_name(self, kind: str, name: Any) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, not {type(name).__name__}")
        if not name or "." in name:
            raise ValueError(f"name must be neither empty nor contain a dot, got {shown(name)}")
        if name not in self.__dict__[kind] and hasattr(self, name):
            raise ValueError(f"name {name!r} is an attribute of {type(self).__name__} already")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Registers a parameter, or None for one that this layer does without.

        Raises:
            TypeError, ValueError: a name that is no string, empty, with a dot or in use; param no Parameter.
        """
        self._free_name("_parameters", name)
        if param is not None and not isinstance(param, Parameter):
            raise families.wrong("param", param, "a Parameter or None", "layer")
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Registers state that is not trained: a Tensor, an array or None.

        Args:
            persistent: whether `state_dict` holds it.

        Raises:
            TypeError, ValueError: a name that is no string, empty, with a dot or in use; no real numbers.
        """
        self._free_name("_buffers", name)
        self._buffers[name] = None if tensor is None else arguments.any_tensor("tensor", tensor)
        (self._transient.discard if persistent else self._transient.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Registers a submodule under a name that need not be a Python identifier.

        Raises:
            TypeError, ValueError: a name that is no string, empty, with a dot or in use; module no Module.
        """
        self._free_name("_modules", name)
        if module is not None:
            checked_module("module", module, "a Module or None")
        self._modules[name] = module

    # ---- what is in it ----

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, part) of the direct parts, each once."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Module]:
        """The direct parts, each once."""
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "", memo: set[int] | None = None) -> Iterator[tuple[str, Module]]:
        """(name, module) of this module ("") and all parts in it, each once, dots between the levels."""
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        memo.add(id(self))
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(f"{prefix}.{name}" if prefix else name, memo)

    def modules(self) -> Iterator[Module]:
        """This module and all parts in it, each once."""
        found: dict[int, Module] = {}
        todo: list[Module | None] = [self]
        while todo:
            module = todo.pop()
            if module is not None and id(module) not in found:
                found[id(module)] = module
                todo += reversed(module._modules.values())
        return iter(found.values())

    def _named(self, kind: str, prefix: str, recurse: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name, tensor in module.__dict__[kind].items():
                if tensor is not None and id(tensor) not in seen:
                    seen.add(id(tensor))
                    yield (f"{path}.{name}" if path else name), tensor

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """(name, parameter), each parameter once, under its first name."""
        return self._named("_parameters", prefix, recurse)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """(name, buffer), each once."""
        return self._named("_buffers", prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, each once."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def num_parameters(self, trainable: bool = False) -> int:
        """How many numbers the parameters hold; with `trainable`, only of those that require gradients."""
        return sum(p.count for p in self.parameters() if p.requires_grad or not trainable)

    # ---- state ----

    def _slots(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        """(name, tensor) of all that state_dict holds; shared ones come under each of their names."""
        for name, tensor in (*self._parameters.items(), *self._buffers.items()):
            if tensor is not None and name not in self._transient:
                yield prefix + name, tensor
        for name, module in self._modules.items():
            if module is not None:
                yield from module._slots(f"{prefix}{name}.")

    def state_dict(self) -> dict[str, Tensor]:
        """Name -> tensor, for parameters and persistent buffers, in order of registration.

        The tensors share the module's memory, off the tape: training goes on changing them.  `grilly_vk.save`
        writes them to a file; `clone()` keeps one as it is now.
        """
        return {name: tensor.detach() for name, tensor in self._slots()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Keys:
        """Copies values into the module's own tensors, in place.

        Everything is checked first: after an error nothing has changed.

        Args:
            state_dict: name -> Tensor or array, as from `state_dict()`.
            strict: names must be the same on both sides (default True); else those in common are loaded.

        Returns:
            (missing_keys, unexpected_keys), both empty if strict.

        Raises:
            ValueError: shapes or dtypes that differ and, if strict, names that do; the message lists them all.
            TypeError: no mapping.
            OutOfDeviceMemory: no room for values from the host, which are sent before any of them is taken.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"state_dict must be a mapping from names to tensors, not {type(state_dict).__name__}")
        strict = arguments.flag("strict", strict)
        parts = [(f"{path}." if path else "", module) for path, module in self.named_modules()]
        prepared: list[Module] = []
        try:
            for prefix, module in parts:
                if module._before_load(prefix, state_dict):
                    prepared.append(module)
            return load(type(self).__name__, dict(self._slots()), state_dict, strict)
        except BaseException:
            for module in prepared:
                module._not_loaded()
            raise

    def _before_load(self, prefix: str, state_dict: Mapping[str, Any]) -> bool:
        """For modules whose tensors' shapes are not known yet: makes them as the state tells that is to be loaded.

        Returns:
            Whether it made any; `_not_loaded` takes them away again.
        """
        return False

    def _not_loaded(self) -> None:
        """The state did not fit."""

    # ---- switches ----

    def train(self, mode: bool = True) -> Any:
        """Sets training mode (dropout and batch statistics on) here and in all parts, and returns self."""
        mode = arguments.flag("mode", mode)
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Any:
        """Sets evaluation mode here and in all parts, and returns self."""
        return self.train(False)

    def to(self, *args: Any, device: DeviceLike = None, dtype: DTypeLike = None, non_blocking: bool = False) -> Any:
        """Returns self: a module is on the device in use, and its parameters are float32.

        Raises:
            ValueError: another device. TypeError: another dtype than float32.
        """
        arguments.flag("non_blocking", non_blocking)
        for value in (*args, device, dtype):
            if value is None or isinstance(value, bool):
                continue
            if isinstance(value, (np.dtype, type)):
                if np.dtype(value) != np.float32:
                    what = shown(value) if np.dtype(value).kind == "O" else np.dtype(value)
                    raise TypeError(f"a module's parameters are float32, and can't be made {what}")
            else:
                check_device(value.device if isinstance(value, Tensor) else value)
        return self

    def cuda(self, device: DeviceLike = None) -> Any:
        """Returns self: a module is on the device in use.

        Raises:
            ValueError: another device.
        """
        return self.to(device)

    def cpu(self) -> Any:
        """Returns self: the host reads tensors with `numpy()` from where they are."""
        return self

    def float(self) -> Any:
        """Returns self: parameters are float32."""
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Sets requires_grad of all parameters, and returns self."""
        requires_grad = arguments.flag("requires_grad", requires_grad)
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the gradients of all parameters, or with set_to_none=False makes those that exist zero."""
        clear_gradients(self.parameters(), set_to_none)

    def apply(self, fn: Callable[[Module], Any]) -> Any:
        """Calls `fn` on every part, innermost first, then on this module, and returns self."""
        arguments.function("fn", fn)
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # ---- text ----

    def baked(self) -> tuple[Any, ...]:
        """What a recorded call contains as fixed numbers beside the settings in `held`; for subclasses to define."""
        return ()

    def __getstate__(self) -> dict[str, Any]:
        """All but what is kept until a setting is assigned: another process counts its own assignments."""
        return {name: value for name, value in self.__dict__.items() if name not in _KEPT}

    def held(self) -> tuple[Any, ...]:
        """The current settings: when they change, `grilly_vk.compile` records again and graphs are outdated."""
        return (*held(self), self.baked())

    def extra_repr(self) -> str:
        """What `repr` shows between the brackets: the settings named in `_shown`, or what a subclass says instead."""
        return ", ".join([f"{name}={getattr(self, name)!r}" for name in self._shown])

    def __repr__(self) -> str:
        lines = [line for line in self.extra_repr().split("\n") if line]
        parts = [f"({name}): " + repr(part).replace("\n", "\n  ") for name, part in self._modules.items()]
        if not parts and len(lines) <= 1:
            return f"{type(self).__name__}({''.join(lines)})"
        return f"{type(self).__name__}(\n  " + "\n  ".join([*lines, *parts]) + "\n)"


def checked_module(name: str, value: Any, wanted: str = "a Module") -> Module:
    """The value, if it is a Module.

    Raises:
        TypeError: it is none; the message says what it is, and what may have been meant.
    """
    if isinstance(value, Module):
        return value
    raise families.wrong(name, value, wanted, "layer")


def clear_gradients(parameters: Any, set_to_none: bool) -> None:
    """Drops gradients, or fills those that exist with zeros."""
    for parameter in parameters:
        if set_to_none:
            parameter.grad = None  # even where there is none, and not looked at before: a recording takes note
            continue
        gradient = parameter.grad
        if gradient is not None:
            FILL(dst=gradient, n=gradient.count, bits=0)
            gradient.version += 1
