"""Runs neuron models of grilly_vk.sim without a network: T steps of given arrivals and currents in one dispatch."""

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from steps import INCLUDE

from grilly_vk.runtime import engine
from grilly_vk.runtime.spirv import reflect
from grilly_vk.tensor import empty, from_numpy

FRAME = """#version 450
#include "common.glsl"
#include "vector.glsl"
READS(0, REAL, numbers); // (NUMBERS, n)
READS(1, REAL, arriving); // (T, RECEPTORS, n)
READS(2, REAL, currents); // (T, n)
CHANGES(3, REAL, states); // (STATES, n)
WRITES(4, REAL, trace); // (T, STATES, n) after each step
WRITES(5, REAL, spikes); // (T, n)
layout(push_constant) uniform Push { OFFSETS(6); uint n; uint steps; } p;
#include "sim-model.glsl"
void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        REAL c[NUMBERS], s[STATES], arrived[RECEPTORS], waits = REAL(0);
        for (uint j = 0; j < NUMBERS; j++)
            c[j] = AT(numbers, j * p.n + i);
        for (uint j = 0; j < STATES; j++)
            s[j] = AT(states, j * p.n + i);
        for (uint t = 0; t < p.steps; t++) {
            for (uint j = 0; j < RECEPTORS; j++)
                arrived[j] = AT(arriving, (t * RECEPTORS + j) * p.n + i);
            TEST hears = AT_LEAST(REAL(0), waits);
            model_step(s, c, arrived, AT(currents, t * p.n + i), hears);
            TEST fired = BOTH(model_fires(s, c), hears);
            model_reset(s, c, fired);
            waits = max(waits - 1.0, REAL(0));
            if (REFRACTORY < NUMBERS)
                waits = mix(waits, c[min(REFRACTORY, NUMBERS - 1)], fired);
            AT(spikes, t * p.n + i) = REAL(fired);
            for (uint j = 0; j < STATES; j++)
                AT(trace, (t * STATES + j) * p.n + i) = s[j];
        }
    }
}
"""


@functools.lru_cache
def _compiled(source, wide):
    glslc = shutil.which("glslc")
    if glslc is None:
        pytest.skip("glslc is not installed")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "frame.glsl").write_text(FRAME)
        Path(folder, "sim-model.glsl").write_text(source)
        out = Path(folder, "frame.spv")
        command = [glslc, "-fshader-stage=compute", "--target-env=vulkan1.1", "-Werror", "-I", folder, "-I", INCLUDE]
        command += ["-DVEC=4"] * wide
        subprocess.run([*command, "-o", out, Path(folder, "frame.glsl")], check=True)
        return out.read_bytes()


def run(model, parameters, dt, arriving=None, currents=None, steps=None, size=1, start=None):
    """States (T, STATES, n) after each step, and spikes (T, n).

    arriving: (T, RECEPTORS, n) by broadcasting; currents: (T, n) by broadcasting; start: other first states by name.
    """
    receptors, on = max(1, len(model.receptors)), engine()
    arriving = np.zeros((steps, receptors, size)) if arriving is None else arriving
    currents = np.zeros((steps, size)) if currents is None else currents
    shown = [np.ascontiguousarray(np.broadcast_to(a, s), np.float32)
             for a, s in ((arriving, (steps, receptors, size)), (currents, (steps, size)))]  # fmt: skip
    first = model.initial(parameters, size)
    for state, value in (start or {}).items():
        first[model.states.index(state)] = value
    name = f"test-sim-{model.name}-{hash(model.source)}{'.vec4' * (size % 4 == 0)}"
    if name not in on.kernels._modules:
        code = _compiled(model.source, size % 4 == 0)
        on.kernels._modules[name] = (code, reflect(code, name))
    trace, spikes = empty((steps, len(model.states), size)), empty((steps, size))
    n = size // 4 if size % 4 == 0 else size
    on.launch(
        name, n, numbers=from_numpy(model.numbers(parameters, dt, size)), arriving=from_numpy(shown[0]),
        currents=from_numpy(shown[1]), states=from_numpy(first), trace=trace, spikes=spikes, n=n, steps=steps,
    )  # fmt: skip
    return trace.numpy(), spikes.numpy()
