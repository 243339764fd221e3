"""Dropout: which elements it drops, and that its gradient drops the same."""

import numpy as np
import pytest
import scipy.stats
from test_encode import philox

import grilly_vk
from grilly_vk import functional as F
from grilly_vk import nn
from grilly_vk.tensor import from_numpy


def ones(n):
    return from_numpy(np.ones(n, np.float32)).requires_grad_()


def kept(n, p, seed, draw):
    """The mask that the documentation promises."""
    i = np.arange(n)
    counter = np.stack([i // 4, 0 * i, 0 * i + draw, 0 * i], -1)
    words = philox(counter, (seed & 0xFFFFFFFF, seed >> 32))
    bits = np.take_along_axis(words, (i % 4)[:, None], -1)[:, 0]
    return (bits >> np.uint32(8)) / np.float64(2**24) >= np.float32(p)


@pytest.mark.parametrize("n", [1, 3, 4, 7, 64, 1001, 4096])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_mask_is_the_documented_one_in_every_size(n, p):
    """Sizes in both variants, one element at a time and four."""
    seed = 0x123456789ABC
    grilly_vk.manual_seed(seed)
    for draw in range(2):
        x = from_numpy(np.arange(1, n + 1, dtype=np.float32))
        want = np.where(kept(n, p, seed, draw), np.arange(1, n + 1) / (1 - p), 0)
        np.testing.assert_allclose(F.dropout(x, p).numpy(), want, rtol=1e-6)


@pytest.mark.parametrize("n", [5, 8, 1000])
def test_gradient_has_the_same_mask(n):
    x, other = ones(n), ones(n)
    y, z = F.dropout(x, 0.4), F.dropout(other, 0.4)
    weights = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    F.dropout(ones(n), 0.4)  # numbers drawn between do not matter
    (z * from_numpy(weights)).sum().backward()
    (y * from_numpy(weights)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), weights * y.numpy(), rtol=1e-6)
    np.testing.assert_allclose(other.grad.numpy(), weights * z.numpy(), rtol=1e-6)


def test_gradient_of_a_part_of_a_tensor():
    """A gradient that starts off a 16-byte boundary takes the scalar kernel: the mask is the same."""
    x = ones(8)
    y = F.dropout(x, 0.5)
    whole = from_numpy(np.ones((9,), np.float32))
    y.backward(whole._rows(1, 9))
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())


def test_frequency_and_independence():
    grilly_vk.manual_seed(1)
    n = 100_000
    for p in (0.2, 0.7):
        a, b = (F.dropout(ones(n), p).numpy() != 0 for _ in range(2))
        assert scipy.stats.binomtest(int(a.sum()), n, 1 - p).pvalue > 1e-4
        table = [[np.sum(a & b), np.sum(a & ~b)], [np.sum(~a & b), np.sum(~a & ~b)]]
        assert scipy.stats.chi2_contingency(table).pvalue > 1e-4


def test_seed_repeats_the_run():
    runs = []
    for _ in range(2):
        grilly_vk.manual_seed(5)
        runs.append([F.dropout(ones(33), 0.5).numpy().tobytes() for _ in range(3)])
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 3


def test_none_all_and_evaluation():
    x = ones(9)
    assert F.dropout(x, 0.0) is x
    assert F.dropout(x, 0.5, training=False) is x
    y = F.dropout(x, 1.0)
    y.sum().backward()
    assert not y.numpy().any() and not x.grad.numpy().any()
    assert F.dropout(np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_dropped_elements_are_zero_whatever_they_were():
    grilly_vk.manual_seed(0)
    x = from_numpy(np.array([np.nan, np.inf, -np.inf] * 50, np.float32))
    y = F.dropout(x, 0.5).numpy()
    mask = kept(150, 0.5, 0, 0)
    np.testing.assert_array_equal(y[~mask], 0)
    np.testing.assert_array_equal(y[mask], x.numpy()[mask])


@pytest.mark.parametrize(
    ("p", "error", "text"),
    [
        (-0.1, ValueError, r"p must lie in \[0.0, 1.0\], got -0.1"),
        (1.5, ValueError, r"p must lie in \[0.0, 1.0\], got 1.5"),
        (float("nan"), ValueError, "p must be finite"),
        ("0.5", TypeError, "p must be a number, not str"),
    ],
)
def test_bad_probability(p, error, text):
    with pytest.raises(error, match=text):
        F.dropout(ones(3), p)
    with pytest.raises(error, match=text):
        nn.Dropout(p)


def test_replays_draw_fresh_masks_and_keep_them_for_the_gradient():
    x = ones(1000)
    x.grad = None
    grilly_vk.manual_seed(7)
    with grilly_vk.capture() as graph:
        y = F.dropout(x, 0.5)
        (gradient,) = grilly_vk.autograd.grad(y.sum(), x)
    masks = []
    for _ in range(3):
        graph.replay()
        masks.append(y.numpy().tobytes())
        assert gradient.numpy().tobytes() == masks[-1]
    assert len(set(masks)) == 3
    grilly_vk.manual_seed(7)
    assert [F.dropout(x, 0.5).numpy().tobytes() for _ in range(3)] == masks


def test_gradient_stores_no_mask():
    x = ones(1 << 18)
    grilly_vk.synchronize()
    before = grilly_vk.memory_stats()["bytes_in_use"]
    y = F.dropout(x, 0.5)
    used = grilly_vk.memory_stats()["bytes_in_use"] - before
    assert used < 1.25 * y.nbytes  # the debug mode pads every allocation


def test_layer():
    layer = nn.Dropout(0.25)
    assert repr(layer) == "Dropout(p=0.25)"
    x = ones(1000)
    y = layer(x).numpy()
    assert 0 < (y == 0).sum() < 500
    assert layer.eval()(x) is x


# ---- channels, and masks over time ----


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 5), (2, 3, 4, 5)])
def test_channels_are_dropped_as_wholes(shape):
    """One number per channel, as `dropout` draws them; the others are scaled, and the gradient has the same mask."""
    run = F.dropout2d if len(shape) == 4 else F.dropout1d
    lead = shape[:2] if len(shape) == 4 else shape[:-1]
    grilly_vk.manual_seed(7)
    x = from_numpy(np.random.default_rng(0).normal(size=shape).astype(np.float32)).requires_grad_()
    y = run(x, 0.4)
    mask = (kept(int(np.prod(lead)), 0.4, 7, 0).reshape(lead) / 0.6)[(..., *[None] * (len(shape) - len(lead)))]
    np.testing.assert_allclose(y.numpy(), x.numpy() * mask, rtol=1e-6)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.broadcast_to(mask, shape), rtol=1e-6)
    assert run(x, 0.4, False) is x and run(x, 0.0) is x
    assert not run(x, 1.0).numpy().any()


