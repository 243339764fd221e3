"""What an installed package must be able to do, in under a minute: `python smoke.py` in its environment."""

import importlib.metadata
import sys
import tempfile
from pathlib import Path

import numpy as np

import grilly
import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim


def process():
    """The first page's call: both kinds of embedding give useful activity."""
    result = grilly.SNNCompute(n_neurons=384, seed=0).process(np.random.default_rng(0).standard_normal(384))
    assert 0.02 < result["firing_rate"] < 0.4, result["firing_rate"]


def learn():
    """A spiking network learns two easy classes: gradients, optimizer, compiled steps, all replayed."""
    grilly_vk.manual_seed(0)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 128).astype(np.int32)
    inputs = (rng.random((128, 20)) + labels[:, None] * np.linspace(-1, 1, 20)).astype(np.float32)
    model = nn.Sequential(nn.Linear(20, 32), nn.LIFNode(step_mode="m"), nn.Linear(32, 2))
    optimizer = optim.Adam(model.parameters(), lr=1e-2)

    @grilly_vk.compile
    def step(x, y):
        optimizer.zero_grad()
        F.reset_net(model)
        loss = F.cross_entropy(model(x).mean(axis=0), y)
        loss.backward()
        optimizer.step()
        return loss

    x, y = grilly_vk.tensor(np.repeat(inputs[None], 8, axis=0)), grilly_vk.tensor(labels)  # 8 steps
    losses = [step(x, y).item() for _ in range(60)]
    assert losses[-1] < 0.5 * losses[0], (losses[0], losses[-1])
    return model


def save_and_load(model):
    """A file of weights, read into another model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        grilly_vk.save(path, model.state_dict())
        other = nn.Sequential(nn.Linear(20, 32), nn.LIFNode(step_mode="m"), nn.Linear(32, 2))
        other.load_state_dict(grilly_vk.load(path))
    for mine, theirs in zip(model.parameters(), other.parameters()):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


def replay():
    """A captured graph draws fresh numbers and sees new inputs."""
    x = grilly_vk.tensor(np.ones(1000, np.float32))
    with grilly_vk.capture() as graph:
        y = F.dropout(x * 2.0, 0.5)
    seen = []
    for _ in range(3):
        graph.replay()
        seen.append(y.numpy())
    assert not np.array_equal(seen[0], seen[1])
    assert all(set(np.unique(s)) <= {0.0, 4.0} for s in seen)


def main():
    process()
    save_and_load(learn())
    replay()
    assert grilly is grilly_vk
    files = {Path(f).name for f in importlib.metadata.files("grilly-vk")}
    assert {"LICENSE", "NOTICE.txt", "kompute.txt"} <= files, "the package has no licences"
    print(f"smoke: Python {sys.version.split()[0]}, numpy {np.__version__}, {grilly_vk.device()}: works")


if __name__ == "__main__":
    main()
