"""Hebbian learning and pair STDP by the host's products, against the float64 references of the kernels' own tests."""

import numpy as np
import pytest
import test_hebbian
import test_stdp
from steps import engine
from tuned import tune

import grilly_vk
from grilly_vk.ops import plasticity as ops
from grilly_vk.ops import steps
from grilly_vk.tensor import from_numpy

pytestmark = pytest.mark.skipif(engine().blas is None, reason="the device's memory is its own, or there is no OpenBLAS")
SETTINGS = dict(tau_plus=7.0, tau_minus=15.0, a_plus=0.06, a_minus=0.04)


@pytest.fixture(autouse=True)
def host(monkeypatch):
    """Every product goes to the host, however small."""
    monkeypatch.setattr(engine(), "host_products", True)
    tune(monkeypatch, host_product=1)


def ran(work):
    """Names of the kernels and host calls that `work` issues."""
    with grilly_vk.profile() as report:
        work()
    return {row.kernel for row in report.kernels}


# ---- Hebbian ----


@pytest.mark.parametrize("rule", ops.RULES)
@pytest.mark.parametrize("decay", [0.0, 0.2])
@pytest.mark.parametrize("steps, batch, ins, outs", [(1, 1, 1, 1), (6, 4, 65, 66), (3, 2, 1, 9), (2, 30, 130, 7)])
def test_hebbian_updates_match_the_rule(steps, batch, ins, outs, decay, rule):
    pre, post, w = test_hebbian.problem(steps, batch, ins, outs)
    one = test_hebbian.layer(w, rule, tau_theta=5.0)
    names = ran(lambda: one.update_weights(pre, post, learning_rate=0.3, weight_decay=decay))
    assert "host-hebbian" in names
    assert "snn-hebbian" not in names
    want, _ = test_hebbian.reference(pre, post, w, 0.3, decay, rule, tau=5.0)
    np.testing.assert_allclose(one.weight, want, **test_hebbian.CLOSE)


@pytest.mark.parametrize("rule", ops.RULES)
def test_hebbian_runs_that_are_cut_give_the_same(monkeypatch, rule):
    pre, post, w = test_hebbian.problem(30, 3, 10, 7)
    want, _ = test_hebbian.reference(pre, post, w, 0.3, 0.4, rule)
    for module, name, value in ((ops, "_MOST_STEPS", 16), (steps, "_PIECE", 4 * 30 * 7)):
        monkeypatch.setattr(module, name, value)
        one = test_hebbian.layer(w, rule)
        one.update_weights(pre, post, 0.3, 0.4)
        np.testing.assert_allclose(one.weight, want, **test_hebbian.CLOSE)


def test_a_rate_of_none_still_meets_what_is_not_a_number():
    """BLAS skips a product with a factor of 0."""
    pre, post, w = test_hebbian.problem(1, 5, 6, 4)
    pre[0, 2, 1] = np.nan
    one = test_hebbian.layer(w)
    one.update_weights(pre, post, learning_rate=0.0)
    np.testing.assert_array_equal(np.isnan(one.weight), np.arange(6) == np.full((4, 1), 1))


