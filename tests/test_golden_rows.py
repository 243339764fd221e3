"""Rows of docs/coming_from.md that no other golden file holds: containers, learning rules, encoders and losses."""

import math

import numpy as np
import pytest
from golden import load

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import encode, nn

DATA, HEADER = load("rows")


def own(row):
    """The arrays of a row."""
    return {k.removeprefix(f"{row}."): v for k, v in DATA.items() if k.startswith(f"{row}.")}


def close(got, want, rtol=2e-5):
    got = got.numpy() if hasattr(got, "numpy") else np.asarray(got)
    np.testing.assert_allclose(got, want, rtol, rtol * np.abs(want).max())


def lif():
    return nn.dialects.spikingjelly.LIFNode()


def integrator():
    return nn.dialects.spikingjelly.IFNode()


CONTAINERS = {
    "multi": lambda: nn.MultiStepContainer(lif()),
    "element": lambda: nn.ElementWiseRecurrentContainer(integrator(), lambda x, y: x - 0.5 * y, "m"),
    "linear": lambda: nn.LinearRecurrentContainer(integrator(), 4, 4, step_mode="m"),
    "ann": lambda: nn.SeqToANNContainer(nn.Linear(4, 2)),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_equal_spikingjelly(name):
    """With all gradients; ElementWiseRecurrentContainer's function takes x first here."""
    given, module = own(name), CONTAINERS[name]()
    for key, parameter in module.named_parameters():
        parameter.detach().assign(given[f"p.{key.replace('module.', '0.')}"])
    x = grilly_vk.tensor(given["x"], requires_grad=True)
    y = module(x)
    (y * grilly_vk.tensor(given["c"])).sum().backward()
    close(y, given["y"])
    close(x.grad, given["grad_x"])
    for key, parameter in module.named_parameters():
        close(parameter.grad, given[f"g.{key.replace('module.', '0.')}"])


def test_multi_step_forward_equals_spikingjelly():
    given = own("forward")
    node = nn.dialects.spikingjelly.LIFNode(tau=1.5)
    np.testing.assert_array_equal(F.multi_step_forward(node, given["x"], T=8).numpy(), given["y"])


def test_stdp_learner():
    """With constants for f_pre and f_post, what its row says of decay, batch and coincident spikes."""
    given, before = own("stdp"), 0.5
    batch = given["pre"].shape[1]
    layer = nn.STDPLayer(
        4, 3, tau_plus=-1 / math.log(1 - 1 / 5), tau_minus=-1 / math.log(1 - 1 / 8), a_plus=0.03 * batch,
        a_minus=0.02 * batch, w_min=-10.0, w_max=10.0,
    )  # fmt: skip
    layer.weight = np.full((3, 4), before, np.float32)
    layer.update_weights(given["pre"], given["post"])
    coincident = np.einsum("tbi,tbo->oi", given["pre"], given["post"])
    assert coincident.max() > 1
    close(layer.weight - before + (0.03 - 0.02) * coincident, given["delta"], 1e-4)


def test_mstdpet_learner():
    """With equal constants: ours has reward and pairs of the same step, theirs the pairs of the one before."""
    given = own("mstdpet")
    f = 0.02 / 6.0  # theirs divides by tau_trace
    layer = nn.STDPLayer(
        4, 3, tau_plus=5.0, tau_minus=5.0, a_plus=f, a_minus=f, w_min=-10.0, w_max=10.0, tau_eligibility=6.0
    )
    layer.weight = np.zeros((3, 4), np.float32)
    later = np.append(given["rewards"][1:], np.float32(0.0))
    layer.update_weights(given["pre"], given["post"], reward=later)
    close(layer.weight, given["delta"], 1e-4)


def test_encoders_equal_spikingjelly():
    for kind in ("linear", "log"):
        given = own(f"latency_{kind}")
        encoder = encode.LatencyEncoder(8, kind)
        for t in range(8):
            np.testing.assert_array_equal(encoder(given["x"]).numpy(), given["y"][t], kind)
    given = own("phase")
    encoder = encode.WeightedPhaseEncoder(8)
    np.testing.assert_array_equal(np.stack([encoder(given["x"]).numpy() for _ in range(8)]), given["y"])


def test_spikegen_equals_snntorch():
    given = own("spikegen_latency")
    np.testing.assert_array_equal(encode.latency(given["x"], 8).numpy(), given["y"])
    given = own("spikegen_log")
    np.testing.assert_array_equal(encode.latency(given["x"], 8, mode="log").numpy(), given["y"])
    given = own("spikegen_delta")
    np.testing.assert_array_equal(encode.delta(given["x"], 0.4).numpy(), given["y"])


LOSSES = {
    "ce_rate_loss": nn.CERateLoss, "ce_count_loss": nn.CECountLoss, "ce_temporal_loss": nn.CETemporalLoss,
    "mse_count_loss": lambda: nn.MSECountLoss(0.8, 0.2), "mse_temporal_loss": lambda: nn.MSETemporalLoss(1, 9),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_losses_equal_snntorch(name):
    """Value and gradient, with class numbers 2, 0 and 3."""
    given = own(name)
    x = grilly_vk.tensor(given["x"], requires_grad=True)
    loss = LOSSES[name]()(x, np.array([2, 0, 3], np.int32))
    loss.backward()
    close(loss, given["y"])
    close(x.grad, given["grad_x"])


def test_wanted_times_that_count_from_the_end():
    """The last step here; snnTorch, whose default off_target is -1, makes 0 of it."""
    given = own("mse_temporal_loss")
    y = np.array([2, 0, 3], np.int32)
    last, ninth = (nn.MSETemporalLoss(1, off)(given["x"], y).item() for off in (-1, 9))
    assert last == ninth


def test_integral_crossentropy_of_spyx():
    """Its formula in float64: labels smoothed by 0.3, the sum over time as logits."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 5, 3)), rng.integers(0, 3, 5)
    logits = x.sum(0)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    labels = 0.7 * np.eye(3)[y] + 0.3 / 3
    close(nn.CECountLoss(label_smoothing=0.3)(x, y), np.array(-(labels * log_p).sum(-1).mean()))
