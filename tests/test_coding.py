"""grilly_vk.encode and grilly_vk.decode: formulas, statistics, ranges, graphs; more in records_coding.py."""

import numpy as np
import pytest
import scipy.stats
from test_encode import expected_poisson, philox

import grilly_vk
from grilly_vk import decode, encode, nn
from grilly_vk.tensor import Tensor, from_numpy

NAN, INF = float("nan"), float("inf")


def uniform(*shape, seed=0, low=0.0, high=1.0):
    return np.random.default_rng([seed, *shape]).uniform(low, high, shape).astype(np.float32)


def when(spikes):
    """The step of the only spike of each element; -1 where there is none."""
    s = spikes.numpy()
    assert set(np.unique(s)) <= {0.0, 1.0} and (s.sum(0) <= 1).all()
    return np.where(s.any(0), s.argmax(0), -1)


def near(got, times):
    """Each at the nearest step; on the edge between two float32 may take either."""
    assert got.shape == np.shape(times)
    assert (np.abs(got - times) <= 0.5 + 1e-4).all()


def dispatches(call):
    grilly_vk.synchronize()
    before = grilly_vk.memory_stats()["dispatches"]
    call()
    grilly_vk.synchronize()
    return grilly_vk.memory_stats()["dispatches"] - before - 1  # without the marker of the submit


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


# ---- latency ----


@pytest.mark.parametrize("n", [1, 4, 65])
@pytest.mark.parametrize("steps", [1, 2, 25])
def test_latency_linear(n, steps):
    x = uniform(3, n)
    near(when(encode.latency(x, steps)), (steps - 1) * (1 - x.astype(float)))
    encoder = encode.LatencyEncoder(steps)
    run = np.stack([encoder(x).numpy() for _ in range(steps)])
    np.testing.assert_array_equal(run, encode.latency(x, steps).numpy())
    weak = encode.latency(x, steps, threshold=0.3)
    near(when(weak), (steps - 1) * (1 - np.maximum(x.astype(float), 0.3)))
    got = when(encode.latency(x, steps, threshold=0.3, keep_weak=False))
    np.testing.assert_array_equal(got, np.where(x >= np.float32(0.3), when(weak), -1))
    near(when(encode.latency(x, steps, tau=7.5)), np.minimum(7.5 * (1 - x.astype(float)), steps - 1))
    np.testing.assert_array_equal(encode.latency(x, steps, normalize=True).numpy(), encode.latency(x, steps).numpy())


def charging(x, threshold, tau=1.0):
    """t = tau * ln(x / (x - threshold)), values below threshold + 1e-7 as there."""
    x = np.maximum(np.asarray(x, np.float64), np.float64(np.float32(threshold)) + 1e-7)
    return tau * np.log(x / (x - np.float64(np.float32(threshold))))


@pytest.mark.parametrize("n", [1, 4, 65])
@pytest.mark.parametrize("threshold", [None, 0.01, 0.5])
def test_latency_log(n, threshold):
    x = uniform(3, n, high=2.0)
    th = 0.01 if threshold is None else threshold
    t = charging(x, th, tau=3.0)
    near(when(encode.latency(x, 40, mode="log", tau=3.0, threshold=threshold)), np.minimum(t, 39))
    near(when(encode.latency(x, 3, mode="log", tau=3.0, threshold=threshold)), np.minimum(t, 2))
    near(when(encode.latency(x, 60, mode="log", threshold=threshold)), charging(x, th))
    stretched = when(encode.latency(x, 40, mode="log", threshold=threshold, normalize=True))
    near(stretched, t * 39 / t.max())
    assert stretched.max() == 39
    got = when(encode.latency(x, 40, mode="log", tau=3.0, threshold=threshold, keep_weak=False))
    assert ((got >= 0) == (x >= np.float32(th))).all()


def test_latency_example_of_snntorch():
    """Its documented times 4.0000, 0.1166, 0.0580 and 3.92, 2, 0."""
    x = [0.02, 0.5, 1.0]
    assert when(encode.latency(x, 5, mode="log", normalize=True)).tolist() == [4, 0, 0]
    assert when(encode.latency(x, 5, normalize=True, threshold=0.01)).tolist() == [4, 2, 0]
    assert when(encode.latency(x, 401, mode="log", normalize=True)).tolist() == [400, 12, 6]


