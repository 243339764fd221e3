"""What all optimizers share: groups of parameters, settings, steps and state.

Learning rate, other numbers and the count of steps lie in device memory, so that a captured graph follows a schedule.
The memory of parameters, gradients and state is flat.py's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .. import families
from ..autograd import enable_grad
from ..errors import shown
from ..nn.hooks import Handle
from ..nn.module import clear_gradients
from ..ops.exchange import issue, prepared
from ..runtime.kernel import Kernel
from ..runtime.recording import recording, refuse, used_counter
from ..settings import fixed as read_only
from ..tensor import Tensor
from ..values import unmasked
from .flat import Flat, Stretch, movable, padded


class ParamGroup(dict[str, Any]):
    """The settings of a group, by name: assigning one checks it and puts it into device memory.

    `update` sets several at once.  Inside a capture the new value holds from now on, and is no part of the graph.
    """

    def __init__(self, optimizer: Optimizer, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self.flats: list[Flat] = []
        self.written: list[float] | None = None  # the numbers in device memory; None: not known
        self.names = optimizer.states(settings)  # of the state that it has memory for
        self._optimizer = optimizer

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def update(self, *settings: Any, **more: Any) -> None:
        """Sets several settings at once; after an error none has changed."""
        exchange([(self, {**dict(*settings), **more})])

    def checked(self, new: Mapping[str, Any]) -> list[float]:
        """The numbers for these settings; raises if one is not possible."""
        whole = {**self, **new}
        for name in (*self._optimizer.fixed, "params"):
            if name in new and new[name] is not self[name] and (name == "params" or new[name] != self[name]):
                raise ValueError(f"{name} can't be changed after construction; make a new optimizer")
        self._optimizer.check(whole)
        if not set(self._optimizer.states(whole)) <= set(self.names):
            raise ValueError(
                f"{', '.join(new)}: this group was made without the state that it needs; make a new optimizer"
            )
        return self._optimizer.numbers(whole)

    def became(self, new: Mapping[str, Any], numbers: list[float] | None) -> None:
        """The settings are these, now that the device has the numbers."""
        super().update(new)
        self.written = numbers

    def __copy__(self) -> dict[str, Any]:
        """The settings, as a dict that belongs to no optimizer."""
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        """Copies of the settings and the parameters, as a dict that belongs to no optimizer."""
        return {name: copy.deepcopy(value, memo) for name, value in self.items()}

    def setdefault(self, name: str, default: Any = None) -> Any:
        """As dict's."""
        if name not in self:
            self[name] = default
        return self[name]

    def __repr__(self) -> str:
        sizes = f"{len(self['params'])} parameters"
        return ", ".join([sizes, *(f"{name}={value!r}" for name, value in self.items() if name != "params")])


def exchange(changes: Iterable[tuple[ParamGroup, Mapping[str, Any]]]) -> None:
    """Sets settings of several groups, in device memory first.  After an error none has changed.

    Goes around a captured graph: the numbers hold from now on, in order with the work around, without waiting.
    """
    ready = [(group, new, group.checked(new)) for group, new in changes]
    pairs: list[tuple[Tensor, Any]] = []
    within = False
    for group, _, numbers in ready:
        if numbers != group.written:
            pairs += [pair for flat in group.flats for pair in flat.numbered(numbers, flat.stretches)]
            within = within or recording(group.flats[0].engine)
    on_device = prepared(pairs, wait=False, outside_capture=True)
    for group, _, numbers in ready:
        if numbers != group.written:
            group.written = None  # until it is certain
    issue(on_device, outside_capture=within)
    for group, new, numbers in ready:
        group.became(new, numbers)


