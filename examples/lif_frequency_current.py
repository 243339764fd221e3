"""How often a LIF neuron fires against its input current: simulated in one dispatch, and in closed form."""

import math

import numpy as np

import grilly.nn as nn

currents = np.linspace(0.8, 5.0, 64, dtype=np.float32)
steps, tau, refractory = 4000, 20.0, 2.0
lif = nn.LIFNeuron(n_neurons=64, dt=0.001, tau_mem=tau, t_refrac=refractory)
spikes = lif.run(np.broadcast_to(currents, (steps, 64)))
measured = 1000 * spikes.mean(axis=0)  # Hz: one step is a millisecond

print("current   measured Hz   closed form Hz")
for current, rate in list(zip(currents, measured))[::8]:
    to_threshold = math.ceil(-tau * math.log(1 - 1 / current)) if current > 1 else math.inf
    print(f"{current:7.2f} {rate:13.2f} {1000 / (to_threshold + refractory):16.2f}")
