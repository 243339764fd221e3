"""What records_spike_loss.py can't say: the gradient of spike times, the modules, training, compiling."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.special
from test_ops import OPS

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import arguments, encode, nn, optim
from grilly_vk.tensor import from_numpy


def train(*shape, p=0.15, seed=0):
    return (np.random.default_rng([seed, *shape]).random(shape) < p).astype(np.float32)


def times(s):
    return np.where((s > 0).any(0), (s > 0).argmax(0), len(s) - 1)


def through_times(s, slope):
    """The gradient of spikes from that of times: -slope at the first spike, or at the last step, else 0."""
    out = np.zeros(s.shape)
    for at in np.ndindex(s.shape[1:]):
        out[(times(s)[at], *at)] = -slope[at]
    return out


@pytest.mark.parametrize("shape", [(12, 4, 3), (12, 2, 8), (1, 3, 4), (50, 5)])
@pytest.mark.parametrize("inverse", ["negate", "reciprocal"])
def test_gradient_of_the_temporal_cross_entropy(shape, inverse):
    s = train(*shape)
    y = np.random.default_rng(1).integers(0, shape[-1], shape[1:-1]).astype(np.int32)
    t = times(s).astype(float)
    logits, slope = (-t, -1.0) if inverse == "negate" else (1 / (t + 1), -1 / (t + 1) ** 2)
    wrong = scipy.special.softmax(logits, -1) - np.eye(shape[-1])[y]
    want = through_times(s, wrong / max(1, y.size) * slope)
    x = from_numpy(s).requires_grad_()
    F.ce_temporal_loss(x, y, inverse).backward()
    np.testing.assert_allclose(x.grad.numpy(), want, rtol=1e-5, atol=1e-7)
    # More drive to the target at its (shadow) spike lowers the loss.
    assert (np.take_along_axis(x.grad.numpy().sum(0), y[..., None], -1) <= 0).all()


def test_gradient_of_the_temporal_mse():
    s, y = train(12, 4, 3), np.array([0, 2, 1, 1], np.int32)
    wanted = np.where(np.arange(3) == y[:, None], 3, 10)
    off = times(s) - wanted
    for tolerance in (0.0, 4.0):
        slope = np.where(np.abs(off) < tolerance, 0, 2 * off / 12**2 / off.size)
        x = from_numpy(s).requires_grad_()
        F.mse_temporal_loss(x, y, 3, -2, tolerance=tolerance).backward()
        np.testing.assert_allclose(x.grad.numpy(), through_times(s, slope), rtol=1e-5, atol=1e-8)


def test_spike_times_by_hand():
    from grilly_vk.ops.readout import spike_time

    x = from_numpy(np.array([[0, 1, 0], [0.5, 1, 0], [1, 0, np.nan]], np.float32)).requires_grad_()
    t = spike_time(x)
    assert t.tolist() == [1, 0, 2]
    t.sum().backward()
    assert x.grad.tolist() == [[0, -1, 0], [-1, 0, 0], [0, 0, -1]]
    with pytest.raises(ValueError, match="no time steps"):
        spike_time(from_numpy(np.zeros((0, 3), np.float32)))


def test_rates_on_the_edge_of_the_band_are_free():
    x = from_numpy(np.full((4, 1, 2), 0.25, np.float32)).requires_grad_()
    for band in ({"target": 0.25}, {"lower": 0.25}, {"upper": 0.25}):
        loss = F.rate_regularization(x, **band)
        loss.backward()
        assert loss.item() == 0 and not x.grad.numpy().any()


def test_classes_that_do_not_exist():
    """In device tensors, which are not read, they give NaN."""
    s, y = train(5, 2, 3), from_numpy(np.array([0, 3], np.int32))
    for loss in (F.ce_rate_loss, F.ce_count_loss, F.ce_temporal_loss, F.mse_count_loss, F.mse_temporal_loss):
        assert np.isnan(loss(s, y).item()), loss.__name__
        assert np.isfinite(loss(s, [0, 2]).item()), loss.__name__


MODULES = {
    "ce_rate_loss": nn.CERateLoss,
    "ce_count_loss": nn.CECountLoss,
    "ce_temporal_loss": nn.CETemporalLoss,
    "mse_count_loss": nn.MSECountLoss,
    "mse_temporal_loss": nn.MSETemporalLoss,
    "rate_regularization": nn.RateRegularization,
}


@pytest.mark.parametrize("op", [o for o in OPS if o.name in MODULES], ids=lambda o: o.name)
def test_modules_are_the_functions(op):
    for sample in op.samples:
        arrays = [from_numpy(a) for a in sample.arrays]
        got = MODULES[op.name](**sample.options)(*arrays)
        assert got.numpy().tobytes() == op.run(*arrays, **sample.options).numpy().tobytes()


def test_modules():
    assert set(nn.CECountLoss(weight=[1.0, 2.0]).state_dict()) == {"weight"}
    assert repr(nn.MSECountLoss(0.8, 0.1)) == "MSECountLoss(correct_rate=0.8, incorrect_rate=0.1)"
    for make, text in (
        (lambda: nn.CETemporalLoss("log"), "inverse must be one of"),
        (lambda: nn.CERateLoss(label_smoothing=2), "label_smoothing must lie in"),
        (lambda: nn.CECountLoss(0), "num_classes must be at least 1"),
        (lambda: nn.MSECountLoss(2.0), "correct_rate must lie in"),
        (lambda: nn.MSETemporalLoss(tolerance=-1), "tolerance must not be negative"),
        (nn.RateRegularization, "rate_regularization needs target, lower or upper"),
    ):
        with pytest.raises(ValueError, match=text):
            make()


@pytest.mark.parametrize("name", ["ce_rate_loss", "ce_count_loss", "mse_count_loss"])
def test_a_compiled_step_learns(name):
    """A read-out of encoded input: losses fall, and the compiled step gives the bits of the plain one."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 24).astype(np.int32)
    x = np.clip(np.eye(3)[y] @ rng.random((3, 12)) + 0.05 * rng.standard_normal((24, 12)), 0, 1).astype(np.float32)

    def losses(wrap):
        grilly_vk.manual_seed(4)
        model = nn.Linear(12, 3)
        optimizer = optim.Adam(model.parameters(), lr=0.05)

        @wrap
        def step(x, y):
            optimizer.zero_grad()
            loss = getattr(F, name)(model(encode.rate(x, 8)).sigmoid(), y)
            loss.backward()
            optimizer.step()
            return loss

        return [step(x, y).item() for _ in range(30)]

    plain = losses(lambda f: f)
    assert np.mean(plain[-5:]) < 0.9 * np.mean(plain[:3])
    assert losses(grilly_vk.compile) == plain


