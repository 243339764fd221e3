"""SNNCompute against float64 references written here, and the promises of its page."""

import copy
import gc
import math
import pickle
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import grilly_vk
from grilly_vk import SNNCompute
from grilly_vk.data import sentences
from grilly_vk.tensor import engine

N = 130  # not a multiple of 4 or 64


def embeddings(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def simulate(current, steps, *, tau=20.0, hold=2):
    """LIF in float64 from rest under current (T, ..., n); returns spikes and the least distance to threshold."""
    a = math.exp(-1 / tau)
    v = np.zeros(current.shape[1:])
    held = np.zeros(current.shape[1:], int)
    spikes, closest = [], np.inf
    for x in current:
        h = v * a + x * (1 - a)
        free = held == 0
        closest = min(closest, np.abs(h - 1)[free].min(initial=np.inf))
        s = free & (h >= 1)
        v = np.where(free & ~s, h, 0.0)
        held = np.where(s, hold, np.maximum(held - 1, 0))
        spikes.append(s)
    assert closest > 2e-6, "a potential lies on the threshold; change the seed"
    return np.array(spikes, np.float32)


def drive(x, n=N):
    x = np.asarray(x, np.float64)
    padded = np.zeros((*x.shape[:-1], n))
    padded[..., : x.shape[-1]] = x / np.sqrt((x**2).mean(-1, keepdims=True))
    return padded + 1.5


@pytest.mark.parametrize(("n", "d"), [(N, N), (N, 77), (128, 128), (128, 77), (1, 1), (4, 3)])
def test_current_encoding_follows_the_reference(n, d):
    x = embeddings((3, d), seed=d)
    got = SNNCompute(n, 50).process(x)
    want = np.moveaxis(simulate(np.broadcast_to(drive(x, n), (50, 3, n)), 50), 0, 1)
    np.testing.assert_array_equal(got["spike_train"], want)


def test_every_number_agrees_with_the_spike_train():
    result = SNNCompute(N, 60).process(embeddings((5, N)))
    train = result["spike_train"]
    assert train.shape == (5, 60, N) and set(np.unique(train)) == {0.0, 1.0}
    np.testing.assert_array_equal(result["spike_activity"], train.sum((1, 2)))
    np.testing.assert_array_equal(result["spikes"], train.any(1))
    np.testing.assert_allclose(result["firing_rate"], train.mean((1, 2)), rtol=1e-6)
    np.testing.assert_allclose(result["rates"], train.mean(1), rtol=1e-6)
    np.testing.assert_array_equal(result["first_spike"], np.where(train.any(1), train.argmax(1), -1))
    np.testing.assert_allclose(result["dead_fraction"], 1 - train.any(1).mean(1))
    assert (result["saturated_fraction"] == 0).all()


def test_one_embedding_gives_plain_numbers_and_batches_agree_with_single_calls():
    x = embeddings((4, N))
    snn = SNNCompute(N)
    batch = snn.process(x)
    for i, row in enumerate(x):
        one = snn.process(row)
        for key in ("spike_activity", "firing_rate", "dead_fraction", "saturated_fraction"):
            assert isinstance(one[key], float)
            assert one[key] == batch[key][i]
        for key in ("spikes", "spike_train", "rates", "first_spike"):
            np.testing.assert_array_equal(one[key], batch[key][i])
        assert one["spike_train"].shape == (50, N) and one["first_spike"].dtype == np.int32


def test_saturation_is_measured_against_the_refractory_limit():
    result = SNNCompute(4, 60, gain=1000.0, bias=0.0).process([1.0, 1.0, -1.0, 0.0])
    np.testing.assert_allclose(result["rates"], [1 / 3, 1 / 3, 0, 0])
    assert result["saturated_fraction"] == 0.5 and result["dead_fraction"] == 0.5


@pytest.mark.parametrize("kind", ["standard normal", "unit norm", "sentences"])
@pytest.mark.parametrize("n", [384, 512, 1000])
def test_defaults_give_useful_activity(kind, n):
    x = embeddings((64, 512)) if kind == "standard normal" else embeddings((64, 384), 1)
    if kind == "unit norm":
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    if kind == "sentences":
        x = sentences().embeddings
    result = SNNCompute(n).process(x)
    assert ((result["firing_rate"] > 0.02) & (result["firing_rate"] < 0.4)).all()
    assert (result["dead_fraction"] < 0.5).all()
    assert (result["saturated_fraction"] == 0).all()


def test_scale_does_not_matter_unless_normalize_is_off():
    x = embeddings(N)
    snn = SNNCompute(N)
    np.testing.assert_array_equal(snn.process(x)["spike_train"], snn.process(256 * x)["spike_train"])
    raw = SNNCompute(N, normalize=False)
    assert raw.process(x)["spike_activity"] != raw.process(4 * x)["spike_activity"]
    rms = np.sqrt((x.astype(np.float64) ** 2).mean())
    np.testing.assert_array_equal(raw.process(x / rms)["spike_train"], snn.process(x)["spike_train"])


def test_folding_keeps_what_padding_keeps():
    """Longer embeddings are projected, never cut: the tail matters, and similar stays similar."""
    x = sentences().embeddings
    rates = SNNCompute(128, 50).process(x)["rates"]
    upper = np.triu_indices(len(x), 1)
    kept = np.corrcoef(np.corrcoef(rates)[upper], np.corrcoef(x)[upper])[0, 1]
    assert kept > 0.7
    changed = x[0].copy()
    changed[200:] *= -1
    assert (SNNCompute(128).process(changed)["spike_train"] != SNNCompute(128).process(x[0])["spike_train"]).any()
    other = SNNCompute(128, seed=1).process(x[0])["spike_train"]
    assert (other != SNNCompute(128).process(x[0])["spike_train"]).any()


def test_projection_matches_the_reference():
    x = embeddings((2, 300), seed=8)
    rng = np.random.default_rng([5, 64, 300])
    matrix = rng.standard_normal((64, 300), np.float32) / np.float32(np.sqrt(300))
    scaled = x / np.sqrt((x.astype(np.float64) ** 2).mean(1, keepdims=True))
    current = scaled @ matrix.astype(np.float64).T + 1.5
    want = np.moveaxis(simulate(np.broadcast_to(current, (50, 2, 64)), 50), 0, 1)
    np.testing.assert_array_equal(SNNCompute(64, seed=5).process(x)["spike_train"], want)


@pytest.mark.parametrize("n", [1000, 1001])
def test_poisson_pulses_have_the_drive_as_mean_current(n):
    """Far below threshold the membrane is the filtered pulses: its spikes can't be seen, so compare rates of
    firing with a threshold that one pulse reaches: then spikes are the pulses themselves."""
    snn = SNNCompute(n, 400, "poisson", tau_mem=1e-3, t_refrac=0.0, v_thresh=5.0, pulse=10.0)
    x = embeddings(n, seed=3)
    p = np.clip(drive(x, n) / 10.0, 0, 1)
    counts = snn.process(x)["spike_train"].sum(0)
    z = (counts - 400 * p) / np.sqrt(400 * p * (1 - p) + 1e-9)
    live = p > 0
    assert not counts[~live].any()
    assert abs(z[live].mean()) < 4 / np.sqrt(n) and 0.9 < z[live].std() < 1.1 and np.abs(z[live]).max() < 5


def test_poisson_is_fresh_each_call_and_repeats_with_the_seed():
    x = embeddings(N)
    first = SNNCompute(N, encoding="poisson", seed=7)
    trains = [first.process(x)["spike_train"] for _ in range(3)]
    assert (trains[0] != trains[1]).any() and (trains[1] != trains[2]).any()
    again = SNNCompute(N, encoding="poisson", seed=7)
    for train in trains:
        np.testing.assert_array_equal(again.process(x)["spike_train"], train)
    assert (SNNCompute(N, encoding="poisson", seed=8).process(x)["spike_train"] != trains[0]).any()


@pytest.mark.parametrize("n", [N, 132])
def test_latency_encoding_fires_once_and_earlier_if_stronger(n):
    x = embeddings(n, seed=2)
    result = SNNCompute(n, 40, "latency").process(x)
    level = np.clip(drive(x, n) / 10.0, 0, 1)
    want = np.where(level > 0, np.round((1 - level) * 39), -1)
    unclear = np.abs((1 - level) * 39 % 1 - 0.5) < 1e-4
    np.testing.assert_array_equal(result["first_spike"][~unclear], want[~unclear])
    np.testing.assert_array_equal(result["spike_train"].sum(0), level > 0)


@pytest.mark.parametrize("encoding", ["current", "poisson", "latency"])
def test_zeros_drive_nothing_and_warn(encoding):
    with pytest.warns(RuntimeWarning, match="no neuron fired for 1 of 1 embeddings"):
        result = SNNCompute(16, encoding=encoding).process(np.zeros(16))
    assert result["spike_activity"] == result["firing_rate"] == 0.0
    assert not result["spike_train"].any() and (result["first_spike"] == -1).all()
    assert result["dead_fraction"] == 1.0 and result["saturated_fraction"] == 0.0
    with pytest.warns(RuntimeWarning, match="1 of 3"):
        batch = SNNCompute(16, encoding=encoding).process([[1.0] * 16, [0.0] * 16, [2.0] * 16])
    assert batch["spike_activity"][1] == 0 and batch["spike_activity"][0] > 0


def test_no_warning_when_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SNNCompute(64).process(embeddings(64))


def test_large_batches_go_through_in_pieces(monkeypatch):
    import grilly_vk.snn_compute as module

    x = embeddings((10, N))
    want = SNNCompute(N).process(x)
    monkeypatch.setattr(module, "_PIECE", 3 * N * 50)
    got = SNNCompute(N).process(x)
    for key, value in want.items():
        np.testing.assert_array_equal(got[key], value)


def test_one_dispatch():
    snn, x = SNNCompute(64), embeddings(64)
    snn.process(x)
    with grilly_vk.profile() as p:
        snn.process(x)
    assert sum(k.calls for k in p.kernels if not k.kernel.startswith("copy")) == 1  # copies: of staging memory
    assert len(p.kernels) == 1 or not engine().host_visible


@pytest.mark.parametrize("d, timesteps", [(64, 50), (200, 50), (64, 5000)])
@pytest.mark.parametrize("encoding", ["current", "poisson"])
def test_the_second_call_replays_what_the_first_recorded(d, timesteps, encoding):
    """With the results of the first call held, too, unless they lie where the kernel wrote them."""
    if engine().config.debug:
        pytest.skip("the debug mode marks fresh memory by dispatches of its own")
    snn = SNNCompute(n_neurons=64, timesteps=timesteps, encoding=encoding)
    x = np.random.default_rng(0).standard_normal(d)
    kept = snn.process(x)
    train, first = kept["spike_train"].copy(), kept["first_spike"].copy()
    if kept["spike_train"].nbytes > 1 << 20:
        del kept
    if not engine().host_visible:  # where staging memory lies is settled one call later
        snn.process(x)
    before = grilly_vk.memory_stats()
    again = snn.process(-x)
    after = grilly_vk.memory_stats()
    submits = after["submits"] - before["submits"]
    assert after["replayed_submits"] - before["replayed_submits"] == submits == (1 if engine().host_visible else 4)
    assert (again["spike_train"] != train).any()
    if timesteps == 50:
        np.testing.assert_array_equal(kept["spike_train"], train)
        np.testing.assert_array_equal(kept["first_spike"], first)


def test_many_shapes_keep_the_memory_of_a_few():
    snn = SNNCompute(n_neurons=8, timesteps=20)
    x = np.ones((20, 8), np.float32)
    expected = [snn.process(x[:n])["spike_activity"] for n in range(1, 20)]
    assert len(snn._rooms) <= 4
    for n, activity in enumerate(expected, 1):
        np.testing.assert_array_equal(snn.process(x[:n])["spike_activity"], activity)


def test_threads_may_share_one():
    snn, x = SNNCompute(n_neurons=64), embeddings((8, 64))
    expected = [snn.process(row)["spike_train"].copy() for row in x]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: snn.process(x[i % 8])["spike_train"], range(80)))
    for i, train in enumerate(found):
        np.testing.assert_array_equal(train, expected[i % 8])


