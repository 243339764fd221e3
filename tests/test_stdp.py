"""STDP: the measured window, float64 references, runs against single steps, bad input."""

import copy
import gc
import pickle
import tracemalloc

import numpy as np
import pytest

import grilly_vk
from grilly_vk import VulkanCompute, nn
from grilly_vk.control import engine
from grilly_vk.ops import plasticity as ops
from grilly_vk.ops import state as layer_state
from grilly_vk.ops import steps
from grilly_vk.tensor import from_numpy, full

# float32 sums of some hundred changes of weights around 1: an ulp of 1.2e-7 each at worst, far less on average.
CLOSE = dict(rtol=0, atol=5e-6)


def reference(
    pre,
    post,
    w,
    *,
    tau_plus=20.0,
    tau_minus=20.0,
    a_plus=0.01,
    a_minus=0.01,
    w_min=0.0,
    w_max=1.0,
    dt=0.001,
    bound="hard",
    pairing="all",
    x=None,
    y=None,
    reward=None,
    tau_eligibility=None,
    learning_rate=1.0,
    e=None,
):
    """The rule written out, in float64: pre (T, B, in), post (T, B, out)."""
    pre, post, w = (np.asarray(v, np.float64) for v in (pre, post, w))
    steps, batch, ins = pre.shape
    outs = post.shape[2]
    x = np.zeros((batch, ins)) if x is None else np.array(x, np.float64)
    y = np.zeros((batch, outs)) if y is None else np.array(y, np.float64)
    e = np.zeros((outs, ins)) if e is None else np.array(e, np.float64)
    for t in range(steps):
        x = x * np.exp(-1000 * dt / tau_plus)
        y = y * np.exp(-1000 * dt / tau_minus)
        up, down = a_plus * (post[t].T @ x) / batch, a_minus * (y.T @ pre[t]) / batch
        change = up * (w_max - w) - down * (w - w_min) if bound == "soft" else up - down
        if tau_eligibility is None:
            w = w + learning_rate * change
        else:
            e = e * np.exp(-1000 * dt / tau_eligibility) + change
            w = w + learning_rate * np.broadcast_to(reward, steps)[t] * e
        w = np.clip(w, w_min, w_max)
        if pairing == "nearest":
            x, y = np.where(pre[t] != 0, pre[t], x), np.where(post[t] != 0, post[t], y)
        else:
            x, y = x + pre[t], y + post[t]
    return w, x, y, e


def spikes(rng, *shape, rate=0.2):
    return (rng.random(shape) < rate).astype(np.float32)


def problem(steps, batch, ins, outs, seed=0, rate=0.2):
    rng = np.random.default_rng(seed)
    w = rng.random((outs, ins)).astype(np.float32)
    return spikes(rng, steps, batch, ins, rate=rate), spikes(rng, steps, batch, outs, rate=rate), w


def layer(w, **settings):
    made = nn.STDPLayer(w.shape[1], w.shape[0], **settings)
    made.weight = w
    return made


# --- the window ---------------------------------------------------------------------


@pytest.mark.parametrize("pairing", ["all", "nearest"])
@pytest.mark.parametrize("bound", ["hard", "soft"])
def test_window_is_the_analytic_one(bound, pairing):
    """One pair of spikes per layer, -60..60 ms apart."""
    settings = dict(tau_plus=17.0, tau_minus=34.0, a_plus=0.4, a_minus=0.2, w_max=1.0, bound=bound, pairing=pairing)
    for gap in range(-60, 61):
        one = layer(np.full((1, 1), 0.5, np.float32), **settings)
        pre, post = np.zeros((2, 130, 1, 1), np.float32)
        pre[max(0, -gap)] = post[max(0, gap)] = 1
        one.update_weights(pre, post)
        room = 0.5 if bound == "soft" else 1.0
        want = 0.4 * np.exp(-gap / 17.0) if gap > 0 else -0.2 * np.exp(gap / 34.0) if gap < 0 else 0.0
        # 0.5 + change rounds to half an ulp of the weight, 3e-8 at most
        assert one.weight[0, 0] - 0.5 == pytest.approx(room * want, rel=1e-4, abs=3.1e-8), gap


def test_all_spikes_count_or_the_nearest():
    """Two presynaptic spikes 3 ms apart, then one postsynaptic: the trace holds both, or the last."""
    pre, post = np.zeros((2, 8, 1, 1), np.float32)
    pre[0] = pre[3] = post[5] = 1
    changes = {}
    for pairing in ("all", "nearest"):
        one = layer(np.full((1, 1), 0.25, np.float32), a_plus=0.1, pairing=pairing)
        one.update_weights(pre, post)
        changes[pairing] = one.weight[0, 0] - 0.25
    assert changes["all"] == pytest.approx(0.1 * (np.exp(-5 / 20) + np.exp(-2 / 20)), rel=1e-5)
    assert changes["nearest"] == pytest.approx(0.1 * np.exp(-2 / 20), rel=1e-5)


