"""How an input is read where nobody has said a step mode: by the number of its axes, or with a hint."""

import copy
import warnings

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.nn import stateful

T, B, N, C = 4, 3, 5, 2
FRAMES, CLIP, IMAGES = (T, B, N), (T, B, C, 6, 6), (B, C, 6, 6)


def data(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32) * 6


def lif(**options):
    return nn.LIFNode(v_threshold=0.1, **options)


def conv_net(*last):
    grilly_vk.manual_seed(0)
    return nn.Sequential(nn.Conv2d(C, 4, 3, padding=1), nn.BatchNorm2d(4), lif(), *last)


def hints(call):
    """The texts of the warnings of a call."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    assert all(w.filename == __file__ for w in found)  # they point at the user's line
    return [str(w.message) for w in found]


class Net(nn.Module):
    """A network with a forward of its own, which is the line of this file that hints point at."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x):
        for part in self.parts:
            x = part(x)
        return x


ONE = r"takes x of shape \(4, 3, .\) for one step \(B, ...\), not for 4 steps.*F.set_step_mode\(model, 'm'\) for all"
HINTED = {
    "node": (nn.IFNode, FRAMES),
    "synapse": (nn.SynapseFilter, FRAMES),
    "delay": (lambda: nn.Delay(2), FRAMES),
    "recurrent": (lambda: nn.RecurrentSynapse(nn.LIFNode(), nn.Linear(N, N)), FRAMES),
    "chain": (lambda: nn.Sequential(nn.Linear(N, 4), nn.LIFNode(), nn.Linear(4, 2), nn.LIFNode()), FRAMES),
    "nodes first": (lambda: nn.Sequential(nn.LIFNode(), nn.Linear(N, 2), nn.LIFNode()), FRAMES),
    "own forward": (lambda: Net(nn.Linear(N, 4), nn.ReLU(), nn.LIFNode(), nn.Dropout(0.0), nn.LIFNode()), FRAMES),
    "chain in it": (lambda: Net(nn.Sequential(nn.Linear(N, 4), nn.LIFNode()), nn.LIFNode()), FRAMES),
}


@pytest.mark.parametrize("name", HINTED)
def test_one_hint_a_network_where_both_readings_are_likely(name):
    make, shape = HINTED[name]
    model, x = make(), data(*shape)
    found = hints(lambda: model(x))
    assert len(found) == 1 and len(found[0]) < 300
    with pytest.warns(UserWarning, match=ONE):
        make()(x)
    F.reset_net(model)
    assert hints(lambda: (model(x), copy.deepcopy(model)(x))) == []
    F.reset_net(model)
    assert hints(lambda: model(x[:, :2])) == []  # a last batch, a smaller one
    silent = make()
    F.set_step_mode(silent, "s")
    assert hints(lambda: silent(x)) == []
    silent = make()
    F.set_step_mode(silent, "m")
    assert hints(lambda: silent(x)) == []


def loop(model, x):
    for step in x:
        model(step)


class Said(nn.LIFNode):
    """A subclass that says it."""

    def __init__(self):
        super().__init__(tau=3.0, step_mode="s")


def assigned():
    node = nn.LIFNode()
    node.step_mode = "s"
    return node


def timed(model):
    F.set_step_mode(model, "m")
    return model


SILENT = {
    "one step": (nn.LIFNode, (B, N)),
    "images": (nn.LIFNode, IMAGES),
    "said": (lambda: nn.LIFNode(step_mode="s"), FRAMES),
    "assigned": (assigned, FRAMES),
    "subclass": (Said, FRAMES),
    "said inside": (lambda: nn.Sequential(nn.Linear(N, 2), nn.LIFNode(step_mode="s")), FRAMES),
    "no state": (lambda: nn.Sequential(nn.Linear(N, 4), nn.ReLU()), FRAMES),
    "steps of one neuron each": (lambda: nn.LIFNode(step_mode="m"), (T, N)),
    "conv1d tells": (lambda: nn.Sequential(nn.Conv1d(B, 4, 3), nn.LIFNode()), FRAMES),
    "conv1d tells in a forward": (lambda: Net(nn.Conv1d(B, 4, 3), nn.BatchNorm1d(4), nn.LIFNode()), FRAMES),
    "tokens": (lambda: nn.SpikingSelfAttention(4, 2), (B, N, 4)),
    "container": (lambda: nn.MultiStepContainer(Net(nn.Linear(N, 4), nn.LIFNode())), (T, B, 7, N)),
    "over T": (lambda: lambda x: F.multi_step_forward(Net(nn.LIFNode()), x, T, repeat=False), (T, B, 7, N)),
    "chain in a container": (
        lambda: nn.MultiStepContainer(Net(nn.Sequential(nn.Linear(N, 4), nn.LIFNode()))), (T, B, 7, N),
    ),
    "flattened": (lambda: timed(Net(nn.Conv1d(N, 4, 3), nn.Flatten(), nn.LIFNode())), (T, B, N, 6)),
    "flattened, normed": (lambda: nn.Sequential(nn.Flatten(), nn.BatchNorm1d(72), nn.LIFNode()), IMAGES),
    "class tells": (nn.DropoutOverTime1d, FRAMES),
    "presented": (lambda: lambda x: F.multi_step_forward(nn.IFNode(), x, 6, repeat=True), FRAMES),
    "readout": (nn.NonSpikingLIFNode, FRAMES),
    "steps of one neuron in a dialect": (lambda: nn.dialects.snntorch.Leaky(beta=0.9), (T, 1)),
    "nothing known": (lambda: Net(Net(), nn.LIFNode()), FRAMES),
}  # fmt: skip


