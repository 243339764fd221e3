"""grilly_vk.encode and grilly_vk.decode: formulas, statistics, ranges, graphs; more in records_coding.py."""

import numpy as np
import pytest
import scipy.stats
from coding import uniform
from test_encode import expected_poisson, philox

import grilly_vk
from grilly_vk import decode, encode
from grilly_vk.tensor import Tensor, from_numpy

NAN, INF = float("nan"), float("inf")


def dispatches(call):
    grilly_vk.synchronize()
    before = grilly_vk.memory_stats()["dispatches"]
    call()
    grilly_vk.synchronize()
    return grilly_vk.memory_stats()["dispatches"] - before


# ---- rates ----


@pytest.mark.parametrize("n", [1, 3, 8, 65])
@pytest.mark.parametrize("steps", [1, 4, 7, 50])
def test_rate_bit_for_bit(n, steps):
    x = uniform(2, n)
    grilly_vk.manual_seed(77)
    for draw in range(2):
        got = encode.rate(x, steps)
        assert isinstance(got, Tensor) and got.dtype == np.float32 and not got.requires_grad
        np.testing.assert_array_equal(got.numpy(), expected_poisson(x, steps, 77, draw))
    assert encode.poisson is encode.rate


def expected_varying(x, seed, draw):
    steps, n = x.shape
    i, t = np.meshgrid(np.arange(n), np.arange(steps))
    counter = np.stack([i, t // 4, np.full_like(i, draw), np.zeros_like(i)], -1)
    bits = np.take_along_axis(philox(counter, (seed, 0)), (t % 4)[..., None], -1)[..., 0]
    return ((bits >> np.uint32(8)) / 2.0**24) < x


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (30, 8), (7, 64), (0, 4), (4, 0)])
def test_rate_of_each_step(shape):
    x = uniform(*shape)
    grilly_vk.manual_seed(5)
    for draw in range(2 if x.size else 0):
        np.testing.assert_array_equal(encode.rate(x).numpy(), expected_varying(x, 5, draw))
    assert encode.rate(x).shape == shape


def test_rate_statistics():
    """Counts of each element within bounds of the binomial distribution."""
    grilly_vk.manual_seed(11)
    p = np.linspace(0, 1, 101)
    trials = 20000
    for spikes in (
        encode.rate(np.tile(p, (40, 1)), 500).numpy().sum((0, 1)),
        encode.rate(np.tile(p, (trials, 1))).numpy().sum(0),
        np.sum([encode.PoissonEncoder()(np.tile(p, (2000, 1))).numpy().sum(0) for _ in range(10)], 0),
    ):
        low, high = (scipy.stats.binom.ppf(q, trials, p) for q in (1e-8, 1 - 1e-8))
        assert ((spikes >= low) & (spikes <= high))[1:-1].all()
        assert spikes[0] == 0 and spikes[-1] == trials


def test_rates_of_steps_are_independent():
    """Correlations over time, between neighbours and between calls are those of noise, 1 / sqrt(samples)."""
    grilly_vk.manual_seed(12)
    a, b = (encode.rate(np.full((400, 1000), 0.5)).numpy() - 0.5 for _ in range(2))
    bound = 6 / np.sqrt(a.size)
    assert abs((a * b).mean() * 4) < bound
    for lag in (1, 2, 3, 4, 8):
        assert abs((a[lag:] * a[:-lag]).mean() * 4) < bound * 1.01
        assert abs((a[:, lag:] * a[:, :-lag]).mean() * 4) < bound * 1.01


def test_rate_of_same_seed():
    x = uniform(3, 5)
    grilly_vk.manual_seed(3)
    first = [encode.rate(x, 9).numpy(), encode.rate(np.tile(x, (2, 1))).numpy()]
    grilly_vk.manual_seed(3)
    again = [encode.rate(x, 9).numpy(), encode.rate(np.tile(x, (2, 1))).numpy()]
    for a, b in zip(first, again):
        assert a.tobytes() == b.tobytes()
    grilly_vk.manual_seed(4)
    assert (encode.rate(x, 9).numpy() != first[0]).any()


