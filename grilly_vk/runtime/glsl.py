"""Kernels compiled while the program runs, from a shader of the package with a text of the user's in it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .kernels import COMPILED

SOURCES = Path(__file__).parent / "glsl"  # put there by the build


def compiler() -> str | None:
    """Where glslc is."""
    sdk = os.environ.get("VULKAN_SDK")
    folders = [str(Path(sdk) / name) for name in ("bin", "Bin")] if sdk else []
    return shutil.which("glslc", path=os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)]))


def with_definition(kernels: Sequence[str], macro: str, text: str, *, name: str) -> str:
    """Compiles kernels and their vec4 variants with a macro defined, unless the same was compiled before.

    Args:
        kernels: names of shaders that the package holds as source.
        macro: what the shader calls it.
        text: its body.
        name: the caller's argument, for messages.

    Returns:
        What to add to each kernel's name.

    Raises:
        RuntimeError: glslc is not installed. ValueError: it reports an error.
    """
    line = " ".join(text.split())
    suffix = "~" + hashlib.sha256(f"{macro}={line}".encode()).hexdigest()[:16]
    if all(f"{kernel}{suffix}{wide}" in COMPILED for kernel in kernels for wide in ("", ".vec4")):
        return suffix
    program = compiler()
    if program is None:
        raise RuntimeError(
            f"{name} is GLSL text, and glslc is not installed (Debian, Ubuntu: apt install glslc); "
            "install it, or give a function of a Tensor instead"
        )
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for kernel in kernels:
            for wide, flags in (("", []), (".vec4", ["-DVEC=4"])):
                out = Path(folder) / "kernel.spv"
                command = [program, "-fshader-stage=compute", "--target-env=vulkan1.1", f"-D{macro}={line}", *flags]
                command += ["-I", str(SOURCES / "include"), "-o", str(out), str(SOURCES / f"{kernel}.glsl")]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    said = re.sub(r"^.*?\.glsl:\d+: ", "", done.stderr.strip().split("\n")[0])
                    raise ValueError(f"{name} does not compile: {text!r}: {said}")
                made[f"{kernel}{suffix}{wide}"] = out.read_bytes()
    COMPILED.update(made)
    return suffix
