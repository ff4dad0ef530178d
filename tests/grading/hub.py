"""A JupyterHub of deploy/ with real accounts, started for the tests and taken away again."""

import contextlib
import fcntl
import grp
import hashlib
import http.cookiejar
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

import psutil
import websocket

from course_lib.data.archives import cache_folder
from course_lib.grading.release import release

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
STUDENTS, TEACHERS = "ctest-students", "ctest-teachers"
ADA, BOB, EVA = "ctest-ada", "ctest-bob", "ctest-eva"
ACCOUNTS = {ADA: STUDENTS, BOB: STUDENTS, EVA: TEACHERS}
NEEDED = ("node", "npm", "useradd", "userdel", "groupadd", "groupdel", "chpasswd", "runuser", "unshare")


def what_is_missing() -> str:
    """Why no hub can be tried here, "" if one can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "the hub's test makes accounts, which root alone may"
    missing = [program for program in NEEDED if not shutil.which(program)]
    return f"the hub's test needs {', '.join(missing)}" if missing else ""


def may_mount() -> bool:
    """Whether this machine lets root mount something in a view of its own."""
    return subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "x", "/mnt"]).returncode == 0


def run(*command: object, **more) -> str:
    """Run a command to its end; what it printed. Its output is in the error when it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        **more,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}"
    return done.stdout


# --- an environment of the hub's own ------------------------------------------------------------------------


def environment() -> Path:
    """The hub's environment, kept in the cache (0.45 GB): made when there is none of these versions yet."""
    files = (DEPLOY / "requirements.txt", DEPLOY / "package.json", ROOT / "constraints.txt")
    made_of = b"".join(path.read_bytes() for path in files) + f"{sys.prefix} {sys.version}".encode()
    folder = cache_folder() / f"hub-{hashlib.sha256(made_of).hexdigest()[:12]}"
    complete = folder / "complete.txt"
    if not complete.exists():
        shutil.rmtree(folder, ignore_errors=True)
        install(folder)
        complete.touch()
    return folder


def install(folder: Path) -> None:
    """The hub's packages and its proxy, as deploy/README.md says."""
    run(sys.executable, "-m", "venv", folder)
    pins = ("-r", DEPLOY / "requirements.txt", "-c", ROOT / "constraints.txt")
    run(folder / "bin/pip", "install", "--quiet", *pins)
    shutil.copy(DEPLOY / "package.json", folder)
    run("npm", "install", "--omit=dev", "--no-audit", "--no-fund", cwd=folder)


def opened(paths: list[Path], stage: Path) -> list[str]:
    """The start of a command that sees these paths although a folder above them is closed to other accounts.

    The command gets a view of the file system of its own, in which an empty folder with these paths inside
    lies over the closed one. Nothing outside that view changes. Empty where nothing is closed.
    """
    closed = {path: folder for path in paths if (folder := closed_folder(path))}
    if not closed:
        return []
    lines = ["set -e"]
    for number, path in enumerate(closed):
        (stage / str(number)).mkdir(parents=True)
        lines.append(f"mount --bind '{path}' '{stage}/{number}'")
    lines += [f"mount -t tmpfs -o mode=755 tmpfs '{folder}'" for folder in sorted(set(closed.values()))]
    lines += [f"mkdir -p '{path}'" for path in closed]
    lines += [f"mount --bind '{stage}/{number}' '{path}'" for number, path in enumerate(closed)]
    return ["unshare", "--mount", "sh", "-c", "\n".join([*lines, 'exec "$@"']), "sh"]


def closed_folder(path: Path) -> Path | None:
    """The topmost folder above `path` that other accounts may not pass."""
    above = reversed(path.parents)
    return next((folder for folder in above if not folder.stat().st_mode & 0o001), None)


# --- the hub ------------------------------------------------------------------------------------------------


