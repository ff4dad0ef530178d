"""The reader's work folder: brought up to date, never overwritten."""

import json
import os

import pytest

from course_lib import workfolder
from course_lib.workfolder import WorkFolderError, bring_up_to_date, fingerprint, reset


def notebook(*sources, **metadata):
    cells = [
        {"cell_type": "code", "source": source, "outputs": [], "execution_count": None, "metadata": {}}
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "course"
    for name in (
        "notebooks/01_a",
        "notebooks/contents",
        "exercises/01_a",
        "solutions/01_a",
        "notebooks/02_b",
    ):
        path = folder / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notebook("1 + 1"))
    (folder / "notebooks" / "pictures").mkdir()
    (folder / "notebooks" / "pictures" / "where.svg").write_text("<svg/>")
    (folder / "notebooks" / ".ipynb_checkpoints").mkdir()
    (folder / "notebooks" / ".ipynb_checkpoints" / "x.ipynb").write_text("{}")
    return folder


@pytest.fixture
def home(tmp_path):
    return tmp_path / "my work"


LESSON = "notebooks/01_a.ipynb"


def test_first_time_copies_everything_but_hidden_files(course, home):
    done = bring_up_to_date(course, home)
    assert sorted(done.copied) == [
        "exercises/01_a.ipynb",
        "notebooks/01_a.ipynb",
        "notebooks/02_b.ipynb",
        "notebooks/contents.ipynb",
        "notebooks/pictures/where.svg",
        "solutions/01_a.ipynb",
    ]
    assert (home / LESSON).read_text() == (course / LESSON).read_text()


def test_second_time_does_nothing(course, home):
    bring_up_to_date(course, home)
    assert bring_up_to_date(course, home) == workfolder.Update()


def test_untouched_notebook_is_updated(course, home):
    bring_up_to_date(course, home)
    (course / LESSON).write_text(notebook("1 + 2"))
    assert bring_up_to_date(course, home).updated == [LESSON]
    assert (home / LESSON).read_text() == notebook("1 + 2")


def test_notebook_that_was_run_and_saved_counts_as_untouched(course, home):
    bring_up_to_date(course, home)
    ran = json.loads((home / LESSON).read_text())
    ran["cells"][0].update(
        outputs=[{"output_type": "stream", "name": "stdout", "text": "2"}], execution_count=7
    )
    ran["cells"][0]["source"] = ["1 + 1"]
    (home / LESSON).write_text(json.dumps(ran, indent=1))
    (course / LESSON).write_text(notebook("1 + 2"))
    assert bring_up_to_date(course, home).updated == [LESSON]


def test_changed_notebook_is_kept_and_named_once(course, home):
    bring_up_to_date(course, home)
    (home / LESSON).write_text(notebook("my answer"))
    assert bring_up_to_date(course, home).kept == [], "the course has nothing newer"
    (course / LESSON).write_text(notebook("1 + 2"))
    assert bring_up_to_date(course, home).kept == [LESSON]
    assert bring_up_to_date(course, home).kept == []
    (course / LESSON).write_text(notebook("1 + 3"))
    assert bring_up_to_date(course, home).kept == [LESSON], "a still newer version is named again"
    assert (home / LESSON).read_text() == notebook("my answer")


def test_broken_notebook_of_the_reader_is_kept(course, home):
    bring_up_to_date(course, home)
    (home / LESSON).write_text('{"cells": [half')
    (course / LESSON).write_text(notebook("1 + 2"))
    assert bring_up_to_date(course, home).kept == [LESSON]


def test_deleted_notebook_comes_back(course, home):
    bring_up_to_date(course, home)
    (home / LESSON).unlink()
    assert bring_up_to_date(course, home).copied == [LESSON]


def test_contents_page_is_always_made_anew(course, home):
    bring_up_to_date(course, home)
    (home / workfolder.CONTENTS).write_text(notebook("changed"))
    bring_up_to_date(course, home)
    assert (home / workfolder.CONTENTS).read_text() == notebook("1 + 1")


