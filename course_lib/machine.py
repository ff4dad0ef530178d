"""Facts about this machine that several parts need: a browser, a free port. Standard library only."""

import os
import shutil
import socket
from pathlib import Path

HOST = "127.0.0.1"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
CHROMIUM_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "{PROGRAMFILES}/Google/Chrome/Application/chrome.exe",
    "{PROGRAMFILES(X86)}/Microsoft/Edge/Application/msedge.exe",
)


def find_chromium() -> str | None:
    """The path of a Chromium-like browser for the browser tests, or None."""
    for name in CHROMIUM_NAMES:
        if found := shutil.which(name):
            return found
    for place in CHROMIUM_PLACES:
        for variable in ("PROGRAMFILES", "PROGRAMFILES(X86)"):
            place = place.replace(f"{{{variable}}}", os.environ.get(variable, "/none"))
        if Path(place).is_file():
            return place
    return None


def port_is_free(port: int) -> bool:
    """Whether a server of ours could listen on this port of this machine."""
    with socket.socket() as probe:
        if os.name == "posix":  # as servers do: a port that was closed a moment ago is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def next_free_port(first: int = 8888, tries: int = 100) -> int:
    """The first free port from `first` on; OSError when there is none among `tries`."""
    last = min(first + tries, 65536) - 1
    for port in range(first, last + 1):
        if port_is_free(port):
            return port
    raise OSError(f"No free port from {first} to {last}: close a program that listens there.")
