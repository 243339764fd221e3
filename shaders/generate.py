"""Writes the include files that are made of the records of neurons and synapses: python generate.py FOLDER"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "grilly_vk"))  # nothing else of the package is there yet

from equations import cores, nodes_glsl, recurrences_glsl, updates
from equations.neurons import NODES
from equations.synapses import RECURRENCES

FILES = {
    "core-models.glsl": cores.source(),
    "membranes.glsl": updates.source(updates.MEMBRANES),
    "node-models.glsl": nodes_glsl.source(NODES),
    "pairs.glsl": updates.source(updates.PAIRS),
    "recurrences.glsl": recurrences_glsl.source(RECURRENCES),
}
for name, text in FILES.items():
    file = Path(sys.argv[1], name)
    if not file.exists() or file.read_text() != text:  # else kernels would be compiled again
        file.write_text(text)
