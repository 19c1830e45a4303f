"""Damaged files of a finished project: each reader returns what it did before, or names the file in one sentence.

    python -m development.damaged_files PROJECT        # all cases; the project is copied first
    python -m development.damaged_files PROJECT 0.1    # a tenth of them

Which files a reader opens is observed, not listed: a new file of a run is damaged here without a change of this module.
"""

import json
import os
import pickle
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.cli.messages import sentence
from pipeline.storage.digests import DIGESTS, OWN_DIGEST, forget
from pipeline.storage.folders import CHAMPION

Reader = Callable[[], Any]
NOT_OURS = (".git", ".dvc", "pipeline", "mlartifacts", "__pycache__")
"""Folders whose files belong to Git, DVC, the code and MLflow."""
UNPROTECTED = ("conf", "sweeps.db")
"""What a person edits, or another program writes, without digests: another valid value is no fault."""


class Case(NamedTuple):
    """A file to damage, how, and the reader that meets it."""

    file: Path
    kind: str
    reader: str


class Outcome(NamedTuple):
    """What a reader did: `held` is true if it returned the same, or named the file. `text` is what it said."""

    case: Case
    held: bool
    text: str


def truncated(file: Path, rng: random.Random) -> None:
    """Keep the first half."""
    os.truncate(file, file.stat().st_size // 2)


def garbled(file: Path, rng: random.Random) -> None:
    """Overwrite a few bytes in the middle with random ones."""
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 12] = rng.randbytes(len(content[middle : middle + 12]))
    file.write_bytes(content)


def flipped(file: Path, rng: random.Random) -> None:
    """Change one bit."""
    content = bytearray(file.read_bytes())
    if content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


def emptied(file: Path, rng: random.Random) -> None:
    """Keep the name only."""
    os.truncate(file, 0)


def a_folder(file: Path, rng: random.Random) -> None:
    """Put a folder in its place."""
    file.unlink()
    file.mkdir()


def missing(file: Path, rng: random.Random) -> None:
    """Delete it."""
    file.unlink()


def other_numbers(file: Path, rng: random.Random) -> None:
    """Change a digit, as a person might who edits the file by hand."""
    content = bytearray(file.read_bytes())
    digits = [place for place, byte in enumerate(content) if byte in b"123456789"]
    if digits:
        place = rng.choice(digits)
        content[place] = rng.choice([byte for byte in b"123456789" if byte != content[place]])
    file.write_bytes(content)


def older(file: Path, rng: random.Random) -> None:
    """Remove a key of JSON, and the digests, which earlier versions did not write."""
    if file.suffix == ".json" and file.name != DIGESTS:
        content = json.loads(file.read_bytes())
        content.pop(OWN_DIGEST, None)
        del content[rng.choice(list(content))]
        # With blanks for the size of before, which the report states as a cost.
        file.write_text(json.dumps(content).ljust(file.stat().st_size))
    for folder in file.parents[:3]:
        (folder / DIGESTS).unlink(missing_ok=True)


KINDS: Mapping[str, Callable[[Path, random.Random], None]] = {
    "truncated": truncated,
    "garbled": garbled,
    "flipped bit": flipped,
    "emptied": emptied,
    "a folder": a_folder,
    "missing": missing,
    "other numbers": other_numbers,
    "older": older,
}

_opened: set[str] | None = None


