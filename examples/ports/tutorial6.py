"""snnTorch's tutorial 6: a convolutional network of leaky neurons, trained by the spikes of each step.

    python examples/ports/tutorial6.py [--epochs N] [--steps T] [--seed N] [--weights FILE] [--small]

Two epochs on 9,000 digits of MNIST with 10 steps, from snnTorch's initial weights and with its batches: 93.5 and 93.9 %
of 1,000 others are told right (seeds 0 and 1), by snnTorch 94.8 and 94.2 %.
"""

import numpy as np
from digits import digits, options

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import decode, encode, nn, optim
from grilly_vk.data import DataLoader
from grilly_vk.nn.dialects import snntorch as snn

o = options(__doc__, epochs=1, steps=50)
(x_train, y_train), (x_test, y_test) = digits(o.small)
grilly_vk.manual_seed(o.seed)


def leaky():
    return snn.Leaky(beta=0.5, spike_grad=snn.fast_sigmoid(slope=25))


net = nn.Sequential(
    nn.Conv2d(1, 12, 5), nn.MaxPool2d(2), leaky(),
    nn.Conv2d(12, 64, 5), nn.MaxPool2d(2), leaky(),
    nn.Flatten(), nn.Linear(64 * 4 * 4, 10), leaky(),
)  # fmt: skip
F.set_step_mode(net, "m")
if o.weights:
    net.load_state_dict(dict(np.load(o.weights)))
optimizer = optim.Adam(net.parameters(), lr=1e-2, betas=(0.9, 0.999))


def spikes(x):
    F.reset_net(net)  # every batch is a new sequence
    return net(encode.direct(x, o.steps))


@grilly_vk.compile
def train(x, y):
    optimizer.zero_grad()
    loss = F.ce_rate_loss(spikes(x), y)
    loss.backward()
    optimizer.step()
    return loss


batches, losses = DataLoader(x_train, y_train, batch_size=128, shuffle=True, drop_last=True, seed=o.seed), []
for epoch in range(o.epochs):
    losses += [train(x, y).item() for x, y in batches]
    with grilly_vk.no_grad():
        counts = [decode.count(spikes(x)).numpy() for x in DataLoader(x_test, batch_size=100)]
    accuracy = (np.concatenate(counts).argmax(1) == y_test).mean()
    print(f"epoch {epoch + 1}: loss {np.mean(losses[-20:]):.4f}, test accuracy {accuracy:.4f}")
