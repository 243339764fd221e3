"""What PyTorch's layers do here beyond their numbers (see test_golden_layers.py): time, errors, arguments."""

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn


def x(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("kind", [nn.Softmax, nn.LogSoftmax])
@pytest.mark.parametrize("dim", [0, 1, -1, -2])
def test_softmax_of_all_steps_is_that_of_each(kind, dim):
    """dim is an axis of one step, in containers and in step mode "m" too."""
    layer, data = kind(dim), x(3, 2, 5)
    want = np.stack([layer(step).numpy() for step in data])
    model = nn.Sequential(layer)
    F.set_step_mode(model, "m")
    for run in (nn.MultiStepContainer(layer), model):
        np.testing.assert_allclose(run(data).numpy(), want, rtol=1e-6)


def test_softmax_without_dim_says_what_it_takes():
    for shape, axis in (((4,), 0), ((3, 4), 1), ((2, 3, 4), 0), ((1, 2, 3, 4), 1)):
        with pytest.warns(UserWarning, match=rf"Softmax\(\) takes axis {axis} of inputs with {len(shape)} axes"):
            y = nn.Softmax()(x(*shape)).numpy()
        np.testing.assert_allclose(y.sum(axis), 1, rtol=1e-6)
    with pytest.raises(TypeError, match="dim must be a whole number, not str"):
        nn.Softmax("1")
    with pytest.raises(ValueError, match="dim 2 is out of range for 2 axes"):
        nn.LogSoftmax(2)(x(2, 3))


def test_activations_take_steps_as_a_batch_and_train():
    model = nn.Sequential(nn.PReLU(5), nn.ELU(0.5))
    F.set_step_mode(model, "m")
    data = x(3, 2, 5)
    want = np.stack([model[1](model[0](step)).numpy() for step in data])
    np.testing.assert_array_equal(model(data).numpy(), want)
    assert model[0].num_parameters() == 5 and repr(model[0]) == "PReLU(num_parameters=5)"
    model[0].weight.detach().assign(np.ones(5, np.float32))
    model[0].reset_parameters()
    np.testing.assert_array_equal(model[0].weight.numpy(), np.full(5, 0.25, np.float32))
    for wrong in (lambda: nn.PReLU(0), lambda: nn.PReLU(init="a"), lambda: nn.ELU(alpha=np.nan), lambda: nn.ELU(1, 1)):
        with pytest.raises((TypeError, ValueError), match=r"num_parameters|init|alpha|inplace"):
            wrong()
    with pytest.raises(ValueError, match=r"weight has shape \(5,\); expected \(1,\) or \(4,\)"):
        model[0](x(2, 4))


def test_losses_of_probabilities_agree_with_those_of_logits():
    logits, target = x(4, 3) * 3, (x(4, 3, seed=1) > 0).astype(np.float32)
    weight = np.abs(x(3, seed=2))
    chances = grilly_vk.tensor(logits).sigmoid()
    want = nn.BCEWithLogitsLoss(weight)(logits, target).item()
    assert nn.BCELoss(weight)(chances, target).item() == pytest.approx(want, rel=1e-5)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.MaxPool1d(2), (2, 3, 8)), (nn.AvgPool1d(3, 2, 1), (2, 3, 8)), (nn.AdaptiveAvgPool1d(3), (2, 3, 8)),
        (nn.Upsample(scale_factor=2, mode="linear"), (2, 3, 8)), (nn.Upsample((5, 9)), (2, 3, 4, 4)),
        (nn.ZeroPad2d((1, 0, 2, 1)), (2, 3, 4, 5)), (nn.Dropout2d().eval(), (2, 3, 4, 5)),
        (nn.ConvTranspose1d(3, 2, 3), (2, 3, 5)), (nn.ConvTranspose2d(3, 2, 2, 2), (2, 3, 4, 3)),
        (nn.Conv3d(2, 3, 2), (2, 2, 3, 3, 4)), (nn.GroupNorm(2, 4), (2, 4, 5)),
        (nn.InstanceNorm2d(3), (2, 3, 4, 5)), (nn.InstanceNorm1d(3), (2, 3, 5)),
    ],
)  # fmt: skip
def test_time_is_more_batch(layer, shape):
    """All steps in one call, in both kinds of container, are what each step by itself is."""
    data = x(4, *shape)
    want = np.stack([layer(step).numpy() for step in data])
    for run in (nn.MultiStepContainer(layer), nn.SeqToANNContainer(layer)):
        np.testing.assert_allclose(run(data).numpy(), want, rtol=1e-5, atol=1e-6)
    model = nn.Sequential(layer)
    F.set_step_mode(model, "m")
    for run in (model, layer):
        np.testing.assert_allclose(run(data).numpy(), want, rtol=1e-5, atol=1e-6)


