from types import ModuleType
from typing import Any

pybind11_internals: str
Barrier: Any  # there once bind_barrier() has run

def devices() -> list[dict[str, Any]]: ...
def bind_barrier(module: ModuleType) -> None: ...