@pytest.mark.parametrize("name", SILENT)
def test_no_hint_where_something_tells(name):
    make, shape = SILENT[name]
    model, x = make(), data(*shape)
    assert hints(lambda: model(x)) == []


def test_all_steps_without_their_axis():
    model = nn.Sequential(nn.Linear(N, 4), nn.LIFNode())
    F.set_step_mode(model, "m")
    found = hints(lambda: [model(data(B, N)) for _ in range(2)])
    assert len(found) == 1 and "in step mode 'm' takes x of shape (3, 5) for 3 steps (T, B, ...)" in found[0]
    assert "F.multi_step_forward(model, x, T)" in found[0] and len(found[0]) < 300
    model = Net(nn.Linear(N, 4), nn.LIFNode(), nn.Linear(4, 2), nn.LIFNode())
    F.set_step_mode(model, "m")
    assert len(hints(lambda: [model(data(B, N)) for _ in range(2)])) == 1
    assert len(hints(lambda: timed(Net(nn.Conv2d(C, 4, 3), nn.LIFNode()))(data(*IMAGES)))) == 1
    assert len(hints(lambda: timed(Net(nn.Flatten(), nn.LIFNode()))(data(B, N)))) == 1
    for kind in (nn.NonSpikingLIFNode, lambda: nn.dialects.snntorch.Leaky(beta=0.9)):  # "m" is their default
        model = Net(nn.Linear(N, 4), kind())
        found = hints(lambda: [model(data(B, N)) for _ in range(2)])  # noqa: B023
        assert len(found) == 1 and "F.set_step_mode(model, 's') for one step, 'm' for all" in found[0]
        model = Net(nn.Linear(N, 4), kind())
        model.parts[1].step_mode = "s"
        assert hints(lambda: model(data(B, N))) == []  # noqa: B023


@pytest.mark.parametrize("last", [(), (nn.Flatten(), nn.Linear(144, 10), lif())], ids=["maps", "classes"])
def test_a_convolution_tells(last):
    """As in step mode "m": values, gradients, running statistics, the state after it; nothing is set."""
    model, other = (conv_net(*copy.deepcopy(last)) for _ in range(2))
    other.load_state_dict(model.state_dict())
    F.set_step_mode(other, "m")
    x = data(*CLIP)
    outs = [m(x) for m in (model, other)]
    assert outs[0].shape[:2] == (T, B) and np.array_equal(*outs) and outs[0].numpy().any()
    for out in outs:
        out.sum().backward()
    for a, b in zip(model.parameters(), other.parameters()):
        assert np.array_equal(a.grad, b.grad)
    for a, b in zip(model.state_dict().values(), other.state_dict().values()):
        assert np.array_equal(a, b)
    assert np.array_equal(model[2].v, other[2].v) and model[2].step_mode == "s" == model.step_mode
    F.reset_net(model)
    model.eval(), other.eval()
    whole = model(x).numpy()
    F.reset_net(model)
    assert np.array_equal(np.stack([model(step).numpy() for step in x]), whole)  # and single steps are single steps


