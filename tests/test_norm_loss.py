"""Layers and functions around the normalisations, losses and activations; the arithmetic is in test_ops."""

import dataclasses

import numpy as np
import pytest
import scipy.special
from op_table import normal

import grilly_vk
from grilly_vk import functional as F
from grilly_vk import nn
from grilly_vk.runtime import engine
from grilly_vk.tensor import from_numpy

# ---- batch norm ----


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_statistics_follow_the_batches(momentum):
    layer = nn.BatchNorm2d(3, momentum=momentum)
    batches = [3 * normal(4, 3, 5, 2, seed=i) + i for i in range(5)]
    mean, var = np.zeros(3), np.ones(3)
    for count, x in enumerate(batches, 1):
        layer(x)
        step = 1 / count if momentum is None else momentum
        mean += step * (x.mean((0, 2, 3), np.float64) - mean)
        var += step * (x.var((0, 2, 3), np.float64, ddof=1) - var)
    np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.running_var.numpy(), var, rtol=1e-5)
    assert layer.num_batches_tracked.item() == 5
    y = layer.eval()(batches[0]).numpy()
    shape = (1, 3, 1, 1)
    want = (batches[0] - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + 1e-5)
    np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5)
    assert layer.num_batches_tracked.item() == 5
    layer.reset_running_stats()
    assert layer.num_batches_tracked.item() == 0
    assert (layer.running_mean.numpy() == 0).all() and (layer.running_var.numpy() == 1).all()


def test_a_refused_batch_changes_nothing():
    layer = nn.BatchNorm1d(3)
    for bad in (np.ones((1, 3)), np.ones((4, 2)), np.ones(3), np.ones((2, 3, 1, 1))):
        with pytest.raises(ValueError, match="x has shape"):
            layer(bad.astype(np.float32))
    assert layer.num_batches_tracked.item() == 0
    assert (layer.running_mean.numpy() == 0).all() and (layer.running_var.numpy() == 1).all()
    assert layer.eval()(np.ones((1, 3), np.float32)).shape == (1, 3)


def test_an_empty_batch_moves_nothing_and_has_zero_gradients():
    layer = nn.BatchNorm1d(3)
    y = layer(from_numpy(np.zeros((0, 3), np.float32)))
    assert y.shape == (0, 3)
    y.sum().backward()
    assert (layer.weight.grad.numpy() == 0).all() and (layer.bias.grad.numpy() == 0).all()
    assert (layer.running_mean.numpy() == 0).all() and (layer.running_var.numpy() == 1).all()


def test_without_running_statistics_the_batch_is_used_in_evaluation_too():
    layer = nn.BatchNorm1d(4, affine=False, track_running_stats=False).eval()
    assert dict(layer.state_dict()) == {} and layer.num_parameters() == 0
    y = layer(normal(50, 4) * 3 + 2).numpy()
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(0), 1, rtol=1e-4)


def test_state_round_trip():
    a, b = nn.BatchNorm1d(4), nn.BatchNorm1d(4)
    a(normal(9, 4) + 3)
    b.load_state_dict(a.state_dict())
    x = normal(5, 4, seed=1)
    assert a.eval()(x).numpy().tobytes() == b.eval()(x).numpy().tobytes()
    assert list(a.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]


def test_replays_move_the_running_statistics():
    x = from_numpy(normal(8, 3, 4) + 2)
    eager, captured = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    want = [eager(x).numpy().tobytes() for _ in range(3)]
    with grilly_vk.capture() as graph:
        y = captured(x)
    for each in want:
        graph.replay()
        assert y.numpy().tobytes() == each
    for name, tensor in eager.state_dict().items():
        assert captured.state_dict()[name].numpy().tobytes() == tensor.numpy().tobytes()


