"""A small spiking network that tests train on one rank and on several."""

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim, parallel, tensor
from grilly_vk.data import DataLoader

ROWS = 24


def train(comm, steps=6):
    """The parameters after some steps with batches of 12 rows, shared among the ranks."""
    rank, size = parallel.rank(comm)
    rng = np.random.default_rng(1)
    given, wanted = rng.standard_normal((ROWS, 6)).astype(np.float32), rng.integers(0, 3, ROWS).astype(np.int32)
    first = [rng.standard_normal(shape).astype(np.float32) * 0.5 for shape in ((8, 6), (8,), (3, 8), (3,))]
    net = nn.Sequential(nn.Linear(6, 8), nn.LIFNode(step_mode="m", detach_reset=True), nn.Linear(8, 3))
    with grilly_vk.no_grad():
        for p, value in zip(net.parameters(), first):
            p.assign(value + rank)  # only the first rank's are right
    parallel.broadcast(net, comm)
    sgd = optim.SGD(net.parameters(), lr=0.2, momentum=0.9)
    parallel.share_gradients(sgd, comm)
    loader = DataLoader(given, wanted, batch_size=12 // size, shuffle=True, seed=4, comm=comm)
    done = 0
    while done < steps:
        for x, y in loader:
            net[1].reset()
            sgd.zero_grad()
            out = net(tensor(np.repeat(x[None] * 2, 5, axis=0))).mean(0)
            F.cross_entropy(out, tensor(y)).backward()
            sgd.step()
            done += 1
    return [p.numpy() for p in net.parameters()]
