"""What `check --tune` measured on a device: values of some Tuning fields, in a file by device, driver and kernels.

A file that is damaged, or holds what nobody would have measured, is as good as none.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import replacing
from . import pipeline_cache
from .devices import DeviceInfo
from .kernels import SPIRV, SUMS

log = logging.getLogger("grilly_vk")
PRODUCT_TILES = ((4, 4), (4, 8), (8, 4), (8, 8))
# The fields of `Tuning` that are measured, with all values that are tried; results are right under each.
CANDIDATES: dict[str, tuple[Any, ...]] = {
    "row": (64, 128, 512, 1024, 4096),
    "column": (64, 256, 1024, 4096),
    "product_tiles": tuple(itertools.product(PRODUCT_TILES, repeat=3)),
    "matrix_tile": ((1, 1), (1, 2), (2, 2), (2, 4), (4, 4)),
}


def file_of(info: DeviceInfo) -> Path:
    """Where a device's values are kept: below the user's cache folder, beside the compiled pipelines."""
    try:
        kernels = (SPIRV / SUMS).read_bytes()
    except OSError:  # whoever needs the kernels says so
        kernels = b""
    key = (
        info.vendor_id, info.device_id, info.name, info.type, info.driver, info.driver_version,
        info.pipeline_cache_uuid, info.subgroup_size, hashlib.sha256(kernels).hexdigest(),
    )  # fmt: skip
    return pipeline_cache.folder().parent / "tuning" / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.json"


def load(info: DeviceInfo) -> dict[str, Any]:
    """The values kept for this device, driver and these kernels; none if they were never measured."""
    try:
        file = file_of(info)
        text = file.read_bytes()
    except (OSError, RuntimeError):  # RuntimeError: no home folder
        return {}
    try:
        found = {name: _tuples(value) for name, value in json.loads(text).items()}
        good = all(value in CANDIDATES[name] for name, value in found.items())
    except (ValueError, AttributeError, KeyError, RecursionError):
        good = False
    if not good:
        log.warning("the file of measured tuning %s is damaged; it is not used. `check --tune` makes it anew", file)
        return {}
    return found


def save(info: DeviceInfo, values: Mapping[str, Any]) -> Path:
    """Keeps values for later processes.

    Raises:
        OSError: the file can't be written.
    """
    file = file_of(info)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as out:
        out.write(json.dumps(dict(values), indent=1).encode())
    return file


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