@pytest.mark.parametrize(
    "make, shape",
    [
        (lambda: nn.Sequential(conv_net(), nn.MaxPool2d(2), lif()), CLIP),
        (lambda: nn.Sequential(lif(), nn.Conv2d(C, 4, 3)), CLIP),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(36 * C, 4), lif()), CLIP),
        (lambda: nn.Sequential(nn.Conv1d(C, 4, 3), lif()), (T, B, C, 7)),
        (lambda: nn.Sequential(nn.Conv1d(C, 4, 3), nn.dialects.snntorch.Leaky(beta=0.9, threshold=0.1)), (T, B, C, 7)),
        (lambda: nn.Sequential(nn.Linear(N, 4), nn.LIF(4, 0.9, 0.1), lif()), FRAMES),
        (lambda: nn.Sequential(nn.Conv1d(C, 4, 3), nn.Flatten(), nn.Linear(20, 4), nn.LIF(4, 0.9, 0.1)), (T, B, C, 7)),
        (lambda: nn.Sequential(nn.Linear(N, 4), nn.BatchNormThroughTime1d(4), lif()), FRAMES),
        (lambda: nn.Sequential(nn.Linear(N, 4), nn.ThresholdDependentBatchNorm1d(4), lif()), FRAMES),
        (lambda: nn.Sequential(nn.Sequential(nn.TemporalEffectiveBatchNorm1d(T, N)), lif()), FRAMES),
        (lambda: nn.Sequential(nn.Linear(N, 4), lif(), nn.NonSpikingLIFNode()), FRAMES),
        (lambda: nn.SpikingSelfAttention(N, 1, v_threshold=0.1), (T, B, 3, N)),
        (lambda: nn.QKAttention(N, 1, v_threshold=0.1), (T, B, 3, N)),
        (lambda: nn.ChannelQKAttention(N, 1, v_threshold=0.1), (T, B, 3, N)),
        (lambda: nn.SpikingTransformerBlock(N, 1, v_threshold=0.1), (T, B, 3, N)),
        (lambda: nn.Sequential(nn.SpikingSelfAttention(N, 1, v_threshold=0.1)), (T, B, 3, N)),
        (lambda: nn.NeuNorm(C, 6, 6), CLIP),
        (lambda: nn.BatchNormThroughTime1d(N), FRAMES),
        (lambda: nn.BatchNormThroughTime2d(C), CLIP),
    ],
)  # fmt: skip
def test_rank_and_class_tell(make, shape):
    model = make()
    other = copy.deepcopy(model)
    F.set_step_mode(other, "m")
    x = data(*shape)
    outs = [m(x).numpy() for m in (model, other)]
    assert np.array_equal(*outs) and outs[0].any() and np.isfinite(outs[0]).all()


def test_what_nobody_has_said_follows():
    """F.multi_step_forward and containers take norms and nodes of either default."""
    model = nn.Sequential(nn.Linear(N, 4), nn.BatchNormThroughTime1d(4, T), lif())
    x = data(*FRAMES)
    whole = model(x).numpy()
    for run in (nn.MultiStepContainer(model), lambda x: F.multi_step_forward(model, x, T)):
        F.reset_net(model)
        np.testing.assert_array_equal(run(x).numpy(), whole)
    model[2].step_mode = "s"  # which does not go with the norm's
    with pytest.raises(ValueError, match=r"call F.set_step_mode\(model, 'm'\)"):
        model(x)
    model[1].step_mode = "s"
    F.reset_net(model)
    np.testing.assert_array_equal(np.stack([model(step).numpy() for step in x]), whole)


def test_nodes_of_all_steps_lead_a_chain():
    """snnTorch's take all steps unless told otherwise, and what stands between them follows without a word."""
    leaky = nn.dialects.snntorch.Leaky

    def model(norm=nn.BatchNorm1d):
        grilly_vk.manual_seed(0)
        return nn.Sequential(nn.Linear(N, 4), norm(4), leaky(0.9, 0.3), nn.Linear(4, 2), leaky(0.9, 0.3))

    x, told = data(*FRAMES), model()
    F.set_step_mode(told, "m")
    outs = []
    assert not hints(lambda: outs.append(model()(x).numpy()))
    assert np.array_equal(outs[0], told(x).numpy()) and outs[0].any()
    (text,) = hints(lambda: model(nn.LayerNorm)(data(B, N)))  # the batch as time
    assert "takes x of shape (3, 5) for 3 steps (T, B, ...), not for one step" in text
    with pytest.raises(ValueError, match=r"first layer of Sequential whose nodes take all steps takes for one step"):
        nn.Sequential(nn.Conv2d(C, 4, 3), leaky(0.9))(data(*IMAGES))
    with pytest.raises(ValueError, match=r"whose nodes take all steps takes for one step"):
        nn.Sequential(nn.Flatten(), nn.Linear(12, 4), leaky(0.9))(data(B, 3, 4))
    with pytest.raises(ValueError, match=r"which Conv2d takes for one step"):
        nn.Sequential(nn.Conv2d(C, 4, 3), nn.ThresholdDependentBatchNorm2d(4))(data(*IMAGES))

    class Whole(nn.Module):
        """Called once with all steps, which a default of one step can't follow."""

        over_time = "self"

        def __init__(self):
            super().__init__()
            self.node = nn.LIFNode()

        def forward(self, x):
            return self.node(x).cumsum(0)

    for first, shape in ((leaky(0.9), FRAMES), (nn.Conv2d(C, 4, 3), CLIP)):
        with pytest.raises(ValueError, match=r"Whole holds modules of step mode .* call F.set_step_mode"):
            nn.Sequential(first, Whole())(data(*shape))


