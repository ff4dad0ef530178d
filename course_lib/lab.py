"""`course lab`: fetch the data, bring the work folder up to date, open JupyterLab at the contents page."""

import os
import secrets
import sys
import threading
import time
import urllib.request
from pathlib import Path

from course_lib import machine, workfolder
from course_lib.data import archives

FIRST_PORT = 8888
LAB_SETTINGS = Path(__file__).parent / "lab_settings"  # no question about news at the first start
CONTENTS = "/lab/tree/notebooks/contents.ipynb"


def open_course(course: Path, home: Path, browser: bool, port: int | None) -> int:
    """Make everything ready and run JupyterLab until it is stopped; the result is the exit status."""
    try:
        port = choose_port(port)
        fetch_data()
        prepare_folder(course, home)
    except (workfolder.WorkFolderError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Nothing is lost: run the same command again.", file=sys.stderr)
        return 130
    return run_jupyterlab(home, port, browser)


def choose_port(wanted: int | None) -> int:
    """The wanted port, or the first free one; OSError with a sentence when the wanted one is taken."""
    if wanted is None:
        return machine.next_free_port(FIRST_PORT)
    if not machine.port_is_free(wanted):
        free = machine.next_free_port(FIRST_PORT)
        raise OSError(f"Port {wanted} is taken by another program. Port {free} is free: --port {free}")
    return wanted


def fetch_data() -> None:
    """Fetch what is not in the cache; what cannot be had is a warning that names the lessons."""
    for archive in archives.ARCHIVES:
        if archives.is_present(archive):
            continue
        print(f"Fetching {archive.what}, once ({archive.size / 1e6:.0f} MB) ...", flush=True)
        try:
            archives.fetch(archive)
        except archives.FetchError as error:
            print(
                f"Warning: {archive.what} could not be fetched: {error}.\n"
                f"Needed in {lessons(archive)} only; the next start tries again.",
                file=sys.stderr,
            )


def lessons(archive: archives.Archive) -> str:
    """The lessons that need an archive, in words."""
    numbers = [str(number) for number in archive.lessons]
    if len(numbers) == 1:
        return f"lesson {numbers[0]}"
    return f"lessons {', '.join(numbers[:-1])} and {numbers[-1]}"


def prepare_folder(course: Path, home: Path) -> None:
    """Bring the reader's folder up to date and say what was kept."""
    done = workfolder.bring_up_to_date(course, home)
    if done.updated:
        print(f"Brought up to date: {', '.join(done.updated)}")
    for name in done.kept:
        command = f"python course.py reset {Path(name).stem}"
        print(f"{name} stays as you changed it; the course has a newer version: `{command}` gets it.")
    refresh_contents(home / workfolder.CONTENTS)


def refresh_contents(page: Path) -> None:
    """Put the reader's progress into their contents page."""
    from course_lib.authoring.contents import refresh

    refresh(page)


def run_jupyterlab(home: Path, port: int, browser: bool) -> int:
    """Run the server in this process; its address is printed as soon as it answers."""
    from jupyterlab.labapp import LabApp

    token = secrets.token_hex(16)
    os.environ["JUPYTER_TOKEN"] = token  # not on the command line, where other users could read it
    address = f"http://{machine.HOST}:{port}"
    threading.Thread(target=announce, args=(address, token, home), daemon=True).start()
    LabApp.launch_instance(options(home, port, browser))
    return 0


def options(home: Path, port: int, browser: bool) -> list[str]:
    """JupyterLab's options: the reader's folder, this machine only, and no request to anywhere else."""
    return [
        f"--ServerApp.root_dir={home}",
        f"--LabApp.default_url={CONTENTS}",
        f"--ServerApp.ip={machine.HOST}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.open_browser={browser}",
        "--ServerApp.answer_yes=True",
        "--ServerApp.allow_root=True",  # as in many containers; only this machine can reach the server anyway
        "--Application.log_level=ERROR",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        f"--LabApp.app_settings_dir={LAB_SETTINGS}",
    ]


def announce(address: str, token: str, home: Path) -> None:
    """Print where the course is, once the server answers."""
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}/api/status?token={token}", timeout=5).close()
        except OSError:
            time.sleep(0.1)
            continue
        print(
            f"\nThe course is open: {address}{CONTENTS}?token={token}\n"
            f"Your work is in {home}. Ctrl-C here closes the course.",
            flush=True,
        )
        return
