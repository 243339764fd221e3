"""Kernels compiled while the program runs, from a shader of the package with a text of the user's in it.

What was compiled is kept in the user's cache folder, beside the pipelines, under the checksum of all that went into it.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..files import replacing
from . import pipeline_cache
from .kernels import COMPILED

log = logging.getLogger("grilly_vk")
SOURCES = Path(__file__).parent / "glsl"  # put there by the build
_MAGIC = b"grilly_vk kernel 1\n"


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
    missing = f"{name} is GLSL text, and glslc is not installed", "install it, or give a function of a Tensor instead"
    return compiled(kernels, {macro: text}, {}, missing, lambda said: f"{name} does not compile: {text!r}: {said}")


def compiled(
    kernels: Sequence[str],
    macros: Mapping[str, str],
    files: Mapping[str, str],
    missing: tuple[str, str],
    wrong: Callable[[str], str],
    what: str = "",
) -> str:
    """Compiles kernels and their vec4 variants with texts in them, unless the same was compiled before.

    Args:
        kernels: names of shaders that the package holds as source.
        macros: names with their bodies, to be defined.
        files: include files by name, in place of the package's.
        missing: what is wrong and what to do where there is no compiler.
        wrong: the message of an error, from the compiler's.
        what: what is compiled, for the log, which says once how long it took.

    Returns:
        What to add to each kernel's name.

    Raises:
        RuntimeError: glslc is not installed. ValueError: it reports an error.
    """
    given = {macro: f"({' '.join(text.split())})" for macro, text in macros.items()}
    key = repr((sorted(given.items()), sorted(files.items())))
    suffix = f"~{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    names = [(kernel, wide) for kernel in kernels for wide in ("", ".vec4")]
    for kernel, wide in names:
        if f"{kernel}{suffix}{wide}" not in COMPILED and (kept := _kept(kernel, wide, key)) is not None:
            COMPILED[f"{kernel}{suffix}{wide}"] = kept
    lacking = [(kernel, wide) for kernel, wide in names if f"{kernel}{suffix}{wide}" not in COMPILED]
    if not lacking:
        return suffix
    made, start = {}, time.perf_counter()
    program = compiler()
    if program is None:
        raise RuntimeError(f"{missing[0]} (Debian, Ubuntu: apt install glslc); {missing[1]}")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text)
        for kernel, wide in lacking:
            out = Path(folder) / "kernel.spv"
            command = [program, "-fshader-stage=compute", "--target-env=vulkan1.1", *(["-DVEC=4"] if wide else [])]
            command += [f"-D{macro}={text}" for macro, text in given.items()]
            command += ["-I", folder, "-I", str(SOURCES / "include"), "-o", str(out), str(SOURCES / f"{kernel}.glsl")]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise ValueError(wrong(re.sub(r"^.*?\.glsl:\d+: ", "", done.stderr.strip().split("\n")[0])))
            made[kernel, wide] = out.read_bytes()
    stays = True
    for (kernel, wide), code in made.items():
        COMPILED[f"{kernel}{suffix}{wide}"] = code
        stays = _keep(kernel, wide, key, code) and stays
    if what:
        where = f"it is kept in {_folder()}" if stays else "it can't be kept for later processes"
        log.warning("compiled %s in %.1f s; %s", what, time.perf_counter() - start, where)
    return suffix


def _folder() -> Path:
    return pipeline_cache.folder().parent / "kernels"


@functools.lru_cache(1)
def _sources() -> str:
    """The checksum of all that a kernel may be made of."""
    texts = [file.read_bytes() for file in sorted(SOURCES.rglob("*.glsl"))]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def _file(kernel: str, wide: str, key: str) -> Path:
    return _folder() / f"{hashlib.sha256(repr((_sources(), kernel, wide, key)).encode()).hexdigest()[:32]}.spv"


def _kept(kernel: str, wide: str, key: str) -> bytes | None:
    """What an earlier process compiled of the same texts."""
    try:
        data = _file(kernel, wide, key).read_bytes()
    except (OSError, RuntimeError):  # RuntimeError: no home folder
        return None
    digest, code = data[len(_MAGIC) : len(_MAGIC) + 32], data[len(_MAGIC) + 32 :]
    return code if data.startswith(_MAGIC) and hashlib.sha256(code).digest() == digest else None


def _keep(kernel: str, wide: str, key: str, code: bytes) -> bool:
    """For later processes; whatever hinders that is only logged.  Returns whether it is kept."""
    try:
        file = _file(kernel, wide, key)
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file, durable=False) as out:  # its checksum tells half a file
            out.write(_MAGIC + hashlib.sha256(code).digest() + code)
        return True
    except (OSError, RuntimeError) as error:
        log.info("a compiled kernel could not be kept: %s", error)
        return False
