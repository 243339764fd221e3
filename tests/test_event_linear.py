"""Event-driven products (nn.Linear on spikes) against float64, and that what they skip changes nothing else."""

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.ops import event_linear
from grilly_vk.ops.encode import encode_latency, encode_poisson, time_expand
from grilly_vk.tensor import from_numpy

SHAPES = [  # x, outs: both widths of loads, tiles and chunks with rests, time first or not, nothing at all
    ((5, 7), 3),
    ((9, 4, 6), 12),
    ((25, 3, 1030), 20),
    ((600, 9), 5),
    ((16, 2, 3, 17), 68),
    ((3,), 4),
    ((0, 5), 4),
    ((9, 0, 5), 4),
    ((5, 0), 4),
    ((8, 8), 0),
]
DENSITIES = [0.0, 0.1, 1.0]


def spikes(shape, density, seed=0):
    return (np.random.default_rng(seed).random(shape) < density).astype(np.float32)


def parameters(ins, outs, seed=1):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((outs, ins)).astype(np.float32), rng.standard_normal(outs).astype(np.float32)


def close(got, a, b, more=0.0):
    """Within the error of a float32 sum in any order: (n + 2) * 2**-24 of the sum of magnitudes."""
    wanted = a.astype(float) @ b.astype(float) + more
    bound = (a.shape[-1] + 2) * 2.0**-24 * (np.abs(a).astype(float) @ np.abs(b).astype(float) + np.abs(more)) + 1e-30
    assert got.shape == wanted.shape
    assert (np.abs(got - wanted) <= bound).all()


@pytest.mark.parametrize("binary", [True, False], ids=["spikes", "values"])
@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize(("shape", "outs"), SHAPES)
def test_product_and_gradients(shape, outs, density, binary):
    x = spikes(shape, density)
    if not binary:
        x *= np.random.default_rng(2).standard_normal(shape).astype(np.float32)
        x[..., :1] = 1.0  # rows of ones and others mix in a list
    w, b = parameters(shape[-1], outs)
    tx, tw, tb = (grilly_vk.tensor(a, requires_grad=True) for a in (x, w, b))
    y = F.linear(tx, tw, tb, event_driven=True)
    close(y.numpy(), x, w.T, b)
    g = np.random.default_rng(3).standard_normal(y.shape).astype(np.float32)
    y.backward(grilly_vk.tensor(g))
    close(tx.grad.numpy(), g, w)
    rows = int(np.prod(shape[:-1]))
    close(tw.grad.numpy(), g.reshape(rows, outs).T, x.reshape(rows, shape[-1]))
    np.testing.assert_allclose(tb.grad.numpy(), g.reshape(rows, outs).astype(float).sum(0), rtol=1e-4, atol=1e-4)


def test_one_row_is_the_same_bits_in_any_company():
    """Alone, beside others, with values beside it, in time or out of it: a row's sum has one order."""
    x = spikes((16, 40, 90), 0.2)
    w, b = (from_numpy(a) for a in parameters(90, 36))
    whole = F.linear(x, w, b, event_driven=True).numpy()
    np.testing.assert_array_equal(F.linear(x.reshape(-1, 90), w, b, event_driven=True).numpy(), whole.reshape(-1, 36))
    np.testing.assert_array_equal(F.linear(x[3, 7], w, b, event_driven=True).numpy(), whole[3, 7])
    x[::2] *= 0.7
    mixed = F.linear(x, w, b, event_driven=True).numpy()
    np.testing.assert_array_equal(mixed[1::2], whole[1::2])
    np.testing.assert_array_equal(F.linear(x, w, b, event_driven=True).numpy(), mixed)


def test_silent_inputs_do_not_see_their_weights():
    """As documented: what meets no spike is skipped, even NaN; what meets one is not."""
    x = np.zeros((70, 6), np.float32)
    x[::2, 0], x[1, 1], x[3, 2], x[5, 3] = 1.0, -0.0, np.nan, 1e-30
    w, _ = parameters(6, 40)
    w[:, 1], w[:, 4] = np.nan, np.inf
    y = F.linear(x, w, event_driven=True).numpy()
    assert np.isnan(y[3]).all()
    assert np.isfinite(np.delete(y, 3, 0)).all()
    np.testing.assert_array_equal(y[::2], np.broadcast_to(w[:, 0], (35, 40)))
    np.testing.assert_allclose(y[5], 1e-30 * w[:, 3].astype(float), rtol=1e-6)
    x[1, 1] = 1.0
    y = F.linear(x, w, event_driven=True).numpy()  # now others walk a list with that input in it
    assert np.isnan(y[1]).all()
    assert np.isfinite(np.delete(y, [1, 3], 0)).all()