def test_changing_running_statistics_before_a_gradient_in_evaluation_is_refused():
    layer = nn.BatchNorm1d(3)
    x = from_numpy(normal(4, 3)).requires_grad_()
    y = layer.eval()(x)
    layer.train()(normal(4, 3))
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_a_row_has_the_same_bits_in_every_batch():
    x = normal(300, 200)
    for run in (nn.LayerNorm(200), nn.RMSNorm(200), F.softmax, F.log_softmax):
        whole = run(x).numpy()
        assert run(x[7:8]).numpy().tobytes() == whole[7:8].tobytes()


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: nn.BatchNorm1d(0), ValueError, "num_features must be at least 1"),
        (lambda: nn.BatchNorm2d(3, eps=-1), ValueError, "eps must not be negative"),
        (lambda: nn.BatchNorm2d(3, momentum="x"), TypeError, "momentum must be a number"),
        (lambda: nn.LayerNorm(()), ValueError, "normalized_shape is empty"),
        (lambda: nn.LayerNorm(2.5), TypeError, "normalized_shape must be a whole number"),
        (lambda: nn.RMSNorm(3, eps=-1), ValueError, "eps must not be negative"),
        (lambda: nn.CrossEntropyLoss(label_smoothing=2), ValueError, "label_smoothing must lie in"),
        (lambda: nn.CrossEntropyLoss(ignore_index="a"), TypeError, "ignore_index must be a whole number"),
        (lambda: nn.NLLLoss(ignore_index=1 << 40), ValueError, "ignore_index must fit int32"),
        (lambda: nn.MSELoss("avg"), ValueError, "reduction must be one of"),
        (lambda: nn.SmoothL1Loss(beta=-1), ValueError, "beta must not be negative"),
        (lambda: nn.GELU("erf"), ValueError, "approximate must be one of"),
        (lambda: nn.Softplus(0), ValueError, "beta must be positive"),
        (lambda: nn.LeakyReLU(None), TypeError, "negative_slope must be a number"),
        (lambda: F.softmax(np.ones((2, 3)), dim=2), ValueError, "dim 2 is out of range for 2 axes"),
    ],
)
def test_bad_arguments(make, error, text):
    with pytest.raises(error, match=text):
        make()


# ---- losses ----


def test_classes_out_of_range_on_the_device_give_nan_and_spoil_no_other_row():
    x = from_numpy(normal(4, 3)).requires_grad_()
    target = from_numpy(np.array([0, 3, -1, 2], np.int32))
    loss = F.cross_entropy(x, target, reduction="none")
    np.testing.assert_array_equal(np.isnan(loss.numpy()), [False, True, True, False])
    loss.sum().backward()
    np.testing.assert_array_equal(np.isnan(x.grad.numpy()).all(1), [False, True, True, False])


def test_all_rows_ignored():
    x = from_numpy(normal(2, 3)).requires_grad_()
    target = from_numpy(np.full(2, -100, np.int32))
    assert np.isnan(F.cross_entropy(x, target).item())
    assert F.cross_entropy(x, target, reduction="sum").item() == 0
    F.cross_entropy(x, target).backward()
    assert (x.grad.numpy() == 0).all()


def test_large_logits_keep_gradients():
    """Where softmax saturates, the gradient is the exact difference, and nothing overflows."""
    x = from_numpy(np.array([[1e4, -1e4, 0], [-1e4, 1e4, 0]], np.float32)).requires_grad_()
    loss = F.cross_entropy(x, [0, 0], reduction="none")
    np.testing.assert_array_equal(loss.numpy(), [0, 2e4])
    loss.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[0, 0, 0], [-1, 1, 0]])


def test_cross_entropy_is_nll_of_log_softmax():
    x, target = normal(20, 9), np.arange(20) % 9
    weight = normal(9, seed=1, low=0.1, high=2.0)
    for reduction in ("none", "mean", "sum"):
        a = F.cross_entropy(x, target, weight, reduction=reduction).numpy()
        b = F.nll_loss(F.log_softmax(x, dim=1), target, weight, reduction=reduction).numpy()
        np.testing.assert_allclose(a, b, rtol=2e-6)


_W = np.array([0.5, 1.0, 2.0], np.float32)
LAYERS = [
    (lambda: nn.CrossEntropyLoss(_W, 1, "sum", 0.1), "cross_entropy", (_W, 1, "sum", 0.1)),
    (lambda: nn.NLLLoss(_W, 1, "sum"), "nll_loss", (_W, 1, "sum")),
    (lambda: nn.MSELoss("sum"), "mse_loss", ("sum",)),
    (lambda: nn.L1Loss("none"), "l1_loss", ("none",)),
    (lambda: nn.SmoothL1Loss(beta=0.3), "smooth_l1_loss", ("mean", 0.3)),
    (lambda: nn.BCEWithLogitsLoss(_W, "sum", _W), "bce_with_logits", (_W, "sum", _W)),
]


@pytest.mark.parametrize(("layer", "name", "arguments"), LAYERS, ids=[name for _, name, _ in LAYERS])
def test_loss_layers_are_their_functions(layer, name, arguments):
    x = normal(4, 3)
    target = np.array([0, 1, 2, 0]) if name in ("cross_entropy", "nll_loss") else scipy.special.expit(normal(4, 3))
    want = getattr(F, name)(x, target, *arguments).numpy()
    assert layer()(x, target).numpy().tobytes() == want.tobytes()


# ---- activations ----