def test_threads_that_share_one_draw_pulses_of_their_own():
    snn = SNNCompute(n_neurons=64, encoding="poisson")
    with ThreadPoolExecutor(8) as pool:
        trains = list(pool.map(lambda _: snn.process(np.ones(64))["spike_train"].tobytes(), range(64)))
    assert len(set(trains)) == 64


def test_a_graph_that_another_thread_captures_makes_it_wait():
    snn, x = SNNCompute(n_neurons=16), np.ones(16)
    expected = snn.process(x)["spike_activity"]
    with ThreadPoolExecutor(1) as pool:
        with grilly_vk.capture() as graph:
            waits = pool.submit(snn.process, x)
            time.sleep(0.1)
            assert not waits.done()
        assert waits.result()["spike_activity"] == expected
    graph.replay()


def test_copies_and_pickles_go_on_by_themselves():
    snn = SNNCompute(n_neurons=16, encoding="poisson")
    x = np.ones(40)
    snn.process(x)
    copies = [copy.copy(snn), copy.deepcopy(snn), pickle.loads(pickle.dumps(snn))]
    expected = snn.process(x)["spike_train"]
    for one in copies:
        np.testing.assert_array_equal(one.process(x)["spike_train"], expected)


def test_after_a_lost_device_the_projection_is_made_anew(snippet):
    snippet("""
        import numpy as np, grilly_vk as g
        from grilly_vk.runtime import engine
        snn, x = g.SNNCompute(n_neurons=16), np.arange(40.0)
        expected = snn.process(x)["spike_train"].copy()
        engine().stream.lost = "made up"
        g.set_device()
        np.testing.assert_array_equal(snn.process(x)["spike_train"], expected)
    """)


