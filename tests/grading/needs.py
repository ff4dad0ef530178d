"""What a test of marking needs."""

import os
import shutil
import subprocess

import pytest


def why_no_bubblewrap() -> str:
    """Why bubblewrap cannot be used here, "" if it can.

    In CI the program must be there, and tests fail without it; whether a kernel allows namespaces nobody can
    install.
    """
    if not shutil.which("bwrap"):
        return "" if os.environ.get("CI") else "needs bubblewrap: apt install bubblewrap"
    probe = ["bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--unshare-net", "true"]
    works = subprocess.run(probe, capture_output=True).returncode == 0
    return "" if works else "this machine lets bubblewrap make no namespaces"


bubblewrap = pytest.mark.skipif(bool(why_no_bubblewrap()), reason=why_no_bubblewrap())