def test_coincident_spikes_change_nothing():
    one = layer(np.full((3, 5), 0.5, np.float32))
    one.update_weights(np.ones(5), np.ones(3))
    np.testing.assert_array_equal(one.weight, np.full((3, 5), 0.5, np.float32))
    np.testing.assert_array_equal(one.pre_trace, np.ones((1, 5)))


def test_step_of_another_length():
    pre, post, w = problem(40, 1, 5, 6)
    one = layer(w, dt=0.0005, tau_plus=3.0, tau_minus=5.0)
    one.update_weights(pre, post)
    want = reference(pre, post, w, dt=0.0005, tau_plus=3.0, tau_minus=5.0)
    np.testing.assert_allclose(one.weight, want[0], **CLOSE)


# --- against the reference ----------------------------------------------------------


@pytest.mark.parametrize("pairing", ["all", "nearest"])
@pytest.mark.parametrize("bound", ["hard", "soft"])
@pytest.mark.parametrize(
    "steps, batch, ins, outs",
    [(1, 1, 1, 1), (33, 1, 7, 3), (64, 1, 65, 66), (31, 3, 6, 9), (100, 2, 1, 5), (5, 4, 130, 1), (97, 1, 4, 8)],
)
def test_runs_match_the_rule(steps, batch, ins, outs, bound, pairing):
    settings = dict(a_plus=0.05, a_minus=0.06, tau_plus=15.0, tau_minus=30.0, bound=bound, pairing=pairing)
    pre, post, w = problem(steps, batch, ins, outs)
    one = layer(w, **settings)
    one.update_weights(pre, post)
    want, x, y, _ = reference(pre, post, w, **settings)
    np.testing.assert_allclose(one.weight, want, **CLOSE)
    np.testing.assert_allclose(one.pre_trace, x, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(one.post_trace, y, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("bound", ["hard", "soft"])
@pytest.mark.parametrize("pairing", ["all", "nearest"])
def test_graded_spikes_are_multiplied_by_their_values(batch, bound, pairing):
    pre, post, w = problem(40, batch, 9, 6)
    rng = np.random.default_rng(1)
    pre *= rng.uniform(-0.5, 2, pre.shape).astype(np.float32)
    post *= rng.uniform(-0.5, 2, post.shape).astype(np.float32)
    one = layer(w, a_plus=0.03, bound=bound, pairing=pairing)
    one.update_weights(pre, post)
    want, x, _, _ = reference(pre, post, w, a_plus=0.03, bound=bound, pairing=pairing)
    np.testing.assert_allclose(one.weight, want, **CLOSE)
    np.testing.assert_allclose(one.pre_trace, x, rtol=1e-5, atol=1e-6)


def test_clipping_happens_at_each_step():
    """Strong changes that hit both bounds on the way: the order of events decides."""
    pre, post, w = problem(200, 1, 6, 7, rate=0.3)
    settings = dict(a_plus=0.7, a_minus=0.6, w_min=-0.3, w_max=0.8)
    one = layer(w, **settings)
    one.update_weights(pre, post)
    want = reference(pre, post, w, **settings)[0]
    assert (np.isclose(want, 0.8) | np.isclose(want, -0.3)).any()
    # where a change ends within rounding of a bound the two may differ by rounding only
    np.testing.assert_allclose(one.weight, want, **CLOSE)


def test_weights_from_outside_are_clipped_at_the_first_step():
    w = np.array([[-1.0, 0.5, 3.0, 0.2, 1.0]], np.float32)
    one = layer(w)
    np.testing.assert_array_equal(one.weight, w)
    pre, post = np.zeros((40, 1, 5), np.float32), np.zeros((40, 1, 1), np.float32)
    one.update_weights(pre, post)
    np.testing.assert_array_equal(one.weight, np.clip(w, 0, 1))
    pre[2] = post[38] = 1  # clipped before the change of step 38, not after it only
    one.weight = w
    one.reset()
    one.update_weights(pre, post)
    np.testing.assert_allclose(one.weight, reference(pre, post, w)[0], **CLOSE)


def test_learning_rate_is_a_factor():
    pre, post, w = problem(20, 2, 5, 4)
    one = layer(w)
    one.update_weights(pre, post, learning_rate=0.5)
    np.testing.assert_allclose(one.weight, reference(pre, post, w, learning_rate=0.5)[0], **CLOSE)


@pytest.mark.parametrize("settings", [{}, {"bound": "soft", "pairing": "nearest"}, {"tau_eligibility": 40.0}])
@pytest.mark.parametrize("batch", [1, 2])
def test_single_steps_give_what_one_run_gives(batch, settings):
    pre, post, w = problem(37, batch, 10, 7)
    reward = np.random.default_rng(2).normal(size=37) if "tau_eligibility" in settings else None
    whole, steps = layer(w, **settings), layer(w, **settings)
    whole.update_weights(pre, post, reward=reward)
    for t in range(37):
        shape = (-1,) if batch == 1 and t % 2 else (batch, -1)
        steps.update_weights(
            pre[t].reshape(shape), post[t].reshape(shape), reward=None if reward is None else reward[t]
        )
    np.testing.assert_array_equal(whole.weight, steps.weight)
    np.testing.assert_array_equal(whole.pre_trace, steps.pre_trace)
    np.testing.assert_array_equal(whole.post_trace, steps.post_trace)
    if reward is not None:
        np.testing.assert_array_equal(whole.eligibility, steps.eligibility)


def test_runs_that_are_cut_give_the_same(monkeypatch):
    """Cut by the size of a launch's traces, and by the size of an upload."""
    pre, post, w = problem(70, 2, 10, 7)
    whole, cut, sent = layer(w, bound="soft"), layer(w, bound="soft"), layer(w, bound="soft")
    whole.update_weights(pre, post)
    monkeypatch.setattr(ops, "_SCRATCH", 9 * 2 * 17)
    cut.update_weights(pre, post)
    monkeypatch.setattr(steps, "_PIECE", 4 * 20 * 11)
    sent.update_weights(pre, post)
    np.testing.assert_array_equal(whole.weight, cut.weight)
    np.testing.assert_array_equal(whole.weight, sent.weight)
    np.testing.assert_array_equal(whole.post_trace, sent.post_trace)


@pytest.mark.parametrize("error", [grilly_vk.OutOfDeviceMemory("no room"), MemoryError(), KeyboardInterrupt()])
@pytest.mark.parametrize("convert", [np.asarray, from_numpy])
def test_an_error_in_the_middle_of_a_run_leaves_all_state(monkeypatch, error, convert):
    pre, post, w = problem(70, 2, 10, 7)
    one = layer(w, tau_eligibility=50.0)
    one.update_weights(pre, post, reward=0.5)
    before = one.weight, one.pre_trace, one.post_trace, one.eligibility
    monkeypatch.setattr(steps, "_PIECE", 4 * 20 * 11)
    run, calls = ops.stdp, []

    def third_time_out_of_memory(*arguments, **settings):
        calls.append(1)
        if len(calls) == 3:
            raise error
        run(*arguments, **settings)

    monkeypatch.setattr(ops, "stdp", third_time_out_of_memory)
    with pytest.raises(type(error)):
        one.update_weights(convert(pre), convert(post), reward=0.5)
    for was, now in zip(before, (one.weight, one.pre_trace, one.post_trace, one.eligibility)):
        np.testing.assert_array_equal(was, now)


def test_a_failed_first_call_does_not_fix_the_batch(monkeypatch):
    pre, post, w = problem(5, 2, 10, 7)
    one, fine = layer(w), layer(w)
    with monkeypatch.context() as patch:
        patch.setattr(ops, "stdp", lambda *_, **__: (_ for _ in ()).throw(grilly_vk.OutOfDeviceMemory("no room")))
        with pytest.raises(grilly_vk.OutOfDeviceMemory):
            one.update_weights(2 * pre, post)
    assert one.pre_trace.shape == (1, 10)
    one.update_weights(pre[:, :1], post[:, :1])
    fine.update_weights(pre[:, :1], post[:, :1])
    np.testing.assert_array_equal(one.weight, fine.weight)


@pytest.mark.parametrize("inside", [False, True], ids=["traces", "everything"])
def test_state_made_in_a_capture_starts_defined(inside):
    pre, post, _ = problem(12, 2, 10, 7)
    settings = dict(tau_eligibility=50.0, seed=3)
    twin = nn.STDPLayer(10, 7, **settings)
    twin.update_weights(pre, post, reward=0.5)
    one = nn.STDPLayer(10, 7, **settings)
    junk = [full(shape, 7.0) for shape in [(2, 10), (2, 7), (7, 10)] * 9]
    junk[0].engine.synchronize()
    del junk
    with grilly_vk.capture() as graph:
        if inside:
            one = nn.STDPLayer(10, 7, **settings)
        one.update_weights(pre, post, reward=0.5)
    for name in ("pre_trace", "post_trace", "eligibility"):
        assert not getattr(one, name).any(), name
    graph.replay()
    for name in ("weight", "pre_trace", "post_trace", "eligibility"):
        np.testing.assert_array_equal(getattr(one, name), getattr(twin, name), err_msg=name)
    twin.update_weights(pre, post, reward=0.5)
    graph.replay()
    np.testing.assert_array_equal(one.weight, twin.weight)


def test_too_large_a_layer_is_refused_before_anything_large_is_made():
    tracemalloc.start()
    for make in (nn.STDPLayer, nn.HebbianLayer, nn.SNNLayer):
        with pytest.raises(grilly_vk.OutOfDeviceMemory, match="was asked for"):
            make((1 << 31) - 1, (1 << 31) - 1)
        with pytest.raises(grilly_vk.OutOfDeviceMemory, match="was asked for"):
            make(1 << 21, 1 << 21)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1 << 24
    assert nn.STDPLayer(3, 2).weight.shape == (2, 3)


def test_weights_drawn_in_parts_are_those_drawn_at_once(monkeypatch):
    want = np.random.default_rng(5).uniform(0.0, 1.0, (7, 10)).astype(np.float32)
    monkeypatch.setattr(layer_state, "_DRAWN", 9)
    np.testing.assert_array_equal(nn.STDPLayer(10, 7, seed=5).weight, want)


@pytest.mark.parametrize(
    "made, names",
    [
        (lambda: nn.STDPLayer(5, 4, tau_eligibility=9.0), ("weight", "pre_trace", "post_trace", "eligibility")),
        (lambda: nn.HebbianLayer(5, 4, "bcm"), ("weight", "theta")),
    ],
)
def test_copies_of_a_used_layer_stand_alone(made, names):
    pre, post, _ = problem(12, 2, 5, 4)

    def learn(one):
        more = {"reward": 0.5} if isinstance(one, nn.STDPLayer) else {}
        one.update_weights(pre, post, **more)

    one = made()
    learn(one)
    twin = copy.deepcopy(one)
    before = {name: getattr(one, name) for name in names}
    for name in names:
        np.testing.assert_array_equal(getattr(twin, name), before[name])
    learn(twin)
    for name in names:
        np.testing.assert_array_equal(getattr(one, name), before[name])
        assert (getattr(twin, name) != before[name]).any(), name
    with pytest.raises(TypeError, match=r"can't be pickled.*; pickle numpy\(\)"):
        pickle.dumps(one)


def test_a_used_neuron_can_be_copied_and_says_why_it_can_not_be_pickled(capfd):
    for one in (nn.LIFNeuron(4), nn.GIFNeuron(4), nn.SNNLayer(3, 4, seed=0)):
        x = np.full((9, 3 if isinstance(one, nn.SNNLayer) else 4), 1.5)
        one.run(x)
        np.testing.assert_array_equal(copy.deepcopy(one).run(x), copy.deepcopy(one).run(x))
        with pytest.raises(TypeError, match=r"can't be pickled.*; pickle numpy\(\)"):
            pickle.dumps(one)
    made = from_numpy(np.arange(6, dtype=np.int32).reshape(2, 3))
    for same in (made.copy(), copy.copy(made), copy.deepcopy(made)):
        made.assign(np.zeros((2, 3)))
        np.testing.assert_array_equal(same.numpy(), np.arange(6).reshape(2, 3))
        assert same.dtype == np.int32
        made.assign(same.numpy())
    with pytest.raises(TypeError):
        copy.deepcopy(made.buffer)
    gc.collect()
    assert capfd.readouterr().err == ""


def test_same_bits_twice():
    pre, post, w = problem(60, 3, 33, 21)
    results = []
    for _ in range(2):
        one = layer(w)
        one.update_weights(pre, post)
        results.append(one.weight)
    assert results[0].tobytes() == results[1].tobytes()


def test_seeded_weights_lie_in_the_bounds():
    one, two = (nn.STDPLayer(30, 20, w_min=-2.0, w_max=3.0, seed=7) for _ in range(2))
    np.testing.assert_array_equal(one.weight, two.weight)
    assert -2 <= one.weight.min() < -1.9 and 2.9 < one.weight.max() <= 3
    assert not np.array_equal(one.weight, nn.STDPLayer(30, 20, w_min=-2.0, w_max=3.0, seed=8).weight)


# --- reward -------------------------------------------------------------------------


@pytest.mark.parametrize("reward", [0.3, "series"])
@pytest.mark.parametrize(
    "steps, batch, ins, outs, bound", [(32, 1, 5, 6, "hard"), (45, 3, 9, 2, "soft"), (1, 1, 1, 1, "hard")]
)
def test_reward_moves_weights_along_the_eligibility(steps, batch, ins, outs, bound, reward):
    pre, post, w = problem(steps, batch, ins, outs)
    if reward == "series":
        reward = np.random.default_rng(3).normal(size=steps)
    settings = dict(tau_eligibility=50.0, a_plus=0.05, bound=bound)
    one = layer(w, **settings)
    one.update_weights(pre, post, reward=reward, learning_rate=0.7)
    want, x, _, e = reference(pre, post, w, reward=reward, learning_rate=0.7, **settings)
    np.testing.assert_allclose(one.weight, want, **CLOSE)
    np.testing.assert_allclose(one.eligibility, e, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(one.pre_trace, x, rtol=1e-5, atol=1e-7)


def test_a_late_reward_credits_an_early_pair():
    """A pair at 2 ms and 5 ms, the reward 100 ms later, in calls of their own: the analytic value."""
    one = layer(np.full((1, 1), 0.5, np.float32), tau_eligibility=200.0, a_plus=0.2)
    pre, post = np.zeros((2, 106, 1, 1), np.float32)
    pre[2] = post[5] = 1
    one.update_weights(pre[:50], post[:50], reward=0.0)
    assert one.weight[0, 0] == 0.5
    one.update_weights(pre[50:105], post[50:105], reward=0.0)
    one.update_weights(pre[105], post[105], reward=1.0)
    assert one.weight[0, 0] - 0.5 == pytest.approx(0.2 * np.exp(-3 / 20) * np.exp(-100 / 200), rel=1e-5)


def test_reward_and_eligibility_belong_together():
    plain, rewarded = nn.STDPLayer(3, 2), nn.STDPLayer(3, 2, tau_eligibility=10.0)
    with pytest.raises(ValueError, match="tau_eligibility"):
        plain.update_weights(np.ones(3), np.ones(2), reward=1.0)
    with pytest.raises(ValueError, match="reward is missing"):
        rewarded.update_weights(np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match=r"reward has shape \(3,\); expected one number or \(2,\)"):
        rewarded.update_weights(np.ones((2, 1, 3)), np.ones((2, 1, 2)), reward=[1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="reward"):
        rewarded.update_weights(np.ones(3), np.ones(2), reward="much")
    assert plain.eligibility is None
    np.testing.assert_array_equal(rewarded.pre_trace, 0)


# --- state and input ----------------------------------------------------------------


def test_reset_clears_traces_and_eligibility_but_not_weights():
    pre, post, w = problem(10, 1, 4, 3)
    one = layer(w, tau_eligibility=10.0)
    one.update_weights(pre, post, reward=0.1)
    learned = one.weight
    one.reset()
    for state in (one.pre_trace, one.post_trace, one.eligibility):
        np.testing.assert_array_equal(state, 0)
    np.testing.assert_array_equal(one.weight, learned)


@pytest.mark.parametrize("convert", ["float64", "bool", "int", "list", "strided", "readonly", "tensor"])
def test_every_kind_of_input(convert):
    pre, post, w = problem(20, 2, 6, 5)
    kinds = {
        "float64": lambda v: v.astype(np.float64),
        "bool": lambda v: v.astype(bool),
        "int": lambda v: v.astype(np.int64),
        "list": lambda v: v.tolist(),
        "strided": lambda v: np.asfortranarray(v)[:, ::1],
        "readonly": _frozen,
        "tensor": from_numpy,
    }
    one = layer(w)
    one.update_weights(kinds[convert](pre), kinds[convert](post))
    np.testing.assert_allclose(one.weight, reference(pre, post, w)[0], **CLOSE)


def _frozen(values):
    values = values.copy()
    values.flags.writeable = False
    return values


def test_tensors_of_one_sample():
    """Tensors take the kernel that reads spike values, arrays the one that reads bits: the same result."""
    pre, post, w = problem(50, 1, 14, 9)
    bits, values = layer(w), layer(w)
    bits.update_weights(pre, post)
    values.update_weights(from_numpy(pre), from_numpy(post))
    np.testing.assert_array_equal(bits.weight, values.weight)


@pytest.mark.parametrize("shape", [(0, 1), (0, 2), (4, 0), (0, 0)])
def test_no_steps_or_an_empty_batch_change_nothing(shape):
    _, _, w = problem(1, 1, 3, 2)
    one = layer(w)
    one.update_weights(np.zeros((*shape, 3)), np.zeros((*shape, 2)))
    np.testing.assert_array_equal(one.weight, w)
    np.testing.assert_array_equal(one.pre_trace, np.zeros((1, 3)))


@pytest.mark.parametrize(
    "pre, post, error, text",
    [
        (np.ones(4), np.ones(2), ValueError, r"pre_spikes has shape \(4,\); expected \(3,\), \(B, 3\) or \(T, B, 3\)"),
        (np.ones(3), np.ones(3), ValueError, r"post_spikes has shape \(3,\); expected \(2,\)"),
        (np.ones((2, 3)), np.ones((4, 2)), ValueError, r"post_spikes has shape \(4, 2\); expected \(2, 2\)"),
        (np.ones((5, 1, 3)), np.ones((4, 1, 2)), ValueError, r"shape \(4, 1, 2\); expected \(5, 1, 2\)"),
        (np.ones((1, 3)), np.ones(2), ValueError, r"post_spikes has shape \(2,\); expected \(1, 2\)"),
        (np.ones((1, 1, 1, 3)), np.ones(2), ValueError, "pre_spikes has shape"),
        (1.0, np.ones(2), ValueError, r"pre_spikes has shape \(\)"),
        (np.ones(3, complex), np.ones(2), TypeError, "pre_spikes must hold real numbers, not complex128"),
        (np.ones(3), np.array([1, None]), TypeError, "post_spikes must hold real numbers, not object"),
        ([[1, 2, 3], [1]], np.ones(2), ValueError, "pre_spikes can't be made an array"),
        (np.ones((2, 3)), np.ones((2, 2)), ValueError, r"batch of 2, but the traces have 1; call reset\(\)"),
        (from_numpy, np.ones(2), TypeError, "pre_spikes must be a float32 tensor, not int32"),
    ],
)
def test_bad_spikes_are_named_and_change_nothing(pre, post, error, text):
    if callable(pre):
        pre = pre(np.ones(3, np.int32))
    _, _, w = problem(1, 1, 3, 2)
    one = layer(w)
    one.update_weights([1, 0, 1], [0, 1])
    before = one.weight, one.pre_trace, one.post_trace
    with pytest.raises(error, match=text):
        one.update_weights(pre, post)
    for was, now in zip(before, (one.weight, one.pre_trace, one.post_trace)):
        np.testing.assert_array_equal(was, now)
    one.update_weights([1, 0, 1], [0, 1])


@pytest.mark.parametrize(
    "settings, error, text",
    [
        ({"tau_plus": 0.0}, ValueError, "tau_plus must be positive"),
        ({"tau_minus": -1}, ValueError, "tau_minus must be positive"),
        ({"dt": 0}, ValueError, "dt must be positive"),
        ({"dt": np.nan}, ValueError, "dt must be finite"),
        ({"tau_eligibility": 0}, ValueError, "tau_eligibility must be positive"),
        ({"a_plus": "big"}, TypeError, "a_plus must be a number"),
        ({"a_minus": 1e30}, ValueError, "a_minus must lie in"),
        ({"w_min": 1.0}, ValueError, r"w_min \(1.0\) must be below w_max \(1.0\)"),
        ({"w_min": 1.0, "w_max": 1.0 + 1e-9}, ValueError, r"w_min \(1.0\) must be below w_max .* in float32"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"seed": 1.5}, TypeError, "seed must be a whole number, not float"),
        ({"seed": True}, TypeError, "seed must be a whole number, not bool"),
        ({"bound": "firm"}, ValueError, "bound must be one of 'hard', 'soft'; got 'firm'"),
        ({"pairing": None}, ValueError, "pairing must be one of 'all', 'nearest'"),
        ({"in_features": 0}, ValueError, "in_features must be at least 1"),
        ({"out_features": 2.5}, TypeError, "out_features must be a whole number"),
    ],
)
def test_bad_settings_are_named(settings, error, text):
    with pytest.raises(error, match=text):
        nn.STDPLayer(**settings)


def test_bad_weights_and_rates_are_named():
    one = nn.STDPLayer(3, 2, seed=0)
    before = one.weight
    with pytest.raises(ValueError, match=r"weight has shape \(3, 2\); expected \(2, 3\)"):
        one.weight = np.ones((3, 2))
    with pytest.raises(ValueError, match="learning_rate must be finite"):
        one.update_weights(np.ones(3), np.ones(2), learning_rate=np.inf)
    np.testing.assert_array_equal(one.weight, before)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_computed_like_numpy(bad, batch):
    pre, post, w = problem(12, batch, 9, 8)
    pre[4, 0, 3], post[7, batch - 1, 5] = bad, bad
    one = layer(w)
    one.update_weights(pre, post)
    with np.errstate(invalid="ignore"):
        want, x, _, _ = reference(pre, post, w)
        np.testing.assert_array_equal(np.isnan(one.weight), np.isnan(want))
    np.testing.assert_allclose(one.weight, want, **CLOSE)
    np.testing.assert_allclose(one.pre_trace, x, rtol=1e-5, atol=1e-7)
    # the trace stays what it is, so later steps of zeros and ones must not be read as bits
    more, gone, _ = problem(6, batch, 9, 8, seed=5)
    one.update_weights(more, gone)
    with np.errstate(invalid="ignore"):
        want = reference(np.concatenate([pre, more]), np.concatenate([post, gone]), w)[0]
    np.testing.assert_allclose(one.weight, want, **CLOSE)


def test_an_infinite_trace_acts_without_further_spikes():
    """As in numpy, where 0 * inf is NaN: the step after the spike has no event of its own."""
    pre, post = np.zeros((2, 3, 1, 1), np.float32)
    post[0], pre[1] = 1, np.inf
    one = layer(np.full((1, 1), 0.5, np.float32))
    one.update_weights(pre[:2], post[:2])
    assert one.weight[0, 0] == 0
    one.reset()
    one.update_weights(pre, post)
    assert np.isnan(one.weight[0, 0])


def test_memory_does_not_grow():
    one = nn.STDPLayer(9, 6, tau_eligibility=20.0)
    kernels = VulkanCompute().snn
    x, y = np.ones((2, 1, 9)), np.ones((2, 1, 6))

    def call():
        one.update_weights(x, y, reward=0.1)
        kernels.stdp_learning(x, y, np.zeros((6, 9)))

    call()
    gc.collect()
    before = grilly_vk.memory_stats()["bytes_in_use"]
    for _ in range(1000):
        call()
    assert grilly_vk.memory_stats()["bytes_in_use"] == before


# --- forward, text ------------------------------------------------------------------


def test_forward_is_a_product():
    one = nn.STDPLayer(in_features=7, out_features=5, seed=1)
    x = np.random.default_rng(0).normal(size=(3, 2, 7))
    np.testing.assert_allclose(one(x), x @ one.weight.T.astype(np.float64), rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match=r"x has shape \(6,\); expected \(\.\.\., 7\)"):
        one(np.ones(6))


def test_documents_call_and_repr():
    one = nn.STDPLayer(in_features=256, out_features=128)
    assert one.weight.shape == (128, 256)
    assert repr(nn.STDPLayer(3, 2, tau_eligibility=5.0)) == (
        "STDPLayer(in_features=3, out_features=2, tau_plus=20.0, tau_minus=20.0, a_plus=0.01, a_minus=0.01, w_min=0.0, "
        "w_max=1.0, dt=0.001, bound='hard', pairing='all', tau_eligibility=5.0)"
    )


@pytest.mark.parametrize("batch", [1, 20])
@pytest.mark.parametrize("settings", [{}, {"bound": "soft"}, {"tau_eligibility": 20.0}, {"w_min": -1.0, "w_max": 2.0}])
@pytest.mark.parametrize("host", [False, True])
def test_synapses_that_a_mask_leaves_out_stay_0(settings, batch, host):
    """The others learn as they do without a mask, by the kernel and by the pass of the host."""
    pre, post, w = problem(30, batch, 40, 30)
    there = np.random.default_rng(5).random(w.shape) < 0.1
    more = {"reward": 0.5} if "tau_eligibility" in settings else {}
    before = engine().host_products
    try:
        engine().host_products = host
        one, two = layer(w, **settings), layer(w, mask=there, **settings)
        np.testing.assert_allclose(two(np.eye(40)), (w * there).T, rtol=1e-6)
        for made in (one, two):
            made.update_weights(pre, post, **more)
    finally:
        engine().host_products = before
    np.testing.assert_array_equal(two.weight, np.where(there, one.weight, 0))
    assert (two.weight[~there] == 0).all() and np.abs(two.weight - w)[there].max() > 1e-3
    if more:
        np.testing.assert_array_equal(two.eligibility, np.where(there, one.eligibility, 0))
    np.testing.assert_array_equal(two.mask, there)
    with pytest.raises(TypeError, match="mask must be of bools"):
        nn.STDPLayer(40, 30, mask=w)
    with pytest.raises(ValueError, match="mask must have shape"):
        nn.STDPLayer(40, 30, mask=there.T)


# --- the facade ---------------------------------------------------------------------


@pytest.fixture
def kernels():
    return VulkanCompute().snn


@pytest.mark.parametrize("batch", [1, 3])
def test_facade_takes_state_and_gives_state(kernels, batch):
    pre, post, w = problem(30, batch, 6, 9)
    first = kernels.stdp_learning(pre[:11], post[:11], w, a_plus=0.04, bound="soft", pairing="nearest")
    got = kernels.stdp_learning(pre[11:], post[11:], *first, a_plus=0.04, bound="soft", pairing="nearest")
    want = reference(pre, post, w, a_plus=0.04, bound="soft", pairing="nearest")
    for mine, theirs in zip(got, want):
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine, theirs, **CLOSE)


def test_facade_leaves_its_arguments_alone(kernels):
    pre, post, w = problem(5, 1, 6, 9)
    x, y = np.full(6, 0.5, np.float32), np.full(9, 0.25, np.float32)
    given = [v.copy() for v in (pre[0, 0], post[0, 0], w, x, y)]
    for values in given:
        values.flags.writeable = False
    new = kernels.stdp_learning(*given)
    want = reference(pre[:1], post[:1], w, x=x[None], y=y[None])
    assert [v.shape for v in new] == [(9, 6), (6,), (9,)]
    np.testing.assert_allclose(new[0], want[0], **CLOSE)
    for was, now in zip((pre[0, 0], post[0, 0], w, x, y), given):
        np.testing.assert_array_equal(was, now)


def test_facade_results_can_be_passed_on_without_being_changed(kernels):
    """Large results are windows on device memory; a call that takes them must not write there."""
    pre, post, w = problem(3, 1, 200, 150)
    first = kernels.stdp_learning(pre, post, w)
    kept = first[0].copy()
    kernels.stdp_learning(pre, post, *first)
    kernels.hebbian_learning(pre, post, first[0])
    np.testing.assert_array_equal(first[0], kept)


@pytest.mark.parametrize("which", ["pre_trace", "post_trace"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_facade_traces_that_are_not_finite(kernels, which, bad):
    pre, post, w = problem(12, 1, 6, 9)
    x, y = np.zeros((1, 6)), np.zeros((1, 9))
    (x if which == "pre_trace" else y)[0, 2] = bad
    got = kernels.stdp_learning(pre, post, w, x, y)
    with np.errstate(invalid="ignore"):
        want = reference(pre, post, w, x=x, y=y)
    for mine, theirs in zip(got, want):
        np.testing.assert_allclose(mine, theirs, **CLOSE)


def test_facade_reward(kernels):
    pre, post, w = problem(20, 2, 6, 9)
    e, series = np.random.default_rng(4).normal(size=(9, 6)) * 0.01, np.linspace(-1, 1, 20)
    got = kernels.stdp_reward_learning(pre, post, w, series, e, tau_eligibility=30.0, learning_rate=0.5)
    want = reference(pre, post, w, reward=series, e=e, tau_eligibility=30.0, learning_rate=0.5)
    np.testing.assert_allclose(got[0], want[0], **CLOSE)
    np.testing.assert_allclose(got[1], want[3], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(got[2], want[1], rtol=1e-5, atol=1e-7)


def test_facade_traces(kernels):
    rng = np.random.default_rng(0)
    s, start = spikes(rng, 50, 2, 7), rng.random((2, 7)).astype(np.float32)
    want, x, last = [], start.astype(np.float64), start.astype(np.float64)
    nearest = []
    for now in s:
        x = x * np.exp(-2 / 30) + now
        last = np.where(now != 0, now, last * np.exp(-2 / 30))
        want.append(x)
        nearest.append(last)
    np.testing.assert_allclose(kernels.stdp_traces(s, start, 30.0, 0.002), want, rtol=1e-5)
    np.testing.assert_allclose(kernels.stdp_traces(s, start, 30.0, 0.002, pairing="nearest"), nearest, rtol=1e-5)
    np.testing.assert_allclose(kernels.stdp_traces(s[0], start, 30.0, 0.002), want[0], rtol=1e-5)
    np.testing.assert_array_equal(kernels.stdp_traces([1, 0, 1]), [1, 0, 1])
    assert kernels.stdp_traces(np.zeros((0, 2, 7))).shape == (0, 2, 7)
    assert kernels.stdp_traces(np.zeros((4, 0))).shape == (4, 0)


def test_facade_names_what_is_wrong(kernels):
    w = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"weights has shape \(3,\); expected \(out, in\)"):
        kernels.stdp_learning(np.ones(3), np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match=r"pre_trace has shape \(2,\); expected \(3,\)"):
        kernels.stdp_learning(np.ones(3), np.ones(2), w, np.ones(2))
    with pytest.raises(ValueError, match=r"post_trace has shape \(4, 2\); expected \(1, 2\)"):
        kernels.stdp_learning(np.ones((1, 3)), np.ones((1, 2)), w, None, np.ones((4, 2)))
    with pytest.raises(ValueError, match="tau_plus must be positive"):
        kernels.stdp_learning(np.ones(3), np.ones(2), w, tau_plus=0)
    with pytest.raises(ValueError, match=r"eligibility has shape \(3, 2\); expected \(2, 3\)"):
        kernels.stdp_reward_learning(np.ones(3), np.ones(2), w, 1.0, np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"trace has shape \(4,\); expected \(3,\) or, for one step, \(2, 3\)"):
        kernels.stdp_traces(np.ones((2, 3)), np.ones(4))
    with pytest.raises(ValueError, match=r"trace has shape \(\); expected \(3,\)$"):
        kernels.stdp_traces(np.ones(3), 1.0)
    ragged = [[1.0], [2.0, 3.0]]
    for name, call in {
        "pre_spikes": lambda: kernels.stdp_learning(ragged, np.ones(2), w),
        "post_spikes": lambda: kernels.stdp_learning(np.ones(3), ragged, w),
        "weights": lambda: kernels.stdp_learning(np.ones(3), np.ones(2), ragged),
        "pre_trace": lambda: kernels.stdp_learning(np.ones(3), np.ones(2), w, ragged),
        "reward": lambda: kernels.stdp_reward_learning(np.ones(3), np.ones(2), w, ragged),
        "eligibility": lambda: kernels.stdp_reward_learning(np.ones(3), np.ones(2), w, 1.0, ragged),
        "spikes": lambda: kernels.stdp_traces(ragged),
        "trace": lambda: kernels.stdp_traces(np.ones(3), ragged),
    }.items():
        with pytest.raises(ValueError, match=f"^{name} can't be made an array"):
            call()
    with pytest.raises(ValueError, match="tau must be positive"):
        kernels.stdp_traces(np.ones(3), None, 0.0)
    assert kernels.stdp_learning(np.ones((0, 1, 3)), np.ones((0, 1, 2)), w)[0].shape == (2, 3)
