"""The only code that knows Kompute: devices, memory, kernels, the stream and graphs."""

from .current import engine, set_device
from .engine import Engine
from .graph import Graph
from .memory import Buffer
from .profiler import Profile

__all__ = ["Buffer", "Engine", "Graph", "Profile", "engine", "set_device"]