def test_latency_special_values():
    assert when(encode.latency([0.0, 1.0], 9)).tolist() == [8, 0]
    assert when(encode.latency([0.5, 0.25], 2)).tolist() == [0, 1]  # halves to even: 0.5 -> 0, 0.75 -> 1
    x = np.array([NAN, -1, 2, -INF, INF], np.float32)
    assert when(encode.latency(x, 9, clip=True)).tolist() == [-1, 8, 0, -1, 0]
    assert when(encode.latency(x, 9, mode="log", clip=True)).tolist() == [-1, 8, 0, -1, 0]
    assert when(encode.latency(np.zeros((0, 3)), 4, mode="log", normalize=True)).shape == (0, 3)
    assert encode.latency([0.3], 0).shape == (0, 1)
    assert when(encode.latency([0.7, 0.2], 1, mode="log", normalize=True)).tolist() == [0, 0]
    for threshold in (0.5, 0.3):  # at the threshold is not below it
        edge = np.float32(threshold)
        got = when(encode.latency([edge, np.nextafter(edge, np.float32(0))], 3, threshold=threshold, keep_weak=False))
        assert got[0] >= 0 and got[1] == -1


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"mode": "exp"}, ValueError, "mode must be one of 'linear', 'log'; got 'exp'"),
        ({"tau": 0}, ValueError, "tau must be positive, got 0"),
        ({"tau": "1"}, TypeError, "tau must be a number, not str"),
        ({"tau": 2, "normalize": True}, ValueError, r"tau \(2\) has no effect with normalize=True"),
        ({"threshold": 1.0}, ValueError, r"threshold must lie in \[0, 1\), got 1.0"),
        ({"threshold": 0.0, "mode": "log"}, ValueError, r"threshold must lie in \(0, 1\), got 0.0"),
        ({"keep_weak": 0}, TypeError, "keep_weak must be True or False"),
        ({"normalize": None}, TypeError, "normalize must be True or False"),
    ],
)
def test_bad_arguments_of_latency(options, error, text):
    with pytest.raises(error, match=text):
        encode.latency([0.5], 3, **options)
    with pytest.raises(ValueError, match=r"x must be finite and at least 0, got -0\.1"):
        encode.latency(-0.1, 3, mode="log")


# ---- modules ----


@pytest.mark.parametrize("steps", [1, 2, 20, 200])
def test_latency_encoder_log(steps):
    """t = T - 1 - ln(alpha x + 1), also where exp(T - 1) is far beyond float32."""
    x = np.concatenate([uniform(61), [0, 1, 1e-3, 1e-30]]).astype(np.float32)
    wide = x.astype(np.float128)
    t = steps - 1 - np.log((np.exp(np.float128(steps - 1)) - 1) * wide + 1)
    encoder = encode.LatencyEncoder(steps, "log")
    run = np.stack([encoder(x).numpy() for _ in range(steps)])
    assert (run.sum(0) == 1).all() and run[0, -3] == 1 and run[-1, -4] == 1
    near(run.argmax(0), t.astype(float))


def test_weighted_phase_encoder_is_the_example_of_the_paper():
    x = np.array([192, 1, 128, 255], np.float32) / 256
    encoder = encode.WeightedPhaseEncoder(8)
    got = [encoder(x if t == 0 else None).numpy() for t in range(16)]
    want = [[1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0, 0, 0], [1] * 8]
    np.testing.assert_array_equal(np.array(got), np.tile(np.array(want).T, (2, 1)))


def test_encoders_keep_what_they_encode_until_reset():
    encoder = encode.LatencyEncoder(4)
    x, other = uniform(2, 3), uniform(2, 3, seed=1)
    with pytest.raises(ValueError, match="x is None at the first call of LatencyEncoder"):
        encoder()
    first = [encoder(x).numpy() for _ in range(4)]
    np.testing.assert_array_equal(encoder(other).numpy(), first[0])  # the same again, in periods
    for wrong in (np.zeros((3, 2)), [1.0], from_numpy(np.zeros(6, np.float32))):
        with pytest.raises(ValueError, match=r"is being encoded: call reset\(\) first"):
            encoder(wrong)
    np.testing.assert_array_equal(encoder().numpy(), first[1])
    encoder.reset()
    np.testing.assert_array_equal(encoder(other).numpy(), encode.latency(other, 4).numpy()[0])


