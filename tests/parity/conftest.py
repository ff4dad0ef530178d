"""In these tests the shapes in the signatures of the library are checked at every call."""

import jaxtyping
import pytest
import torch

CHECKED = ["course_lib.by_hand", "course_lib.training", "course_lib.transformer"]
jaxtyping.install_import_hook(CHECKED, "beartype.beartype")


def pytest_collection_finish():
    """Other tests in this process call with wrong shapes on purpose and expect the library's own words."""
    jaxtyping.config.update("jaxtyping_disable", True)


@pytest.fixture(autouse=True)
def parity():
    """Checked shapes, float64 (parity to 1e-9 is a matter of it), and the same seed for every test."""
    jaxtyping.config.update("jaxtyping_disable", False)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)
    jaxtyping.config.update("jaxtyping_disable", True)
