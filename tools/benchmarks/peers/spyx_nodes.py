"""spyx's LIF, compiled by XLA; started by benchmarks/nodes.py with --spyx-python.  Folder as for torch_nodes.py.

Its recurrence V = beta*V + x - s*th spikes on the incoming potential, so results differ from our node's.
"""

import sys
from pathlib import Path

from serve import serve, two_cores

if __name__ == "__main__":
    two_cores()  # before jax counts the cores
    import jax
    import jax.numpy as jnp
    import numpy as np
    import spyx
    from flax import nnx

    folder = Path(sys.argv[1])
    x, cotangent = (jnp.asarray(np.load(folder / name)) for name in ("x.npy", "cotangent.npy"))
    core = spyx.nn.LIF((x.shape[-1],), beta=0.5, rngs=nnx.Rngs(0))
    graph, state = nnx.split(core)

    @jax.jit
    def forward(state, x):
        return spyx.nn.run(nnx.merge(graph, state), x)[0]

    @jax.jit
    def both(state, x, cotangent):
        spikes, back = jax.vjp(lambda x: spyx.nn.run(nnx.merge(graph, state), x)[0], x)
        return spikes, back(cotangent)[0]

    works = {
        "spyx LIF forward": lambda: {"spikes": np.asarray(jax.block_until_ready(forward(state, x)))},
        "spyx LIF forward+backward": lambda: jax.block_until_ready(both(state, x, cotangent)),
    }
    serve(works)
