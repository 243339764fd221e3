"""Encoders and the random generator under them."""

import os

import numpy as np
import pytest
import scipy.stats

import grilly_vk
from grilly_vk.ops.encode import random_words
from grilly_vk.tensor import from_numpy

CALLS = 100 if os.environ.get("GRILLY_VK_DEBUG") else 1000  # the debug mode checks all memory at every sync

SIZES = [1, 3, 4, 5, 65, 1000]


@pytest.fixture(scope="module")
def snn():
    return grilly_vk.VulkanCompute().snn


def philox(counter, key):
    """Philox4x32-10 on uint64 arrays, written from the paper: counter (..., 4), key of two words."""
    c = [np.asarray(counter)[..., i].astype(np.uint64) for i in range(4)]
    k = [int(key[0]), int(key[1])]
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p, q = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [
            (q >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]),
            q & low,
            (p >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]),
            p & low,
        ]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, -1).astype(np.uint32)


# Known answers of Random123 1.14, tests/kat_vectors, "philox4x32 10": counter, key, words.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return np.array([int(w, 16) for w in text.split()], np.uint32)


@pytest.mark.parametrize(("counter", "key", "want"), KNOWN)
def test_philox_known_answers(counter, key, want):
    got = random_words(from_numpy(words(counter)[None]), tuple(int(k) for k in words(key))).numpy()
    np.testing.assert_array_equal(got[0], words(want))
    np.testing.assert_array_equal(philox(words(counter), words(key)), words(want))


def test_philox_words():
    counter = np.random.default_rng(0).integers(0, 1 << 32, (1001, 4), dtype=np.uint32)
    got = random_words(from_numpy(counter), (0x12345678, 0x9ABCDEF0)).numpy()
    np.testing.assert_array_equal(got, philox(counter, (0x12345678, 0x9ABCDEF0)))
    assert random_words(from_numpy(counter[:0]), (0, 0)).shape == (0, 4)
    with pytest.raises(TypeError, match=r"counter.*uint32.*float32"):
        random_words(from_numpy(np.zeros((1, 4), np.float32)), (0, 0))
    with pytest.raises(ValueError, match=r"counter.*\(1, 3\)"):
        random_words(from_numpy(np.zeros((1, 3), np.uint32)), (0, 0))


