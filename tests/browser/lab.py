"""A Chromium, and a real JupyterLab on this machine alone: for the browser tests and the benchmark."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

PLACES = (
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LAB_SETTINGS = Path(__file__).parents[2] / "course_lib" / "lab_settings"
SECONDS = 1000  # Playwright counts in milliseconds


def chromium() -> str | None:
    """Where a Chromium or Chrome is on this machine."""
    named = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome", "chrome"))
    return next((place for place in (*PLACES, *named) if place and Path(place).exists()), None)


class Lab:
    """A running JupyterLab: its address, token and folder."""

    def __init__(self, address: str, token: str, folder: Path, browser, process):
        self.address, self.token, self.folder, self.browser = address, token, folder, browser
        self.process = process

    def open(self, notebook: str, theme: str = "light", width: int = 1280, watch=None):
        """Opens a notebook in its own workspace and waits for the kernel; `watch` gets the empty page."""
        page = self.browser.new_page(viewport={"width": width, "height": 1400})
        if watch is not None:
            watch(page)
        page.goto(f"{self.address}/lab/workspaces/{secrets.token_hex(4)}/tree/{notebook}?token={self.token}")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90 * SECONDS)
        self.wait_idle(page)
        if theme == "dark":
            self.command(page, "apputils:change-theme", {"theme": "JupyterLab Dark"})
            page.wait_for_selector("body[data-jp-theme-light='false']", state="attached")
        return page

    def command(self, page, name: str, arguments: dict | None = None) -> None:
        """Starts a command of JupyterLab and does not wait: some promises never settle on a busy machine."""
        page.evaluate(
            "([name, given]) => { window.jupyterapp.commands.execute(name, given); }", [name, arguments or {}]
        )

    def wait_idle(self, page) -> None:
        """Waits until the notebook's kernel is connected and idle."""
        page.wait_for_function(
            """() => {
              const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
              return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
            }""",
            timeout=90 * SECONDS,
        )

    def run_all(self, page) -> None:
        """Runs every cell and waits until none is running or waiting."""
        self.command(page, "notebook:run-all-cells")
        page.wait_for_function(
            "![...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
            ".some(prompt => /\\*|\\[ ?\\]/.test(prompt.textContent))",
            timeout=90 * SECONDS,
        )
        self.wait_idle(page)


@contextmanager
def jupyterlab(browser, root: Path):
    """Runs a JupyterLab on 127.0.0.1, all its folders under root; it ends with the block, by its process."""
    folder = root / "work"
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    places = {
        name: str(root / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    places |= {
        "JUPYTERLAB_SETTINGS_DIR": str(root / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(root / "spaces"),
    }
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={folder}",
        "--allow-root",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.expose_app_in_browser=True",
        f"--LabApp.app_settings_dir={LAB_SETTINGS}",
    ]
    with (root / "log").open("w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, **places, "COURSE_HOME": str(root / "home")}
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(180):
            if server.poll() is not None:
                raise RuntimeError(f"JupyterLab ended: {(root / 'log').read_text()[-2000:]}")
            try:
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=2)
                break
            except OSError:
                time.sleep(0.5)
        yield Lab(address, token, folder, browser, server)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
