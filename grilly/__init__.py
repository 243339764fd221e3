"""``import grilly``: the import name that Grilly has; the same module object as grilly_vk.

The PyPI package `grilly` can't be installed beside this one, as PIL's can't beside Pillow.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
from types import ModuleType


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds grilly.x as grilly_vk.x, so that no module (and no class) ever exists twice."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        ours = name.startswith("grilly.") and name != "grilly.__main__"  # that one is run, not imported
        return importlib.machinery.ModuleSpec(name, self) if ours else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module("grilly_vk" + spec.name[len("grilly") :])
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has run under its own name; only that name, which the import system overwrote, is put back."""
        if module.__spec__ is not None:
            module.__spec__ = module.__spec__.loader_state


sys.meta_path.insert(0, _Alias())
sys.modules[__name__] = importlib.import_module("grilly_vk")
