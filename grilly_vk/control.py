"""The switches of the engine: devices, memory, seeds, graphs and profiles."""

from __future__ import annotations

from .runtime import Graph, Profile, engine
from .runtime import set_device as set_device
from .runtime.devices import DeviceInfo
from .runtime.devices import devices as devices


def device() -> DeviceInfo:
    """The device in use, opened if none is yet.

    Raises:
        DeviceError: no usable device; the message says what to install.
    """
    return engine().info


def manual_seed(seed: int) -> None:
    """Restarts the device's random numbers: the same seed gives the same run, bit for bit.

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


def synchronize() -> None:
    """Submits what was issued and waits for it.

    Raises:
        DeviceError: the device did not finish the work.
    """
    engine().synchronize()


def memory_stats() -> dict[str, int]:
    """What the engine holds.

    Returns:
        bytes_in_use, bytes_peak, bytes_reserved (in segments), bytes_budget; counts since start of allocations,
        submits, replayed_submits (recorded before) and dispatches; numbers of segments and programs.
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
