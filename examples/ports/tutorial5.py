"""snnTorch's tutorial 5: two layers of leaky neurons, trained by the potentials of the last at every step.

    python examples/ports/tutorial5.py [--epochs N] [--steps T] [--seed N] [--weights FILE] [--small]

On 9,000 digits of MNIST, from snnTorch's initial weights and with its batches, it tells 86.7 and 87.3 % of 1,000
others right (seeds 0 and 1), snnTorch 86.7 and 87.5 %.
"""

import numpy as np
from digits import digits, options

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import decode, encode, nn, optim
from grilly_vk.data import DataLoader
from grilly_vk.nn.dialects import snntorch as snn


class Net(nn.Module):
    def __init__(self, beta):
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(28 * 28, 1000), snn.Leaky(beta=beta)
        self.fc2, self.lif2 = nn.Linear(1000, 10), snn.Leaky(beta=beta)

    def forward(self, x, steps):
        """Spikes and potentials (T, B, 10) of images (B, 1, 28, 28), the same at each of T steps."""
        F.reset_net(self)  # every batch is a new sequence
        current = self.fc1(x.flatten(1))  # the same at each step
        spikes = self.lif2(self.fc2(self.lif1(encode.direct(current, steps))))
        return spikes, self.lif2.v_seq


o = options(__doc__, epochs=1, steps=25)
(x_train, y_train), (x_test, y_test) = digits(o.small)
grilly_vk.manual_seed(o.seed)
net = Net(beta=0.95)
if o.weights:
    net.load_state_dict(dict(np.load(o.weights)))
optimizer = optim.Adam(net.parameters(), lr=5e-4, betas=(0.9, 0.999))


@grilly_vk.compile
def train(x, y):
    optimizer.zero_grad()
    loss = sum(F.cross_entropy(potential, y) for potential in net(x, o.steps)[1])
    loss.backward()
    optimizer.step()
    return loss


batches, losses = DataLoader(x_train, y_train, batch_size=128, shuffle=True, drop_last=True, seed=o.seed), []
for epoch in range(o.epochs):
    losses += [train(x, y).item() for x, y in batches]
    with grilly_vk.no_grad():
        spikes, _ = net(grilly_vk.tensor(x_test), o.steps)
    accuracy = (decode.count(spikes).argmax(1).numpy() == y_test).mean()
    print(f"epoch {epoch + 1}: loss {np.mean(losses[-20:]):.4f}, test accuracy {accuracy:.4f}")
