"""spyx's recurrent cores, compiled by XLA; started by benchmarks/cores.py with --spyx-python.

The folder that is the only argument holds x.npy (T, B, N), cotangent.npy, beta.npy, gamma.npy and w.npy.
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
    data = {path.stem: jnp.asarray(np.load(path)) for path in folder.glob("*.npy")}
    names = {"LIF": {"beta": "beta"}, "ALIF": {"beta": "beta", "gamma": "gamma"}, "RLIF": {"beta": "beta"}}
    works = {}
    for name, constants in names.items():
        core = getattr(spyx.nn, name)(data["beta"].shape, rngs=nnx.Rngs(0))
        for key, source in constants.items():
            getattr(core, key).value = data[source]
        if name == "RLIF":
            core.recurrent_w.value = data["w"]
        graph, params = nnx.split(core)

        def run(params, x, graph=graph):
            return spyx.nn.run(nnx.merge(graph, params), x)[0]

        def back(params, x, cotangent, run=run):
            spikes, pull = jax.vjp(run, params, x)
            return spikes, *pull(cotangent)

        forward, both = jax.jit(run), jax.jit(back)

        def forwards(forward=forward, params=params):
            return {"spikes": np.asarray(jax.block_until_ready(forward(params, data["x"])))}

        def boths(both=both, params=params):
            spikes, gp, gx = jax.block_until_ready(both(params, data["x"], data["cotangent"]))
            return {"spikes": spikes, "grad": gx, **{f"grad_{k}": v for k, v in nnx.to_pure_dict(gp).items()}}

        works |= {f"spyx {name} forward": forwards, f"spyx {name} forward+backward": boths}
    serve(works)