@pytest.mark.parametrize("rule", ops.RULES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_hebbian_of_what_is_not_finite(bad, rule):
    test_hebbian.test_what_is_not_finite_is_computed_like_numpy(bad, rule)


# ---- STDP ----


@pytest.mark.parametrize("pairing", ["all", "nearest"])
@pytest.mark.parametrize(
    "steps, batch, ins, outs",
    [(1, 2, 1, 1), (40, 4, 65, 66), (7, 16, 784, 90), (3, 5, 3000, 21), (33, 9, 1, 300), (1, 1, 784, 400)],
)
def test_stdp_runs_match_the_rule(steps, batch, ins, outs, pairing):
    """One band of outputs and several, whole and not; traces that go on; graded spikes."""
    pre, post, w = test_stdp.problem(steps, batch, ins, outs)
    pre, post = pre * np.float32(0.7), post * np.float32(1.3)
    one = test_stdp.layer(w, pairing=pairing, **SETTINGS)
    names = ran(lambda: one.update_weights(pre, post, learning_rate=0.8))
    assert "host-stdp" in names
    assert "snn-stdp" not in names
    rule = dict(SETTINGS, pairing=pairing)
    want, x, y, _ = test_stdp.reference(pre, post, w, learning_rate=0.8, **rule)
    np.testing.assert_allclose(one.weight, want, atol=2e-6 * steps + 1e-6)
    one.update_weights(post[:1, :, :1] * np.ones(ins), post[:1])
    want, _, _, _ = test_stdp.reference(post[:1, :, :1] * np.ones(ins), post[:1], want, x=x, y=y, **rule)
    np.testing.assert_allclose(one.weight, want, atol=2e-6 * steps + 2e-6)


@pytest.mark.parametrize("case", ["batch", "soft", "reward", "amplitude"])
def test_other_forms_stay_kernels(case):
    """One sample of few weights; soft bounds, rewards, and an amplitude of 0."""
    pre, post, w = test_stdp.problem(20, 1 if case == "batch" else 6, 30, 20)
    more = {"soft": {"bound": "soft"}, "reward": {"tau_eligibility": 30.0}, "amplitude": {"a_plus": 0.0}}.get(case, {})
    given = {"reward": 0.4} if case == "reward" else {}
    one = test_stdp.layer(w, **more)
    assert "host-stdp" not in ran(lambda: one.update_weights(pre, post, **given))
    want = test_stdp.reference(pre, post, w, **more, **given)[0]
    np.testing.assert_allclose(one.weight, want, atol=1e-5)


def test_weights_from_outside_are_clipped_and_bounds_hold_at_each_step():
    pre, post, w = test_stdp.problem(30, 5, 20, 17)
    w = w * 3 - 1
    rule = dict(SETTINGS, a_plus=2.0, a_minus=2.5, w_min=-0.5, w_max=0.75)
    one = test_stdp.layer(w, **rule)
    one.update_weights(pre, post)
    np.testing.assert_allclose(one.weight, test_stdp.reference(pre, post, w, **rule)[0], atol=2e-5)


@pytest.mark.parametrize("bound", [0.0, 1.0])
def test_a_single_sample_is_a_pass_over_the_weights(bound, monkeypatch):
    """Bounds at each step, rates of 0, and what is not a number."""
    tune(monkeypatch, host_stream=1)
    pre, post, w = test_stdp.problem(30, 1, 37, 17)
    rule = dict(SETTINGS, a_plus=2.0 * bound, a_minus=2.5 * bound, w_min=-0.5, w_max=0.75)
    w = w * 3 - 1
    w[3, 2] = np.nan
    one = test_stdp.layer(w, **rule)
    assert "host-stdp" in ran(lambda: one.update_weights(pre, post))
    np.testing.assert_allclose(one.weight, test_stdp.reference(pre, post, w, **rule)[0], atol=2e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_computed_like_numpy(bad):
    pre, post, w = test_stdp.problem(6, 4, 9, 7)
    pre[2, 1, 3], w[5, 4] = bad, np.nan
    one = test_stdp.layer(w, **SETTINGS)
    one.update_weights(pre, post)
    with np.errstate(invalid="ignore"):
        want = test_stdp.reference(pre, post, w, **SETTINGS)[0]
    np.testing.assert_allclose(one.weight, want, atol=1e-5)


def test_stdp_runs_that_are_cut_give_the_same_bits(monkeypatch):
    pre, post, w = test_stdp.problem(50, 4, 30, 40)
    results = []
    for most in (1 << 16, 4 * 7, 4):
        monkeypatch.setattr(ops, "_MOST_STEPS", most)
        one = test_stdp.layer(w, **SETTINGS)
        one.update_weights(pre, post)
        results.append((one.weight, one.pre_trace, one.post_trace))
    for other in results[1:]:
        for a, b in zip(other, results[0]):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", ["hebbian", "stdp"])
def test_graphs_replay_them(kind):
    """A graph's replays do what as many calls do."""
    made, given = (test_hebbian, {"learning_rate": 0.1}) if kind == "hebbian" else (test_stdp, {})
    pre, post, w = made.problem(5, 6, 20, 10)
    inputs = from_numpy(pre), from_numpy(post)
    eager, captured = made.layer(w), made.layer(w)
    captured.update_weights(*inputs, **given)
    with grilly_vk.capture() as graph:
        captured.update_weights(*inputs, **given)
    graph.replay()
    graph.replay()
    for _ in range(3):
        eager.update_weights(*inputs, **given)
    np.testing.assert_array_equal(captured.weight, eager.weight)
