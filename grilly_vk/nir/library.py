"""The package `nir`, which is needed when a graph is read or written, and not before."""

from __future__ import annotations

from typing import Any


def library() -> Any:
    """The module `nir` of the package of that name.

    Raises:
        ImportError: it is not installed; says how to.
    """
    try:
        import nir
    except ImportError as error:
        raise ImportError(
            f"grilly_vk.nir needs the package nir ({error}); install it with: pip install 'grilly-vk[nir]'"
        ) from error
    return nir
