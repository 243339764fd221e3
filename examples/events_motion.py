"""Which way does it move?  A spiking network learns from the events of a synthetic event camera.

A bar crosses a sensor of 32 x 32 pixels to the left, to the right, up or down, at a random place and speed.  A pixel
gives an event of positive polarity when the bar comes and one of negative polarity when it goes; some are missed, and
noise is added.  Recordings are arrays with the fields x, y, t and p, as real ones are, and go through the same path:
`data.events.Frames` drops and shifts some events at random and sums the rest into eight frames, on the device, at half
the resolution; a DataLoader makes batches; and a network of two spiking layers takes all frames of a batch at once.

    python examples/events_motion.py [--recordings 400] [--epochs 8] [--seed 0]
"""

import argparse
import time

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.data import DataLoader, events

SIZE = 32
WAYS = ("left", "right", "up", "down")


def crossing(way, rng):
    """A recording of a bar that moves that way for 100 ms."""
    times = np.arange(0, 100_000, 1000)
    width, length = rng.integers(2, 6), rng.integers(12, SIZE)
    begin = rng.integers(0, SIZE - length + 1)
    ahead = rng.uniform(0.2, 0.45) * times / 1000 - rng.uniform(0, 4)  # where its front is, in pixels
    x, y, t, p = [], [], [], []
    for offset, polarity in ((0, True), (width, False)):  # the front, and the back
        edge = np.floor(ahead - offset).astype(int)
        for k in np.flatnonzero(np.diff(edge, prepend=edge[0]) > 0):
            seen = np.flatnonzero(rng.random(length) < 0.7) + begin
            place = edge[k] if way in ("right", "down") else SIZE - 1 - edge[k]
            if 0 <= place < SIZE:
                along = np.full(len(seen), place)
                x.append(along if way in ("left", "right") else seen)
                y.append(seen if way in ("left", "right") else along)
                t.append(times[k] + rng.integers(0, 1000, len(seen)))
                p.append(np.full(len(seen), polarity))
    noise = rng.integers(20, 60)
    x.append(rng.integers(0, SIZE, noise))
    y.append(rng.integers(0, SIZE, noise))
    t.append(rng.integers(0, 100_000, noise))
    p.append(rng.random(noise) < 0.5)
    made = events.make_events(*(np.concatenate(part) for part in (x, y, t, p)))
    return made[np.argsort(made["t"], kind="stable")]


def recordings(count, rng):
    """(recording, label) pairs."""
    return [(crossing(WAYS[i % 4], rng), i % 4) for i in range(count)]


def network():
    """Two spiking layers and a readout; takes (T, B, 2, 16, 16)."""
    net = nn.Sequential(
        nn.Conv2d(2, 12, 5, stride=2), nn.LIFNode(tau=2.0, detach_reset=True),
        nn.Flatten(), nn.Linear(12 * 36, 48), nn.LIFNode(tau=4.0, detach_reset=True), nn.Linear(48, 4),
    )  # fmt: skip
    F.set_step_mode(net, "m")
    return net


def main(arguments):
    """Trains, and says how many of the recordings that were held back are told right."""
    grilly_vk.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    train, test = recordings(arguments.recordings, rng), recordings(200, rng)
    windows = dict(time_window=12_500, start_time=0, steps=8, include_incomplete=True, downsample=2)
    changed = events.Frames((SIZE, SIZE, 2), augment=lambda b: b.time_jitter(500.0).drop(0.1), **windows)
    plain = events.Frames((SIZE, SIZE, 2), **windows)
    net = network()
    optimizer = optim.Adam(net.parameters(), lr=1e-2)

    @grilly_vk.compile
    def step(frames, labels):
        F.reset_net(net)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(frames).mean(0), labels)
        loss.backward()
        optimizer.step()
        return loss

    loader = DataLoader(train, batch_size=40, shuffle=True, drop_last=True, seed=1, collate_fn=changed.collate)
    print(f"{len(train)} recordings of {np.mean([len(e) for e, _ in train]):.0f} events")
    begin = time.perf_counter()
    for epoch in range(arguments.epochs):
        losses = [step(frames, labels).item() for frames, labels, _ in loader]
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}")
    print(f"trained in {time.perf_counter() - begin:.1f} s on {grilly_vk.device()}")
    right = 0
    with grilly_vk.no_grad():
        for frames, labels, _ in DataLoader(test, batch_size=50, collate_fn=plain.collate):
            F.reset_net(net)
            right += (net(frames).mean(0).numpy().argmax(-1) == labels).sum()
    print(f"{right} of {len(test)} new recordings are told right")
    return right / len(test)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--recordings", type=int, default=400)
    options.add_argument("--epochs", type=int, default=8)
    options.add_argument("--seed", type=int, default=0)
    main(options.parse_args())