def test_folder_of_an_older_course_without_notes_keeps_what_differs(course, home):
    (home / "notebooks").mkdir(parents=True)
    (home / LESSON).write_text(notebook("old text or mine"))
    (home / "notebooks" / "own.ipynb").write_text(notebook("mine"))
    done = bring_up_to_date(course, home)
    assert done.kept == [LESSON] and LESSON not in done.copied
    assert (home / LESSON).read_text() == notebook("old text or mine")
    assert (home / "notebooks" / "own.ipynb").exists()


@pytest.mark.parametrize("broken", ["", "[]", "{}", '{"files": 3}', '{"files": {"a": 1}}', "\x00"])
def test_unreadable_notes_are_set_aside(course, home, broken):
    bring_up_to_date(course, home)
    (home / LESSON).write_text(notebook("my answer"))
    (home / workfolder.MANIFEST).write_text(broken)
    bring_up_to_date(course, home)
    assert (home / LESSON).read_text() == notebook("my answer")
    assert (home / ".course.unreadable.json").read_text() == broken


def test_the_course_itself_is_refused(course):
    for folder in (course, course / "notebooks"):
        with pytest.raises(WorkFolderError, match="is the course itself"):
            bring_up_to_date(course, folder)


def test_folder_that_is_a_file(course, home):
    home.write_text("a file")
    with pytest.raises(WorkFolderError, match=r"cannot be used.*--folder"):
        bring_up_to_date(course, home)
    assert home.read_text() == "a file"


def test_full_disk_leaves_the_old_notebook(course, home, monkeypatch):
    bring_up_to_date(course, home)
    (course / LESSON).write_text(notebook("1 + 2"))

    def full(_, target):
        target = os.fspath(target)
        with open(target, "w") as file:
            file.write("hal")
        raise OSError(28, "No space left on device", target)

    monkeypatch.setattr(workfolder.shutil, "copyfile", full)
    with pytest.raises(WorkFolderError, match="No space left on device"):
        bring_up_to_date(course, home)
    assert (home / LESSON).read_text() == notebook("1 + 1")
    assert not list((home / "notebooks").glob(".copying-*"))


@pytest.mark.parametrize("number", ["01", "1", "01_a"])
def test_reset_brings_back_three_and_keeps_mine_beside(course, home, number):
    bring_up_to_date(course, home)
    (home / "exercises/01_a.ipynb").write_text(notebook("my answer"))
    done = dict(reset(course, home, number))
    assert sorted(path.relative_to(home).parts[0] for path in done) == ["exercises", "notebooks", "solutions"]
    kept = done[home / "exercises/01_a.ipynb"]
    assert kept.parent == home / "exercises" and kept.read_text() == notebook("my answer")
    assert (home / "exercises/01_a.ipynb").read_text() == notebook("1 + 1")
    assert done[home / LESSON] is None, "what was as in the course needs no copy"
    assert bring_up_to_date(course, home) == workfolder.Update()


def test_two_resets_in_one_second_keep_both(course, home):
    bring_up_to_date(course, home)
    for text in ("first", "second", "third"):
        (home / LESSON).write_text(notebook(text))
        reset(course, home, "1")
    kept = {path.read_text() for path in (home / "notebooks").glob("01_a.mine-*.ipynb")}
    assert kept == {notebook("first"), notebook("second"), notebook("third")}


@pytest.mark.parametrize("number", ["99", "-1", "", "contents", "../01", "zero", "²"])
def test_reset_of_an_unknown_lesson_names_the_known_ones(course, home, number):
    bring_up_to_date(course, home)
    if number == "contents":
        assert len(reset(course, home, number)) == 1
        return
    with pytest.raises(WorkFolderError, match=r"The course has: 01, 02\."):
        reset(course, home, number)


def test_fingerprint_sees_every_change_of_text(tmp_path):
    path = tmp_path / "a.ipynb"
    seen = set()
    for text in (notebook("a"), notebook("b"), notebook("a", "b"), notebook("ab"), "not json", "[]"):
        path.write_text(text)
        seen.add(fingerprint(path))
    assert len(seen) == 6