def _observe(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is not None and event in ("open", "sqlite3.connect") and isinstance(arguments[0], str | os.PathLike):
        _opened.add(os.fspath(arguments[0]).removeprefix("file:").partition("?")[0])


sys.addaudithook(_observe)


@contextmanager
def observed() -> Iterator[set[str]]:
    """Collect the names of all files that are opened in the block."""
    global _opened
    before, _opened = _opened, set()
    try:
        yield _opened
    finally:
        _opened = before


def files_read(reader: Reader) -> list[Path]:
    """The files of the project in the working directory that a reader opens, relative to it."""
    forget()  # Files whose digest is known are not opened again.
    with observed() as opened:
        reader()
    here = Path.cwd()
    found = {Path(name) if not Path(name).is_absolute() else Path(name).relative_to(here) for name in opened
             if not Path(name).is_absolute() or Path(name).is_relative_to(here)}  # fmt: skip
    return sorted(file for file in found if file.is_file() and not set(file.parts) & set(NOT_OURS))


def cases(readers: Mapping[str, Reader]) -> Iterator[Case]:
    """Every kind of damage of every file that a reader reads."""
    for name, reader in readers.items():
        for file in files_read(reader):
            for kind in KINDS:
                # A table of looks may be missing: then nothing has been looked at.
                if (kind, file.name.endswith(".looks.csv")) != ("missing", True):
                    yield Case(file, kind, name)


def outcome(case: Case, reader: Reader, expected: bytes, seed: int) -> Outcome:
    """Damage a file in the working directory, read, and restore everything that was changed."""
    before = {file: file.stat().st_mtime_ns for file in ours()}
    with tempfile.TemporaryDirectory() as copies:
        for file in before:
            (Path(copies) / file).parent.mkdir(parents=True, exist_ok=True)
            # SQLite changes a database in its place.
            (shutil.copy2 if ".db" in file.name else os.link)(file, Path(copies) / file)
        # A hard link keeps the old content only if the damaged file is a new one.
        shutil.copyfile(case.file, unlinked := case.file.with_name(".damaged"))
        unlinked.replace(case.file)
        KINDS[case.kind](case.file, random.Random(seed))
        try:
            value = pickle.dumps(reader())
            held = value == expected or case.file.parts[0] in UNPROTECTED
            text = "the same" if value == expected else "ANOTHER VALUE"
        except Exception as problem:
            said = sentence(problem)
            held = said is not None and _names(said, case.file)
            text = said or f"TRACEBACK {type(problem).__name__}: {problem}"
        finally:
            _restore(Path(copies), list(before))
    return Outcome(case, held, text)


def ours() -> list[Path]:
    """The files of the project in the working directory, relative to it."""
    found = []
    for folder, folders, names in os.walk("."):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        found += [Path(folder, name) for name in names]
    return found


def _names(text: str, file: Path) -> bool:
    """Whether a sentence names the file, the folder of its model, the champion, or the record of digests."""
    # A folder of the first level, such as data/, says too little, but the champion is made again as a whole.
    folders = [folder for folder in file.parents if len(folder.parts) > 1 or folder == CHAMPION]
    # A missing file of conf/ is an unknown choice.
    choice = [f"Unknown {'/'.join(file.parts[1:-1])} '{file.stem}'"] if file.parts[0] == "conf" else []
    return any(str(place) in text for place in (file, *folders, *(one / DIGESTS for one in file.parents), *choice))


def _restore(copies: Path, before: list[Path]) -> None:
    for file in set(ours()) - set(before):
        file.unlink()
    for file in before:
        if file.is_dir():
            shutil.rmtree(file)
        with suppress(FileNotFoundError):
            if file.samefile(copies / file):
                continue
        file.parent.mkdir(parents=True, exist_ok=True)
        (copies / file).replace(file)


def main(arguments: list[str]) -> None:
    """Run the cases and print those that did not hold."""
    from development import damaged_choices
    from development.damaged_readers import readers

    project, share = Path(arguments[0]), float(arguments[1]) if len(arguments) > 1 else 1.0
    rng, counts = random.Random(0), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(project, copy, symlinks=True)
        os.chdir(copy)
        known = dict(readers())
        tried = [*cases(known), *damaged_choices.configuration_cases()]
        known |= damaged_choices.configurations()
        expected: dict[str, bytes] = {}
        for number, case in enumerate(tried):
            if rng.random() >= share:
                continue
            reader = known[case.reader]
            if case.reader not in expected:
                expected[case.reader] = pickle.dumps(reader())
            done = outcome(case, reader, expected[case.reader], number)
            counts["held" if done.held else "did not hold"] += 1
            if not done.held:
                print(f"{case.reader} | {case.file} | {case.kind} | {done.text[:300]}", flush=True)
        os.chdir("/")
    print(dict(counts))
    sys.exit(bool(counts["did not hold"]))


if __name__ == "__main__":
    main(sys.argv[1:])
