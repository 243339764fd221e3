"""The only code that knows Kompute: devices, memory, kernels, the stream and graphs."""

from .engine import Engine, capturing, engine, set_device
from .graph import Graph
from .memory import Buffer
from .profiler import Profile

__all__ = ["Buffer", "Engine", "Graph", "Profile", "capturing", "engine", "set_device"]
