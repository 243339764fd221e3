"""Latency, encoders of one step a call, and populations, against their formulas in float64."""

import numpy as np
import pytest
import scipy.stats
from coding import near, uniform, when

import grilly_vk
from grilly_vk import encode, nn
from grilly_vk.tensor import from_numpy

NAN, INF = float("nan"), float("inf")


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


def test_the_last_step_is_exact():
    """What belongs to the last step comes there, whatever rounding of log, float32 and conversions does."""
    n = 1 << 24  # the odd steps beyond it are no float32
    assert encode.latency([0.0], n + 2).numpy()[:, 0].nonzero()[0].tolist() == [n + 1]
    for x in ([1e10, 3e10], [3.0, 3.5], [0.01, 1.0], [1.0, 1.0]):  # 1 + threshold / x is 1 in float32 for the first
        assert when(encode.latency(x, 5, mode="log", normalize=True))[0] == 4
    got = when(encode.latency([0.02, NAN, 0.5, -INF], 5, mode="log", normalize=True, clip=True))
    assert got.tolist() == [4, -1, 0, -1]
    assert when(encode.latency([-5.0, 0.0], 9, tau=3.0, clip=True)).tolist() == [3, 3]
    slow = np.float32([1e4, 3e4])
    np.testing.assert_array_equal(
        when(encode.latency(slow, 40, mode="log", tau=1e7)), np.rint(1e7 * np.log1p(0.01 / slow.astype(float)))
    )
    snn = grilly_vk.VulkanCompute().snn
    for steps in (2, 300, 70001):
        weak = snn.encode_latency([0.01, 1e-9, 1e-30], steps, mode="log", floor=0.01)
        assert weak[-1].tolist() == [1, 1, 1] and weak.sum() == 3


# ---- modules ----


@pytest.mark.parametrize("steps", [1, 2, 20, 200])
def test_latency_encoder_log(steps):
    """t = T - 1 - ln(alpha x + 1), also where exp(T - 1) is far beyond float32."""
    x = np.concatenate([uniform(60), [2e-38, 0, 1, 1e-3, 1e-30]]).astype(np.float32)
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
