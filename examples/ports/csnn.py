"""SpikingJelly's CSNN, here for digits: convolutions, batch norms and IF neurons, whose firing rates are the scores.

    python examples/ports/csnn.py [--epochs N] [--steps T] [--channels C] [--seed N] [--weights FILE] [--small]

On 9,000 digits of MNIST, from SpikingJelly's initial weights and with its batches, it tells 93.2 and 92.8 % of 1,000
others right (seeds 0 and 1), SpikingJelly 92.4 and 92.3 %.
"""

import numpy as np
from digits import digits, options

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import encode, nn, optim
from grilly_vk.data import DataLoader

o = options(__doc__, epochs=2, steps=4, channels=16)
(x_train, y_train), (x_test, y_test) = digits(o.small)
grilly_vk.manual_seed(o.seed)

c = o.channels
net = nn.Sequential(
    nn.Conv2d(1, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.IFNode(), nn.MaxPool2d(2),
    nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.IFNode(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(c * 7 * 7, c * 4 * 4, bias=False), nn.IFNode(),
    nn.Linear(c * 4 * 4, 10, bias=False), nn.IFNode(),
)  # fmt: skip
F.set_step_mode(net, "m")
if o.weights:
    net.load_state_dict(dict(np.load(o.weights)))
optimizer = optim.Adam(net.parameters(), lr=1e-3)
schedule = optim.CosineAnnealingLR(optimizer, o.epochs)


def rates(x):
    F.reset_net(net)  # every batch is a new sequence
    return net(encode.direct(x, o.steps)).mean(0)


@grilly_vk.compile
def train(x, y):
    optimizer.zero_grad()
    loss = F.mse_loss(rates(x), F.one_hot(y, 10).float())
    loss.backward()
    optimizer.step()
    return loss


batches, losses = DataLoader(x_train, y_train, batch_size=128, shuffle=True, drop_last=True, seed=o.seed), []
for epoch in range(o.epochs):
    net.train()
    losses += [train(x, y).item() for x, y in batches]
    schedule.step()
    net.eval()
    with grilly_vk.no_grad():
        guess = np.concatenate([rates(x).argmax(1).numpy() for x in DataLoader(x_test, batch_size=100)])
    accuracy = (guess == y_test).mean()
    print(f"epoch {epoch + 1}: loss {np.mean(losses[-20:]):.4f}, test accuracy {accuracy:.4f}")
