"""``@grilly_vk.compile``: a whole training step as one recorded submit, replayed without Python in between."""

from __future__ import annotations

import copy
import functools
import inspect
import operator
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from . import arguments
from .autograd import grad_enabled
from .control import capture
from .errors import shown, warn
from .nn.module import Module
from .ops.elementwise import as_tensor
from .runtime import Graph
from .runtime.recording import assignments
from .surroundings import Surroundings, as_numpy, is_foreign, is_users, plain_of, value_key
from .tensor import BOOL, Tensor, empty

_BY_HOST = 1 << 16  # bytes; smaller results are copied by the host, which needs no submit


class _Recorded:
    """One captured call: its static inputs, its graph and its static results."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self.inputs: list[Tensor] = []
        self.parts: list[Any] = []  # modules, parameters and buffers

        def static(value: Any) -> Any:
            if not isinstance(value, (Tensor, np.ndarray)):
                return value
            tensor = as_tensor("argument", value)
            own = empty(tensor.shape, tensor.dtype).as_spikes(tensor.is_spikes)
            self.inputs.append(own)
            return own

        args, kwargs = _map(static, (args, kwargs))
        self.graph: Graph = capture()
        with self.graph:
            self.graph.starting_gradients_of(self.inputs)
            self.results = function(*args, **kwargs)
        self.inputs = [own.detach() for own in self.inputs]  # which the function may have made require gradients
        self.states = [(module, module.snapshot()) for module in self.graph.begun]

    def same(self, parts: list[Any]) -> bool:
        """Whether these are the modules, parameters and buffers that the recording was made with."""
        return len(parts) == len(self.parts) and all(map(operator.is_, parts, self.parts))

    def run(self, values: list[Any]) -> Any:
        ready: list[tuple[Any, np.ndarray]] = []
        for own, value in zip(self.inputs, values):
            if type(value) is np.ndarray and value.dtype is own.dtype is not BOOL:
                ready.append((own.buffer, value))
                own.buffer.version[0] += 1
            else:
                own.assign(value)
        if ready:
            self.inputs[0].engine.write(ready)
        self.graph.replay()
        for module, state in self.states:  # another recording may have left its own
            module.restore(state)
        return _map(_copied, self.results)


def _copied(value: Any) -> Any:
    """A result that later replays won't change."""
    if not isinstance(value, Tensor):
        return value
    engine, nbytes = value.engine, 4 * value.count
    if engine.host_visible and nbytes <= _BY_HOST:
        return Tensor(engine.duplicate(value.buffer, nbytes), value.shape, value.dtype, engine)
    return value.copy()


def _map(function: Callable[[Any], Any], tree: Any) -> Any:
    """`function` on every leaf of nested tuples, lists and dicts."""
    if isinstance(tree, dict):
        return {k: _map(function, v) for k, v in tree.items()}
    if isinstance(tree, (tuple, list)):
        made = [_map(function, v) for v in tree]
        return type(tree)(*made) if hasattr(tree, "_fields") else type(tree)(made)  # a named tuple takes each
    return function(tree)


def _leaves(tree: Any) -> list[Any]:
    found: list[Any] = []
    _map(found.append, tree)
    return found


def _key(name: str, tree: Any, arrays: list[Any], modules: list[Module]) -> Any:
    """Shapes, dtypes, and the values of everything that is no array; the arrays and modules go into the lists."""
    if isinstance(tree, (Tensor, np.ndarray)):
        arrays.append(tree)
        if not isinstance(tree, Tensor):
            return "array", tree.shape, tree.dtype, False
        if tree.requires_grad:
            raise TypeError(
                "a tensor with requires_grad can't be an argument of a compiled function, which copies its arguments: "
                "refer to it from inside, or pass detach() of it"
            )
        return "array", tree.shape, tree.dtype, tree.is_spikes
    if isinstance(tree, dict):
        return tuple([(k, _key(f"{k!r}", v, arrays, modules)) for k, v in tree.items()])  # whose order may matter
    if isinstance(tree, (tuple, list)):
        return type(tree).__name__, *[_key(name, v, arrays, modules) for v in tree]
    if isinstance(tree, Module):
        modules.append(tree)
    elif is_foreign(tree):
        return _key(name, as_numpy(tree), arrays, modules)
    return value_key(name, tree)


