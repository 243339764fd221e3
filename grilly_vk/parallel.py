"""Training by several processes that talk by MPI: each takes a share of every batch, and all the mean gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from . import arguments, families
from .grad_mode import no_grad
from .nn.hooks import Handle
from .nn.module import Module
from .optim import Optimizer
from .ranks import Ranks
from .runtime import engine
from .runtime.devices import DeviceInfo
from .runtime.recording import refuse
from .tensor import Tensor, from_numpy

__all__ = ["average_gradients", "broadcast", "rank", "share_gradients", "use_device"]


def rank(comm: Any = "world") -> tuple[int, int]:
    """Which of the processes of a communicator this is, from 0, and how many there are.

    Args:
        comm: of mpi4py, "world" (default) for all processes that were started, or None: this one alone.

    Raises:
        TypeError: no communicator. ImportError: "world" without mpi4py.
    """
    ranks = Ranks.of(comm)
    return ranks.rank, ranks.size


def use_device(comm: Any = "world", *, share_device: bool = False) -> DeviceInfo:
    """Has this process use a device of its own, before anything is made on it; every process calls it.

    The GPUs of a machine go to its processes in turn, unless GRILLY_VK_DEVICE or `grilly_vk.set_device` chose one.
    Processes may share a CPU always, whose threads they then divide.

    Args:
        comm: as in `rank`.
        share_device: lets processes use one GPU together.

    Returns:
        The device in use.

    Raises:
        TypeError: no communicator. ImportError: "world" without mpi4py.
        DeviceError: no device, or two processes on one GPU that they may not share.
    """
    arguments.flag("share_device", share_device)
    return Ranks.of(comm).take_device(share_device) or engine().info


def broadcast(values: Any, comm: Any = "world", *, root: int = 0) -> None:
    """Gives all processes the values that one of them has, bit for bit; every process calls it.

    Args:
        values: a module, whose parameters and buffers are meant, or tensors, in the same order everywhere.
        comm: as in `rank`.
        root: the process that has them.

    Raises:
        TypeError, ValueError: no module or tensors, or a root that there is not.
        RuntimeError: shapes that differ between processes, or another process failed.
    """
    ranks = Ranks.of(comm)
    if not 0 <= arguments.whole("root", root) < ranks.size:
        raise ValueError(f"root must be one of the {ranks.size} processes, 0 .. {ranks.size - 1}, got {root}")
    tensors = [t for _, t in values._slots()] if isinstance(values, Module) else _tensors("values", values)
    ranks.settle()
    with ranks.together("parallel.broadcast", [(t.shape, str(t.dtype)) for t in tensors]), no_grad():
        given = ranks.meet([t.numpy() for t in tensors] if ranks.rank == root else None)[root]
        if ranks.rank != root:
            for tensor, value in zip(tensors, given):
                tensor.assign(value)


def average_gradients(parameters: Any, comm: Any = "world", *, weight: float = 1.0) -> None:
    """Puts the mean of all processes' gradients in the place of each one's; every process calls it.

    Sums are taken in float64 in the order of the processes, so all have the same bits.  A parameter without a gradient
    here counts as zero, and gets the mean if another process has one.  With `weight` the mean is that of a whole batch
    whose parts differ in size, where the loss is a mean itself.

    Args:
        parameters: tensors, a module or an optimizer; the same everywhere.
        comm: as in `rank`.
        weight: of this process's gradients, such as the size of its part of the batch; at least 0.

    Raises:
        TypeError, ValueError: no parameters, a negative weight, or weights that are all 0.
        RuntimeError: parameters that differ between processes, another process failed, or a graph is being captured.
    """
    ranks = Ranks.of(comm)
    arguments.non_negative("weight", weight)
    if isinstance(parameters, Optimizer):
        tensors = [p for group in parameters.param_groups for p in group["params"]]
    else:
        tensors = _tensors("parameters", parameters.parameters() if isinstance(parameters, Module) else parameters)
    if tensors:
        refuse("gradients can't be averaged over processes while a graph is captured; do it before", tensors[0].engine)
    ranks.settle()
    with ranks.together("parallel.average_gradients", [t.shape for t in tensors]):
        said = ranks.meet((float(weight), [t.grad is not None for t in tensors]))
        weights = np.array([w for w, _ in said])
        if not weights.sum() > 0:
            raise ValueError("weight: the weights of all processes are 0")
        wanted = np.logical_or.reduce([has for _, has in said])
        moved = [t for t, has in zip(tensors, wanted) if has]
        own = [np.zeros(t.count, np.float32) if t.grad is None else t.grad.numpy().reshape(-1) for t in moved]
        mean = _mean(ranks, np.concatenate([np.zeros(0, np.float32), *own]), weights / weights.sum())
        ends = np.cumsum([t.count for t in moved])
        for tensor, end in zip(moved, ends):
            value = mean[end - tensor.count : end].reshape(tensor.shape)
            if tensor.grad is None:
                tensor.grad = from_numpy(value, on=tensor.engine)
            else:
                with no_grad():
                    tensor.grad.assign(value)


def share_gradients(optimizer: Optimizer, comm: Any = "world") -> Handle:
    """Has an optimizer take each step with the mean of all processes' gradients, as `average_gradients` gives it.

    Every process then makes the same steps.  Start them from the same values, by `broadcast`.

    Returns:
        A handle; call it or its `remove()` to end it.

    Raises:
        TypeError: no optimizer, or no communicator. ImportError: "world" without mpi4py.
    """
    if not isinstance(optimizer, Optimizer):
        raise families.wrong("optimizer", optimizer, "an Optimizer")
    ranks = Ranks.of(comm)
    return optimizer.register_step_pre_hook(lambda own, args, kwargs: average_gradients(own, ranks))


def _mean(ranks: Ranks, own: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The sum of all ranks' numbers times their shares: each rank sums a part of it, and gives it to all."""
    if ranks.size == 1:
        return own
    each = -(-len(own) // ranks.size)
    sent = np.zeros((ranks.size, each), np.float32)
    sent.reshape(-1)[: len(own)] = own
    mine = np.zeros(each)
    parts = ranks.turned(sent)
    with np.errstate(all="ignore"):  # infinity and NaN go their way, as on the device
        for part, share in zip(parts, shares):
            if share:  # what counts for nothing may be infinite
                mine += share * part
        mean = mine.astype(np.float32)
    return ranks.side_by_side(mean).reshape(-1)[: len(own)]


def _tensors(name: str, given: Any) -> list[Tensor]:
    if not isinstance(given, Iterable) or isinstance(given, (Tensor, str, bytes)):
        raise families.wrong(name, given, "a module, or tensors")
    found = list(given)
    for i, tensor in enumerate(found):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name} must hold tensors; number {i} is {families.described(tensor)}")
    return found
