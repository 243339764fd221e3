"""The host's random numbers, which initialise parameters: a Philox generator of numpy's.

`grilly_vk.manual_seed` restarts it together with the device's generator, and `get_rng_state` holds both.  Until
a seed is given it starts from the operating system's entropy.
"""

from __future__ import annotations

import numpy as np

STATE_WORDS = 23  # uint32: counter 8, key 4, buffer 8, position, has_uint32, uinteger

_generator = np.random.Generator(np.random.Philox())


def generator() -> np.random.Generator:
    """The generator that initialisation draws from when it is given none."""
    return _generator


def seed(value: int) -> None:
    """Restarts it from a whole number in [0, 2**64)."""
    global _generator
    _generator = np.random.Generator(np.random.Philox(value))


def state() -> np.ndarray:
    """The state as uint32 (STATE_WORDS,)."""
    whole = _generator.bit_generator.state
    words = [np.ascontiguousarray(whole["state"][n], np.uint64).view(np.uint32) for n in ("counter", "key")]
    words.append(np.ascontiguousarray(whole["buffer"], np.uint64).view(np.uint32))
    words.append(np.array([whole["buffer_pos"], whole["has_uint32"], whole["uinteger"]], np.uint32))
    return np.concatenate(words)


def set_state(words: np.ndarray) -> None:
    """Goes back to a state from `state`."""
    bits = np.random.Philox()
    long = np.ascontiguousarray(words[:20]).view(np.uint64)
    bits.state = {
        "bit_generator": "Philox",
        "state": {"counter": long[:4].copy(), "key": long[4:6].copy()},
        "buffer": long[6:10].copy(),
        "buffer_pos": int(words[20]),
        "has_uint32": int(words[21]),
        "uinteger": int(words[22]),
    }
    global _generator
    _generator = np.random.Generator(bits)
