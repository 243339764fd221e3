"""Recurrences as records: what follows from their equations, and what their kernels do beside the layers' tests."""

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk.equations import evaluate, text
from grilly_vk.equations.synapses import DUAL_TIMESCALE, RATE, RECURRENCES, STP, SYNAPSE_FILTER


def leaf(values):
    return grilly_vk.tensor(np.asarray(values, np.float32), requires_grad=True)


def test_what_the_way_back_reads():
    """Nothing where it needs nothing; the second set is with gradients of the constants."""
    assert SYNAPSE_FILTER.reads == {False: set(), True: {"y"}}
    assert DUAL_TIMESCALE.reads == {False: set(), True: {"fast", "slow"}}
    assert STP.reads == {False: {"x", "u", "r"}, True: {"x", "u", "r"}}
    assert RATE.reads == {False: {"h"}, True: {"h"}}


def test_the_way_back_is_as_written_by_hand():
    lines = [f"{s.target} = {text(s.value)}" for s in SYNAPSE_FILTER.back_to_constants.lines]
    gradients = {n: text(e) for n, e in SYNAPSE_FILTER.back_to_constants.gradients.items()}
    assert lines == ["of_y_0 = g_y + g"]
    assert gradients == {"x": "of_y_0", "y": "of_y_0 * decay", "decay": "of_y_0 * y"}


@pytest.mark.parametrize("model", [SYNAPSE_FILTER, DUAL_TIMESCALE, STP], ids=lambda m: m.name)
def test_gradients_of_a_step_are_those_of_differences(model):
    """The record's own equations in float64, each name moved by itself."""
    rng = np.random.default_rng(3)
    names = ["x", *model.states, *model.constants]
    values = {n: rng.uniform(0.2, 0.8, 20) for n in names}
    values["x"][::2] = 0 if model is STP else values["x"][::2]
    weights = {n: rng.normal(size=20) for n in ["g", *(f"g_{s}" for s in model.states)]}

    def run(given, lines):
        given = dict(given)
        for s in lines:
            given[s.target] = evaluate(s.value, given, np)
        return given

    def loss(given):
        after = run(given, model.steps)
        states = sum(weights[f"g_{s}"] * after[model.after[s]] for s in model.states)
        return weights["g"] * after[model.after[model.output]] + states

    known = run(values, model.steps) | values | weights
    known = run(known, model.back_to_constants.lines)
    for n in names:
        moved = np.where(values["x"] != 0, 1e-6, 0) if n == "x" and model is STP else 1e-6  # a spike stays one
        up, down = ({**values, n: values[n] + sign * moved} for sign in (1, -1))
        found = evaluate(model.back_to_constants.gradients[n], known, np)
        np.testing.assert_allclose(found, (loss(up) - loss(down)) / 2e-6, rtol=1e-6, atol=1e-8, err_msg=n)


def test_numbers_and_learnt_constants_go_together():
    """One constant that is learnt leaves the others numbers: the same bits as with all of them learnt."""
    rng = np.random.default_rng(4)
    x, g = (rng.normal(size=(7, 8)).astype(np.float32) for _ in range(2))
    numbers = [3.0, 20.0, 0.6, -0.3]
    every = [leaf(v) for v in numbers]
    y = F.dual_timescale(x, None, None, *every)[0]
    (y * g).sum().backward()
    for i, learnt in enumerate(every):
        own = leaf(numbers[i])
        one = F.dual_timescale(x, None, None, *numbers[:i], own, *numbers[i + 1 :])[0]
        np.testing.assert_allclose(one.numpy(), y.numpy(), rtol=1e-6, atol=1e-6)
        (one * g).sum().backward()
        np.testing.assert_allclose(own.grad.numpy(), learnt.grad.numpy(), rtol=1e-4)


def test_an_infinite_gradient_where_nothing_spikes_stays_there():
    """A choice takes the gradient of the side that it took, and no NaN from the other."""
    x, u, r = leaf([[1, 0, 1, 0]]), leaf([0.3] * 4), leaf([0.6] * 4)
    out, _, _ = F.stp(x, u, r)
    (out * grilly_vk.tensor(np.float32([1, np.inf, 1, -np.inf]))).sum().backward()
    for t in (x, u, r):
        assert np.isfinite(t.grad.numpy()).all(), t.grad
        np.testing.assert_array_equal(t.grad.numpy().reshape(-1)[1::2], 0)


def test_of_no_steps_the_states_are_the_recurrences_own():
    """Also where they are a constant that is learnt; their gradients pass."""
    base, resources = leaf(0.25), leaf([1, 0.5, 0])
    out, u, r = F.stp(np.zeros((0, 3), np.float32), r=resources, U=base)
    assert out.shape == (0, 3)
    np.testing.assert_array_equal(u.numpy(), np.float32([0.25] * 3))
    np.testing.assert_array_equal(r.numpy(), resources.numpy())
    (u.sum() + (r * [1.0, 2.0, 3.0]).sum()).backward()
    assert base.grad.item() == 3.0
    np.testing.assert_array_equal(resources.grad.numpy(), [1, 2, 3])


def test_each_recurrence_fits_its_kernels():
    for model in RECURRENCES:
        assert len(model.states) <= 2 and len(model.constants) <= 4 and len(model.keep) <= 2
        assert set(model.starts[0].names) <= set(model.constants)
        needs_b0 = len(model.states) == 2 and not model.before
        assert not (needs_b0 and "x" in model.reads[True])  # they have one binding