def test_cores_in_a_chain_whose_step_mode_is_said():
    model = nn.Sequential(nn.Linear(N, 4), nn.LIF(4))
    F.set_step_mode(model, "s")
    with pytest.raises(TypeError, match="V is missing"):
        model(data(*FRAMES))


def test_an_image_behind_a_readout_of_all_steps():
    """What folds time does not take the batch for it, with as many axes as steps would have."""
    model = nn.Sequential(nn.Conv1d(C, 4, 3), nn.NonSpikingLIFNode(2.0, "last-mem"), nn.Flatten())
    F.set_step_mode(model, "m")
    assert model(data(T, B, C, 6)).shape == (B, 16)


def test_parts_that_change():
    """The reading is that of the parts that are there, and of the step mode that is said now."""
    model = nn.Sequential(nn.Conv2d(C, 4, 3), nn.LIFNode())
    assert model(data(*CLIP)).ndim == 5
    model[0] = nn.Conv3d(T, 4, 3)
    F.reset_net(model)
    assert model(data(B, T, 6, 6, 6)).shape == (B, 4, 4, 4, 4)  # one step
    model[0] = nn.Conv2d(C, 4, 3)
    F.reset_net(model)
    assert model(data(*CLIP)).ndim == 5
    F.set_step_mode(model, "s")
    with pytest.raises(ValueError, match=r"expected \(B, 2, H, W\).*for all steps .* see F.set_step_mode"):
        model(data(*CLIP))
    with pytest.raises(ValueError, match=r"expected \(B, 2, H, W\)"):
        nn.Sequential(nn.Conv2d(C, 4, 3), nn.ReLU())(data(*CLIP))  # no state, no steps
    model = nn.Sequential(nn.Sequential(nn.Conv2d(C, 4, 3)), nn.LIFNode())
    assert model(data(T, T, C, 6, 6)).shape == (T, T, 4, 4, 4)
    F.reset_net(model)
    model[0][0] = nn.Conv3d(T, 4, 3, padding=1)
    assert model(data(T, T, C, 6, 6)).shape == (T, 4, C, 6, 6)  # one step of another depth
    for mode in ("s", "m"):
        model = nn.Sequential(nn.Sequential(nn.Conv2d(C, 4, 3), nn.LIFNode()))
        assert model(data(*CLIP)).ndim == 5
        model[0][1].step_mode = mode  # as in a chain in which it was said before its first call
        with pytest.raises(ValueError, match=r"expected \(B, 2, H, W\)"):
            model(data(*CLIP))


def test_a_default_stays_one():
    """A node with a forward of one step that was called with all of them gives way to a container afterwards."""

    class Readout(nn.NonSpikingLIFNode):
        def forward(self, x):
            return super().forward(x)

    x, readout = data(*FRAMES), Readout()
    whole = readout(x).numpy()
    assert whole.any()
    F.reset_net(readout)
    np.testing.assert_array_equal(nn.MultiStepContainer(Net(readout))(x), whole)


def test_one_step_for_a_network_of_all_steps():
    model = conv_net()
    F.set_step_mode(model, "m")
    with pytest.raises(ValueError, match=r"\(3, 2, 6, 6\), which .* for one step; expected all steps") as error:
        model(data(*IMAGES))
    assert len(str(error.value)) < 300 and "F.multi_step_forward(model, x, T)" in str(error.value)
    assert model[2].v == 0.0 and model[1].num_batches_tracked.item() == 0
    out = F.multi_step_forward(model, data(*IMAGES), T)
    assert out.shape == (T, B, 4, 6, 6)
    stem = nn.Sequential(nn.Conv2d(C, 4, 3), nn.ReLU())  # no state: one step is one step
    F.set_step_mode(stem, "m")
    assert stem(data(*IMAGES)).shape == (B, 4, 4, 4) and stem(data(*CLIP)).shape == (T, B, 4, 4, 4)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.MultiStepContainer(nn.Conv2d(C, C, 3), nn.LIFNode()),
        lambda: nn.SeqToANNContainer(nn.Conv2d(C, C, 3)),
        lambda: nn.SeqToANNContainer(nn.Conv2d(C, C, 3), nn.ReLU()),
        lambda: nn.SeqToANNContainer(nn.ReLU(), nn.MaxPool2d(2)),
    ],
)
def test_one_step_for_a_container_of_all_steps(make):
    """(2, 1, 6, 6) would fold to an image of two channels, and unfold again."""
    for shape in ((2, 1, 6, 6), IMAGES):
        with pytest.raises(ValueError, match=r"for one step; expected all steps.*F.multi_step_forward") as error:
            make()(data(*shape))
        assert len(str(error.value)) < 300
    assert make()(data(T, B, C, 6, 6)).shape[:2] == (T, B)


