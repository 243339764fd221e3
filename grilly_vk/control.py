"""The switches of the engine: devices, memory, seeds, graphs and profiles."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from . import arguments, host_random
from .errors import shown
from .runtime import Graph, Profile, engine, set_device
from .runtime.devices import DeviceInfo, devices

__all__ = [
    "capture", "device", "devices", "get_rng_state", "host_blas", "manual_seed", "memory_stats", "profile",
    "set_device", "set_host_blas", "set_rng_state", "synchronize",
]  # fmt: skip
_DEVICE_WORDS = 4
_HERE = re.compile(r"(?:cuda|gpu|vulkan|mps|xpu|hip)(?::(\d+))?")  # all mean the device in use


def device(name: Any = None) -> DeviceInfo:
    """The device in use, opened if none is yet.

    Args:
        name: None, or what must mean the device in use: "vulkan", "cuda", "gpu" ... with or without its number, the
            number, or "cpu", the host that every tensor can be read from.

    Raises:
        DeviceError: no usable device; the message says what to install.
        TypeError, ValueError: a name that means another device, or none.
    """
    check_device(name)
    return engine().info


def check_device(value: Any, name: str = "device") -> None:
    """Whether a name, a number or a DeviceInfo means the device in use; None does too, and "cpu" means the host.

    The host reads every tensor with `numpy()`, and memory is the driver's matter, so that "cpu" asks for nothing.

    Raises:
        ValueError: another device: `grilly_vk.set_device` chooses, before tensors are made.
        TypeError: no device.
    """
    if value is None or (isinstance(value, str) and value == "cpu"):
        return
    used = engine().info
    if isinstance(value, DeviceInfo):
        wanted: int | None = value.index
    elif isinstance(value, str) and (found := _HERE.fullmatch(value)):
        wanted = None if found[1] is None else int(found[1])
    elif isinstance(value, int) and not isinstance(value, bool):
        wanted = value
    else:
        text = repr(value) if isinstance(value, str) else type(value).__name__
        raise (ValueError if isinstance(value, str) else TypeError)(
            f'{name} must be "vulkan", "cuda", "gpu" or "cpu" with or without a number, a number or '
            f"grilly_vk.device(), not {text}"
        )
    if wanted not in (None, used.index):
        raise ValueError(
            f"{name} {value if isinstance(value, (str, int)) else value.index} is not the device in use, {used}; "
            "grilly_vk.set_device chooses another, before tensors are made"
        )


def manual_seed(seed: int) -> None:
    """Restarts all random numbers: the same seed gives the same run, bit for bit.

    That is the device's generator, which operations draw from, and the host's, which initialises parameters
    (`grilly_vk.nn.init`): a network constructed after the same seed has the same values.

    Args:
        seed: a whole number in [0, 2**64).

    Raises:
        TypeError, ValueError: not such a number.
    """
    value = arguments.whole("seed", seed)
    if not 0 <= value < 1 << 64:
        raise ValueError(f"seed must lie in [0, 2**64), got {shown(seed)}")
    engine().draws.seed(value)
    host_random.seed(value)


def get_rng_state() -> np.ndarray:
    """The state of the random generators of device and host, uint32 (27,), for `set_rng_state`; it can be saved.

    Waits for the work that was issued.

    Raises:
        RuntimeError: a graph is being captured.
    """
    return np.concatenate([engine().draws.state(), host_random.state()])


def set_rng_state(state: Any) -> None:
    """Restores a state of `get_rng_state`: what is drawn from now on has the same bits as after that call.

    Args:
        state: uint32 (27,), an array or a Tensor.

    Raises:
        TypeError, ValueError: not such a state.
        RuntimeError: a graph is being captured.
    """
    words = arguments.numbers_of("state", state)
    if words.dtype != np.uint32:
        raise TypeError(f"state must be a uint32 array from get_rng_state(), not {arguments.came(state, words)}")
    if words.shape != (_DEVICE_WORDS + host_random.STATE_WORDS,):
        raise ValueError(f"state has shape {words.shape}; expected ({_DEVICE_WORDS + host_random.STATE_WORDS},)")
    if words[_DEVICE_WORDS + 20] > 4 or words[_DEVICE_WORDS + 21] > 1:
        raise ValueError("state is not one that get_rng_state() gave")
    engine().draws.set_state(words[:_DEVICE_WORDS])
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


def host_blas() -> str | None:
    """The BLAS that large dense products and convolutions go to, in the order of the device's work, or None.

    That is so where the device is the CPU (lavapipe, SwiftShader), whose memory is the host's, and numpy or scipy
    brings OpenBLAS: it is several times as fast there as a shader.  A GPU computes all of them itself.
    """
    used = engine()
    return str(used.blas) if used.host_products else None


def set_host_blas(enabled: bool) -> None:
    """Whether the device in use takes large products from the host's BLAS; see `host_blas`.

    It does so from the start unless GRILLY_VK_HOST_BLAS=0.  Captured graphs keep what they were captured with.  Results
    agree to rounding: a BLAS has its own order of sums, which may depend on the number of rows; the same call with the
    same number of threads gives the same bits.

    Args:
        enabled: False: the device's kernels do every product.

    Raises:
        TypeError: not a bool.
        RuntimeError: True where the device is not the CPU, its memory is hidden, or no OpenBLAS is there.
    """
    if not isinstance(enabled, (bool, np.bool_)):
        raise TypeError(f"enabled must be True or False, not {shown(enabled)}")
    used = engine()
    if enabled and used.blas is None:
        raise RuntimeError(
            f"{used.info} takes no products from the host: that needs a device of type cpu with memory that the host "
            "sees, and a numpy or scipy with OpenBLAS"
        )
    used.host_products = bool(enabled)


def capture() -> Graph:
    """Records what is issued inside ``with grilly_vk.capture() as g:`` for `g.replay()`.

    Nothing runs while it is recorded, and no values can be read then.  See `Graph`.
    """
    return Graph(engine())


def profile() -> Profile:
    """Measures device time by kernel: ``with grilly_vk.profile() as p: ...`` and ``print(p)``.  See `Profile`."""
    return Profile(engine())
