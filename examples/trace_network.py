"""Learning by reward: two neurons find out which of two noisy patterns each of them should answer to.

    python examples/trace_network.py [--trials N]

80 input lines fire at random; in pattern A the first half fires more often, in pattern B the second half.  The two
neurons start with nearly the same weights and answer to both.  A spike of the right neuron brings a reward of 1, one
of the other -1, the same to all synapses; what a synapse makes of it is up to its eligibility trace (MSTDPET, Florian
2007).  No gradient, and no neuron is told what it should have done.  In the control the reward comes at random.
"""

import argparse

import numpy as np

import grilly_vk
from grilly_vk.nn import traced

LINES, BATCH, STEPS = 80, 32, 60


def trials(rng, count=BATCH):
    """Spikes (T, count, lines) and the pattern of each, 0 or 1."""
    pattern = rng.integers(0, 2, count)
    often = (np.arange(LINES) >= LINES // 2) == pattern[:, None]
    return rng.random((STEPS, count, LINES)) < np.where(often, 0.08, 0.04), pattern


def network(rng):
    """Input lines and two leaky neurons, of 1 ms steps."""
    first = traced.Input((BATCH, LINES), dt=1.0, alpha_t=1.0, tau_t=0.9)
    neurons = traced.LIFNeuron(
        (BATCH, 2), thresh=1.0, v_rest=0.0, alpha_v=0.2, alpha_t=1.0, dt=1.0, duration_refrac=2.0, tau_v=0.9, tau_t=0.9
    )
    connection = traced.Linear(LINES, 2, BATCH)
    connection.weight.assign(rng.uniform(0.25, 0.35, (2, LINES)).astype(np.float32))
    return traced.Network(first, (connection, neurons))


def train(count=60, rewarded=True, seed=0, report=print):
    """Learns from `count` batches of trials; returns the share of right answers before and after."""
    rng = np.random.default_rng(seed)
    net = network(rng)
    rule = traced.MSTDPET(net, lr=0.01, a_pre=1.0, a_post=0.5, e_trace_decay=0.7, w_min=0.0, w_max=1.0)

    @grilly_vk.compile
    def present(x, sign):
        """One batch: the run, and learning from all of its steps; in a few dispatches, without Python in between."""
        net.reset_state()  # the rule's eligibility, too
        spikes, _ = net.run(x)
        reward = (spikes.astype(np.float32) * sign).sum(-1)
        rule.step(reward)
        return spikes

    def right():
        answers = []
        for _ in range(10):
            x, pattern = trials(rng)
            net.reset_state()
            counts = net.run(x)[0].numpy().sum(0)
            lead = counts[np.arange(BATCH), pattern] - counts[np.arange(BATCH), 1 - pattern]
            answers.append((np.sign(lead) + 1) / 2)  # a draw is half an answer
        return float(np.mean(answers))

    before = right()
    for i in range(count):
        x, pattern = trials(rng)
        paid = pattern if rewarded else rng.integers(0, 2, BATCH)
        sign = np.where(np.arange(2) == paid[:, None], 1.0, -1.0).astype(np.float32)
        spikes = present(x, sign)
        if i % 20 == 19:
            report(f"batch {i + 1}: {spikes.numpy().sum(0).mean():.1f} spikes a trial and neuron")
    return before, right()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=60, help="batches of trials")
    options = parser.parse_args()
    before, after = train(options.trials)
    print(f"right answers: {before:.3f} before, {after:.3f} after {options.trials * BATCH} trials")
    _, control = train(options.trials, rewarded=False, report=lambda text: None)
    print(f"with rewards at random: {control:.3f}; {grilly_vk.device()}")