def test_steps_of_one_sample_in_a_container():
    assert nn.SeqToANNContainer(nn.Linear(N, 2))(data(T, N)).shape == (T, 2)


def test_a_step_mode_that_was_said_stays_in_a_recurrence():
    model = nn.RecurrentSynapse(nn.LIFNode(step_mode="m"), nn.Linear(N, N))
    with pytest.raises(ValueError, match="LIFNode in it is in step mode 'm'"):
        model(data(B, N))


def test_a_container_that_refuses_a_network_changes_nothing_in_it():
    model = Net(nn.Conv1d(C, 4, 3))
    F.set_step_mode(model, "m")
    model.parts.append(nn.NonSpikingLIFNode())
    with pytest.raises(ValueError, match=r"call F.set_step_mode"):
        nn.MultiStepContainer(model)(data(T, B, C, 6))
    assert model.parts[1].step_mode == "m"


def test_a_compiled_chain_reads_alike():
    model = conv_net().eval()

    @grilly_vk.compile
    def run(x):
        F.reset_net(model)
        return model(x)

    x = grilly_vk.tensor(data(*CLIP))
    F.reset_net(model)
    want = model(x).numpy()
    assert all(np.array_equal(run(x), want) for _ in range(3)) and run.captures == 1


def test_a_module_looks_once(monkeypatch):
    looks = []
    real = stateful.look
    monkeypatch.setattr(stateful, "look", lambda *args: (looks.append(args), real(*args)))
    node = nn.LIFNode()
    for _ in range(5):
        node(data(B, N))
    assert len(looks) == 1
    F.reset_net(node)
    F.set_step_mode(node, "m")
    for _ in range(5):
        node(data(*FRAMES))
    assert len(looks) == 2


@pytest.mark.parametrize("way", ["unsaid", "m", "nodes", "container"])
def test_what_follows_a_readout_of_all_steps_sees_one_batch(way):
    """decode takes the axis of time away: the batch is no time for the layers behind."""

    class Head(nn.Module):
        def forward(self, x):
            assert x.ndim == 2
            return x * 2.0

    mode = {"step_mode": "m"} if way == "nodes" else {}
    readout = nn.NonSpikingLIFNode(2.0, "mean-mem", **mode)
    inner = nn.Sequential(lif(**mode), readout)
    model = nn.Sequential(nn.Linear(N, 4), inner, nn.BatchNorm1d(4), nn.Dropout(0.0), Head())
    if way == "m":
        F.set_step_mode(model, "m")
    x = data(*FRAMES)
    out = nn.MultiStepContainer(model)(x) if way == "container" else model(x)
    mean = np.zeros((B, 4))
    F.reset_net(model)
    spikes = F.multi_step_forward(nn.Sequential(model[0], lif()), x, T).numpy().astype(np.float64)
    v = np.zeros((B, 4))
    for s in spikes:
        v += (s - v) / 2
        mean += v / T
    wanted = 2 * (mean - mean.mean(0)) / np.sqrt(mean.var(0) + 1e-5)
    np.testing.assert_allclose(out.numpy(), wanted, rtol=1e-3, atol=1e-3)


def test_a_container_calls_own_forwards_once_per_step_whatever_their_nodes_begin_with():
    """snnTorch's begin with all steps, which gives way as long as nobody has said it."""
    make = lambda: Net(nn.Linear(N, 4), nn.dialects.snntorch.Leaky(0.9, 0.3), nn.LIFNode())  # noqa: E731
    grilly_vk.manual_seed(0)
    model, x = make(), data(*FRAMES)
    grilly_vk.manual_seed(0)
    steps = make()
    F.set_step_mode(steps, "s")
    wanted = np.stack([steps(step).numpy() for step in x])
    np.testing.assert_array_equal(nn.MultiStepContainer(model)(x).numpy(), wanted)
    F.set_step_mode(model, "m")
    with pytest.raises(ValueError, match=r"Net holds modules of step mode"):
        nn.MultiStepContainer(model)(x)