def test_layers_of_channels():
    for layer, shape in ((nn.Dropout1d(0.5), (4, 6, 3)), (nn.Dropout2d(0.5), (4, 6, 3, 2))):
        x = np.ones(shape, np.float32)
        y = layer(x).numpy().reshape(24, -1)
        assert (y == y[:, :1]).all() and set(y[:, 0]) == {0.0, 2.0}
        steps = nn.MultiStepContainer(layer)(np.ones((9, *shape), np.float32)).numpy().reshape(9, -1)
        assert len({s.tobytes() for s in steps}) > 1, "each step draws a mask of its own"
        layer.eval()
        np.testing.assert_array_equal(layer(x).numpy(), x)
    with pytest.raises(ValueError, match=r"expected \(B, C, H, W\); dropout1d is for \(B, C, L\)"):
        nn.Dropout2d()(np.ones((2, 3, 4), np.float32))
    with pytest.raises(ValueError, match=r"expected \(B, C, L\) or \(C, L\)"):
        nn.Dropout1d()(np.ones((2, 3, 4, 5), np.float32))
    with pytest.raises(TypeError, match="inplace must be True or False"):
        nn.Dropout2d(0.5, 2)


OVER_TIME = [(nn.DropoutOverTime, (3, 4)), (nn.DropoutOverTime1d, (3, 8, 2)), (nn.DropoutOverTime2d, (3, 8, 2, 2))]


@pytest.mark.parametrize(("kind", "shape"), OVER_TIME)
def test_one_mask_for_all_steps(kind, shape):
    """The same at every step, in either step mode, in containers and through calls, until reset_net."""
    x, layer = np.random.default_rng(1).normal(size=(5, *shape)).astype(np.float32), kind(0.5)
    first = np.stack([layer(step).numpy() for step in x])
    mask = layer.mask.numpy()
    assert set(mask.reshape(-1)) == {0.0, 2.0}
    assert mask.shape == (shape if kind is nn.DropoutOverTime else (3, 8, *[1] * (len(shape) - 2)))
    np.testing.assert_array_equal(first, x * mask)
    layer.step_mode = "m"
    np.testing.assert_array_equal(layer(x).numpy(), first, "goes on")
    F.reset_net(layer)
    assert layer.mask is None
    leaf = from_numpy(x).requires_grad_()
    second = layer(leaf)
    other = layer.mask.numpy()
    assert (other != mask).any()
    second.sum().backward()
    np.testing.assert_array_equal(leaf.grad.numpy(), np.broadcast_to(other, x.shape))
    F.reset_net(layer)
    layer.step_mode = "s"
    y = nn.MultiStepContainer(layer)(x).numpy()
    np.testing.assert_array_equal(y, x * layer.mask.numpy())
    with pytest.raises(ValueError, match=r"call F.reset_net\(model\) before a batch of another shape"):
        layer(x[0, :2])
    layer.eval()
    np.testing.assert_array_equal(layer(x[0, :2]).numpy(), x[0, :2])


def test_a_mask_over_time_in_compiled_steps():
    """Fresh at each replay where the function resets; refused where the mask would cross its border."""
    layer = nn.DropoutOverTime(0.5, "m")

    @grilly_vk.compile
    def step(x):
        F.reset_net(layer)
        return layer(x)

    x = np.ones((4, 2, 30), np.float32)
    runs = [step(x).numpy() for _ in range(4)]
    assert all((r == r[:1]).all() for r in runs)
    assert len({r.tobytes() for r in runs}) > 1
    F.reset_net(layer)
    with pytest.raises(RuntimeError, match="DropoutOverTime would cross the border"):
        grilly_vk.compile(layer)(x)


def test_masks_over_time_refuse():
    for wrong in ({"p": 1.5}, {"p": "a"}, {"step_mode": "x"}):
        with pytest.raises((TypeError, ValueError), match=r"p must|step_mode must"):
            nn.DropoutOverTime1d(**wrong)
    with pytest.raises(ValueError, match=r"DropoutOverTime2d expects \(T, B, C, H, W\)"):
        nn.DropoutOverTime2d(step_mode="m")(np.ones((2, 3, 4, 5), np.float32))
    with pytest.raises(TypeError, match="DropoutOverTime takes one input, got 2"):
        nn.DropoutOverTime()(np.ones(3, np.float32), "m")
