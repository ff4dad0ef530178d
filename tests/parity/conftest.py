"""In these tests the shapes in the signatures of the torch library are checked at every call."""

import pytest
import torch
from jaxtyping import install_import_hook

# Only the modules that these tests load first are checked: they run in a process of their own.
install_import_hook(["course_lib.transformer"], "beartype.beartype")


@pytest.fixture(autouse=True)
def float64():
    """Parity to 1e-9 is a matter of float64; every test starts from the same seed."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)
