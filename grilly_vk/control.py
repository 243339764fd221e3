"""The switches of the engine: devices, memory, seeds, graphs and profiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import host_random
from .runtime import Graph, Profile, engine
from .runtime import set_device as set_device
from .runtime.devices import DeviceInfo
from .runtime.devices import devices as devices

_DEVICE_WORDS = 4


def device() -> DeviceInfo:
    """The device in use, opened if none is yet.

    Raises:
        DeviceError: no usable device; the message says what to install.
    """
    return engine().info


def manual_seed(seed: int) -> None:
    """Restarts all random numbers: the same seed gives the same run, bit for bit.

    That is the device's generator, which operations draw from, and the host's, which initialises parameters
    (`grilly_vk.nn.init`): a network constructed after the same seed has the same values.

    Args:
        seed: a whole number in [0, 2**64).

    Raises:
        TypeError, ValueError: not such a number.
    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise TypeError(f"seed must be a whole number, not {type(seed).__name__} ({seed!r})")
    value = int(seed)
    if not 0 <= value < 1 << 64:
        raise ValueError(f"seed must lie in [0, 2**64), got {seed}")
    engine().seed(value)
    host_random.seed(value)


def get_rng_state() -> np.ndarray:
    """Where the random numbers are, of the device and of the host: uint32 (27,), to keep or to save.

    Waits for the work that was issued.

    Raises:
        RuntimeError: a graph is being captured.
    """
    return np.concatenate([engine().rng_state(), host_random.state()])


def set_rng_state(state: Any) -> None:
    """Goes back to where `get_rng_state` was called: what is drawn from now on has the same bits.

    Args:
        state: uint32 (27,), an array or a Tensor.

    Raises:
        TypeError, ValueError: not such a state.
        RuntimeError: a graph is being captured.
    """
    words = np.asarray(state)
    if words.dtype != np.uint32:
        raise TypeError(f"state must be a uint32 array from get_rng_state(), not {words.dtype}")
    if words.shape != (_DEVICE_WORDS + host_random.STATE_WORDS,):
        raise ValueError(f"state has shape {words.shape}; expected ({_DEVICE_WORDS + host_random.STATE_WORDS},)")
    if words[_DEVICE_WORDS + 20] > 4 or words[_DEVICE_WORDS + 21] > 1:
        raise ValueError("state is not one that get_rng_state() gave")
    engine().set_rng_state(words[:_DEVICE_WORDS])
    host_random.set_state(words[_DEVICE_WORDS:])


def synchronize() -> None:
    """Submits what was issued and waits for it.

    Raises:
        DeviceError: the device did not finish the work.
    """
    engine().synchronize()


def memory_stats() -> dict[str, int]:
    """What the engine holds.

    Returns:
        bytes_in_use (of graphs, all that they keep), bytes_peak, bytes_reserved (in segments), bytes_budget; counts
        since start of allocations, submits, replayed_submits (recorded before) and dispatches; numbers of segments and
        programs.
    """
    return engine().memory_stats()


def capture() -> Graph:
    """Records what is issued inside ``with grilly_vk.capture() as g:`` for `g.replay()`.

    Nothing runs while it is recorded, and no values can be read then.  See `Graph`.
    """
    return Graph(engine())


def profile() -> Profile:
    """Measures device time by kernel: ``with grilly_vk.profile() as p: ...`` and ``print(p)``.  See `Profile`."""
    return Profile(engine())