ACTIVATIONS = [
    (nn.ReLU(), lambda x: np.maximum(x, 0)),
    (nn.LeakyReLU(), lambda x: np.where(x > 0, x, 0.01 * x)),
    (nn.LeakyReLU(0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
    (nn.GELU(), lambda x: x * scipy.special.ndtr(x)),
    (nn.GELU("tanh"), lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
    (nn.SiLU(), lambda x: x * scipy.special.expit(x)),
    (nn.Softplus(), lambda x: np.logaddexp(0, x)),
    (nn.Softplus(3.0, 2.0), lambda x: np.where(3 * x > 2, x, np.logaddexp(0, 3 * x) / 3)),
    (nn.Tanh(), np.tanh),
    (F.sigmoid, scipy.special.expit),
]


@pytest.mark.parametrize(("run", "reference"), ACTIVATIONS, ids=[str(i) for i in range(len(ACTIVATIONS))])
def test_activations(run, reference):
    x = np.concatenate([normal(101) * 3, np.array([-90, -20, 0, 20, 90], np.float32)]).reshape(2, 53)
    given = from_numpy(x).requires_grad_()
    y = run(given)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(y.numpy(), reference(wide), rtol=4e-6, atol=1e-6)
    y.sum().backward()
    slope = (reference(wide + 1e-6) - reference(wide - 1e-6)) / 2e-6
    smooth = x != 0
    np.testing.assert_allclose(given.grad.numpy()[smooth], slope[smooth], rtol=1e-5, atol=2e-6)


def test_gradient_of_batch_norm_over_many_elements():
    """Channels long enough to be summed in several parts, against the formula in float64."""
    layer = nn.BatchNorm2d(2)
    with grilly_vk.autograd.no_grad():
        layer.weight.assign(np.array([1.5, -0.5], np.float32))
    x = from_numpy(normal(5, 2, 67, 53) + 100).requires_grad_()
    g = normal(5, 2, 67, 53, seed=1)
    layer(x).backward(from_numpy(g))
    axes, shape = (0, 2, 3), (1, 2, 1, 1)
    wide = x.numpy().astype(np.float64)
    scale = 1 / np.sqrt(wide.var(axes, keepdims=True) + 1e-5)
    z = (wide - wide.mean(axes, keepdims=True)) * scale
    centred = g - g.mean(axes, keepdims=True, dtype=np.float64) - z * (g * z).mean(axes, keepdims=True)
    want = scale * np.array([1.5, -0.5]).reshape(shape) * centred
    np.testing.assert_allclose(x.grad.numpy(), want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.weight.grad.numpy(), (g * z).sum(axes), rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(layer.bias.grad.numpy(), g.sum(axes, dtype=np.float64), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("n", [1, 63, 130, 256])
def test_rows_by_workgroups_and_by_single_invocations(n, monkeypatch):
    """Both ways of sharing out rows give the same, forward and back; each device uses one for a given length."""
    x, g, weight = normal(5, n, 3) + 1, normal(5, n, 3, seed=1), normal(n, seed=2)
    target = np.arange(15).reshape(5, 3) % n

    def rows(values):
        return values.permute(0, 2, 1)

    runs = [
        lambda t: F.softmax(t, dim=1),
        lambda t: F.log_softmax(t, dim=1),
        lambda t: rows(F.softmax(rows(t))),
        lambda t: F.cross_entropy(t, target, weight**2, reduction="sum", label_smoothing=0.1),
        lambda t: rows(F.layer_norm(rows(t), n, weight, weight)),
        lambda t: rows(F.rms_norm(rows(t), n, weight)),
    ]
    results, on = [], engine()
    for limit in (0, 1 << 30):
        monkeypatch.setattr(on, "tuning", dataclasses.replace(on.tuning, row=limit, column=limit))
        found = []
        for run in runs:
            t = from_numpy(x).requires_grad_()
            y = run(t)
            (y * from_numpy(g)).sum().backward() if y.ndim else y.backward()
            found += [y.numpy(), t.grad.numpy()]
        results.append(found)
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=3e-6)


@pytest.mark.parametrize(
    ("x", "target"), [([np.nan, -1.0], [0.0, 1.0]), ([-1.0, -1.0], [np.nan, 1.0]), ([-1.0, -1.0], [-0.5, 1.0])]
)
def test_the_divergence_of_what_is_no_probability_is_nan(x, target):
    each = F.kl_div(x, target, "none").numpy()
    assert np.isnan(each[0]) and each[1] == 1


def test_the_mean_divergence_of_no_rows_is_nan():
    assert np.isnan(F.kl_div(np.zeros((0, 3)), np.zeros((0, 3)), "batchmean").item())
