"""Writes the include files that are made of the neuron models' records: python generate.py FOLDER"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "grilly_vk"))  # nothing else of the package is there yet

from equations.neurons import NODES
from equations.nodes_glsl import source

for name, text in {"node-models.glsl": source(NODES)}.items():
    file = Path(sys.argv[1], name)
    if not file.exists() or file.read_text() != text:  # else kernels would be compiled again
        file.write_text(text)
