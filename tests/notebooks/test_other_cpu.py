"""The stored numbers do not depend on the processor: some lessons again, with NumPy's and torch's fast paths off."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__ as numpy_fast_paths

ROOT = Path(__file__).parents[2]
PLAIN_CPU = {
    "NPY_DISABLE_CPU_FEATURES": " ".join(numpy_fast_paths),
    "ATEN_CPU_CAPABILITY": "default",
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_CORETYPE": "Nehalem",
}


@pytest.mark.parametrize("name", ["01_dot_products", "02_softmax", "03_attention"])
def test_outputs_are_the_same_on_a_plain_processor(name):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env"]
    command += ["--nbval-sanitize-with", "tests/notebooks/sanitize.cfg", f"notebooks/{name}.ipynb"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **PLAIN_CPU}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
