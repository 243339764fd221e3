"""Converted networks as Modules: training, compiling, saving, copies, pieces, containers, evaluation, pictures."""

import copy

import matplotlib as mpl
import numpy as np
import pytest
from converted import If
from learning import training_step

import grilly_vk
import grilly_vk.functional as F
from grilly.nn import Converter, VoltageScaler, evaluate
from grilly_vk import nn, optim, plot
from grilly_vk.data import DataLoader
from grilly_vk.monitor import RateMonitor
from grilly_vk.nn.conversion import RateNode, rates_and_activations

mpl.use("Agg")
import matplotlib.pyplot as plt

RNG = np.random.default_rng(1)
X = RNG.random((6, 1, 8, 8), dtype=np.float32)


def network(seed=0):
    grilly_vk.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3),
    ).eval()  # fmt: skip


def bits(tensor):
    return tensor.numpy().tobytes()


def test_a_call_leaves_nothing_behind():
    """The same bits again, with batches of other sizes in between, and after an error."""
    snn = Converter(T=9)(network(), X)
    first = bits(snn(X))
    snn(X[:2])
    with pytest.raises(ValueError):
        snn(np.zeros((2, 1, 5, 9), np.float32))
    assert bits(snn(X)) == first
    assert all(node.v is None for node in snn.nodes().values())
    snn.T = 4
    assert snn(X, output="steps").shape == (4, 6, 3)


def test_each_sample_by_itself_gives_the_same():
    snn = Converter(T=9)(network(), X)
    whole = snn(X).numpy()
    np.testing.assert_allclose(np.concatenate([snn(x[None]).numpy() for x in X]), whole, 1e-5, 1e-6)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_pieces_of_time_are_one_run(steps):
    """Small pieces, with potentials handed on: outputs, means, inputs with steps, gradients, inside a recording."""
    snn = Converter(T=11)(network(), X)
    timed = RNG.random((11, *X.shape), dtype=np.float32)

    def found():
        snn.zero_grad()
        mean = snn(X)
        mean.sum().backward()
        gradients = [p.grad.numpy() for p in snn.parameters()]
        run = grilly_vk.compile(lambda x: snn(x))
        with grilly_vk.no_grad():
            recorded = [run(X).numpy() for _ in range(2)]
        return [mean.numpy(), snn(X, output="steps").numpy(), snn(timed, timed=True).numpy(), *recorded, *gradients]

    whole = found()
    snn.piece_bytes = 4 * snn.widest * len(X) * steps
    for a, b in zip(found(), whole):
        np.testing.assert_allclose(a, b, 1e-4, 1e-5)
    assert all(node.v is None for node in snn.nodes().values())


def test_the_mean_before_the_read_out_is_the_mean_after_it():
    snn = Converter(T=13)(network(), X)
    assert snn._last
    np.testing.assert_allclose(snn(X).numpy(), snn(X, output="steps").numpy().mean(0), 1e-5, 1e-6)
    branches = Branches().eval()
    other = Converter(T=13)(branches, X[:, 0, 0])
    assert not other._last
    np.testing.assert_allclose(other(X[:, 0, 0]).numpy(), other(X[:, 0, 0], output="steps").numpy().mean(0), 1e-5, 1e-6)


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.act, self.act2 = nn.Linear(8, 4), nn.Linear(4, 4), nn.ReLU(), nn.ReLU()

    def forward(self, x):
        x = self.act(self.a(x))
        return x + self.act2(self.b(x))


def test_an_input_with_steps():
    """The same at each step is the same as without; a sequence's output is per step inside containers."""
    snn = Converter(T=7)(network(), X)
    timed = np.broadcast_to(X, (7, *X.shape))
    np.testing.assert_allclose(snn(timed, timed=True).numpy(), snn(X).numpy(), 1e-5, 1e-6)
    steps = snn(timed, timed=True, output="steps").numpy()
    np.testing.assert_array_equal(nn.MultiStepContainer(snn)(timed).numpy(), steps)
    F.set_step_mode(snn, "m")  # the network sees to time itself
    np.testing.assert_allclose(snn(X).numpy(), steps.mean(0), 1e-5, 1e-6)


