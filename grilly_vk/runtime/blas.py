"""The BLAS that numpy or scipy brought into the process, for products on devices that are the host's own CPU."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# How OpenBLAS names its functions: (before, after, whether sizes have 64 bits); by numpy's and scipy's own builds,
# and by others'.
_NAMES = (("scipy_", "64_", True), ("scipy_", "", False), ("", "64_", True), ("", "", False))


@dataclass(frozen=True)
class Blas:
    """A library with `cblas_sgemm`, by addresses of its functions."""

    version: str
    brought_by: str
    sgemm: int
    wide: bool  # its sizes have 64 bits
    get_threads: int
    set_threads: int

    def __str__(self) -> str:
        return f"OpenBLAS {self.version} of {self.brought_by}"


@functools.lru_cache(1)
def found() -> Blas | None:
    """The newest OpenBLAS that numpy's or scipy's modules are linked with; None: they bring another BLAS, or none.

    Only OpenBLAS is taken: others are not told from the reference BLAS, which is slower than a shader.  Older ones do
    not know newer processors.
    """
    known = [blas for brought_by, file in _modules() if (blas := _openblas(brought_by, file)) is not None]
    return max(known, key=lambda b: [int(n) for n in re.findall(r"\d+", b.version)[:3]], default=None)


def _modules() -> Iterator[tuple[str, str]]:
    """(package, file of an extension module that calls BLAS); scipy is not imported for it."""
    # 1.26 has a `_core` too, for pickles
    core: Any = getattr(np, "core" if np.__version__.startswith("1.") else "_core")
    yield f"numpy {np.__version__}", core._multiarray_umath.__file__
    try:
        place = importlib.util.find_spec("scipy")
    except (ImportError, ValueError):
        place = None
    for folder in (place.submodule_search_locations if place else None) or ():
        for file in sorted(Path(folder, "linalg").glob("_fblas.*so")):
            yield "scipy", str(file)


def _openblas(brought_by: str, file: str) -> Blas | None:
    try:
        library = ctypes.CDLL(file)
    except OSError:
        return None
    for before, after, wide in _NAMES:

        def address(name: str, before: str = before, after: str = after) -> int:
            return ctypes.cast(getattr(library, f"{before}{name}{after}"), ctypes.c_void_p).value or 0

        try:
            config = ctypes.CFUNCTYPE(ctypes.c_char_p)(address("openblas_get_config"))()
            functions = [address(n) for n in ("cblas_sgemm", "openblas_get_num_threads", "openblas_set_num_threads")]
        except AttributeError:
            continue
        version = re.match(r"OpenBLAS (\S+)", (config or b"").decode())
        if version and all(functions):
            return Blas(version[1], brought_by, functions[0], wide, *functions[1:])
    return None