def test_windows_say_what_they_are_and_refuse():
    assert repr(nn.MaxPool1d(2, dilation=3)) == "MaxPool1d(kernel_size=(2,), stride=(2,), padding=(0,), dilation=(3,))"
    assert repr(nn.AvgPool1d(2)) == "AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))"
    assert repr(nn.Upsample(scale_factor=2)) == "Upsample(scale_factor=2, mode='nearest')"
    assert repr(nn.ZeroPad2d(1)) == "ZeroPad2d((1, 1, 1, 1))"
    values, places = nn.MaxPool1d(2, return_indices=True)(np.array([[1, 5, 7, 2]], np.float32))
    assert values.tolist() == [[5, 7]] and places.tolist() == [[1, 2]]
    for wrong, message in (
        (lambda: nn.MaxPool1d((2, 2)), "kernel_size must be a whole number or 1 of them"),
        (lambda: nn.AdaptiveAvgPool1d(0), "output_size must be at least 1"),
        (lambda: nn.Upsample(), "one of size and scale_factor must be given"),
        (lambda: nn.Upsample(2, mode="area"), "mode must be one of"),
        (lambda: nn.ZeroPad2d((1, 2)), r"padding must be a whole number, or \(left, right, top, bottom\)"),
        (lambda: nn.ZeroPad2d(0.5), "padding must be a whole number"),
        (lambda: nn.ZeroPad2d(-2)(x(1, 1, 3, 3)), "takes more away than there is"),
        (lambda: nn.ZeroPad2d(1)(x(3, 3)), r"expected \(B, C, H, W\) or \(C, H, W\)"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            wrong()


@pytest.mark.parametrize("kind", [nn.InstanceNorm1d, nn.InstanceNorm2d])
def test_running_statistics_of_instances(kind):
    """Means over samples of means and unbiased variances; used after eval(); the same in a compiled step."""
    shape = (4, 3, 6) if kind is nn.InstanceNorm1d else (4, 3, 2, 3)
    axes = tuple(range(2, len(shape)))
    layer, other = (kind(3, momentum=0.2, affine=True, track_running_stats=True) for _ in range(2))
    step = grilly_vk.compile(other)
    mean, var = np.zeros(3), np.ones(3)
    for seed in range(4):
        data = x(*shape, seed=seed) * 2 + 1
        mean = 0.8 * mean + 0.2 * data.mean(axes, dtype=np.float64).mean(0)
        var = 0.8 * var + 0.2 * data.var(axes, ddof=1, dtype=np.float64).mean(0)
        np.testing.assert_allclose(step(data).numpy(), layer(data).numpy(), rtol=1e-6)
    for module in (layer, other):
        np.testing.assert_allclose(module.running_mean.numpy(), mean, rtol=1e-5)
        np.testing.assert_allclose(module.running_var.numpy(), var, rtol=1e-5)
    layer.eval()
    at = (slice(None), *[None] * len(axes))
    np.testing.assert_allclose(layer(data).numpy(), (data - mean[at]) / np.sqrt(var[at] + 1e-5), rtol=2e-5, atol=1e-5)
    layer.reset_parameters()
    assert not layer.running_mean.numpy().any()
    single = kind(3, track_running_stats=True)
    single(data[0]), single(data[:0])
    np.testing.assert_allclose(single.running_mean.numpy(), 0.1 * data[0].mean(tuple(a - 1 for a in axes)), rtol=1e-5)


def test_norms_of_samples_refuse():
    for wrong, message in (
        (lambda: nn.GroupNorm(4, 6), "num_channels=6 must be a multiple of num_groups=4"),
        (lambda: nn.GroupNorm(2, 6)(x(2, 5, 3)), r"x has shape \(2, 5, 3\); expected \(N, 6, ...\)"),
        (lambda: nn.InstanceNorm1d(3)(x(2, 4, 5)), r"InstanceNorm1d expects \(N, 3, L\) or \(3, L\)"),
        (lambda: nn.InstanceNorm2d(3)(x(3, 1, 1)), "needs more than one value per channel"),
        (lambda: F.instance_norm(x(2, 3, 4), [0, 0, 0], None), "running_mean must be a Tensor, not list"),
        (lambda: nn.InstanceNorm1d(3, affine=1), "affine must be True or False"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            wrong()


def test_a_convolution_in_pieces(monkeypatch):
    """Batches whose gathered frames are too much for one piece: the same, to rounding of the weight's sums."""
    import grilly_vk.ops.conv3d as conv3d

    data, layer = x(5, 2, 4, 3, 3), nn.Conv3d(2, 3, 2, padding=1)
    results = []
    for room in (1 << 26, 2000, 1):
        monkeypatch.setattr(conv3d, "_SCRATCH", room)
        layer.zero_grad()
        leaf = grilly_vk.tensor(data, requires_grad=True)
        y = layer(leaf)
        (y * y).sum().backward()
        results.append([t.numpy() for t in (y, leaf.grad, layer.weight.grad, layer.bias.grad)])
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5)


def test_transposed_convolutions_of_a_size_and_refusals():
    layer = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1)
    for size in ((7, 9), (8, 10), (3, 1, 8, 9)):
        assert layer(x(1, 2, 4, 5), output_size=size).shape == (1, 3, *size[-2:])
    assert repr(nn.ConvTranspose1d(2, 3, 3, 2, output_padding=1)) == (
        "ConvTranspose1d(2, 3, kernel_size=(3,), stride=(2,), output_padding=(1,))"
    )
    assert nn.ConvTranspose1d(4, 6, 3, groups=2).weight.shape == (4, 3, 3)
    bound = 1 / np.sqrt(3 * 9)
    large = nn.ConvTranspose2d(40, 3, 3)
    assert bound * 0.9 < np.abs(large.weight.numpy()).max() <= bound and np.abs(large.bias.numpy()).max() <= bound
    for wrong, message in (
        (lambda: layer(x(1, 2, 4, 5), output_size=(6, 9)), r"output_size must lie between \[7, 9\] and \[8, 10\]"),
        (lambda: nn.ConvTranspose1d(2, 3, 3, output_padding=1), "output_padding .* must be smaller than stride"),
        (lambda: nn.ConvTranspose1d(2, 3, 3, padding="same"), "padding must be a whole number, not str"),
        (lambda: nn.ConvTranspose1d(3, 4, 3, groups=2), "in_channels 3 is not divisible by groups=2"),
        (lambda: nn.Conv3d(2, 3, (2, 2)), "kernel_size must be a whole number or 3 of them"),
        (lambda: nn.Conv3d(2, 3, 2)(x(2, 4, 4)), r"x has shape \(2, 4, 4\); expected \(B, 2, D, H, W\)"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            wrong()


RECURRENT = [(nn.RNN, {"nonlinearity": "relu"}), (nn.LSTM, {}), (nn.GRU, {})]


@pytest.mark.parametrize(("kind", "options"), RECURRENT)
def test_recurrent_layers_go_on_from_their_state(kind, options):
    """Two halves with the state between them are the whole, forward and backward; so is a compiled step."""
    layer, data = kind(3, 5, num_layers=2, **options), x(6, 2, 3)

    def loss(y):
        return (y * y).sum()

    def whole(data):
        layer.zero_grad()
        y, state = layer(data)
        loss(y).backward()
        return (y, *(state if isinstance(state, tuple) else (state,)), *[p.grad for p in layer.parameters()])

    want = [t.numpy() for t in whole(data)]
    step = grilly_vk.compile(whole)
    for _ in range(3):
        for a, b in zip(step(data), want):
            np.testing.assert_array_equal(a.numpy(), b)
    layer.zero_grad()
    first, state = layer(data[:2])
    second, state = layer(data[2:], state)
    (loss(first) + loss(second)).backward()
    np.testing.assert_allclose(np.concatenate([first.numpy(), second.numpy()]), want[0], rtol=1e-6)
    for p, b in zip(layer.parameters(), want[-len(list(layer.parameters())) :]):
        np.testing.assert_allclose(p.grad.numpy(), b, rtol=1e-5, atol=1e-5)
    with grilly_vk.no_grad():
        np.testing.assert_array_equal(layer(data)[0].numpy(), want[0])


@pytest.mark.parametrize(("kind", "options"), RECURRENT)
def test_recurrent_layers_in_containers(kind, options):
    """They see all steps, time first, and pass on their outputs."""
    layer, data = kind(3, 4, batch_first=True, **options), x(5, 2, 3)
    want = layer(data.transpose(1, 0, 2))[0].numpy().transpose(1, 0, 2)
    model = nn.Sequential(layer)
    F.set_step_mode(model, "m")
    for run in (nn.MultiStepContainer(layer), model):
        np.testing.assert_array_equal(run(data).numpy(), want)
    y, state = layer(np.zeros((0, 5, 3), np.float32))
    assert y.shape == (0, 5, 4) and (state[0] if kind is nn.LSTM else state).shape == (1, 0, 4)


def test_recurrent_layers_drop_between_layers():
    layer = nn.GRU(3, 50, 2, dropout=1.0)
    plain = nn.GRU(50, 50)
    for name, p in plain.named_parameters():
        p.detach().assign(getattr(layer, name.replace("l0", "l1")).detach())
    data = x(4, 2, 3)
    np.testing.assert_allclose(layer(data)[0].numpy(), plain(np.zeros((4, 2, 50), np.float32))[0].numpy(), rtol=1e-6)
    layer.eval()
    assert np.abs(layer(data)[0].numpy() - plain(np.zeros((4, 2, 50), np.float32))[0].numpy()).max() > 0.01
    assert repr(layer) == "GRU(3, 50, num_layers=2, dropout=1.0)"
    assert np.abs(layer.weight_hh_l1.numpy()).max() <= 1 / np.sqrt(50)
    layer.flatten_parameters()


def test_recurrent_layers_refuse():
    lstm, gru = nn.LSTM(3, 4), nn.GRU(3, 4, bidirectional=True)
    for wrong, message in (
        (lambda: lstm(x(5, 2, 4)), r"x has shape \(5, 2, 4\); expected \(T, B, 3\) or \(T, 3\)"),
        (lambda: nn.RNN(3, 4, batch_first=True)(x(5)), r"expected \(B, T, 3\) or \(T, 3\)"),
        (lambda: lstm(x(0, 2, 3)), "no steps to run LSTM on"),
        (lambda: lstm(x(5, 2, 3), x(1, 2, 4)), r"hx must be a pair \(h_0, c_0\), not ndarray"),
        (lambda: lstm(x(5, 2, 3), (x(1, 2, 4), x(1, 2, 5))), r"c_0 has shape \(1, 2, 5\); expected \(1, 2, 4\)"),
        (lambda: gru(x(5, 2, 3), x(1, 2, 4)), r"hx has shape \(1, 2, 4\); expected \(2, 2, 4\)"),
        (lambda: gru(x(5, 3), x(2, 1, 4)), r"hx has shape \(2, 1, 4\); expected \(2, 4\)"),
        (lambda: nn.RNN(3, 4, 1, "sigmoid"), "nonlinearity must be one of 'tanh', 'relu'"),
        (lambda: nn.LSTM(0, 4), "input_size must be at least 1"),
        (lambda: nn.GRU(3, 4, dropout=2), r"dropout must lie in \[0.0, 1.0\]"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            wrong()


# ---- attention ----


def attended(q, k, v, mask=None, scale=None):
    """softmax(q k^T) v in float64; mask: numbers to add."""
    q, k, v = (t.astype(np.float64) for t in (q, k, v))
    scores = q @ np.swapaxes(k, -1, -2) * (1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    scores = scores + (0 if mask is None else mask)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v


def test_scaled_dot_product_attention():
    """Against float64, with masks of both kinds, broadcasting, and the gradient through the mask's numbers."""
    q, k, v = x(2, 3, 4, 5), x(2, 3, 6, 5), x(2, 3, 6, 7)
    seen = np.random.default_rng(0).random((4, 6)) < 0.7
    seen[:, 0] = True
    added = np.where(seen, 0, -np.inf)
    close = dict(rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(F.scaled_dot_product_attention(q, k, v).numpy(), attended(q, k, v), **close)
    np.testing.assert_allclose(F.scaled_dot_product_attention(q, k, v, seen).numpy(), attended(q, k, v, added), **close)
    np.testing.assert_allclose(
        F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3).numpy(),
        attended(q, k, v, np.where(np.tri(4, 6, dtype=bool), 0, -np.inf), 0.3), **close,
    )  # fmt: skip
    np.testing.assert_allclose(
        F.scaled_dot_product_attention(q[0, 0], k[0], v[0]).numpy(), attended(q[0, 0], k[0], v[0]), **close
    )
    number = grilly_vk.tensor(x(3, 4, 6), requires_grad=True)
    given = [grilly_vk.tensor(t, requires_grad=True) for t in (q, k, v)]
    c = x(2, 3, 4, 7)
    (F.scaled_dot_product_attention(*given, number) * c).sum().backward()
    step = 1e-5
    given.append(number)
    for i, at in ((3, (1, 2, 3)), (0, (1, 0, 2, 3)), (1, (0, 2, 5, 1)), (2, (1, 1, 0, 6))):
        values = []
        for sign in (1, -1):
            arrays = [np.array(a.numpy(), np.float64) for a in given]
            arrays[i][at] += sign * step
            values.append((attended(*arrays) * c).sum())
        want = (values[0] - values[1]) / (2 * step)
        np.testing.assert_allclose(given[i].grad.numpy()[at], want, rtol=1e-3, atol=1e-4)
    dropped = F.scaled_dot_product_attention(q, k, np.ones((2, 3, 6, 1), np.float32), dropout_p=0.5).numpy()
    assert dropped.std() > 0.05
    for wrong, message in (
        (lambda: F.scaled_dot_product_attention(q[0, 0, 0], k, v), r"query has shape \(5,\); expected \(..., length"),
        (lambda: F.scaled_dot_product_attention(q, v, v), "key has shape .*; expected 5 features"),
        (lambda: F.scaled_dot_product_attention(q, k, v[:, :, :5]), "value has shape .*; expected length 6"),
        (lambda: F.scaled_dot_product_attention(q, k, v, seen[:3]), r"attn_mask has shape \(3, 6\); expected one"),
        (lambda: F.scaled_dot_product_attention(q, k, v, seen, is_causal=True), "can't both be given"),
        (lambda: F.scaled_dot_product_attention(q, k, v, [[1, 2, 3, 4, 5, 6]]), "attn_mask must be bool or float32"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            wrong()


def test_multihead_attention_of_one_input_and_refusals():
    """Self-attention takes one product for q, k and v: the same as three."""
    layer, data = nn.MultiheadAttention(8, 2), x(5, 3, 8)
    same, weights = layer(data, data, data)
    apart_, _ = layer(data, data.copy(), data.copy())
    np.testing.assert_allclose(same.numpy(), apart_.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(weights.numpy().sum(-1), 1, rtol=1e-5)
    assert set(layer.state_dict()) == {"in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"}
    assert not layer.in_proj_bias.numpy().any() and not layer.out_proj.bias.numpy().any()
    assert np.abs(layer.in_proj_weight.numpy()).max() <= np.sqrt(6 / 32)
    random = nn.MultiheadAttention(8, 2, dropout=0.5)
    _, dropped = random(data, data, data, average_attn_weights=False)
    assert (dropped.numpy() == 0).mean() == pytest.approx(0.5, abs=0.2)
    _, kept = random.eval()(data, data, data)
    assert (kept.numpy() > 0).all() and layer(data, data, data, need_weights=False)[1] is None
    for wrong, message in (
        (lambda: nn.MultiheadAttention(8, 3), "embed_dim must be a multiple of num_heads = 3, got 8"),
        (lambda: layer(data, data, data[:4]), "query, key and value have shapes .* a value for each key"),
        (lambda: layer(data[..., :6], data, data), r"query has shape \(5, 3, 6\); expected \(length, B, 8\)"),
        (lambda: layer(data, data, data, is_causal=True), "is_causal=True needs attn_mask"),
        (lambda: layer(data, data, data, attn_mask=np.zeros((4, 5), bool)), r"attn_mask has shape \(4, 5\); expected"),
        (lambda: layer(data, data, data, np.zeros((5, 3), bool)), r"key_padding_mask has shape .*; expected \(3, 5\)"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            wrong()


# ---- lists, readouts and spiking layers ----


def test_parameter_lists():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = nn.ParameterList([x(3), nn.Parameter(x(2, 2))])

    net = Net()
    net.own.append(x(4)).extend([x(1)])
    assert [n for n, _ in net.named_parameters()] == ["own.0", "own.1", "own.2", "own.3"]
    assert len(net.own) == 4 and net.own[-1].shape == (1,) and [p.shape for p in net.own[1:3]] == [(2, 2), (4,)]
    net.own[0] = np.zeros(5)
    assert net.own[0].shape == (5,) and [p.size for p in net.own] == [5, 4, 4, 1]
    assert repr(nn.ParameterList([x(3)])) == "ParameterList((0): (3,))"
    other = Net()
    other.own.extend([x(4, seed=3), x(1, seed=3)])
    other.own[0] = np.ones(5)
    other.load_state_dict(net.state_dict())
    np.testing.assert_array_equal(other.own[2].numpy(), x(4))
    for wrong, message in (
        (lambda: net.own[4], "index 4 is out of range for 4 parameters"),
        (lambda: net.own["0"], "index must be a whole number"),
        (lambda: net.own.append("a"), "data must hold real numbers"),
    ):
        with pytest.raises((TypeError, ValueError, IndexError), match=message):
            wrong()


def test_votes_are_means_of_neighbours_with_and_without_time():
    votes = x(5, 2, 12)
    want = votes.reshape(5, 2, 4, 3).mean(-1)
    layer = nn.VotingLayer(3)
    model = nn.Sequential(layer)
    np.testing.assert_allclose(layer(votes).numpy(), want, rtol=1e-5, atol=1e-6)
    F.set_step_mode(model, "m")
    for run in (model, layer, nn.VotingLayer(3, step_mode="m")):
        np.testing.assert_allclose(run(votes).numpy(), want, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="a multiple of voting_size=10"):
        nn.VotingLayer()(votes)


READOUTS = [(nn.NonSpikingIFNode, 1.0, 1.0), (nn.NonSpikingLIFNode, 0.75, 0.25)]


@pytest.mark.parametrize(("kind", "keep", "share"), READOUTS)
def test_readouts_in_every_mode(kind, keep, share):
    """All steps, step by step, in containers, from a number, and on from the state; against float64."""
    options = {} if kind is nn.NonSpikingIFNode else {"tau": 4.0}
    data = x(6, 2, 3)
    v, want = np.full((2, 3), 0.5), []
    for step in data.astype(np.float64):
        v = v * keep + step * share
        want.append(v)
    want = np.stack(want)
    node = kind(**options)

    def begin():
        F.reset_net(node)
        node.v = 0.5

    begin()
    both = np.concatenate([node(data[:2]).numpy(), node(data[2:]).numpy()])
    np.testing.assert_allclose(both, want, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(node.v.numpy(), both[-1])
    node.step_mode = "s"
    begin()
    np.testing.assert_allclose(np.stack([node(step).numpy() for step in data]), want, rtol=1e-5, atol=1e-5)
    begin()
    np.testing.assert_allclose(nn.MultiStepContainer(node)(data).numpy(), want, rtol=1e-5, atol=1e-5)
    node.decode = "mean-mem"
    begin()
    np.testing.assert_allclose(nn.MultiStepContainer(node)(data).numpy(), want.mean(0), rtol=1e-5, atol=1e-5)
    model = nn.Sequential(nn.Linear(3, 3), node)
    F.set_step_mode(model, "m")
    F.reset_net(model)
    assert model(data).shape == (2, 3)
    with pytest.raises(ValueError, match="decode='mean-mem' needs at least one step"):
        F.reset_net(node) or node(data[:0])
    node.step_mode = "s"
    with pytest.raises(ValueError, match="decode='mean-mem' needs step mode 'm'"):
        node(data[0])
    for wrong in ({"decode": "max"}, {"step_mode": 1}):
        with pytest.raises(ValueError, match=r"decode must be one of|step_mode must be one of"):
            kind(**wrong)


def test_gated_node_step_by_step():
    """As all steps at once, with channels; steps are counted, and what does not fit is refused."""
    node, data = nn.GatedLIFNode(4, inplane=3), np.abs(x(4, 2, 3, 5)) * 2
    leaf = grilly_vk.tensor(data, requires_grad=True)
    whole = node(leaf)
    (whole * x(4, 2, 3, 5, seed=1)).sum().backward()
    assert 0.1 < whole.numpy().mean() < 0.9
    wanted = [leaf.grad.numpy(), *(p.grad.numpy() for p in node.parameters())]
    F.reset_net(node), node.zero_grad()
    node.step_mode = "s"
    single = grilly_vk.tensor(data, requires_grad=True)
    out = grilly_vk.stack([node(single[t]) for t in range(4)])
    with pytest.raises(ValueError, match=r"this would be step 5; call F.reset_net"):
        node(data[0])
    np.testing.assert_array_equal(out.numpy(), whole.numpy())
    (out * x(4, 2, 3, 5, seed=1)).sum().backward()
    for a, b in zip([single.grad.numpy(), *(p.grad.numpy() for p in node.parameters())], wanted):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    F.reset_net(node)
    node(data[0])
    node.step_mode = "m"
    with pytest.raises(ValueError, match="is 1 steps into a sequence that came step by step"):
        node(data)
    F.reset_net(node)
    run = grilly_vk.compile(lambda d: (F.reset_net(node), node(d))[1])
    for _ in range(3):
        np.testing.assert_array_equal(run(data).numpy(), whole.numpy())
    F.reset_net(node)
    for wrong, message in (
        (lambda: node(data[:3]), "3 steps; GatedLIFNode has T=4"),
        (lambda: node(data[:, :, :2]), r"GatedLIFNode with inplane=3 expects \(T, B, 3, ...\)"),
        (lambda: nn.GatedLIFNode(4, init_tau=1.0), "init_tau must lie between 0 and 1"),
        (lambda: nn.GatedLIFNode(4, surrogate_function="atan"), "surrogate_function must be a Surrogate"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            wrong()


SPIKING = [nn.SpikingVanillaRNN, nn.SpikingLSTM, nn.SpikingGRU]


@pytest.mark.parametrize("kind", SPIKING)
def test_spiking_layers_go_on_from_their_state(kind):
    """Two halves are the whole; outputs alone in containers; a compiled call is the same."""
    layer, data = kind(3, 5, 2, surrogate_function1=nn.ATan()) if kind is not SPIKING[0] else kind(3, 5, 2), x(6, 2, 3)
    want, _ = layer(data)
    assert set(np.unique(want.numpy())) <= {0.0, 1.0}
    first, state = layer(data[:2])
    second, _ = layer(data[2:], state)
    np.testing.assert_array_equal(np.concatenate([first.numpy(), second.numpy()]), want.numpy())
    model = nn.Sequential(layer)
    F.set_step_mode(model, "m")
    np.testing.assert_array_equal(model(data).numpy(), want.numpy())
    step = grilly_vk.compile(lambda d: layer(d)[0])
    for _ in range(3):
        np.testing.assert_array_equal(step(data).numpy(), want.numpy())
    names = set(layer.state_dict())
    assert {"cells.0.linear_ih.weight", "cells.1.linear_hh.bias"} <= names and len(names) == 8
    with pytest.raises(ValueError, match=r"x has shape \(6, 2, 4\); expected \(T, B, 3\)"):
        layer(x(6, 2, 4))
    with pytest.raises((TypeError, ValueError), match=r"expected \(2, 2, 5\)|states must be a pair"):
        layer(data, x(2, 3, 5))
    with pytest.raises(ValueError, match="no steps to run"):
        layer(data[:0])


def test_spiking_layers_drop_between_layers():
    """One mask for all steps, or one per step; a second surrogate is for the candidate alone."""
    layer = nn.SpikingGRU(3, 40, 2, dropout_p=0.5, invariant_dropout_mask=True, surrogate_function2=nn.ATan())
    seen = []
    layer.cells[1].linear_ih.register_forward_pre_hook(lambda module, args: seen.append(args[0].numpy()))
    layer(np.ones((30, 2, 3), np.float32))
    layer.invariant_dropout_mask = False
    layer(np.ones((30, 2, 3), np.float32))
    once = [(np.abs(s).max(0) == 0).mean() for s in seen]
    assert once[0] > 0.3 and set(np.unique(seen[0])) == {0.0, 2.0} and once[1] < once[0]
    with pytest.raises(TypeError, match="surrogate_function2 must be a Surrogate"):
        nn.SpikingLSTMCell(3, 4, surrogate_function2=1)
    with pytest.raises(TypeError, match=r"state must be a pair \(h, c\), not ndarray"):
        nn.SpikingLSTMCell(3, 4)(x(2, 3), x(2, 4))


CONVERTED = [
    ([nn.Conv1d(2, 4, 3, padding=1), nn.ReLU(), nn.AvgPool1d(2), nn.Conv1d(4, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(2),
      nn.Flatten(), nn.Linear(8, 3)], (8, 2, 12)),
    ([nn.ConvTranspose2d(2, 4, 2, 2), nn.ReLU(), nn.Upsample(scale_factor=2), nn.ZeroPad2d(1), nn.Dropout2d(),
      nn.Conv2d(4, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 3)], (8, 2, 4, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "shape"), CONVERTED)
def test_affine_layers_are_converted(layers, shape):
    """Their spiking networks come near the trained ones, as 1 / T."""
    ann, data = nn.Sequential(*layers).eval(), np.abs(x(*shape))
    want = ann(data).numpy()
    apart_ = [np.abs(nn.Converter(T=steps)(ann, data)(data).numpy() - want).max() for steps in (4, 128)]
    assert apart_[1] < 0.01 * np.abs(want).max() + 2e-3 and apart_[1] < apart_[0]
    for layer in (nn.GroupNorm(1, 4), nn.MaxPool1d(2), nn.PReLU()):
        model = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), layer, nn.Flatten()).eval()
        with pytest.raises(ValueError, match=rf"{type(layer).__name__} \('2'\) can't become spikes"):
            nn.Converter(T=4)(model, np.abs(x(8, 2, 12)))