def test_the_parts_step_by_step():
    """Without the network around it, a chain of nodes is an ordinary spiking Sequential."""
    grilly_vk.manual_seed(0)
    x = X[:, 0, 0]
    snn = Converter(T=5)(nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3)).eval(), x)
    expected = snn(x, output="steps").numpy()
    np.testing.assert_allclose(np.stack([snn.net(x).numpy() for _ in range(5)]), expected, 1e-5, 1e-6)
    F.reset_net(snn)
    np.testing.assert_allclose(F.multi_step_forward(snn.net, x, 5).numpy(), expected, 1e-5, 1e-6)


def test_compiled_calls_give_the_same_bits():
    snn = Converter(T=6)(network(), X)
    run = grilly_vk.compile(lambda x: snn(x))
    with grilly_vk.no_grad():
        for _ in range(3):
            x = RNG.random(X.shape, dtype=np.float32)
            assert bits(run(x)) == bits(snn(x))
        assert run.captures == 1
        VoltageScaler(snn).scale_thresholds(X, mode=0.5)  # thresholds are in memory: the recording follows
        assert bits(run(X)) == bits(snn(X)) and run.captures == 1
        snn.T = 3
        assert bits(run(X)) == bits(snn(X)) and run.captures == 2


def test_state_goes_through_a_file(tmp_path):
    """Weights and thresholds; into a network converted from other weights."""
    snn = Converter("99%", T=6)(network(), X)
    grilly_vk.save(tmp_path / "snn.safetensors", {"snn": snn.state_dict()})
    other = Converter(T=6)(network(seed=1))
    assert bits(other(X)) != bits(snn(X))
    other.load_state_dict(grilly_vk.load(tmp_path / "snn.safetensors")["snn"])
    assert bits(other(X)) == bits(snn(X)) and other.thresholds() == snn.thresholds()
    twin = copy.deepcopy(snn)
    VoltageScaler(snn).scale_thresholds(X, mode=0.1)
    assert bits(twin(X)) == bits(other(X)) != bits(snn(X))
    assert twin.running is not snn.running and all(n.running is twin.running for n in twin.nodes().values())


def test_it_trains_on():
    """Compiled surrogate-gradient steps lower the loss at few steps; gradients reach every parameter."""
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, 60).astype(np.int32)
    x = (rng.random((60, 1, 8, 8)) * 0.6 + 0.4 * (np.arange(8) // 3 == y[:, None])[:, None, None]).astype(np.float32)
    snn = Converter(T=4)(network(), x).train()
    optimizer = optim.Adam(snn.parameters(), lr=2e-2)

    step = training_step(snn, optimizer, F.cross_entropy)

    eager = copy.deepcopy(snn)
    F.cross_entropy(eager(x), y).backward()
    assert all(np.abs(p.grad.numpy()).max() > 0 for p in eager.parameters())
    run = grilly_vk.compile(step)
    losses = [run(x, y).item() for _ in range(60)]
    assert losses[-1] < 0.4 * losses[0]
    assert evaluate(snn, (x, y), 4).rows[0].accuracy > 0.9


def test_monitors_see_rates():
    snn = Converter(T=10)(network(), X)
    with RateMonitor(snn) as rates:
        snn(X)
    means = rates_and_activations(snn, X, 10)
    for (name, (mean, _)), threshold in zip(means.items(), snn.thresholds().values()):
        assert np.mean(rates[f"net.{name}"]) == pytest.approx(mean.mean() / threshold, rel=1e-4)


# ---- evaluation ----


def mlp():
    grilly_vk.manual_seed(4)
    return nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 3)).eval()


