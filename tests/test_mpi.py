"""Processes that work together by MPI: networks with the bits of one process, training with the gradients of one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rank_networks import mixed, observed, whole_learning, whole_life
from rank_training import train

pytest.importorskip("mpi4py", reason="mpi4py is not installed: pip install mpi4py mpich")
BESIDE = Path(sys.executable).with_name("mpiexec")  # that of the environment, as the wheel of MPICH brings it
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")
if MPIEXEC is None:
    pytest.skip("no mpiexec: install an MPI, such as pip install mpich", allow_module_level=True)
HELPERS = Path(__file__).parent / "helpers"


def on_processes(size, *command, **environment):
    """The output of a Python program on so many ranks."""
    version = subprocess.run([MPIEXEC, "--version"], capture_output=True, text=True, check=True).stdout
    more = ["--oversubscribe", "--bind-to", "none"] if "Open MPI" in version else []
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    path = os.pathsep.join([str(HELPERS), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [MPIEXEC, *more, "-n", str(size), sys.executable, *map(str, command)],
        env=os.environ | root | {"LP_NUM_THREADS": "0", "PYTHONPATH": path} | environment,
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    return run.stdout


@pytest.fixture(scope="module")
def alone():
    found = {f"life {k}": v for k, v in whole_life().items()}
    net = mixed()
    net.populations[2].inject(0.0)
    net.run(60)
    found |= {f"learning {k}": v for k, v in whole_learning().items()}
    return found | {f"interrupted {k}": v for k, v in observed(net).items()}


@pytest.mark.parametrize("size", [2, 4])
def test_processes_give_the_bits_of_one(size, alone, tmp_path):
    on_processes(size, HELPERS / "mpi_rank.py", tmp_path)
    trained = train(None)
    for rank in range(size):
        with np.load(tmp_path / f"{rank}.npz") as got:
            if size == 2:
                stops, text = got["interrupted stops"], got["interrupted text"]
                assert 200 <= stops[0] < 600 and stops[0] < stops[1] < 600
                assert all("rank 1 was interrupted" in line for line in text)
            for i, wanted in enumerate(trained):
                np.testing.assert_allclose(got[f"trained {i}"], wanted, rtol=0, atol=1e-4)
            for name, wanted in alone.items():
                if size == 2 or name.startswith("life"):
                    np.testing.assert_array_equal(got[name], wanted, err_msg=name)