def test_auto_takes_what_is_faster_at_the_measured_density(monkeypatch):
    """Marked spikes, few of them, large enough, on a device that gains: measured at the calls 1, 2, 4, 8, ..."""
    seen, measured = [], []
    real, measure = event_linear.forward, event_linear.measured
    monkeypatch.setattr(event_linear, "forward", lambda *a: seen.append(1) or real(*a))
    monkeypatch.setattr(event_linear, "measured", lambda x, outs: measured.append(1) or measure(x, outs))

    def goes_by_events(x, outs=64, how="auto", layer=None):
        seen.clear()
        (layer or nn.Linear(x.shape[-1], outs, event_driven=how))(x)
        return bool(seen)

    sparse, dense = (from_numpy(spikes((200, 64), p)) for p in (0.01, 0.4))
    gains = sparse.engine.tuning.event_driven
    assert not goes_by_events(sparse)
    assert goes_by_events(dense, how=True)
    assert not measured
    assert sparse.as_spikes() is sparse
    assert goes_by_events(sparse) is gains
    assert not goes_by_events(dense.as_spikes())
    assert not goes_by_events(sparse, how=False)
    assert not goes_by_events(sparse, outs=8)
    assert not goes_by_events(sparse[:8])
    layer = nn.Linear(64, 64)
    measured.clear()
    ways = [goes_by_events(sparse if call < 3 else dense, layer=layer) for call in range(20)]
    assert ways == [gains] * 3 + [False] * 17  # the fourth call measures again
    assert len(measured) == 5 * gains
    assert not goes_by_events(sparse.as_spikes(False))


def test_measured_shares():
    x = np.zeros((16, 128), np.float32)
    x[:, ::4] = 1.0  # of each group of rows a quarter of the steps, of each group of columns all
    shares = event_linear.shares_of(from_numpy(x))
    assert shares.forward == 0.25
    assert shares.gradient == 1.0
    x = np.zeros((16, 2, 128), np.float32)
    x[:8, 1] = 1.0  # all of one group of steps in four
    assert event_linear.shares_of(from_numpy(x)).forward == 0.25


def test_a_captured_layer_goes_the_way_measured_before():
    x = from_numpy(spikes((200, 64), 0.01)).as_spikes()
    layer = nn.Linear(64, 64)
    run = grilly_vk.compile(lambda x: layer(x))
    first = run(x).numpy()
    assert layer._ways is None
    np.testing.assert_allclose(layer(x).numpy(), first, rtol=1e-5, atol=1e-6)


def test_the_mark_stays_where_elements_stay():
    x = from_numpy(spikes((4, 6), 0.5)).as_spikes()
    kept = [x.reshape(24), x.flatten(), x.detach(), x._rows(1, 3), x[1], x[1:3], x.unsqueeze(0)]
    kept.append(grilly_vk.stack([x, x]))
    assert all(t.is_spikes for t in kept)
    dropped = [x + 0.0, x * 0.5, x.sum(), grilly_vk.stack([x, x * 1.0]), x.clone(), from_numpy(spikes((4,), 0.5))]
    assert not any(t.is_spikes for t in dropped)
    half = from_numpy(np.full((3,), 0.5, np.float32))
    assert encode_poisson(half, 5).is_spikes
    assert encode_latency(half, 5).is_spikes
    assert time_expand(x, 2).is_spikes
    assert not time_expand(half, 2).is_spikes


def test_linear_layer_trains_the_same_way_with_and_without():
    x, target = spikes((10, 8, 40), 0.15), np.random.default_rng(4).standard_normal((10, 8, 36)).astype(np.float32)
    weights = {}
    for how in (True, False):
        grilly_vk.manual_seed(0)
        layer = nn.Linear(40, 36, event_driven=how)
        optimizer = grilly_vk.optim.SGD(layer.parameters(), lr=0.5)
        for _ in range(5):
            optimizer.zero_grad()
            F.mse_loss(layer(x), target).backward()
            optimizer.step()
        weights[how] = layer.weight.numpy()
    np.testing.assert_allclose(weights[True], weights[False], rtol=1e-5, atol=1e-6)
    assert "event_driven=True" in repr(nn.Linear(3, 2, event_driven=True))
    assert "event_driven" not in repr(nn.Linear(3, 2))


def test_compiled_steps_follow_the_input():
    """The recording was made on one density and value set; another needs no other."""
    w, b = (from_numpy(a) for a in parameters(70, 36))
    step = grilly_vk.compile(lambda x: F.linear(x, w, b, event_driven=True))
    for density, scale in ((0.05, 1.0), (1.0, 1.0), (0.3, 0.6), (0.0, 1.0)):
        x = spikes((80, 70), density) * np.float32(scale)
        np.testing.assert_array_equal(step(x).numpy(), F.linear(x, w, b, event_driven=True).numpy())
    assert step.captures == 1


def test_compiled_inputs_keep_their_mark():
    seen = []
    step = grilly_vk.compile(lambda x: (seen.append(x.is_spikes), x + 1.0)[1])
    x = from_numpy(spikes((4, 4), 0.5))
    step(x)
    step(x.as_spikes())
    step(x)
    assert seen == [False, True]


@pytest.mark.parametrize("given", ["yes", None, 1, 0.5])
def test_refuses_another_choice(given):
    with pytest.raises(ValueError, match='event_driven must be "auto", True or False'):
        nn.Linear(3, 2, event_driven=given)
    with pytest.raises(ValueError, match="event_driven must be True or False"):
        F.linear(spikes((2, 3), 0.5), np.ones((2, 3), np.float32), event_driven=given)