def test_evaluation_counts_what_the_reference_counts():
    """Accuracy and spikes at every T from one run, against float64 runs of each T."""
    rng = np.random.default_rng(5)
    x, y = rng.random((37, 5), dtype=np.float32), rng.integers(0, 3, 37)
    ann = mlp()
    snn = Converter()(ann, x)
    found = evaluate(snn, (x, y), T=[5, 1, 12], batch_size=10)
    s = {k: v.numpy().astype(np.float64) for k, v in ann.state_dict().items()}
    nodes = [If(t) for t in snn.thresholds().values()]
    total, spikes, wanted = 0.0, 0, {}
    for t in range(1, 13):
        a = nodes[0](x @ s["0.weight"].T + s["0.bias"])
        b = nodes[1](a @ s["2.weight"].T + s["2.bias"])
        total = total + b @ s["4.weight"].T + s["4.bias"]
        spikes += (a > 0).sum() + (b > 0).sum()
        wanted[t] = (total.argmax(1) == y).mean(), spikes / 37
    assert min(node.nearest for node in nodes) > 2e-6
    assert [row.T for row in found.rows] == [1, 5, 12]
    for row in found.rows:
        assert (row.accuracy, row.spikes) == pytest.approx(wanted[row.T])
        assert row.rate == pytest.approx(row.spikes / 13 / row.T)
        assert row.loss == pytest.approx(found.ann_accuracy - row.accuracy)
    assert found.ann_accuracy == pytest.approx((ann(x).numpy().argmax(1) == y).mean())
    assert (found.samples, found.neurons) == (37, 13)
    text = str(found).splitlines()
    assert len(text) == 6 and "spikes per inference" in text[1] and text[5].split()[0] == "12"
    again = evaluate(snn, DataLoader(x, y, batch_size=16), T=12)
    assert again.rows[0] == pytest.approx(found.rows[2])
    pairs = [(x[:5], y[:5]), (grilly_vk.tensor(x[5:]), y[5:])]
    assert evaluate(snn, pairs, T=12).rows[0] == pytest.approx(again.rows[0])
    snn.piece_bytes = 1
    np.testing.assert_allclose(evaluate(snn, (x, y), T=[5, 1, 12]).rows, found.rows)
    assert all(node.v is None for node in snn.nodes().values())


def test_pictures():
    rng = np.random.default_rng(6)
    snn = Converter()(mlp(), x := rng.random((9, 5), dtype=np.float32))
    found = evaluate(snn, (x, np.zeros(9, int)), T=[2, 4])
    figure, (left, right) = plt.subplots(1, 2)
    assert plot.accuracy_curve(found, left) is left
    assert left.lines[0].get_xdata().tolist() == [2, 4]
    assert left.lines[0].get_ydata().tolist() == pytest.approx([100 * r.accuracy for r in found.rows])
    assert figure.axes[-1].lines[0].get_ydata().tolist() == [r.spikes for r in found.rows]
    layers = rates_and_activations(snn, x, 4)
    assert plot.rate_scatter(layers, right) is right
    assert right.lines[0].get_ydata().tolist() == layers["1"][0].reshape(-1).tolist()
    assert right.lines[0].get_xdata().tolist() == layers["1"][1].reshape(-1).tolist()
    plt.close(figure)
    with pytest.raises(TypeError, match="evaluation"):
        plot.accuracy_curve([1, 2])
    with pytest.raises(TypeError, match="layers"):
        plot.rate_scatter([1])
    with pytest.raises(ValueError, match="means"):
        plot.rate_scatter({"a": (np.zeros(2), np.zeros(3))})
    plt.close("all")


def test_repr_shows_thresholds():
    text = repr(Converter(T=6)(network(), X))
    assert "ConvertedNetwork(" in text and "T=6" in text and "RateNode(threshold=" in text
    assert isinstance(RateNode(cap=6.0), RateNode) and "cap=6" in repr(RateNode(cap=6.0))


def test_a_call_that_failed_does_not_shift_the_turns_of_a_shared_module():
    class Stops(nn.Module):
        stop = False

        def __init__(self):
            super().__init__()
            self.one, self.two, self.relu = nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU()

        def forward(self, x):
            y = self.relu(self.one(x))
            if self.stop:
                raise RuntimeError("stop")
            return self.relu(self.two(y))

    x = np.random.default_rng(0).random((3, 4)).astype(np.float32)
    snn = nn.Converter(T=8)(Stops().eval(), x)
    wanted = snn(x).numpy()
    snn.net.stop = True
    with pytest.raises(RuntimeError, match="stop"):
        snn(x)
    snn.net.stop = False
    np.testing.assert_array_equal(snn(x).numpy(), wanted)
