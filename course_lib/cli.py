"""The course's commands, inside the environment. Each imports what it needs: a start is quick."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]

folder_option = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Your work folder (else COURSE_HOME, else attention-course in your home folder).",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Attention and Transformers: lessons, explorers, exercises that answer."""


@main.command()
@click.option("--browser/--no-browser", default=True, help="Open a browser, or only print the address.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port (else the first free one from 8888).")
@folder_option
def lab(browser: bool, port: int | None, folder: Path | None) -> None:
    """Open the course in JupyterLab, in a work folder of your own."""
    from course_lib import lab as opening

    sys.exit(opening.open_course(ROOT, use_folder(folder), browser, port))


@main.command(context_settings={"ignore_unknown_options": True})
@click.option("--quick", is_flag=True, help="Leave out training lessons and the browser.")
@click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED)
def test(quick: bool, pytest_options: tuple[str, ...]) -> None:
    """Run every test. Other options go to pytest, e.g. -k softmax."""
    from course_lib import testing

    sys.exit(testing.run(ROOT, quick, list(pytest_options)))


@main.command()
def doctor() -> None:
    """Say what is there and what is missing."""
    sys.exit(subprocess.run([sys.executable, ROOT / "course.py", "doctor"]).returncode)


@main.command()
@folder_option
def progress(folder: Path | None) -> None:
    """Show what you opened, predicted and solved."""
    from course_lib import journal

    use_folder(folder)
    click.echo(journal.summary())


@main.command()
@click.argument("number")
@folder_option
def reset(number: str, folder: Path | None) -> None:
    """Bring back the notebooks of lesson NUMBER; yours are kept beside them."""
    from course_lib import workfolder

    try:
        restored = workfolder.reset(ROOT, use_folder(folder), number)
    except workfolder.WorkFolderError as error:
        raise click.ClickException(str(error)) from error
    for notebook, kept in restored:
        click.echo(f"{notebook} is as in the course" + (f"; yours is now {kept.name}" if kept else ""))


@main.command()
@click.argument("selection", required=False)
@click.option("--check", is_flag=True, help="Write nothing: compare the notebooks with the sources.")
def build(selection: str | None, check: bool) -> None:
    """Make the notebooks from sources/: those that changed, or lesson SELECTION, or all."""
    from course_lib.authoring.build import build

    sys.exit(build(selection, check=check))


@main.command()
@click.option("--exercises", default="", help="Lessons that become nbgrader assignments: 03,04 (else all).")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("release"),
    help="The folder to make it in (else release).",
)
def release(exercises: str, out: Path) -> None:
    """Make the copy for learners, without solutions, and the exercises for nbgrader."""
    from course_lib.grading.release import ReleaseError, release

    try:
        made = release(ROOT, out, [name.strip() for name in exercises.split(",") if name.strip()])
    except ReleaseError as error:
        raise click.ClickException(str(error)) from error
    click.echo("\n".join(made))


@main.command()
@click.argument("submissions", type=click.Path(exists=True, path_type=Path))
@click.option("--roster", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="id,name,email")
@click.option("--exercises", default="", help="Lessons to mark, e.g. 03,04 (else all that were handed in).")
@click.option(
    "--attempts", default="best", type=click.Choice(["best", "last", "mean"]), help="Which attempt counts."
)
@click.option("--deadline", default="", help="An ISO time, e.g. 2026-12-01T23:59+01:00.")
@click.option("--late", default="", help="What a begun day of lateness costs, e.g. 10%/day.")
@click.option(
    "--sandbox",
    default="auto",
    type=click.Choice(["auto", "bwrap", "none"]),
    help="What submissions run behind; auto is bwrap (bubblewrap).",
)
@click.option("--seconds", default=10.0, type=click.FloatRange(1, 600), help="Time for an exercise.")
@click.option("--jobs", type=click.IntRange(1), help="Processes that mark at once (else one for each core).")
@click.option("--scheduler", default="", help="Address of a Dask scheduler, to mark on its workers.")
@click.option(
    "--out",
    default="marks",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for this class and assignment; give it again to go on.",
)
def grade(sandbox: str, attempts: str, deadline: str, late: str, jobs: int | None, **options) -> None:
    """Mark a class: a folder, or a zip of Canvas, Moodle or nbgrader."""
    if os.name != "posix":
        raise click.ClickException("Marking needs Linux or macOS; on Windows give this command inside WSL.")
    from course_lib.grading import run
    from course_lib.grading.marks import read_rule
    from course_lib.grading.sandbox import SandboxError
    from course_lib.grading.store import StoreError

    options["exercises"] = tuple(part.zfill(2) for part in re.findall(r"\d+", options["exercises"]))
    mode = "none" if sandbox == "none" else "bwrap"
    try:
        rule = read_rule(attempts, deadline, late)
        order = run.Order(**options, rule=rule, sandbox=mode, jobs=jobs or run.cores())
        run.say_what_is_done(run.grade(order), order)
    except (SandboxError, StoreError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("\nStopped. Nothing is lost: give the same command again to go on.", err=True)
        sys.exit(130)


@main.group()
def bench() -> None:
    """Measure the course."""


@bench.command()
def explorers() -> None:
    """The explorers: milliseconds and bytes for a move."""
    import runpy

    sys.exit(runpy.run_path(str(ROOT / "benchmarks" / "explorers.py"))["main"]())


@bench.command()
@click.option(
    "--nanogpt",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A checkout of nanoGPT to measure beside.",
)
def library(nanogpt: Path | None) -> None:
    """The library: its speed beside torch's own modules."""
    import runpy

    sys.exit(runpy.run_path(str(ROOT / "benchmarks" / "library.py"))["main"](nanogpt))


@bench.command("grading")
@click.option("--students", default=300, type=click.IntRange(1), help="How many hand in ten exercises.")
@click.option("--nbgrader", is_flag=True, help="Install nbgrader in a folder of its own and measure it too.")
def bench_grading(students: int, nbgrader: bool) -> None:
    """Marking: submissions a minute, beside nbgrader."""
    import runpy

    sys.exit(runpy.run_path(str(ROOT / "benchmarks" / "grading.py"))["main"](students, nbgrader))


@bench.command()
@click.argument("names", nargs=-1)
@click.option("--seeds", default=1, type=click.IntRange(1), help="How many seeds, from 0 on.")
def applications(names: tuple[str, ...], seeds: int) -> None:
    """Translation, text, sentiment, images ...: what each model reaches, and in how many CPU seconds."""
    import runpy

    script = ROOT / "benchmarks" / "applications" / "run_all.py"
    sys.exit(runpy.run_path(str(script))["main"](names, seeds))


def use_folder(folder: Path | None) -> Path:
    """The reader's work folder, set for this process and for the kernels it starts."""
    from course_lib import journal

    home = (folder or journal.home()).expanduser().absolute()
    os.environ["COURSE_HOME"] = str(home)
    return home


if __name__ == "__main__":
    main()