class Optimizer:
    """Base of the optimizers.

    A subclass gives `kernel`, `fixed` (settings that can't change), `states` (names of the planes of a group),
    `check` (of settings), `numbers` (what the kernel reads) and `constants`.

    `state_dict` and `load_state_dict` work between steps.  A graph must be captured again (its replay says so) after
    `add_param_group`, after loading counts of steps that differ between parameters, and after a step in which only
    some parameters of a group had gradients.

    Constructing an optimizer moves the parameters' memory, and with it all tensors that share it (`detach()`, an
    earlier `state_dict()`, tied weights); a graph captured before must be captured again.  Parameters that share memory
    are changed one after the other, each by its own gradient.  A gradient that backward made is in the optimizer's
    memory as well, and the next backward after `zero_grad` overwrites it: `clone()` it to keep it.

    Args:
        params: parameters, or one dict for each group with "params" and the settings that differ.
        defaults: the settings of groups that don't give them.

    Raises:
        TypeError: something else than leaf tensors of float32.
        ValueError: no parameters, one given twice, a recorded result, or a setting out of range.
        RuntimeError: inside a capture.
    """

    kernel: Kernel
    fixed: tuple[str, ...] = ()
    param_groups: list[ParamGroup] = read_only(
        how="assign to the entries of a group, such as param_groups[0]['lr'], or call add_param_group"
    )
    defaults: dict[str, Any] = read_only(how="make a new optimizer, or assign to the entries of its groups")

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups = []
        self._added = [0]  # counts groups
        self._step_pre_hooks: dict[int, Any] = {}
        owner = callable(getattr(params, "parameters", None))
        if owner or isinstance(params, (Tensor, Mapping, type)) or not isinstance(params, Iterable):
            hint = "; use model.parameters()" if owner and not families.library(type(params)) else ""
            raise TypeError(f"params must be an iterable of tensors or dicts, not {families.described(params)}{hint}")
        given = list(params)
        if not given:
            raise ValueError("params is empty: there is nothing to optimize")
        groups = given if isinstance(given[0], Mapping) else [{"params": given}]
        ready = []
        seen: set[int] = set()
        for i, group in enumerate(groups):
            ready.append(self._checked(group, f"params[{i}]" if groups is given else "params", seen))
        known: set[int] = set()
        self._take([self._group(settings, known) for settings in ready])

    # ---- for subclasses ----

    def check(self, group: Mapping[str, Any]) -> None:
        """Raises if a setting is out of range."""
        raise NotImplementedError(f"{type(self).__name__} does not define check()")

    def numbers(self, group: Mapping[str, Any]) -> list[float]:
        """What the kernel reads, learning rate first; at most `flat.NUMBERS`."""
        raise NotImplementedError(f"{type(self).__name__} does not define numbers()")

    def states(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the state that each parameter of the group has."""
        raise NotImplementedError(f"{type(self).__name__} does not define states()")

    def constants(self, group: ParamGroup) -> dict[str, Any]:
        """Specialization constants of the group's dispatch."""
        raise NotImplementedError(f"{type(self).__name__} does not define constants()")

    # ---- groups ----

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Adds parameters with settings of their own: {"params": [...], "lr": ...}.

        Raises:
            TypeError, ValueError: as at construction.
        """
        seen = {id(p) for group in self.param_groups for p in group["params"]}
        known = {id(p.buffer) for group in self.param_groups for p in group["params"]}
        self._take([self._group(self._checked(param_group, "param_group", seen), known)])

    def _checked(self, group: Any, name: str, seen: set[int]) -> dict[str, Any]:
        if not isinstance(group, Mapping):
            raise TypeError(f"{name} must be a dict like the others, not {type(group).__name__}")
        if "params" not in group:
            raise ValueError(f'{name} has no "params", but {shown(list(group))}')
        given = group["params"]
        params = [given] if isinstance(given, Tensor) else list(given)
        unknown = sorted(set(group) - set(self.defaults) - {"params", "initial_lr"})
        if unknown:
            raise ValueError(f"{name} has settings that {type(self).__name__} does not know: {', '.join(unknown)}")
        if not params:
            raise ValueError(f"{name} holds no parameters")
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"{name} must hold tensors; number {i} is {families.described(p)}{families.instead(p)}")
            if p.dtype != np.float32:
                raise TypeError(f"{name} must hold float32 tensors; number {i} is {p.dtype}")
            if p.node is not None:
                raise ValueError(f"{name}: number {i} is a recorded result; only leaves can be optimized")
            if id(p) in seen:
                raise ValueError(f"{name}: number {i}, shape {p.shape}, was given twice")
            if p.engine is not params[0].engine:
                raise ValueError(f"{name} holds tensors of different devices; see set_device()")
            seen.add(id(p))
        whole = {**self.defaults, **group, "params": params}
        self.check(whole)
        return whole

    def _group(self, settings: dict[str, Any], known: set[int]) -> ParamGroup:
        """A group with its memory; the parameters are where they were.  `known`: buffers of those before."""
        params = settings["params"]
        engine = params[0].engine
        refuse("an optimizer can't be made inside a captured graph; make it before", engine)
        group = ParamGroup(self, settings)
        planes = len(group.names)
        limit = engine.memory.max_bytes // (4 * max(1, planes)) - 256  # room for guards
        some: list[Tensor] = []
        size = 0
        for p in params:
            guest = id(p.buffer) in known or not movable(p)  # the first of those that share memory takes it along
            known.add(id(p.buffer))
            if some and (guest or size + padded(p) > limit):
                group.flats.append(Flat(some, planes, False))
                some, size = [], 0
            if guest:
                group.flats.append(Flat([p], planes, True))
                continue
            some.append(p)
            size += padded(p)
        if some:
            group.flats.append(Flat(some, planes, False))
        exchange([(group, {})])
        return group

    def _take(self, groups: list[ParamGroup]) -> None:
        """Moves the parameters of new groups."""
        flats = [flat for group in groups for flat in group.flats]
        issue([(flat.place(i), p) for flat in flats for i, p in enumerate(flat.params)])
        for flat in flats:
            for i in range(len(flat.params)):
                flat.move(i)
        self.param_groups.extend(groups)
        self._added[0] += 1

    def __deepcopy__(self, memo: dict[int, Any]) -> Optimizer:
        """An optimizer of copied parameters, with the same settings and state: it goes on with the same bits.

        ``copy.deepcopy((model, optimizer))`` copies both together, so that the one trains the other.  Without the
        model it has parameters of its own.

        Raises:
            RuntimeError: a graph is being captured.
        """
        state = self.state_dict()
        new = memo[id(self)] = type(self).__new__(type(self))
        for name, value in self.__dict__.items():
            if name not in ("param_groups", "_added"):
                new.__dict__[name] = copy.deepcopy(value, memo)
        new.param_groups, new._added = [], [0]
        known: set[int] = set()
        new._take([new._group(copy.deepcopy(group, memo), known) for group in self.param_groups])
        new.load_state_dict(state)
        return new

    # ---- training ----

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes every parameter that has a gradient: one dispatch per group.

        Args:
            closure: called first, with gradients on; computes the loss and its gradients.

        Returns:
            What closure returned, or None.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for hook in tuple(self._step_pre_hooks.values()):
            hook(self, () if closure is None else (closure,), {})
        for group in self.param_groups:
            if group.written is None:  # after an interrupted assignment
                exchange([(group, {})])
            constants = self.constants(group)
            for flat in group.flats:
                flat.step(self.kernel, constants)
                engine = flat.engine
                used_counter(engine, flat.cuts, "an optimizer's parameters took different steps, or counts")
                used_counter(engine, self._added, "an optimizer got another group of parameters")
        return loss

    def register_step_pre_hook(self, hook: Callable[[Optimizer, tuple[Any, ...], dict[str, Any]], Any]) -> Handle:
        """Calls ``hook(optimizer, args, kwargs)`` in each step, before any parameter changes.

        A closure has been called by then, so that the hook sees its gradients; PyTorch calls the hook first.

        Returns:
            A handle; call it or its `remove()` to take the hook away.

        Raises:
            TypeError: a hook that can't be called.
        """
        return Handle(self._step_pre_hooks, hook)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the gradients, or with set_to_none=False makes those that exist zero."""
        for group in self.param_groups:
            clear_gradients(group["params"], set_to_none)

    # ---- state ----

    def state_dict(self) -> dict[str, Any]:
        """Everything that a later run needs to go on with the same bits, in PyTorch's form.

        Returns:
            {"state": {number of the parameter: {"step": int, name: Tensor, ...}}, "param_groups": [settings, with
            the parameters' numbers under "params"]}.  Tensors share the optimizer's memory; a parameter that never
            took a step has no entry.

        Raises:
            RuntimeError: a graph is being captured (the steps are read from the device).
        """
        state: dict[int, dict[str, Any]] = {}
        groups: list[dict[str, Any]] = []
        number = 0
        for group in self.param_groups:
            numbers = []
            names = group.names
            for flat in group.flats:
                for i, steps in enumerate(flat.counts()):
                    if steps:
                        state[number] = {"step": steps, **{name: flat.plane(k, i) for k, name in enumerate(names)}}
                    numbers.append(number)
                    number += 1
            groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": numbers})
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes back to what `state_dict` gave, copying the values.  After an error nothing has changed.

        Raises:
            TypeError: no such dict. ValueError: other groups, parameters, names, shapes or fixed settings.
            RuntimeError: a graph is being captured. OutOfDeviceMemory: no room for the values from the host.
        """
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= set(state_dict):
            came = f"{type(state_dict).__name__} ({shown(state_dict)})"
            wanted = 'a dict with "state" and "param_groups", as state_dict() gives'
            raise TypeError(f"state_dict must be {wanted}, not {came}")
        groups, state = state_dict["param_groups"], state_dict["state"]
        if len(groups) != len(self.param_groups):
            raise ValueError(
                f"state_dict has {len(groups)} parameter groups; this optimizer has {len(self.param_groups)}"
            )
        entries: list[list[dict[str, Any]]] = []
        settings: list[dict[str, Any]] = []
        known: set[Any] = set()
        for g, (own, given) in enumerate(zip(self.param_groups, groups)):
            what = f'state_dict["param_groups"][{g}]'
            if len(given["params"]) != len(own["params"]):
                raise ValueError(f"{what} has {len(given['params'])} parameters; expected {len(own['params'])}")
            new = {"maximize": False, **{k: v for k, v in given.items() if k != "params"}}  # older states lack it
            if "maximize" not in self.defaults and not new["maximize"]:
                del new["maximize"]
            lost = sorted(set(self.defaults) - set(new))
            odd = sorted(set(new) - set(self.defaults) - {"initial_lr"})
            if lost or odd:
                raise ValueError(f"{what} is not of {type(self).__name__}: missing {lost}, unexpected {odd}")
            new = {k: tuple(v) if isinstance(v, list) else v for k, v in new.items()}
            self.check({**new, "params": own["params"]})
            for name in self.fixed:
                if new[name] != own[name]:
                    raise ValueError(
                        f"{what} has {name}={shown(new[name])}; this optimizer was made with {shown(own[name])}"
                    )
            if self.states(new) != self.states(own):
                raise ValueError(
                    f"{what} keeps {self.states(new)} for each parameter; this optimizer {self.states(own)}"
                )
            settings.append(new)
            found = []
            for number, p in zip(given["params"], own["params"]):
                known.add(number)
                found.append(_entry(state.get(number), number, p, own.names))
            entries.append(found)
        extra = [n for n in state if n not in known]
        if extra:
            raise ValueError(f'state_dict["state"] has entries that belong to no parameter: {extra}')
        for own in self.param_groups:
            refuse(
                "an optimizer's state can't be loaded while a graph is captured; load it before", own.flats[0].engine
            )
        # Whatever takes memory comes first; then the device gets all of it, and then the host.
        changes: list[tuple[Tensor, Any]] = []
        cuts: list[tuple[Flat, list[Stretch]]] = []
        numbers = [own.checked(new) for own, new in zip(self.param_groups, settings)]
        for own, found, after in zip(self.param_groups, entries, numbers):
            at = iter(found)
            for flat in own.flats:
                some = [next(at) for _ in flat.params]
                counts = [int(entry.get("step", 0)) for entry in some]
                stretches = flat.cut_by(counts)
                cuts.append((flat, stretches))
                changes += flat.numbered(after, stretches)
                changes += [(s.counts, counts[s.first]) for s in stretches]
                for i, entry in enumerate(some):
                    changes += [(flat.plane(k, i), entry.get(name, 0)) for k, name in enumerate(own.names)]
        pairs = prepared(changes)
        for own in self.param_groups:
            own.written = None
        issue(pairs)
        for flat, stretches in cuts:
            flat.become(stretches)
        for own, new, after in zip(self.param_groups, settings, numbers):
            own.became(new, after)

    def __repr__(self) -> str:
        groups = "".join(f"\n  {group!r}" for group in self.param_groups)
        return f"{type(self).__name__}({groups}\n)"


def _entry(given: Any, number: Any, p: Tensor, names: Iterable[str]) -> dict[str, Any]:
    """One parameter's state, checked."""
    if given is None:
        return {}
    what = f'state_dict["state"][{number!r}]'
    if not isinstance(given, Mapping) or set(given) != {"step", *names}:
        raise ValueError(f"{what} must have the entries {sorted({'step', *names})}")
    steps = given["step"]
    if isinstance(steps, bool) or int(steps) != steps or not 0 <= int(steps) < 1 << 32:
        raise ValueError(f"{what}: step must be a whole number that is not negative, got {shown(steps)}")
    out: dict[str, Any] = {"step": int(steps)}
    for name in names:
        value = given[name]
        if not isinstance(value, Tensor):
            value = np.asarray(unmasked(f"{what}: {name}", value), np.float32)
        if tuple(value.shape) != p.shape:
            raise ValueError(f"{what}: {name} has shape {tuple(value.shape)}; expected {p.shape}")
        out[name] = value
    return out


def an_optimizer(value: Any) -> Optimizer:
    """The Optimizer that a scheduler was given.

    Raises:
        TypeError: something else.
    """
    if not isinstance(value, Optimizer):
        raise families.wrong("optimizer", value, "an Optimizer")
    return value
