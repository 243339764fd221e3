"""Writes the include files that are made of the records of neurons and synapses: python generate.py FOLDER"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "grilly_vk"))  # nothing else of the package is there yet

from equations import cores, nodes_glsl, recurrences_glsl, updates
from equations.neurons import NODES
from equations.point_neurons import NEURONS
from equations.step_glsl import source as step_source
from equations.step_model import StepModel
from equations.synapses import RECURRENCES

FILES = {
    "core-models.glsl": cores.source(),
    "membranes.glsl": updates.source(updates.MEMBRANES),
    "node-models.glsl": nodes_glsl.source(NODES),
    "pairs.glsl": updates.source(updates.PAIRS),
    "recurrences.glsl": recurrences_glsl.source(RECURRENCES),
}
for name, record in NEURONS.items():  # the kernel of each, sim-advance.glsl with the model in it
    FILES[f"kernels/sim-advance~{name}.glsl"] = (
        '#version 450\n// variants: vec4\n#include "common.glsl"\n#include "vector.glsl"\n'
        f'{step_source(StepModel(**record))}#include "sim-frame.glsl"\n'
    )
Path(sys.argv[1], "kernels").mkdir(exist_ok=True)
for name, text in FILES.items():
    file = Path(sys.argv[1], name)
    if not file.exists() or file.read_text() != text:  # else kernels would be compiled again
        file.write_text(text)