def test_periodic_encoder():
    run = (uniform(3, 2, 5) < 0.5).astype(np.float32)
    encoder = encode.PeriodicEncoder(run)
    for _ in range(2):
        for t in range(7):
            np.testing.assert_array_equal(encoder().numpy(), run[t % 3])
        encoder.reset()
    for bad in (np.zeros((0, 3)), 1.0):
        with pytest.raises(ValueError, match="spikes has shape"):
            encode.PeriodicEncoder(bad)


def test_encoders_are_modules():
    assert all(isinstance(e, nn.Module) for e in (encode.PoissonEncoder(), encode.LatencyEncoder(3)))
    assert repr(encode.LatencyEncoder(5, "log")) == "LatencyEncoder(T=5, enc_function='log')"
    assert repr(encode.WeightedPhaseEncoder(4)) == "WeightedPhaseEncoder(K=4)"
    model = nn.Sequential(encode.PoissonEncoder(), nn.Linear(3, 2))
    assert model(uniform(4, 3)).shape == (4, 2)
    assert encode.PoissonEncoder()(0.5).shape == ()
    for bad in (0, 32):
        with pytest.raises(ValueError, match="K must"):
            encode.WeightedPhaseEncoder(bad)
    with pytest.raises(ValueError, match="T must be at least 1"):
        encode.LatencyEncoder(0)
    with pytest.raises(ValueError, match="enc_function must be one of"):
        encode.LatencyEncoder(3, "cubic")


# ---- populations ----


def responses(x, m, low, high, beta=1.5):
    i = np.arange(1, m + 1)
    centres = low + (2 * i - 3) / 2 * (high - low) / (m - 2)
    return np.exp(-(((np.asarray(x, float)[..., None] - centres) * beta * (m - 2) / (high - low)) ** 2) / 2)


@pytest.mark.parametrize("m", [3, 6, 8])
def test_population_times(m):
    x = uniform(7, 2, low=-3, high=3)
    r = responses(x, m, -2, 2)
    got = when(encode.population(x, m, -2, 2, 20))
    assert got.shape == (7, 2, m)
    assert ((got >= 0) == (r >= 0.1))[np.abs(r - 0.1) > 1e-5].all()
    fired = got >= 0
    near(got[fired], ((1 - r) * 19)[fired])
    everyone = when(encode.population(x, m, -2, 2, 20, threshold=0.0, beta=1.0))
    near(everyone, (1 - responses(x, m, -2, 2, 1.0)) * 19)


def test_population_by_hand():
    """Eight neurons over [0, 6]: centres -0.5, 0.5, ... 6.5, width 1 / 1.5; ten steps as in the paper."""
    got = when(encode.population([2.5, 3.0], 8, 0.0, 6.0, 11))
    # r at 0, 1, 2 spacings: 1, exp(-1.125) = 0.325, exp(-4.5) = 0.011; at half a one exp(-0.28) = 0.755.
    assert got.tolist() == [[-1, -1, 7, 0, 7, -1, -1, -1], [-1, -1, -1, 2, 2, -1, -1, -1]]


def test_population_rates():
    grilly_vk.manual_seed(2)
    x, trials = np.linspace(-1, 1, 9), 20000
    counts = encode.population(x, 6, -1, 1, trials, code="rates").numpy().sum(0)
    p = responses(x, 6, -1, 1)
    low, high = (scipy.stats.binom.ppf(q, trials, p) for q in (1e-8, 1 - 1e-8))
    assert ((counts >= low) & (counts <= high)).all()


def test_population_edges():
    assert encode.population(np.zeros((0, 2)), 4, 0, 1, 5).shape == (5, 0, 2, 4)
    assert encode.population(0.5, 4, 0, 1, 0).shape == (0, 4)
    assert np.isnan(encode.population(from_numpy(np.array([NAN], np.float32)), 4, 0, 1, 3).numpy()).all()
    for options, text in (
        ({"code": "phase"}, "code must be one of 'times', 'rates'"),
        ({"threshold": 1.0}, r"threshold must lie in \[0, 1\), got 1.0"),
        ({"T": -1}, "T must be at least 0"),
        ({"n_neurons": 2}, "n_neurons must be at least 3"),
    ):
        with pytest.raises(ValueError, match=text):
            encode.population(0.5, **{**dict(n_neurons=4, low=0, high=1, T=5), **options})


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
    assert encode.direct(x, 1).buffer is x.buffer  # a view


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
