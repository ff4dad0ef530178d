"""The cells which the build writes around a lesson: title, closing, and the head of an exercise notebook."""

from __future__ import annotations

from pathlib import Path

from course_lib.authoring.pictures import alt_text
from course_lib.authoring.sources import ROOT, Section, Source, exercise_paths, lesson_paths, read_header


def neighbours(source: Source, root: Path = ROOT) -> tuple[Source | None, Source | None]:
    """The lessons before and after this one, None at either end."""
    paths = lesson_paths(root)
    here = next(i for i, path in enumerate(paths) if path.stem == source.name)
    before = read_header(paths[here - 1]) if here else None
    after = read_header(paths[here + 1]) if here + 1 < len(paths) else None
    return before, after


def has_exercises(name: str, root: Path = ROOT) -> bool:
    return any(path.stem == name for path in exercise_paths(root))


def navigation(source: Source, root: Path = ROOT) -> str:
    """The line previous, contents, exercises, next."""
    before, after = neighbours(source, root)
    links = [f"[← {before.label}]({before.name}.ipynb)"] if before else []
    links.append("[Contents](contents.ipynb)")
    if has_exercises(source.name, root):
        links.append(f"[Exercises](../exercises/{source.name}.ipynb)")
    if after:
        links.append(f"[{after.label} →]({after.name}.ipynb)")
    return " · ".join(links)


def title_cell(source: Source, root: Path = ROOT) -> str:
    """The first cell of a lesson, from its header and headings."""
    header = source.header
    blocks = [
        navigation(source, root),
        f"# {source.label}",
        f"> **{header['question']}**",
        f"![{alt_text(source.number)}]({picture_link(source)})",
        "**After this lesson you can**\n\n" + "\n".join(f"- {line}" for line in header["objectives"]),
        _times(source),
        _needs(source, root),
    ]
    return "\n\n".join(blocks)


def picture_link(source: Source) -> str:
    return f"pictures/where_{source.number:02d}.svg"


def _times(source: Source) -> str:
    timed = [section for section in source.sections if section.minutes]
    total = f"**Time** {source.header['minutes']} minutes, {source.header['short_path']} by the short path"
    if not timed:
        return total + "."
    note = " (its sections are in bold)" if any(section.short for section in timed) else ""
    return f"{total}{note}: " + " · ".join(_timed_link(section) for section in timed)


def _timed_link(section: Section) -> str:
    link = f"[{section.title}](#{anchor(section.heading)}) {section.minutes}"
    return f"**{link}**" if section.short else link


def anchor(heading: str) -> str:
    """The anchor that JupyterLab and plain viewers give a heading: its text with hyphens for spaces."""
    return heading.replace("`", "").replace("*", "").replace("$", "").replace(" ", "-")


def _needs(source: Source, root: Path) -> str:
    known = {path.stem: read_header(path) for path in lesson_paths(root)}
    lessons = [f"[{known[n].label}]({n}.ipynb)" if n in known else n for n in source.header["needs"]]
    before = f"**You need** {', '.join(lessons)}. " if lessons else ""
    return (
        before + "Rusty on matrices, derivatives or NumPy? [A refresher](prerequisites.ipynb). "
        "Words: [glossary](glossary.ipynb). Letters: [symbols](symbols.ipynb)."
    )


def closing_cell(source: Source, root: Path = ROOT) -> str:
    """The last cell of a lesson: what to do now, and the way on."""
    _, after = neighbours(source, root)
    lines = ["## Where to go from here"]
    if has_exercises(source.name, root):
        lines.append(
            f"**Write it yourself.** The [exercises of this lesson](../exercises/{source.name}.ipynb) "
            "answer what you write: what is wrong, where it shows, and where to look."
        )
    if after:
        question = after.header.get("question", "")
        lines.append(f"**Next.** [{after.label}]({after.name}.ipynb): *{question}*")
    lines.append(navigation(source, root))
    return "\n\n".join(lines)


def exercise_title_cell(source: Source, root: Path = ROOT) -> str:
    """The first cell of an exercise notebook, the same in exercises/ and solutions/."""
    lesson = read_header(root / "sources" / "lessons" / f"{source.header['lesson']}.py")
    blocks = [
        f"[← Lesson {lesson.label}](../notebooks/{lesson.name}.ipynb) · "
        f"[Contents](../notebooks/contents.ipynb) · "
        f"[Blank](../exercises/{source.name}.ipynb) · [Solutions](../solutions/{source.name}.ipynb)",
        f"# Exercises to {lesson.label}",
        "Fill in a function, run its cell, then run the `check` below it. "
        "A check names what is wrong and shows "
        'the smallest input where it shows. Stuck? `hint("name")` gives one step more at each call.',
        _exercise_table(source),
    ]
    return "\n\n".join(block for block in blocks if block)


def _exercise_table(source: Source) -> str:
    from course_lib.authoring.exercises import facts, in_words

    rows = [facts(name) for name in source.header["exercises"]]
    if not rows:
        return ""
    lines = ["| Exercise | Difficulty | Minutes | Points |", "|:--|:--|--:|--:|"]
    lines += [f"| `{row.name}` | {row.stars} | {row.minutes} | {row.points} |" for row in rows]
    lines += [f"| {row.name} | {row.stars} | {row.minutes} | {row.points} |" for row in in_words(source)]
    return "\n".join(lines)
