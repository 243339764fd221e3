"""Each allocation of device memory in turn fails: our own error, nothing half-changed, and right results afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.autograd import grad_enabled
from grilly_vk.runtime import engine
from grilly_vk.runtime.memory import Pool

from . import work


class _Scarce:
    """Lets so many allocations succeed, and the next one fail."""

    def __init__(self) -> None:
        self.left = -1  # -1: no end
        self.failed = 0
        alloc = Pool.alloc

        def scarce(memory: Any, nbytes: int, **more: Any) -> Any:
            if self.left == 0:
                self.left = -1
                self.failed += 1
                raise grilly_vk.OutOfDeviceMemory(f"abuse: no {nbytes} bytes")
            if self.left > 0:
                self.left -= 1
            return alloc(memory, nbytes, **more)

        Pool.alloc = scarce  # type: ignore[method-assign]


def _values(state: Any) -> list[np.ndarray]:
    """All that a nested state holds, as arrays."""
    if isinstance(state, dict):
        return [a for key, value in state.items() for a in [np.array(str(key)), *_values(value)]]
    if isinstance(state, (list, tuple)):
        return [a for value in state for a in _values(value)]
    if isinstance(state, (np.ndarray, grilly_vk.Tensor)):
        return [np.array(state)]
    return [np.array(repr(state))]


def _trained(seed: int, make: Any = optim.Adam, **settings: Any) -> tuple[nn.Sequential, Any]:
    """A network and an optimizer with a state."""
    net = work.network()
    optimizer = make(net.parameters(), **{"lr": 0.01, **settings})
    for _ in range(1 + seed):
        optimizer.zero_grad()
        F.cross_entropy(net(work.X), work.LABELS).backward()
        optimizer.step()
    return net, optimizer


# Each gives (do, look): what is done, and a look at all that it may change.


def _load_optimizer() -> Any:
    net, optimizer = _trained(0, lr=0.5)
    _, other = _trained(2, lr=0.25)
    # as if from a file, on the host, and with a parameter that took no step
    state = _copied(other.state_dict())
    del state["state"][1]
    return lambda: optimizer.load_state_dict(state), lambda: [optimizer.state_dict(), net.state_dict()]


def _load_unequal_steps() -> Any:
    net, optimizer = _trained(0, make=optim.AdamW, lr=0.5)
    state = _copied(_trained(2, make=optim.AdamW, lr=0.25)[1].state_dict())
    for number, entry in state["state"].items():
        entry["step"] = 1 + number
    return lambda: optimizer.load_state_dict(state), lambda: [optimizer.state_dict(), net.state_dict()]


def _copied(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _copied(value) for key, value in state.items()}
    if isinstance(state, list):
        return [_copied(value) for value in state]
    return state.numpy() if isinstance(state, grilly_vk.Tensor) else state


def _load_module() -> Any:
    grilly_vk.manual_seed(0)
    net = nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    state = {name: tensor.numpy() + 1 for name, tensor in net.state_dict().items()}
    given = {name: value if i % 2 else _tensor(value) for i, (name, value) in enumerate(state.items())}
    return lambda: net.load_state_dict(given), net.state_dict


def _tensor(value: np.ndarray) -> grilly_vk.Tensor:
    return grilly_vk.tensor(value)


def _learning_rate() -> Any:
    _, optimizer = _trained(1, make=optim.SGD, momentum=0.9)
    group = optimizer.param_groups[0]

    def device() -> list[np.ndarray]:
        return [s.control.numpy()[:4].view(np.float32) for flat in group.flats for s in flat.stretches]

    return lambda: group.update({"lr": 0.125, "momentum": 0.5}), lambda: [optimizer.state_dict(), device()]


def _schedule() -> Any:
    _, optimizer = _trained(1)
    groups = [optim.LinearWarmup(optimizer, 3), optim.CosineAnnealingLR(optimizer, 7)]
    plan = optim.SequentialLR(optimizer, groups, [3])
    return plan.step, lambda: [plan.state_dict(), optimizer.state_dict()]


def _load_schedule() -> Any:
    _, optimizer = _trained(1)
    plan = optim.SequentialLR(optimizer, [optim.LinearWarmup(optimizer, 3), optim.StepLR(optimizer, 2)], [3])
    later = plan.state_dict()
    inner = [{**state, "last_epoch": i + 1} for i, state in enumerate(later["schedulers"])]
    later = {**later, "last_epoch": 5, "schedulers": inner}
    return lambda: plan.load_state_dict(later), lambda: [plan.state_dict(), optimizer.state_dict()]


def _new_optimizer() -> Any:
    net = work.network()
    made: list[Any] = []
    return (
        lambda: made.append(optim.Adam(net.parameters(), lr=0.1)),
        lambda: [net.state_dict(), [m.state_dict() for m in made]],
    )


def _add_group() -> Any:
    _, optimizer = _trained(1)
    more = [nn.Parameter(work.W), nn.Parameter(work.W + 1)]
    return lambda: optimizer.add_param_group({"params": more, "lr": 0.5}), lambda: [optimizer.state_dict(), more]


def _step() -> Any:
    net, optimizer = _trained(1)
    optimizer.zero_grad()
    F.cross_entropy(net(work.X), work.LABELS).backward()
    return optimizer.step, lambda: [net.state_dict(), optimizer.state_dict()]


def _step_of_some() -> Any:
    net, optimizer = _trained(1)
    optimizer.zero_grad()
    (net[2].weight * 2.0).sum().backward()
    return optimizer.step, lambda: [net.state_dict(), optimizer.state_dict()]


def _random_state() -> Any:
    grilly_vk.manual_seed(3)
    state = grilly_vk.get_rng_state()
    grilly_vk.manual_seed(4)
    return lambda: grilly_vk.set_rng_state(state), grilly_vk.get_rng_state


def _seed() -> Any:
    grilly_vk.manual_seed(3)
    return lambda: grilly_vk.manual_seed(9), grilly_vk.get_rng_state


def _node() -> Any:
    node = nn.LIFNode()
    node(work.X)
    return lambda: node(work.X * 2), lambda: [np.asarray(node.v)]


def _learn() -> Any:
    layer = nn.STDPLayer(12, 5, seed=1)
    layer.update_weights(work.SPIKES, work.SPIKES[..., :5])
    return lambda: layer.update_weights(work.SPIKES, work.SPIKES[..., :5]), lambda: [np.asarray(layer.weight)]


def _assign_weight() -> Any:
    layer = nn.STDPLayer(12, 5, seed=1)

    def assign() -> None:
        layer.weight = np.full(layer.weight.shape, 0.5, np.float32)

    return assign, lambda: [np.asarray(layer.weight)]


def _setitem() -> Any:
    x = grilly_vk.tensor(work.X)

    def assign() -> None:
        x[2:5, ::2] = work.X[:3, :6] + x[8:11, :6]

    return assign, lambda: [x]


def _in_place() -> Any:
    x = grilly_vk.tensor(work.X)

    def add() -> None:
        nonlocal x
        x += work.X * 2

    return add, lambda: [x]


def _replay() -> Any:
    x = grilly_vk.tensor(work.X)
    with grilly_vk.capture() as graph:
        x *= 2.0
    return graph.replay, lambda: [x]


CASES: dict[str, Callable[[], Any]] = {
    f.__name__[1:]: f
    for f in (
        _load_optimizer, _load_unequal_steps, _load_module, _learning_rate, _schedule, _load_schedule,
        _new_optimizer, _add_group, _step, _step_of_some, _random_state, _seed, _node, _learn, _assign_weight,
        _setitem, _in_place, _replay,
    )
}  # fmt: skip


def _fails(scarce: _Scarce, nth: int, do: Callable[[], Any]) -> tuple[bool, str]:
    """Whether allocation `nth` was reached, and what is wrong with the error, if anything."""
    scarce.left, before = nth, scarce.failed
    error: BaseException | None = None
    try:
        do()
    except BaseException as raised:
        error = raised
    scarce.left = -1
    hit = scarce.failed > before
    if isinstance(error, KeyboardInterrupt) or (error is not None and not hit):
        raise error
    if hit and not isinstance(error, grilly_vk.OutOfDeviceMemory):
        return hit, f"gave {type(error).__name__}: {error}" if error else "swallowed the error"
    return hit, ""


def run(count: int, seed: int, tell) -> None:
    """The cases, then whole pieces of work, every one at all of its allocations; no more than `count` failures."""
    expected = {name: piece() for name, piece in work.PIECES.items()}
    after: dict[str, list[np.ndarray]] = {}
    for name, case in CASES.items():
        do, look = case()
        do()
        after[name] = _values(look())
    scarce = _Scarce()
    # Round by round, so that a small count sees something of each.
    open_cases = {**dict.fromkeys(CASES, True), **dict.fromkeys(work.PIECES, False)}
    nth = 0
    while open_cases and scarce.failed < count:
        for name, changes in list(open_cases.items()):
            if scarce.failed >= count:
                break
            what = f"{name}, allocation {nth}"
            if changes:
                do, look = CASES[name]()
                before = _values(look())
                hit, wrong = _fails(scarce, nth, do)
                if hit and not work.same(_values(look()), before):
                    tell.fault(f"{what}: something has changed")
                    del open_cases[name]  # one of a kind
                    continue
            else:
                hit, wrong = _fails(scarce, nth, work.PIECES[name])
            if not hit:
                del open_cases[name]
                continue
            if wrong:
                tell.fault(f"{what}: {wrong}")
            if engine().stream.capture is not None or not grad_enabled():
                tell.fault(f"{what}: a capture is still on, or recording off")
            try:
                if changes:
                    do()
                    fine = work.same(_values(look()), after[name])
                else:
                    fine = work.same(work.PIECES[name](), expected[name])
                if not fine:
                    tell.fault(f"{what}: afterwards the results are others")
            except Exception as error:
                tell.fault(f"{what}: afterwards {type(error).__name__}: {error}")
            tell.done()
        nth += 1
    if not open_cases:
        tell.note("allocations at most in one", nth)
