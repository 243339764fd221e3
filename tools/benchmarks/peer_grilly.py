"""Run by a Python that has the PyPI package grilly (it can't share an environment with this project)."""

import json
import os
import sys
import time

if __name__ == "__main__":
    os.environ["ALLOW_CPU_VULKAN"] = "1"  # without it the peer silently computes with numpy
    import importlib.metadata

    import numpy as np

    sys.path = [p for p in sys.path if "tools" not in p]
    import grilly

    snn = grilly.SNNCompute(n_neurons=512)  # 50 steps is its default
    x = np.random.default_rng(0).standard_normal(512).astype(np.float32)
    if not snn.use_vulkan or snn.timesteps != 50:
        sys.exit("the peer did not take its Vulkan path with 50 steps")
    times = []
    for _ in range(30):
        start = time.perf_counter()
        snn.process(x)
        times.append(time.perf_counter() - start)
    print(json.dumps({"best": min(times), "version": importlib.metadata.version("grilly")}))
