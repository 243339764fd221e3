"""``import grilly``: the import name of the documents; the same module object as grilly_vk.

The PyPI package `grilly` can't be installed beside this one, as PIL's can't beside Pillow.
"""

import sys

import grilly_vk
import grilly_vk.functional
import grilly_vk.nn

# Both names must find the very same modules, or classes would exist twice.
for _name, _module in list(sys.modules.items()):
    if _name == "grilly_vk" or _name.startswith("grilly_vk."):
        sys.modules["grilly" + _name[len("grilly_vk") :]] = _module
