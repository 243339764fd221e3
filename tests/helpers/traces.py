"""A small network of trace neurons, and what its synapses see, for the tests of connections and rules."""

import numpy as np

import grilly_vk
from grilly_vk.nn import traced


def network(batch=2, ins=5, outs=4, delay=0, channel=False, seed=0, **rules):
    """One layer that fires now and then."""
    lead = (batch, 1) if channel else (batch,)
    grilly_vk.manual_seed(seed)
    first = traced.Input((*lead, ins), 1.0, 1.2, 0.8)
    last = traced.LIFNeuron((*lead, outs), 1.0, 0.0, 0.9, 0.7, 1.0, 1.0, 0.8, 0.7)
    return traced.Network(first, (traced.Linear(ins, outs, batch, 1.0, delay), last))


def spikes(rng, *shape, rate=0.3):
    return rng.random(shape) < rate


def shifted(x, delay):
    """(T, batch, in) as each synapse sees it: (T, batch, out, in), 0 before the first step."""
    out = np.zeros((*x.shape[:2], *delay.shape), np.float64)
    for o, i in np.ndindex(*delay.shape):
        d = delay[o, i]
        out[d:, :, o, i] = x[: len(x) - d, :, i] if d else x[:, :, i]
    return out


def seen(net, x):
    """What both sides did in a run, in float64: (pre, pre traces, post, post traces), with the connection's delays."""
    layer = net.layers[0]
    batch, outs, ins = layer.connection.synapse_shape
    post, post_trace = (t.numpy().reshape(len(x), batch, outs).astype(np.float64) for t in net.run(x))
    pre = np.asarray(x, np.float64).reshape(len(x), batch, ins)
    pre_trace, y = [], np.zeros((batch, ins))
    for now in pre:
        y = y * 0.8 + 1.2 * now
        pre_trace.append(y)
    delay = layer.connection.delay
    steps = np.zeros((outs, ins), int) if delay is None else delay.numpy()
    return shifted(pre, steps), shifted(np.array(pre_trace), steps), post, post_trace


DELAYS = np.array([[0, 1, 2, 3, 0], [5, 0, 1, 0, 2], [0, 0, 0, 0, 0], [7, 7, 1, 2, 3]])
