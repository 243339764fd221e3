"""Compiled functions see what changes around them: arrays of other libraries, attributes, variables outside."""

import dataclasses

import numpy as np
import pytest

import grilly_vk as g
import grilly_vk.functional as F
from grilly_vk import nn, optim

SCALE = 2.0


class Foreign:
    """An array of another library, as PyTorch's and JAX's are to numpy."""

    def __init__(self, values, dtype=np.float32):
        self.values = np.asarray(values, dtype)

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


class ByDLPack:
    """One that knows DLPack alone."""

    def __init__(self, values, dtype=np.float32):
        self.values = np.asarray(values, dtype)

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


@pytest.mark.parametrize("kind", [Foreign, ByDLPack, np.asarray])
def test_arrays_of_other_libraries_are_arguments(kind):
    step = g.compile(lambda x: g.tensor(x).sum())
    array = kind(np.ones(3, np.float32))
    assert step(array).item() == 3
    values = array if kind is np.asarray else array.values
    values += 1
    assert step(array).item() == 6
    for i in range(5):  # a fresh one each time, as a loader gives them
        assert step(kind(np.full(3, i, np.float32))).item() == 3 * i
    assert step.captures == 1


def test_a_loader_of_foreign_arrays_trains_with_one_recording():
    g.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    rng = np.random.default_rng(0)

    def step(batch):
        optimizer.zero_grad()
        loss = ((model(g.as_tensor(batch["x"])) - g.as_tensor(batch["y"])) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    compiled = g.compile(step)
    w = rng.standard_normal((3, 2))
    losses = []
    for _ in range(60):
        x = rng.standard_normal((16, 3))
        losses.append(compiled({"x": Foreign(x), "y": Foreign(x @ w)}).item())
    assert compiled.captures == 1 and losses[-1] < 0.05 * losses[0]


class EventFrames:
    """A loader as Tonic's users have it: events of x, y, time and polarity counted into int16 frames, and int64 labels.

    Batches ((T, B, 2, 6, 6), (B,)) come as arrays of each kind in turn.
    """

    kinds = (ByDLPack, Foreign, np.asarray)

    def __iter__(self):
        rng = np.random.default_rng(0)
        for i in range(30):
            labels = rng.integers(0, 2, 8)
            frames = np.zeros((5, 8, 2, 6, 6), np.int16)
            for b, label in enumerate(labels):  # all of one polarity more often, in one half of the sensor
                x, y, t = rng.integers(0, 6, 80), rng.integers(0, 6, 80), rng.integers(0, 1000, 80)
                p = (x < 3) ^ label ^ (rng.random(80) < 0.1)
                np.add.at(frames, (t // 200, b, p.astype(int), y, x), 1)
            kind = self.kinds[i % 3]
            yield kind(frames, frames.dtype), kind(labels, labels.dtype)


def test_a_loader_of_event_frames_trains_a_spiking_network_with_one_recording():
    def train(wrap):
        g.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.LIFNode(), nn.Flatten(), nn.Linear(64, 2), nn.IFNode())
        F.set_step_mode(net, "m")
        optimizer = optim.Adam(net.parameters(), lr=3e-2)

        def step(frames, labels):
            F.reset_net(net)
            optimizer.zero_grad()
            loss = F.cross_entropy(net(g.as_tensor(frames).float()).mean(0), g.as_tensor(labels))
            loss.backward()
            optimizer.step()
            return loss

        run = wrap(step)
        return [run(frames, labels).item() for frames, labels in EventFrames()], run

    losses, compiled = train(g.compile)
    assert compiled.captures == 1
    assert losses == train(lambda step: step)[0]
    assert losses[0] > 0.6 and np.mean(losses[-5:]) < 0.45  # 0.313 where every neuron is right at every step


def test_tensors_are_made_of_what_knows_dlpack_alone():
    assert g.tensor(ByDLPack([1.5, 2.0])).numpy().tolist() == [1.5, 2.0]
    assert (g.ones(2) + ByDLPack([1.5, 2.0])).numpy().tolist() == [2.5, 3.0]
    layer = nn.Linear(2, 1)
    assert layer(ByDLPack(np.ones((3, 2)))).shape == (3, 1)
    layer.load_state_dict({"weight": ByDLPack([[1.0, 2.0]]), "bias": Foreign([0.5])})
    assert layer([[1.0, 1.0]]).item() == 3.5

    class Far(ByDLPack):
        def __dlpack__(self, **options):
            raise BufferError("on another device")

    with pytest.raises(TypeError, match="data, a Far, can't be read by DLPack: on another device"):
        g.tensor(Far([1.0]))


def test_arrays_that_can_t_be_read_are_named():
    class Far:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("on another device")

    with pytest.raises(TypeError, match="an argument of type Far can't be read as an array: on another device"):
        g.compile(lambda x: x)(Far())


def test_objects_are_refused_and_values_are_part_of_the_key():
    class Settings:
        scale = 2.0

    @dataclasses.dataclass(frozen=True)
    class Frozen:
        scale: float

    step = g.compile(lambda x, s: x * s.scale)
    with pytest.raises(TypeError, match="an argument is a Settings, which could change without being seen"):
        step(g.ones(2), Settings())
    with pytest.raises(TypeError, match="'s' is a Settings"):
        step(g.ones(2), s=Settings())
    for scale in (2.0, 3.0, 2.0):
        assert step(g.ones(2), Frozen(scale)).numpy().tolist() == [scale, scale]
    assert step.captures == 2


def test_variables_outside(monkeypatch):
    factor = 2.0
    table = {"offset": 1.0, "note": "x"}
    array = np.float32([1, 2])

    class Settings:
        pass

    settings = Settings()
    settings.shift = 0.5

    def function(x):
        return x * (factor * SCALE) + table["offset"] + settings.shift + g.tensor(array)

    step = g.compile(function)

    def same(captures):
        np.testing.assert_array_equal(step(g.ones(2)).numpy(), function(g.ones(2)).numpy())
        assert step.captures == captures

    same(1)
    same(1)
    factor = 5.0
    same(2)
    monkeypatch.setitem(globals(), "SCALE", 7.0)
    same(3)
    table["offset"] = -1.0
    same(4)
    settings.shift = 0.25
    same(5)
    array += 1
    same(6)
    factor, table["offset"] = 2.0, 1.0
    same(7)
    same(7)


def test_the_object_of_a_method():
    class Trainer:
        def __init__(self):
            self.gain = 2.0

        def step(self, x):
            return x * self.gain

    trainer = Trainer()
    step = g.compile(trainer.step)
    assert step(g.ones(1)).item() == 2
    trainer.gain = 3.0
    assert step(g.ones(1)).item() == 3 and step.captures == 2


def test_attributes_of_your_own_modules():
    class Gain(nn.Module):
        def __init__(self):
            super().__init__()
            self.gain, self.calls = 2.0, 0

        def forward(self, x):
            self.calls += 1
            return x * self.gain

    model = nn.Sequential(Gain())
    step = g.compile(model)
    for _ in range(3):
        assert step(g.ones(1)).item() == 2
    assert step.captures == 1 and model[0].calls == 1
    model[0].gain = 3.0
    assert step(g.ones(1)).item() == 3 and step.captures == 2
    assert step(g.ones(1)).item() == 3 and step.captures == 2


def test_large_host_arrays_are_refused_by_name():
    mask = np.ones((1000, 100), np.float32)
    with pytest.raises(TypeError, match=r"host array 'mask' of 400000 bytes, .* mask = grilly_vk.tensor\(mask\)"):
        g.compile(lambda x: x * mask)(g.ones(100))
    mask = g.tensor(mask)
    step = g.compile(lambda x: (x * mask).sum())
    assert step(g.ones(100)).item() == 1e5
    with g.no_grad():
        mask *= 2
    assert step(g.ones(100)).item() == 2e5
