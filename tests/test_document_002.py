"""Every name, argument and statement of document 002, Edifice.Neuromorphic.SNN."""

import inspect

import numpy as np
import pytest

import grilly
from grilly.models import SNN


def test_usage():
    """The page's block, as Python."""
    model = SNN.build(
        input_size=256,
        hidden_sizes=[128, 64],
        output_size=10,
        num_timesteps=25,
        tau=2.0,
        threshold=1.0,
    )
    assert isinstance(model, grilly.nn.Module)
    out = model(np.random.default_rng(0).random((5, 256)).astype(np.float32))
    assert out.shape == (5, 10) and np.isfinite(out.numpy()).all()
    assert [(p.out_features, p.in_features) for p in model.layers] == [(128, 256), (64, 128)]


def test_options_and_defaults():
    parameters = inspect.signature(SNN.build).parameters
    defaults = {k: p.default for k, p in parameters.items() if p.default is not p.empty}
    assert list(defaults.pop("hidden_sizes")) == [256, 128]
    assert defaults == {"num_timesteps": 25, "tau": 2.0, "threshold": 1.0, "slope": 25.0}
    assert {k for k, p in parameters.items() if p.default is p.empty} == {"input_size", "output_size"}
    for missing in ("input_size", "output_size"):
        with pytest.raises(TypeError, match=missing):
            SNN.build(**({"input_size": 3, "output_size": 2} | {missing: None}))
    assert list(inspect.signature(SNN.lif_neuron).parameters) == ["membrane", "input_current", "beta", "threshold"]
    assert list(inspect.signature(SNN.rate_decode).parameters) == ["spike_train"]
    assert str(inspect.signature(SNN.surrogate_gradient)).startswith("(x: 'ArrayLike', slope: 'float' = 25.0)")


def test_dynamics():
    """V = beta V + W x with beta = exp(-1 / tau); spike where V > threshold; V less threshold; output from rates."""
    model = SNN.build(input_size=1, hidden_sizes=[1], output_size=1, num_timesteps=6, tau=2.0, threshold=1.0)
    model.layers[0].weight.detach().assign(np.array([[0.7]], np.float32))
    v, want = 0.0, []
    for _ in range(6):
        v = np.exp(-0.5) * v + 0.7
        want.append(float(v > 1.0))
        v -= want[-1]
    np.testing.assert_array_equal(model.spikes([[1.0]])[0].numpy()[:, 0, 0], want)
    assert 0 < sum(want) < 6
    read = model.readout.weight.item() * np.mean(want) + model.readout.bias.item()
    assert model([[1.0]]).item() == pytest.approx(read, rel=1e-5)


def test_lif_neuron_step():
    """Tuple {new_membrane, spikes}, [batch, hidden_size] each; reset V (1 - spike)."""
    new, spikes = SNN.lif_neuron([[0.5, 1.0], [2.0, 0.0]], [[0.2, 0.5], [1.0, 0.9]], np.exp(-1 / 2.0), 1.0)
    beta = np.exp(-0.5)
    charged = beta * np.array([[0.5, 1.0], [2.0, 0.0]]) + [[0.2, 0.5], [1.0, 0.9]]
    np.testing.assert_array_equal(spikes.numpy(), charged > 1)
    np.testing.assert_allclose(new.numpy(), charged * (charged <= 1), rtol=1e-6)


def test_rate_decode():
    """[batch, num_timesteps, hidden_size] to rates [batch, hidden_size] in [0, 1]."""
    train = np.random.default_rng(1).random((3, 25, 4)) < 0.5
    rates = SNN.rate_decode(train).numpy()
    assert rates.shape == (3, 4) and rates.min() >= 0 and rates.max() <= 1
    np.testing.assert_allclose(rates, train.mean(1), rtol=1e-6)


def test_surrogate_gradient():
    """forward: (x > 0) ? 1 : 0; backward: slope / (1 + slope |x|)^2."""
    x = grilly.tensor([-1.0, -0.01, 0.0, 0.02, 3.0], requires_grad=True)
    spikes = SNN.surrogate_gradient(x, 25.0)
    np.testing.assert_array_equal(spikes.numpy(), [0, 0, 0, 1, 1])
    spikes.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 25 / (1 + 25 * np.abs(x.numpy())) ** 2, rtol=1e-5)


def test_it_can_be_trained():
    """Gradients reach every layer through the surrogate."""
    grilly.manual_seed(0)
    model = SNN.build(input_size=6, hidden_sizes=[16, 12], output_size=3)
    for layer in model.layers:
        layer.weight.detach().assign(layer.weight.numpy() * 3)
    model(np.random.default_rng(2).random((8, 6)).astype(np.float32) * 2).sum().backward()
    for name, parameter in model.named_parameters():
        assert np.abs(parameter.grad.numpy()).max() > 0, name
