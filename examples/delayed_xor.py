"""A task that needs memory: did exactly one of two cues come?  Neurons learn for how long to remember the first.

    python examples/delayed_xor.py [--steps N] [--delay N]

Each cue is one noisy pulse on an input line of its own, or its absence.  ParametricLIF neurons start with a time
constant of 2 steps, which forgets the first cue before the second comes, and learn a longer one.  The control has
the same network with neurons that forget at once.
"""

import argparse

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim


def trials(rng, count, delay):
    """Input (T, count, 2) and labels: 1 where exactly one of the two cues came."""
    cues = rng.integers(0, 2, (count, 2))
    x = rng.normal(0.0, 0.1, (delay + 3, count, 2)).astype(np.float32)
    x[1, :, 0] += 3.0 * cues[:, 0]
    x[delay + 1, :, 1] += 3.0 * cues[:, 1]
    return x, (cues[:, 0] != cues[:, 1]).astype(np.int32)


def network(memory=True):
    """48 hidden neurons and a linear read-out of their spikes."""
    hidden = nn.ParametricLIFNode(2.0, False, step_mode="m") if memory else nn.LIFNode(1.0, False, step_mode="m")
    return nn.Sequential(nn.Linear(2, 48), hidden, nn.Linear(48, 2))


def train(steps=400, delay=5, memory=True, seed=0, report=print):
    """Trains on fresh trials; returns the accuracy on 2,000 others, and the time constant at the end."""
    grilly_vk.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = network(memory)
    optimizer = optim.Adam(model.parameters(), lr=0.02)

    def scores(x):
        """The mean of the read-out from the second cue on."""
        F.reset_net(model)
        return model(x)[delay + 1 :].mean(0)

    @grilly_vk.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(scores(x), y)
        loss.backward()
        optimizer.step()
        return loss

    for i in range(steps):
        loss = step(*trials(rng, 128, delay))
        if i % 100 == 99:
            report(f"step {i + 1}: loss {loss.item():.4f}, time constant {model[1].tau:.2f} steps")
    x, y = trials(rng, 2000, delay)
    with grilly_vk.no_grad():
        guess = scores(grilly_vk.tensor(x)).argmax(1).numpy()
    return float((guess == y).mean()), model[1].tau


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400, help="of training")
    parser.add_argument("--delay", type=int, default=5, help="steps between the cues")
    options = parser.parse_args()
    accuracy, tau = train(options.steps, options.delay)
    print(f"with memory: accuracy {accuracy:.3f}, the time constant grew from 2 to {tau:.2f} steps")
    accuracy, _ = train(options.steps, options.delay, memory=False, report=lambda text: None)
    print(f"without: accuracy {accuracy:.3f}; {grilly_vk.device()}")
