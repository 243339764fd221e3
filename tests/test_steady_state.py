"""Five thousand whole training steps grow neither the host's memory nor the device's."""

from steady import needs_proc

# Dropout, Adam, a DataLoader that shuffles, a schedule; eager at first, compiled for the rest.
STEPS = """
import numpy as np
import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.data import DataLoader
from learning import training_step
from steady import kept, resident

EAGER = 500
rng = np.random.default_rng(0)
x = rng.standard_normal((64, 12)).astype(np.float32)
loader = DataLoader(x, (x.sum(1) > 0).astype(np.int32), batch_size=16, shuffle=True)
model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))
optimizer = optim.Adam(model.parameters(), lr=1e-3)

step = training_step(model, optimizer, F.cross_entropy)
compiled = grilly_vk.compile(step)

def train(run, steps):
    losses = []
    while len(losses) < steps:
        losses += [run(grilly_vk.tensor(a), grilly_vk.tensor(b)).item() for a, b in loader]
    return losses

first = train(step, EAGER // 2)
train(compiled, 50)  # the allocators settle, and both ways have what they need
train(step, 50)
before, held = resident(), kept("bytes_peak", "programs")
growth, done = [], 350
for run, steps, rounds in ((step, EAGER // 2, 1), (compiled, 750, 9)):
    for _ in range(rounds):
        last = train(run, steps)
        done += len(last)
        growth.append(resident() - before)
        before = resident()
assert done >= 5000, done
now = kept("bytes_peak", "programs")
assert now == held, (held, now)
assert compiled.captures == 1
assert sum(last[-50:]) < sum(first[:50])  # it was training
# The cache of recorded submits fills for some 4,000 steps; a leak of 350 bytes per step would be 256 KiB a round.
assert min(growth[1:]) < 1 << 18, growth
"""


@needs_proc
def test_five_thousand_whole_training_steps_do_not_grow_memory(snippet):
    """In a process of its own, for what other tests leave behind moves the host's memory."""
    snippet(STEPS, timeout=300)
