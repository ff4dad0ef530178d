"""What a test of marking needs."""

import shutil
import subprocess

import pytest


def bubblewrap_works() -> bool:
    """Whether bubblewrap is there and this machine lets it make namespaces."""
    if not shutil.which("bwrap"):
        return False
    probe = ["bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--unshare-net", "true"]
    return subprocess.run(probe, capture_output=True).returncode == 0


bubblewrap = pytest.mark.skipif(
    not bubblewrap_works(), reason="bubblewrap is not there, or may not make namespaces on this machine"
)
