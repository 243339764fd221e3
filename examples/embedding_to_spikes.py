"""The high-level pipeline: an embedding in, spike activity out."""

import numpy as np

import grilly

snn = grilly.SNNCompute(n_neurons=512)
embedding = np.random.default_rng(0).standard_normal(512).astype(np.float32)
result = snn.process(embedding)

print("device:         ", grilly.device())
print("spike activity: ", result["spike_activity"], "spikes in", snn.timesteps, "steps")
print("firing rate:    ", f"{result['firing_rate']:.4f} spikes per neuron and step")
print("dead neurons:   ", f"{result['dead_fraction']:.1%}")
print("first to fire:  ", np.flatnonzero(result["first_spike"] == result["first_spike"][result["spikes"] > 0].min()))