def test_rate_out_of_range():
    for bad, text in (
        ([-0.1, 0.5], r"x must lie in \[0, 1\], got values from -0.1 to 0.5"),
        (1.5, r"x must lie in \[0, 1\], got 1.5"),
        ([0.5, NAN], r"x must lie in \[0, 1\], got 1 NaN"),
    ):
        for call in (lambda x: encode.rate(x, 3), encode.PoissonEncoder(), lambda x: encode.phase(x)):
            with pytest.raises(ValueError, match=text):
                call(bad)
        with pytest.raises(ValueError, match="x must lie in"):
            encode.latency(bad, 3)
    x = np.array([-0.5, NAN, INF, -INF, 1.5, 0.0, 1.0], np.float32)
    want = np.array([0, 0, 1, 0, 1, 0, 1.0])
    for given in (x, from_numpy(x)):
        np.testing.assert_array_equal(encode.rate(given, 6, clip=True).numpy(), np.tile(want, (6, 1)))
        np.testing.assert_array_equal(encode.PoissonEncoder(clip=True)(given).numpy(), want)
        np.testing.assert_array_equal(encode.phase(given, 3, clip=True).numpy(), np.tile(want, (3, 1)))
    wild = np.array([NAN] * 5 + [0, 1])
    t = from_numpy(x)  # not read: the mistake shows as NaN
    for got in (encode.rate(t, 6), encode.rate(from_numpy(np.tile(x, (6, 1)))), encode.phase(t, 6)):
        np.testing.assert_array_equal(got.numpy(), np.tile(wild, (6, 1)))
    for more in (1, 4):  # the scalar and the four-element variant
        assert np.isnan(encode.latency(from_numpy(np.full(more, 1.5, np.float32)), 3).numpy()).all()
        assert np.isnan(encode.latency(from_numpy(np.full(more, -1, np.float32)), 3, mode="log").numpy()).all()


def test_bad_arguments_of_rate():
    x = uniform(3)
    for steps, error in ((-1, ValueError), (2.5, TypeError), (True, TypeError), ("3", TypeError)):
        for call in (encode.rate, encode.latency, encode.direct, encode.phase):
            with pytest.raises(error, match="T must be"):
                call(x, steps)
    with pytest.raises(ValueError, match=r"x has shape \(\); expected \(T, ...\), or T given"):
        encode.rate(0.5)
    with pytest.raises(TypeError, match="clip must be True or False"):
        encode.rate(x, 3, clip=1)
    with pytest.raises(TypeError, match="x must be a float32 tensor, not int32"):
        encode.rate(from_numpy(np.ones(3, np.int32)), 3)
    with pytest.raises(TypeError, match="x must hold real numbers, not complex128"):
        encode.rate(np.ones(3, complex), 3)
    with pytest.raises(MemoryError, match="asked for"):
        encode.rate(np.ones(1000), 1 << 30)
    assert encode.rate(x, 0).shape == (0, 3) and encode.rate(np.zeros((0, 3)), 4).shape == (4, 0, 3)
    assert encode.rate([True, False], 2).tolist() == [[1, 0], [1, 0]] and encode.rate(1, 2).tolist() == [1, 1]


# ---- there and back ----


@pytest.mark.parametrize("digits", [1, 8, 20])
def test_phase_there_and_back(digits):
    x = uniform(5, 7)
    spikes = encode.phase(x, 3 * digits, K=digits)
    np.testing.assert_allclose(decode.phase(spikes, digits).numpy(), np.floor(x * 2.0**digits) / 2.0**digits, atol=2e-7)


def test_latency_there_and_back():
    x = uniform(5, 7)
    t = decode.first_spike(encode.latency(x, 101)).numpy()
    np.testing.assert_allclose(1 - t / 100, x, atol=0.0051)


def test_first_spike_is_the_number_of_steps_where_there_is_none():
    got = decode.first_spike([[0, 0, 1], [0, 1, 1], [0, 1, 0]])
    assert got.tolist() == [3, 1, 0] and got.dtype == np.int32
    ties = decode.first_spike([[0, 1, 1], [1, 0, 0]])
    assert ties.tolist() == [1, 0, 0] and ties.argmin().item() == 1


def test_decoders_take_bools_and_whole_numbers():
    s = np.array([[True, False], [True, True]])
    for given in (s, s.astype(int), from_numpy(s), s.tolist()):
        assert decode.rate(given).tolist() == [1.0, 0.5] and decode.count(given).tolist() == [2, 1]
        assert decode.first_spike(given).tolist() == [0, 1]


# ---- pieces, graphs, dispatches ----


