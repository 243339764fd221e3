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