class Compiled:
    """What `compile` returns; call it like the function.

    Attributes:
        captures: recordings made so far.
        recordings: how many are kept; the least recently used go first.
    """

    def __init__(self, function: Callable[..., Any], recordings: int) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self.recordings = recordings
        self._warned = False
        self._recorded: OrderedDict[Any, _Recorded] = OrderedDict()
        self._modules = _modules_of(function)
        self._surroundings = Surroundings(function)
        self.captures = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        arrays: list[Any] = []
        given: list[Module] = []
        places, named = [], []
        for value in args:
            places.append(_key("an argument", value, arrays, given))
        for name, value in kwargs.items():
            named.append((name, _key(repr(name), value, arrays, given)))
        values = (tuple(places), tuple(named), grad_enabled(), self._surroundings.key())
        modes, parts = _seen(self._modules + given)
        key = (values, modes)
        recorded = self._recorded.get(key)
        if recorded is None or recorded.graph.outdated or not recorded.same(parts):
            self._recorded.pop(key, None)
            del recorded  # its memory, before more is taken
            recorded = _Recorded(self._function, *_map(as_numpy, (args, kwargs)))
            self.captures += 1
            for module in [found() for found in recorded.graph.called]:
                if module is not None and not any(module is m for m in parts):
                    self._modules.append(module)
                    parts = _seen(self._modules + given)[1]
            modes, parts = _seen(self._modules + given)  # attributes that count calls have counted this one
            recorded.parts, key = parts, (values, modes)
            self._recorded[key] = recorded
            while len(self._recorded) > self.recordings:
                self._recorded.popitem(last=False)
                self._warn()
        self._recorded.move_to_end(key)
        return recorded.run(arrays)

    def __copy__(self) -> Compiled:
        return Compiled(self._function, self.recordings)

    def __deepcopy__(self, memo: dict[int, Any]) -> Compiled:
        """The copied function (of a method, that of the copied object), not recorded yet."""
        return Compiled(copy.deepcopy(self._function, memo), self.recordings)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a compiled function can't be pickled; pickle the plain one, and compile it where it is read")

    @property
    def nbytes(self) -> int:
        """Bytes of device memory that the recordings keep."""
        return sum(recorded.graph.nbytes for recorded in self._recorded.values())

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            name = getattr(self._function, "__name__", type(self._function).__name__)
            warn(
                f"the compiled function {name!r} was called with more than {self.recordings} different shapes or "
                "settings; each is recorded for itself, and the recording that was not used for longest is dropped. "
                "Pad inputs to a few shapes, or keep more recordings, each with its memory: compile(recordings=...)",
                RuntimeWarning,
            )


def _seen(roots: list[Module]) -> tuple[tuple[Any, ...], list[Any]]:
    """Modes, settings and hooks of every module in `roots`, and all modules, parameters and buffers.

    Modules of the package whose surrogates are of it change by assignment alone, and keep what they are compared by.
    """
    modes: list[Any] = []
    parts: list[Any] = []
    todo: list[Module | None] = [*roots[::-1]]
    known, now = set(), assignments[0]
    while todo:
        module = todo.pop()
        if module is None or module in known:
            continue
        known.add(module)
        own = module.__dict__
        kept = own.get("_kept_settings")
        if kept is None or kept[0] != now:  # some setting of something was assigned since
            kept = now, (getattr(module, "step_mode", None), module.held())
            if not is_users(module) and not any(map(is_users, own.values())):
                own["_kept_settings"] = kept
            elif is_users(module):
                modes += plain_of(module)
        modes += (kept[1], module._in_time)
        modes += (*own["_forward_pre_hooks"], *own["_forward_hooks"])  # keys that no two share
        parts.append(module)
        parts += own["_parameters"].values()
        parts += own["_buffers"].values()
        todo += own["_modules"].values()
    return tuple(modes), parts


def _modules_of(function: Callable[..., Any]) -> list[Module]:
    owner = getattr(function, "__self__", None)
    found = [owner] if isinstance(owner, Module) else []
    if isinstance(function, Module):
        return [function]
    variables = inspect.getclosurevars(inspect.unwrap(function))
    for value in (*variables.nonlocals.values(), *variables.globals.values()):
        found += [v for v in _leaves(value) if isinstance(v, Module)] if not isinstance(value, type) else []
    return found


@overload
def compile(function: Callable[..., Any], *, recordings: int = 8) -> Compiled: ...
@overload
def compile(function: None = None, *, recordings: int = 8) -> Callable[[Callable[..., Any]], Compiled]: ...
def compile(function: Any = None, *, recordings: int = 8) -> Any:
    """Records a function at its first call for each set of shapes, and replays the recording from then on.

    Made for whole training steps: forward, backward, optimizer, random numbers.  Tensors and arrays among the
    arguments (numpy's, PyTorch's, whatever numpy can read) are copied into static inputs; other arguments are part of
    what the recording is for, as are the train/eval mode, step mode, hooks, settings and plain attributes of modules
    that the function refers to, and the numbers, texts and small host arrays that it finds outside, directly or as
    attributes of an object.
    Where an optimizer's groups, a parameter's requires_grad or a module's parts have changed since, the function is
    recorded again.  Results are copies, and bit-identical to those of the plain function.  Python inside runs at
    recording only: counters, prints and random Python numbers do not happen again, and state must live in tensors.
    Spiking nodes start from their first state: call F.reset_net inside.

    Args:
        function: takes and returns arrays, tensors and nested lists, tuples and dicts of them.  None (left out): for
            use as ``@grilly_vk.compile(recordings=32)``.
        recordings: how many recordings are kept, 1 or more, default 8; the least recently used go first, with a warning
            at the first time.  Each keeps its device memory (`.nbytes` in all), and one that was dropped is made again
            when it is needed: for sequences of many lengths, pad to a few.

    Returns:
        A callable; `.captures` counts the recordings made.

    Raises:
        RuntimeError: the function reads a value, writes from the host, or adds to gradients that were there before
            (call zero_grad() inside).
        TypeError: an argument that could change without a trace, such as an object of your own; a large host array
            that the function refers to; no function.
        ValueError: recordings below 1.

    Example:
        >>> @grilly_vk.compile
        ... def step(x, y):
        ...     optimizer.zero_grad()
        ...     loss = F.cross_entropy(model(x), y)
        ...     loss.backward()
        ...     optimizer.step()
        ...     return loss
    """
    kept = arguments.size("recordings", recordings)
    if function is None:
        return lambda function: compile(function, recordings=kept)
    if not callable(function) or isinstance(function, type):
        raise TypeError(f"compile needs a function, not {type(function).__name__} ({shown(function)})")
    return Compiled(function, kept)