class Hub:
    """A running hub, its accounts and its folder."""

    def __init__(self) -> None:
        cache_folder().mkdir(parents=True, exist_ok=True)
        self.turn = (cache_folder() / "hub.lock").open("w")
        fcntl.flock(self.turn, fcntl.LOCK_EX)  # another run on this machine uses the same accounts
        self.folder = Path(tempfile.mkdtemp(prefix="hub", dir="/tmp"))
        self.folder.chmod(0o755)
        self.passwords = {name: secrets.token_hex(8) for name in ACCOUNTS}
        self.process: subprocess.Popen | None = None
        self.state, self.course = self.folder / "state", self.folder / "release" / "attention-course"
        self.log = self.folder / "hub.log"

    def start(self) -> None:
        """Install, release the course, make the accounts, start the hub and wait until it answers."""
        self.environment = environment()
        release(ROOT, self.folder / "release", ["02"])
        make_accounts(self.passwords)
        needed = [Path(sys.base_prefix), Path(sys.prefix), self.environment]
        self.enter = opened(needed, self.folder / "stage")
        ports = free_ports(3)
        self.address = f"http://127.0.0.1:{ports[0]}"
        options = (
            f"--JupyterHub.bind_url={self.address}",
            f"--JupyterHub.hub_port={ports[1]}",
            f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{ports[2]}",
        )
        program = (self.environment / "bin/jupyterhub", "-f", DEPLOY / "jupyterhub_config.py", *options)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*self.enter, *map(str, program)],
                cwd=self.folder,
                env=self.settings(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for(self.answers, 60, self.tail)

    def settings(self) -> dict[str, str]:
        """The environment variables of deploy/jupyterhub_config.py."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        return kept | {
            "HOME": str(self.folder),
            "COURSE": str(self.course),
            "COURSE_PYTHON": sys.executable,
            "COURSE_HUB": str(self.state),
            "COURSE_EXCHANGE": str(self.folder / "exchange"),
            "COURSE_DATA": str(self.folder / "data"),
            "COURSE_STUDENTS": STUDENTS,
            "COURSE_TEACHERS": TEACHERS,
        }

    def answers(self) -> bool:
        """Whether the login page is there."""
        assert self.process.poll() is None, f"the hub ended\n{self.tail()}"
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"{self.address}/hub/login", timeout=5).status == 200
        return False

    def tail(self) -> str:
        """The end of the hub's log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-6000:]

    def as_account(self, name: str, *command: object, folder: Path) -> str:
        """Run a command of the hub's environment as one of the accounts."""
        home = pwd.getpwnam(name).pw_dir
        environment = {
            "HOME": home,
            "USER": name,
            "PATH": f"{self.environment}/bin:{os.defpath}",
            "JUPYTER_PATH": str(self.state / "jupyter"),
            "JUPYTER_CONFIG_PATH": str(self.state / "settings"),
        }
        return run(
            *self.enter, shutil.which("runuser"), "-u", name, "--", *command, cwd=folder, env=environment
        )

    def stop(self) -> None:
        """Ask the hub to end, as a service manager does, and wait until it has."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)

    def remove(self) -> None:
        """Take everything away, whatever state it is in."""
        try:
            self.stop()
        finally:
            for process in self.left_running():
                with contextlib.suppress(psutil.Error):
                    process.kill()
            remove_accounts()
            if self.folder.exists():
                shutil.rmtree(self.folder)
            self.turn.close()

    def left_running(self) -> list[psutil.Process]:
        """Processes of the accounts, and those that were started from the hub's folder."""
        numbers = {pwd.getpwnam(name).pw_uid for name in ACCOUNTS if exists(pwd.getpwnam, name)}
        return [process for process in psutil.process_iter() if self.is_ours(process, numbers)]

    def is_ours(self, process: psutil.Process, numbers: set[int]) -> bool:
        """Whether a process runs in an account of ours or was told of our folder."""
        with contextlib.suppress(psutil.Error):
            told = any(str(self.folder) in part for part in process.cmdline())
            return process.uids().real in numbers or told
        return False


def make_accounts(passwords: dict[str, str]) -> None:
    """Real accounts with closed home folders; those of a run that was killed go first."""
    remove_accounts()
    for group in (STUDENTS, TEACHERS):
        run("groupadd", group)
    for name, password in passwords.items():
        run("useradd", "--create-home", "-K", "HOME_MODE=0700", "-s", "/bin/bash", "-g", ACCOUNTS[name], name)
        run("chpasswd", input=f"{name}:{password}\n")


def remove_accounts() -> None:
    """The tests' accounts, their home folders and groups."""
    for name in ACCOUNTS:
        if exists(pwd.getpwnam, name):
            run("userdel", "--remove", name)
    for group in (STUDENTS, TEACHERS):
        if exists(grp.getgrnam, group):
            run("groupdel", group)


def exists(look_up, name: str) -> bool:
    """Whether an account or a group is there."""
    try:
        look_up(name)
    except KeyError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_for(condition, seconds: float, say) -> None:
    """Wait until a condition holds; `say` gives the message when it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain\n{say()}"
        time.sleep(0.2)


# --- a visitor with a browser's means -----------------------------------------------------------------------


class Visitor:
    """One account's way through the hub: log in, start the server, run code in a kernel."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.hub, self.name, self.token = hub, name, ""
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def log_in(self, password: str) -> int:
        """Fill in the form of the login page; the status that the hub gives."""
        self.open("GET", "/hub/login")
        form = {"username": self.name, "password": password, "_xsrf": self.xsrf()}
        return self.open("POST", "/hub/login?next=/hub/home", urllib.parse.urlencode(form).encode())[0]

    def xsrf(self) -> str:
        """The hub's token against forged requests."""
        return next(cookie.value for cookie in self.cookies if cookie.name == "_xsrf")

    def open(self, method: str, path: str, data: bytes | None = None, **headers: str) -> tuple[int, str]:
        """One request; status and text."""
        if self.token:
            headers["Authorization"] = f"token {self.token}"
        request = urllib.request.Request(self.hub.address + path, data, headers, method=method)
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ask(self, method: str, path: str, **content: object) -> dict:
        """A request to an API that must go well; its answer."""
        data = json.dumps(content).encode() if content else None
        more = {"X-XSRFToken": self.xsrf(), "Content-Type": "application/json"}
        status, text = self.open(method, path, data, **more)
        assert status < 300, f"{method} {path}: {status} {text[:500]}\n{self.hub.tail()}"
        return json.loads(text) if text else {}

    def make_token(self, **wanted: object) -> str:
        """A token of this account for scripts."""
        return self.ask("POST", f"/hub/api/users/{self.name}/tokens", expires_in=900, **wanted)["token"]

    def start_server(self) -> None:
        """Start the account's own server and wait until it is ready."""
        self.ask("POST", f"/hub/api/users/{self.name}/server")
        wait_for(self.is_ready, 120, self.hub.tail)

    def server(self) -> dict | None:
        """What the hub knows of the account's server."""
        return self.ask("GET", f"/hub/api/users/{self.name}")["servers"].get("")

    def is_ready(self) -> bool:
        return bool((self.server() or {}).get("ready"))

    def start_kernel(self) -> "Kernel":
        """A kernel in the account's server."""
        own = f"/user/{self.name}"
        kernel = self.ask("POST", f"{own}/api/kernels", name="python3")["id"]
        address = f"{self.hub.address}{own}/api/kernels/{kernel}/channels".replace("http:", "ws:")
        return Kernel(
            websocket.create_connection(address, 60, header={"Authorization": f"token {self.token}"})
        )


class Kernel:
    """A kernel at the other end of a websocket."""

    def __init__(self, channel: websocket.WebSocket) -> None:
        self.channel = channel

    def run(self, code: str) -> str:
        """Run code; what it printed and showed. AssertionError when it raises."""
        name = uuid.uuid4().hex
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": True}
        header = {
            "msg_id": name,
            "msg_type": "execute_request",
            "session": name,
            "username": "",
            "version": "5.3",
        }
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }
        self.channel.send(json.dumps(message))
        said = []
        while True:
            answer = json.loads(self.channel.recv())
            if answer["parent_header"].get("msg_id") != name:
                continue
            kind, content = answer["msg_type"], answer["content"]
            if kind == "stream":
                said.append(content["text"])
            elif kind in ("execute_result", "display_data"):
                said.append(content["data"].get("text/plain", ""))
            elif kind == "error":
                raise AssertionError("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return "".join(said)
