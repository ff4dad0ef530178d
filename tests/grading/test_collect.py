"""Whatever a class hands in: each notebook finds its student, lesson and time, or says why not."""

import os
import stat
import struct
import tempfile
import time
import unicodedata
import zipfile
from pathlib import Path

import pytest

from course_lib.grading import collect as module
from course_lib.grading import files
from course_lib.grading.collect import collect, iso
from course_lib.grading.marks import Student
from course_lib.grading.roster import CANVAS, MOODLE, Enrolled, Owner, match, read_roster, visible
from course_lib.grading.sandbox import NOBODY
from tests.grading.notebooks import notebook

LESSONS = {
    "02_softmax": ["softmax", "entropy"],
    "04_masks": ["padding_mask", "causal_mask", "masked_softmax"],
    "05_gradients": ["matmul_backward"],
}
MASKS = notebook('from course_lib import start\nstart("04_masks")', "def padding_mask(lengths, n):\n    pass")
CLASS = [
    Enrolled("s1", "Ada Lovelace", "ada@example.org", {"canvas_id": "501"}),
    Enrolled("s2", "Zoë Müller Ångström", "zoe@example.org"),
    Enrolled("s3", "O'Neil, Jean-Luc", "jl@example.org", {"moodle_id": "77"}),
]


def write(root, tree):
    """Files by their paths."""
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def zipped(path, tree):
    """A zip of files by their paths, or of pairs of a ZipInfo and its content."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in tree.items() if isinstance(tree, dict) else tree:
            archive.writestr(name, content)
    return path


def found(path, students=None, lessons=LESSONS):
    """(student, lesson) of each submission without a problem, and the problems by source."""
    collected = collect(path, students, lessons)
    assert all(bool(one.problem) != bool(one.content) for one in collected.submissions)
    good = [(one.student, one.lesson) for one in collected.submissions if not one.problem]
    return good, {one.source: one.problem for one in collected.submissions if one.problem}


# ------------------------------------------------------------------ layouts

PLAIN = {"ada/04_masks.ipynb": MASKS, "bob/04_masks.ipynb": MASKS, "bob/02_softmax.ipynb": MASKS[:30]}
TWO = [("ada", "04_masks"), ("bob", "02_softmax"), ("bob", "04_masks")]


@pytest.mark.parametrize("wrapping", ["", "class/", "my files/submissions/"])
@pytest.mark.parametrize("is_zip", [True, False])
def test_a_folder_for_each_student(tmp_path, wrapping, is_zip):
    tree = {wrapping + name: content for name, content in PLAIN.items()}
    path = zipped(tmp_path / "all.zip", tree) if is_zip else write(tmp_path / "all", tree)
    collected = collect(path, None, LESSONS)
    assert [(one.student, one.lesson) for one in collected.submissions] == TWO
    assert {one.when for one in collected.submissions} == {""}
    assert "a folder for each student; notebooks: 3, students: 2" in collected.remarks[0]


def test_times_in_folders_are_attempts(tmp_path):
    tree = {
        "ada/2026-10-30T10:00+01:00/04_masks.ipynb": MASKS,
        "ada/2026-10-31T235901Z/04_masks.ipynb": MASKS,
        "ada/2026-11-02T08-00/04_masks.ipynb": MASKS,
    }
    collected = collect(write(tmp_path, tree), None, LESSONS)
    assert [one.when for one in collected.submissions] == [
        "2026-10-30T10:00:00+01:00",
        "2026-10-31T23:59:01+00:00",
        "",
    ]
    assert "2026-11-02T08-00" in " ".join(collected.remarks)


@pytest.mark.parametrize("wrapping", ["", "submitted/", "course/submitted/"])
def test_nbgrader(tmp_path, wrapping):
    tree = {
        wrapping + "ada/04_masks/04_masks.ipynb": MASKS,
        wrapping + "ada/04_masks/timestamp.txt": b"2026-10-31 22:58:49.123456 UTC",
        wrapping + "bob/04_masks/mine.ipynb": notebook("x = 1"),
        wrapping + "bob/04_masks/timestamp.txt": b"2026-10-31 22:58:49.1 +0100\n",
        wrapping + "cyd/04_masks/04_masks.ipynb": b"",
    }
    if wrapping.startswith("course"):
        tree["course/source/04_masks/04_masks.ipynb"] = MASKS
        tree["course/gradebook.db"] = b""
    collected = collect(write(tmp_path, tree), None, LESSONS)
    when = ["2026-10-31T22:58:49+00:00", "2026-10-31T22:58:49+01:00", ""]
    assert [one.student for one in collected.submissions] == ["ada", "bob", "cyd"]
    assert [one.lesson for one in collected.submissions] == ["04_masks"] * 3
    assert [one.when for one in collected.submissions] == when
    assert "nbgrader" in collected.remarks[0]


def test_one_student_alone(tmp_path):
    tree = {"ada/04_masks/x.ipynb": MASKS, "ada/04_masks/timestamp.txt": b"2026-10-31 22:58:49 UTC"}
    [one] = collect(write(tmp_path / "nbgrader", tree), None, LESSONS).submissions
    assert (one.student, one.when) == ("ada", "2026-10-31T22:58:49+00:00")
    [one] = collect(write(tmp_path / "no stamp", {"ada/04_masks/x.ipynb": MASKS}), None, LESSONS).submissions
    assert one.student == "ada"
    assert found(write(tmp_path / "on the roster", {"s1/work/04_masks.ipynb": MASKS}), CLASS)[0] == [
        ("s1", "04_masks")
    ]


@pytest.mark.parametrize("wrapping", ["", "submissions/"])
def test_canvas(tmp_path, wrapping):
    names = [
        "lovelaceada_501_9001_04_masks-1.ipynb",
        "müllerångströmzoë_LATE_502_9002_04_masks.ipynb",
        "oneiljeanluc_503_9003_my_1_2_homework.ipynb",
        "a_stranger_504_9004_04_masks.ipynb",
    ]
    path = zipped(tmp_path / "submissions.zip", {wrapping + name: MASKS for name in names})
    collected = collect(path, CLASS, LESSONS)
    assert [(one.student, one.lesson, one.when) for one in collected.submissions] == [
        (student, "04_masks", "") for student in ("a_stranger", "s1", "s2", "s3")
    ]
    remarks = "\n".join(collected.remarks)
    assert "download from Canvas" in remarks and "a_stranger is not on the roster" in remarks
    assert "1 late, says Canvas" in remarks and names[1] in remarks


def test_canvas_without_names(tmp_path):
    tree = {"anon_aB3x_9001_04_masks.ipynb": MASKS, "LATE_anon_Zz9_9002_04_masks.ipynb": MASKS}
    assert found(zipped(tmp_path / "x.zip", tree), CLASS)[0] == [
        ("anon_Zz9", "04_masks"),
        ("anon_aB3x", "04_masks"),
    ]


@pytest.mark.parametrize("ending", ["_assignsubmission_file_/", "_assignsubmission_file/", "flat"])
def test_moodle(tmp_path, ending):
    ending = ending.replace("flat", "_assignsubmission_file_")
    tree = {
        f"Ada Lovelace_11{ending}04_masks.ipynb": MASKS,
        f"Zoë Müller Ångström_12{ending}04_masks (1).ipynb": MASKS,
        f"Somebody Else_77{ending}04_masks.ipynb": MASKS,
        "Ada Lovelace_11_assignsubmission_onlinetext_/onlinetext.html": b"<p>hi",
    }
    collected = collect(zipped(tmp_path / "x.zip", tree), CLASS, LESSONS)
    assert [(one.student, one.lesson) for one in collected.submissions] == [
        (student, "04_masks") for student in ("s1", "s2", "s3")
    ]
    assert "download from Moodle" in collected.remarks[0]


def test_a_zip_whose_names_are_not_marked_as_utf8(tmp_path):
    info = zipfile.ZipInfo("Zoë Müller Ångström_12_assignsubmission_file_/04_masks.ipynb")
    path = tmp_path / "x.zip"
    zipped(path, [(info, MASKS)])
    flag = struct.pack("<H", 0x800)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"\x14\x00" + flag, b"\x14\x00\x00\x00"))
    assert found(path, CLASS)[0] == [("s2", "04_masks")]


# ------------------------------------------------------------------ which lesson


@pytest.mark.parametrize(
    "name",
    ["04_masks (1).ipynb", "04_masks-Copy1.ipynb", "04_MASKS.IPYNB", "Ada 04_masks final.ipynb",
     "04-masks.ipynb", "meine abgabe.ipynb", "Untitled.ipynb", "04_masks.ipynb.txt",
     "04_masks.ipynb.json", "ü,\n\t'.ipynb"],
)  # fmt: skip
def test_a_renamed_notebook_finds_its_lesson(tmp_path, name):
    assert found(write(tmp_path, {f"ada/{name}": MASKS, "bob/x.txt": b""}))[0] == [("ada", "04_masks")]


def test_functions_tell_the_lesson_of_a_notebook_without_start(tmp_path):
    cells = ["def softmax(x):\n    return x", "def causal_mask(n):\n    pass", "def padding_mask(n): pass"]
    assert found(write(tmp_path, {"ada/x.ipynb": notebook(*cells)}))[0] == [("ada", "04_masks")]


def test_a_wrong_name_never_hides_what_is_in_the_notebook(tmp_path):
    collected = collect(write(tmp_path, {"ada/05_gradients.ipynb": MASKS}), None, LESSONS)
    assert [one.lesson for one in collected.submissions] == ["04_masks"]
    assert "05_gradients.ipynb" in " ".join(collected.remarks[1:])


def test_start_in_words_or_outputs_is_no_start(tmp_path):
    cells = [{"cell_type": "markdown", "source": 'start("04_masks")'}, '# start("04_masks")', "softmax = 1"]
    assert found(write(tmp_path, {"ada/02_softmax.ipynb": notebook(*cells)}))[0] == [("ada", "02_softmax")]


def test_what_is_of_no_lesson_is_a_problem_that_names_the_file(tmp_path):
    tree = {"ada/x.ipynb": notebook("y = 1"), "ada/broken.ipynb": b'{"cells": [', "ada/04_masks.ipynb": MASKS}
    good, problems = found(write(tmp_path, tree))
    assert good == [("ada", "04_masks")]
    assert "NN_name.ipynb" in problems["ada/x.ipynb"]
    assert "cut off" in problems["ada/broken.ipynb"]


def test_other_lessons_are_left_out(tmp_path):
    tree = {"ada/04_masks.ipynb": MASKS, "ada/02_softmax.ipynb": notebook("softmax = 1")}
    collected = collect(write(tmp_path, tree), None, {"04_masks": LESSONS["04_masks"]})
    assert [one.lesson for one in collected.submissions] == ["04_masks"]
    assert "1 left out, notebooks of other lessons: ada/02_softmax.ipynb" in collected.remarks


def test_of_two_files_the_newest_counts(tmp_path):
    write(tmp_path / "f", {"ada/04_masks.ipynb": MASKS, "ada/04_masks-Copy1.ipynb": MASKS + b" "})
    os.utime(tmp_path / "f/ada/04_masks.ipynb", (2e9, 2e9))
    collected = collect(tmp_path / "f", None, LESSONS)
    assert [one.source for one in collected.submissions] == ["ada/04_masks.ipynb"]
    assert "not used: ada/04_masks-Copy1.ipynb" in collected.remarks[-1]
    same = [zipfile.ZipInfo(f"ada/04_masks ({i}).ipynb", (2026, 10, 30, 1, 2, 2)) for i in (10, 9)]
    path = zipped(tmp_path / "y.zip", [(info, MASKS) for info in same])
    assert [one.source for one in collect(path, None, LESSONS).submissions] == [same[0].filename]
    newer = zipfile.ZipInfo("ada/04_masks (2).ipynb", (2026, 10, 30, 1, 2, 4))
    older = zipfile.ZipInfo("ada/04_masks (10).ipynb", (2026, 10, 30, 1, 2, 2))
    for pairs in ([newer, older], [older, newer]):
        path = zipped(tmp_path / "x.zip", [(info, MASKS) for info in pairs])
        assert [one.source for one in collect(path, None, LESSONS).submissions] == [newer.filename]


# ------------------------------------------------------------------ hostile folders


def test_links_are_not_followed(tmp_path):
    secret = write(tmp_path / "secret", {"04_masks.ipynb": MASKS}) / "04_masks.ipynb"
    root = write(tmp_path / "class", {"bob/04_masks.ipynb": MASKS})
    (root / "ada").mkdir()
    (root / "ada/04_masks.ipynb").symlink_to(secret)
    (root / "ada/work").symlink_to(secret.parent)
    (root / "cyd").symlink_to(secret.parent)
    (root / "bob/loop").symlink_to(root)
    good, problems = found(root)
    assert good == [("bob", "04_masks")]
    assert set(problems) == {"ada/04_masks.ipynb", "ada/work", "bob/loop", "cyd"}
    assert all("symbolic link" in problem for problem in problems.values())


def test_a_link_that_is_put_in_place_meanwhile_is_not_followed(tmp_path):
    root = write(tmp_path / "class", {"ada/04_masks.ipynb": MASKS, "bob/04_masks.ipynb": MASKS})
    secret = write(tmp_path / "secret", {"04_masks.ipynb": b"secret"})
    with files.opened(root) as (entries, _):
        (root / "ada/04_masks.ipynb").unlink()
        (root / "ada/04_masks.ipynb").symlink_to(secret / "04_masks.ipynb")
        (root / "bob").rename(root / "bob2")
        (root / "bob").symlink_to(secret)
        for entry in entries:
            with pytest.raises(files.UnreadError):
                entry.fetch()


def test_pipes_devices_and_sockets_do_not_block(tmp_path):
    write(tmp_path, {"bob/04_masks.ipynb": MASKS})
    (tmp_path / "ada").mkdir()
    os.mkfifo(tmp_path / "ada/04_masks.ipynb")
    os.mkfifo(tmp_path / "ada/timestamp.txt")
    began = time.monotonic()
    good, problems = found(tmp_path)
    assert time.monotonic() - began < 1
    assert good == [("bob", "04_masks")] and "pipe" in problems["ada/04_masks.ipynb"]


@pytest.fixture
def own_folder():
    """A folder of an ordinary user, and this process as that user: nothing is closed to root."""
    with tempfile.TemporaryDirectory() as temporary:
        was_root = os.geteuid() == 0
        if was_root:
            os.chown(temporary, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(temporary)
        finally:
            if was_root:
                os.seteuid(0)


def test_closed_files_and_folders_are_problems(own_folder):
    write(own_folder, {f"{name}/04_masks.ipynb": MASKS for name in ("ada", "bob", "cyd")})
    (own_folder / "ada/04_masks.ipynb").chmod(0)
    (own_folder / "cyd").chmod(0)
    try:
        good, problems = found(own_folder)
    finally:
        (own_folder / "cyd").chmod(0o700)
    assert good == [("bob", "04_masks")]
    assert set(problems) == {"ada/04_masks.ipynb", "cyd"}
    assert all("Permission denied" in problem for problem in problems.values())


def test_an_error_while_reading_is_a_problem(tmp_path, monkeypatch):
    write(tmp_path, {"ada/04_masks.ipynb": MASKS, "bob/04_masks.ipynb": MASKS})
    real = os.open

    def refusing(path, *args, **kwargs):
        if path == "ada":
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refusing)
    good, problems = found(tmp_path)
    assert good == [("bob", "04_masks")]
    assert problems == {"ada/04_masks.ipynb": "cannot be opened: Permission denied"}


def test_a_folder_with_a_notebooks_name(tmp_path):
    write(tmp_path, {"ada/04_masks.ipynb/04_masks.ipynb": MASKS, "bob/04_masks.ipynb": MASKS})
    good, problems = found(tmp_path)
    assert good == [("bob", "04_masks")]
    assert problems == {"ada/04_masks.ipynb": "is a folder, not a notebook"}


def test_hidden_and_foreign_files_are_left_out(tmp_path):
    tree = {
        "ada/.ipynb_checkpoints/04_masks-checkpoint.ipynb": MASKS,
        "ada/.04_masks.ipynb": MASKS,
        "__MACOSX/ada/04_masks.ipynb": b"",
        "ada/answer.pdf": b"",
        "bob/04_masks.ipynb": MASKS,
    }
    for path in (write(tmp_path / "f", tree), zipped(tmp_path / "x.zip", tree)):
        collected = collect(path, None, LESSONS)
        assert [one.source for one in collected.submissions] == ["bob/04_masks.ipynb"]
        assert "1 left out, no notebooks: ada/answer.pdf" in collected.remarks


def test_large_files_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 10_000)
    monkeypatch.setattr(module, "MOST_BYTES", 12_000)
    tree = {"ada/04_masks.ipynb": b" " * 10_001, "bob/04_masks.ipynb": MASKS}
    tree |= {f"bob/more{i}.ipynb": b" " * 9_000 for i in range(3)}
    for path in (write(tmp_path / "f", tree), zipped(tmp_path / "x.zip", tree)):
        good, problems = found(path)
        assert good == [("bob", "04_masks")]
        assert "more than 10,000" in problems["ada/04_masks.ipynb"]
        assert sum("12,000 bytes" in problem for problem in problems.values()) == 2


def test_a_flood_of_files_is_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_FILES", 3)
    tree = {f"ada/x{i}.ipynb": b"{}" for i in range(9)} | {"bob/04_masks.ipynb": MASKS}
    collected = collect(write(tmp_path, tree), None, LESSONS)
    assert len(collected.submissions) == 4
    assert any("6 not looked at, more than 3 notebooks" in remark for remark in collected.remarks)


# ------------------------------------------------------------------ hostile zips


def test_a_bomb_stops_at_the_limit_and_the_others_are_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("ada/04_masks.ipynb", "w", force_zip64=True) as file:
            for _ in range(100):
                file.write(bytes(2**20))
        archive.writestr("bob/04_masks.ipynb", MASKS)
    began = time.monotonic()
    good, problems = found(tmp_path / "x.zip")
    assert good == [("bob", "04_masks")] and "104,857,600 bytes" in problems["ada/04_masks.ipynb"]
    assert time.monotonic() - began < 1


def test_a_bomb_that_lies_about_its_size(tmp_path):
    path = zipped(tmp_path / "x.zip", {"ada/04_masks.ipynb": bytes(50 * 2**20), "bob/04_masks.ipynb": MASKS})
    raw = path.read_bytes().replace(struct.pack("<I", 50 * 2**20), struct.pack("<I", 1000))
    path.write_bytes(raw)
    good, problems = found(path)
    assert good == [("bob", "04_masks")] and "damaged" in problems["ada/04_masks.ipynb"]


def test_a_zip_is_read_up_to_its_limit_small_files_first(tmp_path, monkeypatch):
    limit = len(MASKS) + 2_010  # the small file, or a large one
    monkeypatch.setattr(files, "LARGEST_ZIP", limit)
    tree = {f"a{i}/04_masks.ipynb": MASKS + b" " * 2_000 for i in range(3)} | {"bob/04_masks.ipynb": MASKS}
    good, problems = found(zipped(tmp_path / "x.zip", tree))
    assert good == [("bob", "04_masks")]
    assert (
        all(f"more than {limit:,} bytes" in problem for problem in problems.values()) and len(problems) == 3
    )


def test_names_that_lead_out_of_a_zip(tmp_path):
    names = ["../04_masks.ipynb", "/etc/04_masks.ipynb", "ada/../../04_masks.ipynb", "..\\..\\04_masks.ipynb"]
    (tmp_path / "in").mkdir()
    path = zipped(tmp_path / "in/x.zip", {**dict.fromkeys(names, MASKS), "bob/04_masks.ipynb": MASKS})
    before = sorted(tmp_path.rglob("*"))
    collected = collect(path, None, LESSONS)
    assert [one.student for one in collected.submissions] == ["bob"]
    assert any("4 left out, as their names lead out of the zip" in remark for remark in collected.remarks)
    assert sorted(tmp_path.rglob("*")) == before


def of_kind(name, mode):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def test_entries_that_are_no_files(tmp_path):
    pairs = [
        (of_kind("ada/04_masks.ipynb", stat.S_IFLNK | 0o777), b"/etc/passwd"),
        (of_kind("bob/04_masks.ipynb", stat.S_IFREG | 0o644), MASKS),
        (of_kind("cyd/04_masks.ipynb", stat.S_IFIFO | 0o644), b""),
    ]
    good, problems = found(zipped(tmp_path / "x.zip", pairs))
    assert good == [("bob", "04_masks")]
    assert "symbolic link" in problems["ada/04_masks.ipynb"] and "pipe" in problems["cyd/04_masks.ipynb"]


def test_locked_damaged_and_strangely_packed_entries(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("ada", "bob", "cyd", "dan"):
            method = zipfile.ZIP_BZIP2 if name == "dan" else zipfile.ZIP_STORED
            archive.writestr(f"{name}/04_masks.ipynb", MASKS + name.encode(), method)
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"cyd", raw.index(b"cyd/") + 4)] ^= 1  # one byte of its content
    for mark, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        raw[raw.index(mark) + at] |= 1  # the first file says that it is encrypted
    path.write_bytes(raw)
    good, problems = found(path)
    assert good == [("bob", "04_masks")]
    assert "password" in problems["ada/04_masks.ipynb"]
    assert "damaged" in problems["cyd/04_masks.ipynb"]
    assert "method 12" in problems["dan/04_masks.ipynb"]


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip", bytes(100)])
def test_what_is_no_zip_is_refused_by_name(tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.zip"):
        collect(tmp_path / "x.zip", None, LESSONS)


def test_a_zip_that_is_cut_off_at_any_place(tmp_path):
    raw = zipped(tmp_path / "x.zip", PLAIN).read_bytes()
    for size in range(0, len(raw), 7):
        (tmp_path / "y.zip").write_bytes(raw[:size])
        with pytest.raises(ValueError, match=r"y\.zip"):
            collect(tmp_path / "y.zip", None, LESSONS)


def test_a_zip_with_any_byte_changed_gives_problems_at_most(tmp_path):
    raw = zipped(tmp_path / "x.zip", {"ada/04_masks.ipynb": b"{}", "bob/04_masks.ipynb": b"[]"}).read_bytes()
    for i in range(len(raw)):
        for change in (0xFF, 0x01, 0x80):
            (tmp_path / "y.zip").write_bytes(raw[:i] + bytes([raw[i] ^ change]) + raw[i + 1 :])
            try:
                collected = collect(tmp_path / "y.zip", None, LESSONS)
            except ValueError as error:
                assert "y.zip" in str(error)
            else:
                assert len(collected.submissions) <= 2


def test_a_missing_folder_and_an_empty_one(tmp_path):
    with pytest.raises(ValueError, match="no such folder"):
        collect(tmp_path / "nowhere", None, LESSONS)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="no such folder"):
        collect(tmp_path / "pipe", None, LESSONS)
    (tmp_path / "empty").mkdir()
    collected = collect(tmp_path / "empty", None, LESSONS)
    assert collected.submissions == [] and collected.remarks == ["empty: no notebook in it"]


def test_a_notebook_in_nobodys_folder(tmp_path):
    good, problems = found(write(tmp_path, {"04_masks.ipynb": MASKS, "bob/04_masks.ipynb": MASKS}), CLASS)
    assert good == [("bob", "04_masks")] and problems == {"04_masks.ipynb": "lies in no student's folder"}


def test_remarks_and_sources_hold_nothing_that_a_screen_obeys(tmp_path):
    name = "a\x1b[31m\n\u202e,;'\udcff" + "x" * 60
    write(tmp_path, {f"{name}/{name}.ipynb": b"", f"{name}/{name}.pdf": b"", "bob/04_masks.ipynb": MASKS})
    collected = collect(tmp_path, CLASS, LESSONS)
    said = [*collected.remarks, *(f"{one.source} {one.problem}" for one in collected.submissions)]
    assert all(text.isprintable() for text in said)
    assert {one.student for one in collected.submissions} == {"bob", name}


# ------------------------------------------------------------------ the roster


def roster(tmp_path, content):
    path = tmp_path / "roster.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_roster(path)


def test_a_roster(tmp_path):
    plain = roster(tmp_path, 'id,name,email,Canvas_ID\ns1,"Lovelace, Ada",a@x.org,5\n\n s2 ,Bo,,\n')
    assert [(one.id, one.name, one.email) for one in plain] == [
        ("s1", "Lovelace, Ada", "a@x.org"),
        ("s2", "Bo", ""),
    ]
    assert plain[0].more == {"canvas_id": "5"}
    excel = roster(tmp_path, "\ufeffID;Name;Email\r\ns1;Zoë;z@x.org\r\n")
    assert excel == [Enrolled("s1", "Zoë", "z@x.org")]
    assert roster(tmp_path, "id\n1\n2\n") == [Enrolled("1"), Enrolled("2")]


@pytest.mark.parametrize(
    "content, said",
    [
        ("", "no column 'id'"),
        ("name,email\nAda,x\n", "no column 'id'"),
        ("id,name\ns1,Ada\ns2,Bo\ns1,Cy\n", "line 4.*'s1' is there twice"),
        ("id,name\ns1,Ada\n,Bo\n", "line 3.*id is empty"),
        ("id,name\ns1,Lovelace, Ada\n", "line 2.*more cells"),
        ('id,name\ns1,"two\nlines"\ns1,x\n', "line 4.*twice"),
        ("id,name\ns1,\xe9\n".encode("latin-1"), "UTF-8"),
        ("id,name\ns1," + "x" * 200_000 + "\n", "line 2"),
    ],
)
def test_a_roster_that_is_wrong_names_the_line(tmp_path, content, said):
    with pytest.raises(ValueError, match=rf"roster\.csv.*{said}"):
        roster(tmp_path, content)


@pytest.mark.parametrize(
    "owner, student",
    [
        (Owner("s1"), "s1"),
        (Owner("S1 "), "s1"),
        (Owner("ADA@example.org"), "s1"),
        (Owner("Ada Lovelace"), "s1"),
        (Owner("ada_lovelace"), "s1"),
        (Owner("Jean-Luc O'Neil"), "s3"),
        (Owner(unicodedata.normalize("NFD", "Zoë Müller Ångström")), "s2"),
        (Owner("lovelaceada", "999", CANVAS), "s1"),
        (Owner("x", "501", CANVAS), "s1"),
        (Owner("müllerångströmzoë", "9", CANVAS), "s2"),
        (Owner("ångströmzoëmüller", "9", CANVAS), "s2"),
        (Owner("oneiljeanluc", "9", CANVAS), "s3"),
        (Owner("Renamed", "77", MOODLE), "s3"),
        (Owner("Jean-Luc O'Neil", "78", MOODLE), "s3"),
    ],
)
def test_who_it_is(owner, student):
    assert match([owner], CLASS) == ({owner: student}, [])


@pytest.mark.parametrize(
    "owner", [Owner("s1", "9", MOODLE), Owner("lovelaceada", "501", MOODLE), Owner("Lovelace"), Owner("...")]
)
def test_who_is_not_found_keeps_the_name(owner):
    ids, remarks = match([owner], CLASS)
    kept = ids[owner]
    assert kept.startswith(owner.name) and kept not in {one.id for one in CLASS}
    assert len(remarks) == 1 and "not on the roster" in remarks[0]


def test_one_name_of_two_students_is_not_guessed():
    students = [Student("s1", "Ada Abel"), Student("s2", "ada abel"), Student("s3", "Abel Ada")]
    ids, remarks = match([Owner("Ada Abel"), Owner("s2")], students)
    assert ids == {Owner("Ada Abel"): "Ada Abel", Owner("s2"): "s2"}
    assert remarks == ["Ada Abel may be any of s1, s2; the marks stand under the name it came with"]


def test_two_with_the_name_of_one_student_are_not_guessed():
    two = [Owner("Ada Lovelace", "1", MOODLE), Owner("Ada Lovelace", "2", MOODLE)]
    ids, remarks = match(two, CLASS)
    assert ids == {two[0]: "Ada Lovelace_1", two[1]: "Ada Lovelace_2"} and len(remarks) == 2
    certain = Owner("", "501", CANVAS)
    ids, remarks = match([certain, Owner("lovelaceada", "9", CANVAS)], CLASS)
    assert ids[certain] == "s1" and ids[Owner("lovelaceada", "9", CANVAS)] == "lovelaceada"
    assert "so may another one" in remarks[0]


def test_without_a_roster_two_of_one_name_stay_two():
    two = [Owner("Ada", "1", MOODLE), Owner("Ada", "2", MOODLE), Owner("Bo", "3", MOODLE)]
    assert match(two, None) == (dict(zip(two, ["Ada_1", "Ada_2", "Bo"], strict=True)), [])


# ------------------------------------------------------------------ times and texts


@pytest.mark.parametrize(
    "text, time",
    [
        ("2026-10-31T23:59:00+01:00", "2026-10-31T23:59:00+01:00"),
        ("2026-10-31 22:58:49.123456 UTC", "2026-10-31T22:58:49+00:00"),
        ("2026-10-31T225849Z", "2026-10-31T22:58:49+00:00"),
        ("2026-10-31_22-58-49+0100", "2026-10-31T22:58:49+01:00"),
        ("2026-10-31T22:58+01", "2026-10-31T22:58:00+01:00"),
        ("2026-10-31T22:58:49", ""),
        ("2026-13-31T22:58:49Z", ""),
        ("2026-10-31T22:58:49 CEST", ""),
        ("2026-10-31", ""),
        ("tomorrow", ""),
        ("", ""),
    ],
)
def test_times(text, time):
    assert iso(text) == time


def test_a_long_name_is_shown_in_short():
    assert len(visible("\x00" * 10_000)) < 220 and visible("Zoë") == "Zoë"
