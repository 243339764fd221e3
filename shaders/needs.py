"""Writes what each compiled kernel needs of a device, for grilly_vk/runtime/limits.py: python needs.py FOLDER

A line is a kernel's name, storage buffers, bytes of push constants, bytes of shared memory, and whether it broadcasts.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "grilly_vk" / "runtime"))  # nothing else of the package is there yet

from shared_memory import declared
from spirv import reflect

folder, lines = Path(sys.argv[1]), []
for path in sorted(folder.glob("*.spv")):
    code = path.read_bytes()
    face = reflect(code, path.name)
    shared = declared(code, {i: s.default for i, s in enumerate(face.specs)})[0] if face.shares else 0
    name = path.name.removesuffix(".spv")
    lines.append(f"{name} {len(face.bindings)} {4 * len(face.push)} {shared} {int(face.broadcasts)}\n")
(folder / "NEEDS").write_text("".join(lines))