def test_wanted_counts_are_the_nearest():
    """A rate of k percent over T steps wants k T / 100 spikes in exact arithmetic, not what floats cut it to."""
    for steps, percent in ((100, 29), (100, 57), (100, 58), (50, 58), (200, 29), (25, 90), (10, 25), (10, 24), (7, 0)):
        rate = percent / 100
        wanted = Fraction(percent * steps, 100) + Fraction(1, 2)
        wanted = wanted.numerator // wanted.denominator
        silent, neuron = np.zeros((steps, 1, 1), np.float32), np.zeros(1, np.int32)
        assert F.mse_count_loss(silent, neuron, rate).item() == pytest.approx(wanted**2 / steps)
        both = F.mse_count_loss(np.zeros((steps, 1, 4), np.float32), neuron, 0.0, rate, num_classes=2).item()
        pair = 2 * Fraction(percent * steps, 100) + Fraction(1, 2)
        assert both == pytest.approx((pair.numerator // pair.denominator) ** 2 / 2 / steps)


def test_products_of_a_number_and_steps_round_like_exact_ones():
    for steps in range(1, 201):
        for percent in range(101):
            exact = Fraction(percent * steps, 100) + Fraction(1, 2)
            assert arguments.nearest(steps * (percent / 100)) == exact.numerator // exact.denominator
    for tenths in range(1, 4000):  # durations in ms at dt = 0.1 ms and 0.2 ms
        assert arguments.nearest(tenths / 100 / (1000 * 0.0001)) == (tenths + 5) // 10
        assert arguments.nearest(tenths / 10 / (1000 * 0.0002)) == (tenths + 1) // 2
    assert arguments.nearest(2**30 + 0.5) == 2**30 + 1 and arguments.nearest(2**30 + 0.49) == 2**30
