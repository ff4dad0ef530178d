"""A class on JupyterHub, for real: accounts, servers, limits, nbgrader's exchange, marks, and nothing left.

The tests build on each other, in this order.
"""

import contextlib
import csv
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import hub as machinery
import nbformat
import psutil
import pytest
from hub import ADA, BOB, EVA, ROOT, Visitor, wait_for

from course_lib.checks.spec import load_exercise

pytestmark = pytest.mark.slow
LESSON = "02_softmax"
QUESTION, IN_WORDS = "02_surer", "A smaller temperature widens the gaps between the scores."


@pytest.fixture(scope="module")
def hub():
    """A hub with three accounts. Where a program is missing the tests skip, and fail where CI is set."""
    missing = machinery.what_is_missing()
    if missing:
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    if not machinery.may_mount():
        pytest.skip("this machine lets nobody make a view of its files")
    made = machinery.Hub()
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def visitors(hub):
    """The two students, logged in through the form, their servers started."""
    found = {}
    for name in (ADA, BOB):
        visitor = found[name] = Visitor(hub, name)
        assert visitor.log_in(hub.passwords[name]) == 200
        visitor.start_server()
        visitor.token = visitor.make_token()
    return found


@pytest.fixture(scope="module")
def kernels(visitors):
    return {name: visitor.start_kernel() for name, visitor in visitors.items()}


def home(name):
    return Path(pwd.getpwnam(name).pw_dir)


# --- accounts and servers ----------------------------------------------------------------------------------


def test_wrong_password_is_refused(hub):
    assert Visitor(hub, ADA).log_in("guessed") in (401, 403)


def test_lesson_cells_run_in_each_account(visitors, kernels):
    for name, kernel in kernels.items():
        page = visitors[name].ask("GET", f"/user/{name}/api/contents/notebooks/{LESSON}.ipynb")["content"]
        codes = [cell for cell in page["cells"] if cell["cell_type"] == "code"]
        for cell in codes[:4]:
            kernel.run("".join(cell["source"]))
        assert "softmax" in kernel.run("from course_lib.by_hand import softmax; softmax")
        assert kernel.run("import getpass; print(getpass.getuser())").strip() == name
        assert (home(name) / "attention-course" / "progress.json").exists(), "the journal of the account"


def test_page_of_the_server_loads_the_explorers_side(visitors):
    status, page = visitors[ADA].open("GET", f"/user/{ADA}/lab/tree/notebooks/contents.ipynb")
    assert status == 200
    extensions = page[page.index("federated_extensions") :]
    for name in ("anywidget", "@jupyter-widgets/jupyterlab-manager"):
        assert f'"name": "{name}"' in extensions


def test_course_is_the_released_one(hub, kernels):
    assert str(hub.course) in kernels[ADA].run("import course_lib; print(course_lib.__file__)")
    assert not (home(ADA) / "attention-course" / "solutions").exists()
    said = kernels[ADA].run("import sys; print([m for m in ('nbgrader', 'jupyterhub') if m in sys.modules])")
    assert said.strip() == "[]"


def test_memory_of_a_student_and_its_limit(hub, kernels):
    family = [psutil.Process(hub.process.pid), *psutil.Process(hub.process.pid).children(recursive=True)]
    print(f"\nhub, proxy, culler: {shared(each for each in family if each.uids().real == 0) / 1e6:.0f} MB")
    for name, kernel in kernels.items():
        before = memory(name)
        kernel.run("import torch; torch.nn.Linear(64, 64)(torch.zeros(8, 64)).sum().backward()")
        print(f"\n{name}: {before / 1e6:.0f} MB after NumPy cells, {memory(name) / 1e6:.0f} MB with torch")
        assert memory(name) < 600e6
        said = kernel.run("try:\n    bytearray(4 * 2**30)\nexcept MemoryError:\n    print('refused')")
        assert said.strip() == "refused"
        assert kernel.run("print(6 * 7)").strip() == "42", "the kernel lives on"


def memory(name):
    """Bytes of all processes of an account."""
    number = pwd.getpwnam(name).pw_uid
    return shared(process for process in psutil.process_iter() if process.uids().real == number)


def shared(processes):
    """Bytes of processes, shared pages divided among those that share them."""
    found = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # some live for a moment
            found += process.memory_full_info().pss
    return found


def test_one_account_does_not_reach_the_other(visitors, kernels):
    status, _ = visitors[BOB].open("GET", f"/user/{ADA}/api/contents")
    assert status in (403, 404)
    for place in (home(ADA), f"/proc/{kernel_of(ADA)}/environ", kernel_socket_folder(kernels[ADA])):
        code = f"import os\ntry:\n    open({str(place)!r}).read() or os.listdir({str(place)!r})\n"
        said = kernels[BOB].run(f"{code}except OSError as error:\n    print(type(error).__name__)")
        assert said.strip() == "PermissionError", place


def kernel_of(name):
    number = pwd.getpwnam(name).pw_uid
    processes = [process for process in psutil.process_iter() if process.uids().real == number]
    return next(process.pid for process in processes if "ipykernel_launcher" in process.cmdline())


def kernel_socket_folder(kernel):
    code = "from ipykernel.kernelapp import IPKernelApp\nprint(IPKernelApp.instance().transport)"
    assert kernel.run(code).strip() == "ipc"
    return kernel.run("import os; print(os.environ['JUPYTER_RUNTIME_DIR'])").strip()


