"""`info`: what is installed, which Vulkan devices there are, and which kernels."""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
from importlib import metadata
from typing import Any

from rich.console import Console
from rich.table import Table

from ..control import host_blas
from ..errors import DeviceError
from ..runtime import engine
from ..runtime.config import Config
from ..runtime.devices import DeviceInfo, choose, devices, native
from .errors import CliError
from .kernel_list import kernel_entries, kernels_as_json, kernels_as_text

_PACKAGES = {"grilly_vk": "grilly-vk", "numpy": "numpy"}


def add_to(commands: Any) -> None:
    """Add the sub-command to the parser's `commands`."""
    text = "list Vulkan devices, their limits and drivers, and the versions of what is installed; or the kernels"
    command = commands.add_parser("info", help=text, description=text)
    command.add_argument("--json", action="store_true", help="print everything as JSON")
    command.add_argument(
        "--kernels",
        nargs="*",
        metavar="NAME",
        help="list the kernels instead (all, or those named; snn-* is a pattern), and which calls use them; no device "
        "is needed",
    )
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print versions, then devices, and what the one that is used offers beyond Vulkan 1.1; or the kernels.  Returns 0.

    Raises:
        DeviceError: no loader, no driver, no device, none as GRILLY_VK_DEVICE wants it, or one that can't be opened;
            what there is has been printed by then.
        CliError: a GRILLY_VK_* variable holds a bad value, or no kernel has the name.
    """
    if args.kernels is not None:
        entries = kernel_entries(args.kernels)
        print(kernels_as_json(entries) if args.json else kernels_as_text(entries))
        return 0
    found: list[DeviceInfo] = []
    chosen: DeviceInfo | None = None
    features: list[dict[str, Any]] = []
    problem: Exception | None = None
    try:
        found = devices()
        chosen = choose(Config.from_environment().device)
        features = features_in_use()
    except DeviceError as error:
        problem = error
    except ValueError as error:  # a bad value in one of the GRILLY_VK_* variables
        problem = CliError(str(error))
    if args.json:
        print(_json(found, chosen, features))
    else:
        console = Console(highlight=False, soft_wrap=True, markup=False)
        console.print("  ".join(f"{name} {version}" for name, version in versions().items()))
        for device in found:
            console.print()
            console.print(f"{device}{', the one that is used' if device == chosen else ''}")
            console.print(_table(device))
            if device == chosen and features:
                console.print(_features_table(features))
                console.print(
                    f"precision='float16': {lacking if (lacking := engine().matrices.lacking) else 'on matrix units'}"
                )
                console.print(f"large products: by {host_blas() or 'kernels'}")
    if problem is not None:
        raise problem
    return 0


def _json(found: list[DeviceInfo], chosen: DeviceInfo | None, features: list[dict[str, Any]]) -> str:
    return json.dumps(
        {
            "versions": versions(),
            "devices": [dataclasses.asdict(d) for d in found],
            "in_use": None if chosen is None else chosen.index,
            "features": features,
        },
        indent=2,
    )


def versions() -> dict[str, str]:
    """Versions of grilly_vk, Kompute, numpy and Python, and the platform; or "not installed"."""
    result = {}
    for shown, package in _PACKAGES.items():
        try:
            result[shown] = metadata.version(package)
        except metadata.PackageNotFoundError:
            result[shown] = "not installed"
    try:
        result["Kompute"] = str(native().__version__)
    except DeviceError:
        result["Kompute"] = "not installed"
    return {
        **result,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def features_in_use() -> list[dict[str, Any]]:
    """The optional features of the device in use, which is opened for it: name, extension, purpose, offered, taken.

    Raises:
        DeviceError: the device can't be opened.
    """
    return [
        {"name": f.name, "extension": f.extension, "purpose": f.purpose, "offered": f.offered, "taken": f.taken}
        for f in engine().device.features
    ]


def _features_table(features: list[dict[str, Any]]) -> Table:
    table = Table("optional feature", "offered", "taken", "for")
    for f in features:
        table.add_row(f["name"], *("yes" if f[k] else "no" for k in ("offered", "taken")), f["purpose"])
    return table


def _table(d: DeviceInfo) -> Table:
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    limits = d.limits
    rows = {
        "type": d.type,
        "driver": d.driver,
        "Vulkan": d.api_version,
        "vendor and device id": f"{d.vendor_id:#06x} {d.device_id:#06x}",
        "memory heaps": ", ".join(
            f"{_bytes(h['size'])}{' on the device' if h['device_local'] else ''}" for h in d.heaps
        ),
        "largest tensor": _bytes(d.max_tensor_bytes),
        "shared memory of a work group": _bytes(limits["max_compute_shared_memory_size"]),
        "invocations in a work group": str(limits["max_compute_work_group_invocations"]),
        "work group size": " x ".join(map(str, limits["max_compute_work_group_size"])),
        "work groups in a dispatch": " x ".join(map(str, limits["max_compute_work_group_count"])),
        "push constants": _bytes(limits["max_push_constants_size"]),
        "subgroup size": str(d.subgroup_size),
        "float16 matrices": ", ".join(" x ".join(map(str, sizes)) for sizes in d.matrix_sizes) or "none",
        "timestamp tick": f"{d.timestamp_period:g} ns",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _bytes(n: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if n >= size:
            return f"{n / size:.4g} {unit}"
    return f"{n} bytes"