def test_a_captured_graph_refuses():
    snn = SNNCompute(n_neurons=16)
    with pytest.raises(RuntimeError, match="SNNCompute gives its results back as numpy arrays"), grilly_vk.capture():
        snn.process(np.ones(16))
    assert snn.process(np.ones(16))["spike_activity"] > 0


def test_same_input_same_bits_and_no_growth():
    snn, x = SNNCompute(512), embeddings(512)
    first = snn.process(x)["spike_train"].copy()
    gc.collect()  # what other tests left
    snn.process(x)
    before = grilly_vk.memory_stats()
    for _ in range(1000):
        train = snn.process(x)["spike_train"]
    after = grilly_vk.memory_stats()
    np.testing.assert_array_equal(train, first)
    assert after["bytes_reserved"] == before["bytes_reserved"]
    assert after["programs"] < before["programs"] + 10  # where blocks lie may change once or twice
    assert after["bytes_in_use"] <= before["bytes_in_use"] + train.nbytes * 2


@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        (np.zeros((2, 2, 2)), ValueError, r"embedding has shape \(2, 2, 2\); expected \(D,\) or \(B, D\)"),
        (np.zeros(0), ValueError, "not empty"),
        (np.zeros((0, 4)), ValueError, "not empty"),
        (3.0, ValueError, r"shape \(\)"),
        ([1.0, float("nan"), float("inf")], ValueError, "2 non-finite"),
        (["a", "b"], TypeError, "embedding must hold real numbers"),
        (np.zeros(3, complex), TypeError, "complex"),
        (None, TypeError, "not NoneType"),
    ],
)
def test_bad_embeddings(x, error, text):
    snn = SNNCompute(8)
    with pytest.raises(error, match=text):
        snn.process(x)
    assert snn.process(np.ones(8))["spike_activity"] > 0


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"n_neurons": 0}, ValueError, "n_neurons must be at least 1"),
        ({"timesteps": 0}, ValueError, "timesteps must be at least 1"),
        ({"timesteps": 1.5}, TypeError, "timesteps"),
        ({"encoding": "morse"}, ValueError, "encoding must be one of 'current', 'poisson', 'latency'"),
        ({"dt": 0}, ValueError, "dt"),
        ({"tau_mem": -5}, ValueError, "tau_mem"),
        ({"pulse": 0}, ValueError, "pulse"),
        ({"gain": float("nan")}, ValueError, "gain"),
        ({"r_mem": 0}, ValueError, "r_mem"),
        ({"seed": -1}, ValueError, "seed"),
        ({"normalize": "no"}, TypeError, "normalize must be True or False"),
        ({"dt": np.complex64(1)}, TypeError, "dt must be a number"),
    ],
)
def test_bad_arguments(arguments, error, text):
    with pytest.raises(error, match=text):
        SNNCompute(**arguments)