# --- nbgrader's exchange -----------------------------------------------------------------------------------

NBGRADER = """
import pathlib, subprocess
done = subprocess.run(
    ["nbgrader", *{command!r}], cwd=pathlib.Path.home() / "attention-course", capture_output=True, text=True
)
print(done.returncode, done.stdout, done.stderr)
"""


def in_server(kernel, *command):
    """Run nbgrader in a student's own server."""
    said = kernel.run(NBGRADER.format(command=command))
    assert said.startswith("0 "), said


@pytest.fixture(scope="module")
def collected(hub, kernels):
    """The tree that nbgrader collects: Ada hands in the solutions, Bob one wrong answer beside stubs."""
    folder = home(EVA) / "attention"
    shutil.copytree(hub.folder / "release" / "nbgrader", folder)
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, EVA, machinery.TEACHERS)
    hub.as_account(EVA, "nbgrader", "generate_assignment", LESSON, "--create", folder=folder)
    hub.as_account(EVA, "nbgrader", "release_assignment", LESSON, folder=folder)
    for name, kernel in kernels.items():
        in_server(kernel, "fetch_assignment", LESSON)
        fill_in(home(name) / "attention-course" / LESSON / f"{LESSON}.ipynb", answers_of(name))
        in_server(kernel, "submit", LESSON)
    hub.as_account(EVA, "nbgrader", "collect", LESSON, folder=folder)
    return folder / "submitted"


def answers_of(name):
    """What a student writes: grade id -> code."""
    if name == BOB:
        return {"softmax": "def softmax(z, axis=-1):\n    return np.exp(z)\n"}
    source = nbformat.read(ROOT / "solutions" / f"{LESSON}.ipynb", as_version=4)
    codes = [cell.source for cell in source.cells if cell.cell_type == "code"]
    names = ("softmax", "softmax_temperature", "entropy", "softmax_backward")
    return {each: next(code for code in codes if f"def {each}(" in code) for each in names}


def fill_in(path, answers):
    """Write the answers into the released notebook; its owner stays."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in answers:
            assert "raise NotImplementedError" in cell.source
            assert "SOLUTION" not in cell.source
            cell.source = answers[name]
        elif name == QUESTION:
            cell.source += IN_WORDS
    nbformat.write(notebook, path)


def test_release_fetch_submit_collect(collected):
    for name in (ADA, BOB):
        handed_in = nbformat.read(collected / name / LESSON / f"{LESSON}.ipynb", as_version=4)
        found = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in handed_in.cells}
        assert found[QUESTION].endswith(f":\n{IN_WORDS}")
        for answer, code in answers_of(name).items():
            assert found[answer] == code
        assert (collected / name / LESSON / "timestamp.txt").read_text(encoding="utf-8").strip()


def test_our_command_marks_what_was_collected(collected, tmp_path):
    options = ("--out", tmp_path / "marks", "--exercises", "02")
    machinery.run(sys.executable, "-m", "course_lib.cli", "grade", collected, *options, cwd=ROOT)
    with (tmp_path / "marks" / "marks.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert set(rows) == {ADA, BOB}
    whole = sum(load_exercise(name).points for name in answers_of(ADA))
    assert [float(rows[name]["total"]) for name in (ADA, BOB)] == [whole, 0]
    for row in rows.values():
        assert {row[f"{name} status"] for name in answers_of(ADA)} == {"graded"}
        assert row[f"{QUESTION} status"] == "waiting", "an answer in words is marked by hand"


# --- the end -----------------------------------------------------------------------------------------------


def test_idle_servers_are_stopped(hub, visitors):
    teacher = Visitor(hub, EVA)
    assert teacher.log_in(hub.passwords[EVA]) == 200
    scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    environment = hub.settings() | {
        "JUPYTERHUB_API_TOKEN": teacher.make_token(scopes=scopes),
        "JUPYTERHUB_API_URL": f"{hub.address}/hub/api",
    }
    program = hub.environment / "bin/python"
    culler = subprocess.Popen(
        [*hub.enter, program, "-m", "jupyterhub_idle_culler", "--timeout=1", "--cull-every=1"],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: not any(each.server() for each in visitors.values()), 60, hub.tail)
    finally:
        culler.terminate()
        culler.wait(20)
    assert "jupyterhub_idle_culler --timeout=3600" in running(), "the hub runs its own"


def running():
    """The command lines of all processes."""
    return "\n".join(" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


def test_nothing_is_left_when_the_hub_ends(hub, visitors):
    if not visitors[ADA].server():
        visitors[ADA].start_server()
    visitors[ADA].start_kernel()
    family = psutil.Process(hub.process.pid).children(recursive=True)
    assert len(family) >= 4, "proxy, culler, server, kernel"
    hub.stop()
    wait_for(lambda: not any(each.is_running() for each in family), 20, lambda: str(family))
    assert not hub.left_running()
    hub.remove()
    assert not hub.folder.exists()
    assert not any(machinery.exists(pwd.getpwnam, name) for name in machinery.ACCOUNTS)
    assert not [path for path in Path("/home").iterdir() if path.name in machinery.ACCOUNTS]
    assert str(hub.folder) not in Path("/proc/mounts").read_text(encoding="utf-8")
