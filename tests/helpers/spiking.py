"""A spiking layer made of plain operations, for tests of what watches spiking layers."""

import numpy as np

import grilly_vk
from grilly_vk import nn


class Spiking(nn.Module):
    """Integrate and fire, v = v + x, with a hard reset to 0 and a straight-through gradient."""

    def __init__(self, v_threshold=1.0, step_mode="s", store_v_seq=False):
        super().__init__()
        self.v_threshold, self.step_mode, self.store_v_seq = v_threshold, step_mode, store_v_seq
        self.v, self.v_seq = 0.0, None

    def reset(self):
        self.v, self.v_seq = 0.0, None

    def step(self, x):
        h = self.v + x
        hard = (h >= self.v_threshold).astype(np.float32)
        self.v = h.detach() * (1.0 - hard)
        return hard + (h - h.detach())

    def forward(self, x):
        if self.step_mode == "s":
            return self.step(x)
        out, v = [], []
        for t in range(len(x)):
            out.append(self.step(x[t]))
            v.append(self.v)
        self.v_seq = grilly_vk.stack(v) if self.store_v_seq else None
        return grilly_vk.stack(out)


def reference(x, v_threshold=1.0, v=0.0):
    """Spikes and potentials after reset of x (T, ...), in the same float32 additions."""
    v = np.broadcast_to(np.float32(v), x.shape[1:])
    spikes, potential = np.empty_like(x), np.empty_like(x)
    for t in range(len(x)):
        h = v + x[t]
        spikes[t] = h >= v_threshold
        v = potential[t] = h * (1 - spikes[t])
    return spikes, potential
