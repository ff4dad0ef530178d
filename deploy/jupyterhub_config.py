"""JupyterHub for a class on one machine: real accounts, a work folder each, limits, nbgrader's exchange.

Start as root: `/srv/hub/bin/jupyterhub -f jupyterhub_config.py`. README.md says how to install.
These environment variables change what is set up:

COURSE          the released course, readable by all accounts (/srv/course)
COURSE_PYTHON   its Python ($COURSE/.venv/bin/python)
COURSE_DATA     the two data archives, fetched once for all (/srv/course-data)
COURSE_HUB      what the hub keeps: users, cookies, generated settings (/srv/hub-state)
COURSE_EXCHANGE nbgrader's exchange (/srv/exchange)
COURSE_STUDENTS, COURSE_TEACHERS   groups of accounts that may log in (students, teachers)
COURSE_MEMORY   bytes of memory for one process of a student (3 GiB)
COURSE_IDLE     seconds after which an unused server is stopped (3600)
"""

import asyncio
import json
import os
import pwd
import resource
import subprocess
import sys
from pathlib import Path

from jupyterhub.spawner import LocalProcessSpawner

c = get_config()

COURSE = Path(os.environ.get("COURSE", "/srv/course"))
PYTHON = os.environ.get("COURSE_PYTHON", str(COURSE / ".venv/bin/python"))
DATA = os.environ.get("COURSE_DATA", "/srv/course-data")
STATE = Path(os.environ.get("COURSE_HUB", "/srv/hub-state"))
EXCHANGE = Path(os.environ.get("COURSE_EXCHANGE", "/srv/exchange"))
STUDENTS = os.environ.get("COURSE_STUDENTS", "students")
TEACHERS = os.environ.get("COURSE_TEACHERS", "teachers")
MEMORY = int(os.environ.get("COURSE_MEMORY", 3 * 2**30))
IDLE = int(os.environ.get("COURSE_IDLE", "3600"))
PROCESSES = 512  # processes and threads of one account
BIN = Path(sys.executable).parent
WORK = "attention-course"  # in each home folder, as `course.py lab` names it

# --- what the hub keeps, for root alone; settings that every account reads ----------------------------------

STATE.mkdir(mode=0o755, parents=True, exist_ok=True)
PRIVATE = STATE / "private"
PRIVATE.mkdir(mode=0o700, exist_ok=True)
KERNELS, SETTINGS = STATE / "jupyter", STATE / "settings"

c.JupyterHub.db_url = f"sqlite:///{PRIVATE}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = str(PRIVATE / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(PRIVATE / "proxy.pid")
c.JupyterHub.bind_url = "http://127.0.0.1:8000"  # a web server with TLS stands before it
proxy = BIN.parent / "node_modules/.bin/configurable-http-proxy"
c.ConfigurableHTTPProxy.command = [str(proxy) if proxy.exists() else "configurable-http-proxy"]


def write_for_all(path: Path, text: str) -> None:
    """A file that every account may read."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)


# The kernel is the course's own Python; the hub's packages stay out of it.
kernel = {
    "argv": [PYTHON, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Attention course",
    "language": "python",
    "env": {"PYTHONPATH": str(COURSE), "COURSE_DATA": DATA},
}
write_for_all(KERNELS / "kernels/python3/kernel.json", json.dumps(kernel, indent=1))

EXCHANGE.mkdir(mode=0o755, parents=True, exist_ok=True)
EXCHANGE.chmod(0o1777)  # teachers make a course in it; nobody removes what another account put there
nbgrader = f"""c = get_config()
c.CourseDirectory.course_id = "attention"
c.Exchange.root = {str(EXCHANGE)!r}
"""
write_for_all(SETTINGS / "nbgrader_config.py", nbgrader)

# --- who may log in -----------------------------------------------------------------------------------------

c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = {STUDENTS, TEACHERS}
c.PAMAuthenticator.admin_groups = {TEACHERS}
c.PAMAuthenticator.open_sessions = False  # sessions fail where no login manager runs, as in a container

# --- a server for each account ------------------------------------------------------------------------------


class LimitedSpawner(LocalProcessSpawner):
    """A process of the student's account, with limits that the system keeps for each of its processes."""

    def make_preexec_fn(self, name):
        become = super().make_preexec_fn(name)

        def preexec():
            become()
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        return preexec


def systemd_is_there() -> bool:
    """Whether systemd runs and its spawner is installed: it limits all of a student's processes at once."""
    try:
        import systemdspawner  # noqa: F401
    except ImportError:
        return False
    return Path("/run/systemd/system").is_dir()


if systemd_is_there():  # no test runs this branch
    c.JupyterHub.spawner_class = "systemd"
    c.SystemdSpawner.mem_limit = f"{MEMORY // 2**20}M"
    c.SystemdSpawner.unit_name_template = "course-{USERNAME}"
else:
    c.JupyterHub.spawner_class = LimitedSpawner


PREPARE = """
import sys
from pathlib import Path
from course_lib import lab
lab.prepare_folder(Path(sys.argv[1]), Path(sys.argv[2]))
"""


async def bring_up_to_date(spawner) -> None:
    """Make or refresh the work folder, as the student: root writes nothing into a student's folder."""
    account = pwd.getpwnam(spawner.user.name)
    folder = str(Path(account.pw_dir, WORK))
    process = await asyncio.create_subprocess_exec(
        *(PYTHON, "-P", "-c", PREPARE, str(COURSE), folder),
        cwd="/",
        env={"PATH": os.defpath, "HOME": account.pw_dir, "COURSE_HOME": folder, "PYTHONPATH": str(COURSE)},
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    spawner.log.info("work folder %s: %s", folder, said.decode(errors="replace").strip() or "ready")
    if process.returncode:
        raise RuntimeError(f"the work folder {folder} could not be made")


def own_runtime_folder(spawner) -> str:
    """The student's folder for the sockets of kernels: their paths may have 107 characters at most."""
    account = pwd.getpwnam(spawner.user.name)
    folder = STATE / "run" / str(account.pw_uid)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chown(folder, account.pw_uid, account.pw_gid)
    return str(folder)


c.Spawner.pre_spawn_hook = bring_up_to_date
c.Spawner.cmd = [str(BIN / "jupyterhub-singleuser")]
c.Spawner.notebook_dir = f"~/{WORK}"
c.Spawner.default_url = "/lab/tree/notebooks/contents.ipynb"
c.Spawner.start_timeout = 120  # the first of the day reads many files
c.Spawner.args = [
    "--KernelManager.transport=ipc",  # a TCP port of a kernel could be read by every account
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
    f"--LabApp.app_settings_dir={COURSE / 'course_lib/lab_settings'}",
]
widgets = Path(PYTHON).parent.parent / "share/jupyter"  # the browser's side of the explorers
c.Spawner.environment = {
    "PATH": f"{BIN}:{os.defpath}",
    "JUPYTER_PATH": f"{KERNELS}:{widgets}",
    "JUPYTER_CONFIG_PATH": str(SETTINGS),
    "JUPYTER_RUNTIME_DIR": own_runtime_folder,
    "COURSE_DATA": DATA,
    "OMP_NUM_THREADS": "1",  # a class shares the cores
}

# --- unused servers -----------------------------------------------------------------------------------------

CULLER = "idle-culler"
c.JupyterHub.services = [
    {"name": CULLER, "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={IDLE}"]}
]
c.JupyterHub.load_roles = [
    {
        "name": CULLER,
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": [CULLER],
    }
]
