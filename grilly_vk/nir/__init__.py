"""Networks in and out by NIR, the Neuromorphic Intermediate Representation that other frameworks read and write.

    net = grilly_vk.nir.from_nir("network.nir", dt=1e-4)      # a Module, (T, B, ...) to (T, B, ...)
    graph = grilly_vk.nir.to_nir(net)                         # a nir.NIRGraph
    grilly_vk.nir.save(net, "network.nir")

It needs the package nir when one of these is called, not before: ``pip install 'grilly-vk[nir]'``.  What continuous
time becomes in steps, and which settings equal which framework: docs/nir.md.
"""

from .read import from_nir, load
from .write import save, to_nir

__all__ = ["from_nir", "load", "save", "to_nir"]