def expected_poisson(x, steps, seed, draw):
    flat = np.asarray(x, np.float32).reshape(-1)
    i, t = np.meshgrid(np.arange(flat.size), np.arange(steps))
    counter = np.stack([i, t // 4, np.full_like(i, draw & 0xFFFFFFFF), np.full_like(i, draw >> 32)], -1)
    bits = np.take_along_axis(philox(counter, (seed & 0xFFFFFFFF, seed >> 32)), (t % 4)[..., None], -1)[..., 0]
    return (((bits >> np.uint32(8)) / 2.0**24) < flat).reshape(steps, *np.shape(x))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("steps", [1, 3, 4, 7, 50])
def test_poisson_bit_for_bit(snn, n, steps):
    x = np.random.default_rng(n).uniform(-0.2, 1.2, n)
    seed = 0xFEDCBA9876543210
    grilly_vk.manual_seed(seed)
    for draw in range(3):
        got = snn.encode_poisson(x, steps)
        assert got.dtype == np.float32 and got.shape == (steps, n)
        np.testing.assert_array_equal(got, expected_poisson(x, steps, seed, draw))


def test_poisson_seeds(snn):
    x = np.full((3, 40), 0.5)
    grilly_vk.manual_seed(5)
    first, second = snn.encode_poisson(x, 20), snn.encode_poisson(x, 20)
    assert (first != second).any()
    grilly_vk.manual_seed(5)
    np.testing.assert_array_equal(snn.encode_poisson(x, 20), first)
    np.testing.assert_array_equal(snn.encode_poisson(x, 20), second)
    grilly_vk.manual_seed(6)
    assert (snn.encode_poisson(x, 20) != first).any()


def test_poisson_statistics(snn):
    grilly_vk.manual_seed(1)
    p = np.linspace(0, 1, 101)
    spikes = snn.encode_poisson(np.tile(p, (40, 1)), 250)
    trials = 40 * 250
    counts = spikes.sum((0, 1))
    low, high = (scipy.stats.binom.ppf(q, trials, p) for q in (1e-6, 1 - 1e-6))
    assert ((counts >= low) & (counts <= high))[1:-1].all()
    assert counts[0] == 0 and counts[-1] == trials
    # Independent from step to step and from element to element: correlations of noise, 1 / sqrt(samples).
    x = snn.encode_poisson(np.full(1000, 0.5), 400) - 0.5
    for lag in (1, 2, 3, 4, 8):
        assert abs((x[lag:] * x[:-lag]).mean() * 4) < 6 / np.sqrt(x[lag:].size)
        assert abs((x[:, lag:] * x[:, :-lag]).mean() * 4) < 6 / np.sqrt(x[:, lag:].size)


def test_poisson_special_values(snn):
    x = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0, 2.0, -1.0]
    np.testing.assert_array_equal(snn.encode_poisson(x, 9), [[0, 1, 0, 0, 0, 1, 1, 0]] * 9)


def test_poisson_uses_all_24_bits(snn):
    i = np.arange(4000)
    u = (philox(np.stack([i, 0 * i, 0 * i, 0 * i], -1), (9, 0))[:, 0] >> np.uint32(8)) / np.float32(2**24)
    for x, fires in ((u, False), (u + np.float32(2.0**-24), True)):  # fires where the number lies below x
        grilly_vk.manual_seed(9)
        assert (snn.encode_poisson(x.astype(np.float32), 1) == fires).all()


def test_poisson_in_a_graph_draws_fresh_numbers(snn):
    from grilly_vk.ops.encode import encode_poisson

    x = from_numpy(np.full(33, 0.5, np.float32))
    grilly_vk.manual_seed(2)
    want = [snn.encode_poisson(x, 10) for _ in range(2)]
    grilly_vk.manual_seed(2)
    with grilly_vk.capture() as graph:
        spikes = encode_poisson(x, 10)
    for expected in want:
        graph.replay()
        np.testing.assert_array_equal(spikes.numpy(), expected)


def test_long_encodings_are_cut(snn, monkeypatch):
    x = np.random.default_rng(0).uniform(0, 1, (2, 3))
    whole = snn.encode_latency(x, 30), snn.time_expand(x, 30)
    monkeypatch.setattr(type(from_numpy(np.zeros(1, np.float32)).engine), "steps_per_submit", lambda self, work: 2)
    np.testing.assert_array_equal(snn.encode_latency(x, 30), whole[0])
    np.testing.assert_array_equal(snn.time_expand(x, 30), whole[1])
    grilly_vk.manual_seed(3)  # every piece of 8 steps is a random operation of its own
    want = np.concatenate([expected_poisson(x, 30, 3, d)[8 * d : 8 * d + 8] for d in range(4)])
    np.testing.assert_array_equal(snn.encode_poisson(x, 30), want)


def expected_latency(x, steps, mode, floor=0.01):
    x = np.asarray(x, np.float64)
    last = steps - 1
    if mode == "linear":
        at = (1 - np.clip(x, 0, 1)) * last
    else:
        at = last * np.log(np.clip(x, floor, 1)) / np.log(floor)
    return np.where(x > 0, at, -10)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("steps", [1, 2, 25, 64])
@pytest.mark.parametrize("mode", ["linear", "log"])
def test_latency(snn, n, steps, mode):
    x = np.random.default_rng(n).uniform(-0.3, 1.3, (2, n)).astype(np.float32)
    got = snn.encode_latency(x, steps, mode=mode)
    assert got.shape == (steps, 2, n) and set(np.unique(got)) <= {0.0, 1.0}
    np.testing.assert_array_equal(got.sum(0), x > 0)
    at = expected_latency(x, steps, mode)
    fires = x > 0
    # The nearest step; on the edge between two, float32 may take either.
    assert (np.abs(got.argmax(0) - at)[fires] <= 0.5 + 1e-4).all()
    order = np.argsort(x[fires], kind="stable")
    assert (np.diff(got.argmax(0)[fires][order]) <= 0).all(), "stronger must not fire later"


def test_latency_by_hand(snn):
    x = [0.0, 1e-9, 0.25, 0.5, 0.75, 1.0, 7.0, -1.0, np.nan, np.inf, -np.inf]
    when = [-1, 8, 6, 4, 2, 0, 0, -1, -1, 0, -1]
    np.testing.assert_array_equal(snn.first_spike(snn.encode_latency(x, 9)[:, None])[0], when)
    log = [-1, 8, 5, 3, 1, 0, 0, -1, -1, 0, -1]  # 0.5**k at 8 k / 3.32 with floor 0.1: .25 5 (4.8), .5 2.4, .75 1.0
    log[3] = 2
    np.testing.assert_array_equal(snn.first_spike(snn.encode_latency(x, 9, mode="log", floor=0.1)[:, None])[0], log)
    np.testing.assert_array_equal(snn.encode_latency([0.5], 2).ravel(), [1, 0])  # halves go to even


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("steps", [0, 1, 3, 10])
def test_time_expand(snn, n, steps):
    x = np.random.default_rng(n).normal(size=(2, n)).astype(np.float32)
    got = snn.time_expand(x, steps)
    np.testing.assert_array_equal(got, np.broadcast_to(x, (steps, 2, n)))


def test_time_expand_keeps_bits(snn):
    bits = np.array([0x7FC01234, 0xFFC00001, 0x7F800000, 0xFF800000, 0x80000000, 0x00000001], np.uint32)
    np.testing.assert_array_equal(snn.time_expand(bits.view(np.float32), 2).view(np.uint32), [bits, bits])


@pytest.mark.parametrize("name", ["encode_poisson", "encode_latency", "time_expand"])
def test_edges(snn, name):
    encode = getattr(snn, name)
    assert encode(np.ones((2, 3)), 0).shape == (0, 2, 3)
    assert encode(np.ones((0, 3)), 4).shape == (4, 0, 3)
    assert encode(1.0, 4).tolist() == ([1.0, 0, 0, 0] if name == "encode_latency" else [1.0] * 4)
    x = np.random.default_rng(0).uniform(0, 1, (6, 8)).astype(np.float32)

    def fresh(values):
        grilly_vk.manual_seed(0)
        return encode(values, 5)

    want = fresh(x)
    x.flags.writeable = False
    for values in (x, x.astype(float), np.asfortranarray(x), np.repeat(x, 2, 0)[::2], from_numpy(x), x.tolist()):
        np.testing.assert_array_equal(fresh(values), want)
    for steps, error in ((-1, ValueError), (2.5, TypeError), (None, TypeError), (True, TypeError)):
        with pytest.raises(error, match="timesteps"):
            encode(x, steps)
    with pytest.raises(TypeError, match="x must hold real numbers, not complex"):
        encode(np.ones(3, complex), 3)
    with pytest.raises(MemoryError, match="asked for"):
        encode(np.ones(1000), 1 << 30)
    np.testing.assert_array_equal(fresh(x), want)


def test_latency_bad_arguments(snn):
    with pytest.raises(ValueError, match="mode must be one of 'linear', 'log'; got 'exp'"):
        snn.encode_latency([1.0], 3, mode="exp")
    for floor in (0.0, 1.0, -1, 2):
        with pytest.raises(ValueError, match="floor must lie in"):
            snn.encode_latency([1.0], 3, mode="log", floor=floor)


def test_memory_does_not_grow(snn):
    x = np.ones(5, np.float32)
    snn.encode_poisson(x, 3)
    before = grilly_vk.memory_stats()["bytes_in_use"]
    for _ in range(CALLS):
        snn.encode_poisson(x, 3)
    assert grilly_vk.memory_stats()["bytes_in_use"] <= before