def test_too_much_is_refused_and_the_next_call_works():
    with pytest.raises(grilly_vk.OutOfDeviceMemory):
        SNNCompute(1 << 20, 1 << 20).process(np.ones(8))
    assert SNNCompute(8).process(np.ones(8))["spike_activity"] > 0


def test_any_array_like():
    x = embeddings(12)
    want = SNNCompute(12).process(x)["spike_train"]
    for same in (x.astype(np.float64), x.tolist(), np.repeat(x, 2)[::2], grilly_vk.tensor.from_numpy(x)):
        np.testing.assert_array_equal(SNNCompute(12).process(same)["spike_train"], want)


def test_document_example():
    import grilly

    snn = grilly.SNNCompute(n_neurons=512)
    result = snn.process(np.random.default_rng(0).standard_normal(512).astype(np.float32))
    assert result["spike_activity"] > 0 and 0 < result["firing_rate"] < 1 and result["spikes"].shape == (512,)


@pytest.mark.parametrize("scale", [1e-300, 1e-44, 1e-40, 1e-38, 1e30, 1e38, 1e300])
@pytest.mark.parametrize("d", [12, 40])
def test_any_size_of_numbers_is_scaled_alike(scale, d):
    x = np.random.default_rng(4).standard_normal(d)  # float64: half of these scales are beyond float32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = SNNCompute(12).process(x * scale)["spike_train"]
    np.testing.assert_array_equal(got, SNNCompute(12).process(x)["spike_train"])


def test_unnormalised_numbers_beyond_float32_are_refused():
    with pytest.raises(ValueError, match="embedding holds numbers beyond float32"):
        SNNCompute(8, normalize=False).process(np.full(8, 1e300))


def test_who_can_fire_once_only_is_not_saturated():
    assert SNNCompute(8, 3, "latency", bias=9.0).process(np.ones(8))["saturated_fraction"] == 0.0
    assert SNNCompute(8, 3, gain=100.0).process(np.ones(8))["saturated_fraction"] == 0.0


def test_a_pulse_that_float32_cannot_hold_is_refused_where_it_is_needed():
    extreme = dict(v_thresh=3e38, dt=1e-30, t_refrac=0.0)
    with pytest.raises(ValueError, match="the pulse that v_thresh"):
        SNNCompute(8, 5, "latency", **extreme)
    with pytest.warns(RuntimeWarning, match="no neuron fired"):
        SNNCompute(8, 5, **extreme).process(np.ones(8))
