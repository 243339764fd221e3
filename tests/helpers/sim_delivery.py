"""What tests of grilly_vk.sim's synapses share: layouts of tables, and Philox4x32-10 in whole numbers of numpy."""

import numpy as np

LAYOUTS = [(8, 2), (8, 1), (4, 3), (16, 5), (1, 1), (1, 4)]  # lanes, slices; one lane: atomic sums


def philox(a, b, c, d, seed):
    """Four random words (..., 4) uint64 for counters a, b, c, d, which are broadcast, and a 64-bit key."""
    mask = np.uint64(0xFFFFFFFF)
    x, y, z, w = (np.uint64(0) + v for v in np.broadcast_arrays(*[np.asarray(v, np.uint64) for v in (a, b, c, d)]))
    low, high = seed & 0xFFFFFFFF, seed >> 32
    for turn in range(10):
        first, second = x * np.uint64(0xD2511F53), z * np.uint64(0xCD9E8D57)
        key = [np.uint64((k + turn * step) & 0xFFFFFFFF) for k, step in ((low, 0x9E3779B9), (high, 0xBB67AE85))]
        half = np.uint64(32)
        x, y, z, w = (second >> half) ^ y ^ key[0], second & mask, (first >> half) ^ w ^ key[1], first & mask
    return np.stack([x, y, z, w], axis=-1)


def uniforms(words):
    """Numbers in (0, 1] of 24 bits of each word, along a first axis."""
    return np.moveaxis((words >> np.uint64(8)) / 2.0**24 + 2.0**-25, -1, 0)