def test_long_runs_are_cut(monkeypatch):
    x, s = uniform(2, 4), (uniform(30, 8) < 0.1).astype(np.float32)

    def results():
        run = from_numpy(s).requires_grad_()
        time = grilly_vk.ops.readout.spike_time(run)
        (time * from_numpy(uniform(8))).sum().backward()
        return [
            t.numpy()
            for t in (
                encode.latency(x, 30),
                encode.latency(x, 30, mode="log", normalize=True),
                encode.phase(x, 30, K=7),
                decode.first_spike(s),
                time,
                run.grad,
            )
        ]

    whole = results()
    monkeypatch.setattr(type(from_numpy(x).engine), "steps_per_submit", lambda self, work: 2)
    for a, b in zip(whole, results()):
        np.testing.assert_array_equal(a, b)
    p = uniform(30, 8)
    grilly_vk.manual_seed(3)  # pieces of 8 steps, each a random operation of its own
    want = np.concatenate([expected_varying(p, 3, d)[8 * d : 8 * d + 8] for d in range(4)])
    np.testing.assert_array_equal(encode.rate(p).numpy(), want)


def test_graphs_draw_fresh_numbers():
    x, p = from_numpy(uniform(9)), from_numpy(uniform(6, 9))

    def draw():
        return encode.rate(x, 6), encode.rate(p), encode.population(x, 5, 0, 1, 6, code="rates")

    grilly_vk.manual_seed(2)
    want = [[t.numpy() for t in draw()] for _ in range(3)]
    grilly_vk.manual_seed(2)
    with grilly_vk.capture() as graph:
        spikes = draw()
    for expected in want:
        graph.replay()
        for got, w in zip(spikes, expected):
            np.testing.assert_array_equal(got.numpy(), w)
    assert (want[0][0] != want[1][0]).any()


def test_compiled_encoders_are_the_plain_ones():
    def codes(x):
        return (
            encode.rate(x, 5, clip=True),
            encode.latency(x, 5),
            encode.latency(x, 5, mode="log", normalize=True),
            encode.phase(x),
            encode.delta(x, 0.2, off_spikes=True),
            encode.population(x, 4, 0, 1, 5),
            encode.direct(x, 3),
        )

    compiled = grilly_vk.compile(codes)
    for seed in range(3):
        x = uniform(4, 6, seed=seed)
        grilly_vk.manual_seed(seed)
        want = [t.numpy() for t in codes(x)]
        grilly_vk.manual_seed(seed)
        for a, b in zip(compiled(x), want):
            np.testing.assert_array_equal(a.numpy(), b)


def test_one_dispatch_each():
    x, run = from_numpy(uniform(4, 6)), from_numpy(uniform(9, 4, 6))
    if x.engine.guards:
        pytest.skip("counts the dispatches of the usual configuration")
    calls = [
        lambda: encode.rate(x, 5),
        lambda: encode.rate(run),
        lambda: encode.latency(x, 5),
        lambda: encode.latency(x, 5, mode="log"),
        lambda: encode.delta(run),
        lambda: encode.phase(x),
        lambda: encode.direct(x, 5),
        lambda: encode.receptive_fields(x, 4, 0, 1),
        lambda: decode.count(run),
        lambda: decode.first_spike(run),
        lambda: decode.membrane(run),
        lambda: decode.membrane(run, "last"),
    ]
    for call in calls:
        call()
    assert [dispatches(c) for c in calls] == [1] * len(calls)
    assert dispatches(lambda: encode.population(x, 4, 0, 1, 5)) == 2
    assert encode.direct(x, 1).buffer is not x.buffer


def test_inputs_of_every_kind_give_the_same():
    x = uniform(6, 8)
    for call in (
        lambda v: encode.rate(v, 5),
        encode.rate,
        lambda v: encode.latency(v, 5),
        encode.delta,
        encode.phase,
        lambda v: encode.population(v, 4, 0, 1, 5),
        lambda v: encode.direct(v, 5),
    ):

        def fresh(values, call=call):
            grilly_vk.manual_seed(0)
            return call(values).numpy()

        want = fresh(x)
        for values in (x.astype(float), np.asfortranarray(x), np.repeat(x, 2, 0)[::2], from_numpy(x), x.tolist()):
            np.testing.assert_array_equal(fresh(values), want)


def test_delta_of_a_tensor_that_is_not_finite():
    """Comparisons with NaN are false, as in numpy; arrays of the host are refused instead."""
    x = np.array([[0, 1, np.nan], [np.nan, np.inf, 1], [2, np.inf, 3]], np.float32)
    with np.errstate(invalid="ignore"):
        change = np.diff(x, axis=0, prepend=np.zeros((1, 3)))
        want = (change >= 1.0) * 1.0 - (change <= -1.0)
    got = encode.delta(from_numpy(x), threshold=1.0, off_spikes=True)
    np.testing.assert_array_equal(got.numpy(), want)
