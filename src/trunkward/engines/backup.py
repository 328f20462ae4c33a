"""What a backup takes of a node, and in which order, so that it may be taken while calls run.

1. Every segment of records is opened. One that the worker ships whole and deletes meanwhile is still there
   for us.
2. If there is room, each database is copied as it is at one moment. What it calls shipped stands in the
   segments of step 1 or 3, so a restored worker goes on where the copied database stands: nothing is lost,
   and record ids let nothing be doubled.
3. Segments that have appeared since are opened, too.
4. Everything is written: of files that lines are appended to, all that are whole by then. The signer's
   journal is so a beginning of the journal it goes on to be, with its chain unbroken; what its lines commit
   to comes after it, so that none is without.

This runs as root in directories that belong to less trusted users: no link is followed, no file with a
second name taken. A database is copied as its owner, because SQLite opens it by its name.
"""

import grp
import os
import pwd
import resource
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import IO, BinaryIO

from trunkward.control.health import DISK_LOW_BYTES
from trunkward.engines.archive import ArchiveRefused, ArchiveWriter, Manifest, whole_lines
from trunkward.engines.named_files import kept_of
from trunkward.engines.restore import ASIDE, BEGUN, DATABASE, STAGING
from trunkward.engines.whole_file import read_plain
from trunkward.settings import CHAINS, VALKEY_DATA, Paths

#: What is of the moment, or of a writing broken off.
_NOT_KEPT = (".part", ".lock", "-wal", "-shm", "-journal")
#: A segment open for each: a day of them, at 16 MiB or an hour each, are a few thousand on a very busy node.
_OPEN_FILES = 65_536
#: Bytes of a file that is named: a table of destinations may have 64,000,000.
_MOST_ELSEWHERE = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One file, open, and where it goes."""

    name: str
    path: Path
    file: BufferedReader
    owner: str
    group: str
    mode: int


def back_up(
    paths: Paths,
    out: IO[bytes],
    *,
    node: str,
    version: str,
    now: datetime,
    elsewhere: list[Path],
    not_in_it: list[str],
    copy_database: Callable[[Path, Path, int, int], None],
    is_database: Callable[[BinaryIO], bool],
) -> Manifest:
    """Writes a backup to `out`. Raises `ArchiveRefused` or `OSError`; what is in `out` then is none.

    `elsewhere` are the files that the node file names. `copy_database` copies one,
    as a user and group by number.
    """
    _many_open_files()
    state = paths.state.resolve()
    writer = ArchiveWriter(file=out)
    # segments that had no room on the disk, and messages, are in memory, and go to the disk with a restore
    in_memory = {
        place: f"state/records/{place.name}-{now:%Y%m%dT%H%M%S}"
        for place in (paths.edge_overflow, paths.edge_ladder)
    }
    with ExitStack() as open_files, tempfile.TemporaryDirectory(dir=state, prefix=BEGUN) as beside:
        # 1.
        segments = {taken.name: taken for taken in _segments(paths, in_memory, open_files)}
        others = _others(state, open_files)
        # 2.
        databases = [taken for taken in others if is_database(taken.file)]
        _check_room(state, out, databases, [*others, *segments.values()])
        os.chmod(beside, 0o711)  # noqa: S103  # each owner gets at the one directory that is its own
        found = []
        for number, taken in enumerate(others):
            taken.file.seek(0)
            if taken in databases:
                found.append(_copied(taken, Path(beside) / str(number), copy_database, open_files))
            else:
                found.append(taken)
        # 3.
        for taken in _segments(paths, in_memory, open_files):
            segments.setdefault(taken.name, taken)
        # 4.
        writer.add_bytes("node.yaml", paths.config.read_bytes())
        if (setting := paths.config.with_name(DATABASE)).exists():
            writer.add_bytes(DATABASE, setting.read_bytes())
        named, missing = _add_elsewhere(writer, elsewhere)
        for name, owner, group, mode in _directories(state):
            writer.directory(name, owner=owner, group=group, mode=mode)
        for directory in in_memory.values():
            if any(name.startswith(f"{directory}/") for name in segments):
                writer.directory(directory, owner="tw-edge", group="tw-worker", mode=0o2770)
        for taken in sorted([*found, *segments.values()], key=_when):
            _add(writer, taken)
    manifest = Manifest(
        format=1,
        version=version,
        node=node,
        made_at=now.astimezone(UTC).isoformat(timespec="seconds"),
        members=writer.members,
        elsewhere=named,
        not_in_it=[*not_in_it, *missing],
    )
    writer.finish(manifest)
    return manifest


def _when(taken: Taken) -> tuple[bool, str]:
    """By name; what lines of a journal commit to after them."""
    return "/details/" in taken.name, taken.name


def _add(writer: ArchiveWriter, taken: Taken) -> None:
    lines = taken.name.endswith(".jsonl")
    size = whole_lines(taken.file) if lines else os.fstat(taken.file.fileno()).st_size
    writer.add(taken.name, taken.file, size, owner=taken.owner, group=taken.group, mode=taken.mode)


def _add_elsewhere(writer: ArchiveWriter, files: list[Path]) -> tuple[dict[str, str], list[str]]:
    """By member, where each was; and those that could not be taken, with the reason."""
    named, missing = {}, []
    for number, path in enumerate(files):
        try:
            content, is_like = kept_of(read_plain(path, _MOST_ELSEWHERE, follow=True)), path.stat()
        except OSError as problem:
            missing.append(f"{path}: {problem.strerror or problem}")
            continue
        if not content:
            missing.append(f"{path}: holds neither certificates, nor keys, nor a table of numbers")
            continue
        member = f"elsewhere/{number}"
        writer.add(
            member,
            BytesIO(content),
            len(content),
            owner=_owner(is_like.st_uid),
            group=_group(is_like.st_gid),
            mode=stat.S_IMODE(is_like.st_mode) & 0o777,
        )
        named[member] = str(path)
    return named, missing


def _check_room(state: Path, out: IO[bytes], databases: list[Taken], everything: list[Taken]) -> None:
    """Refuses what would leave the gates no room for records: then every call would be refused."""
    needed, what = sum(_size(taken) for taken in databases), "copies of the databases"
    if _is_on_the_disk_of(state, out):
        # at worst: how much smaller it gets is known afterwards
        needed, what = needed + sum(_size(taken) for taken in everything), f"{what} and the backup"
    free = shutil.disk_usage(state).free
    if free - needed < DISK_LOW_BYTES:
        raise ArchiveRefused(
            f"{what} may take {needed / 1e6:.0f} MB; {free / 1e6:.0f} MB are free on the disk of {state}, "
            f"and {DISK_LOW_BYTES / 1e6:.0f} MB of them stay for records of calls: make room, or write the "
            "backup to another disk or to standard output"
        )


def _size(taken: Taken) -> int:
    log = taken.path.with_name(f"{taken.path.name}-wal")
    try:
        beside = log.lstat().st_size
    except FileNotFoundError:
        beside = 0
    return os.fstat(taken.file.fileno()).st_size + beside


def _is_on_the_disk_of(state: Path, out: IO[bytes]) -> bool:
    try:
        is_like = os.fstat(out.fileno())
    except OSError:  # nothing of the system's
        return False
    return stat.S_ISREG(is_like.st_mode) and is_like.st_dev == state.stat().st_dev


def _copied(
    taken: Taken, place: Path, copy_database: Callable[[Path, Path, int, int], None], keep: ExitStack
) -> Taken:
    """A database's copy, made in a new directory by whoever owns the database."""
    owner = os.fstat(taken.file.fileno())
    place.mkdir(0o700)
    os.chown(place, owner.st_uid, owner.st_gid)
    copy_database(taken.path, place / "copy.db", owner.st_uid, owner.st_gid)
    with _opened(place) as inner:
        copy = _take(place, inner, "copy.db", taken.name, keep)
    if copy is None:
        raise ArchiveRefused(f"{taken.name}: its copy is gone")
    return replace(taken, file=copy.file)


def _segments(paths: Paths, in_memory: dict[Path, str], keep: ExitStack) -> Iterator[Taken]:
    for directory in paths.segment_directories():
        if directory.is_symlink() or not directory.is_dir():
            continue
        name = in_memory.get(directory, f"state/records/{directory.name}")
        with _opened(directory) as inner:
            for file in sorted(os.listdir(inner)):
                if file.endswith(".jsonl") and (
                    taken := _take(directory, inner, file, f"{name}/{file}", keep)
                ):
                    yield taken


def _others(state: Path, keep: ExitStack) -> list[Taken]:
    found = []
    for place, _, files, inner in _walk(state):
        in_records = place.is_relative_to(state / "records")
        for file in sorted(files):
            if file.endswith(_NOT_KEPT) or (place == state and file == "draining"):
                continue
            if in_records and file.endswith(".jsonl"):
                continue
            if taken := _take(place, inner, file, f"state/{(place / file).relative_to(state)}", keep):
                found.append(taken)
    return found


def _directories(state: Path) -> list[tuple[str, str, str, int]]:
    found = []
    for place, _, _, inner in _walk(state):
        if place != state:
            is_like = os.fstat(inner)
            name = f"state/{place.relative_to(state)}"
            found.append(
                (name, _owner(is_like.st_uid), _group(is_like.st_gid), stat.S_IMODE(is_like.st_mode))
            )
    return sorted(found)


def _walk(state: Path) -> Iterator[tuple[Path, list[str], list[str], int]]:
    """`os.fwalk` without what restores and backups have beside the state, and without Valkey's file."""
    for place, directories, files, inner in os.fwalk(state):
        if Path(place) == state:
            directories[:] = [
                name
                for name in directories
                # calls of this moment are no part of what a node is
                if not name.startswith((BEGUN, STAGING, ASIDE)) and name not in (VALKEY_DATA, CHAINS)
            ]
        for name in directories:
            if stat.S_ISLNK(os.stat(name, dir_fd=inner, follow_symlinks=False).st_mode):
                raise ArchiveRefused(
                    f"{place}/{name} is a link, and what it leads to would not be in the backup"
                )
        yield Path(place), directories, files, inner


def _take(place: Path, directory: int, file: str, name: str, keep: ExitStack) -> Taken | None:
    try:
        descriptor = os.open(
            file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory
        )
    except FileNotFoundError:
        return None  # deleted meanwhile: shipped long ago, or replaced and of the moment
    except OSError as problem:
        raise ArchiveRefused(f"{name}: cannot be taken: {problem.strerror} (a link, a socket?)") from None
    opened = keep.enter_context(os.fdopen(descriptor, "rb"))
    is_like = os.fstat(descriptor)
    if not stat.S_ISREG(is_like.st_mode):
        raise ArchiveRefused(f"{name}: is no file")
    if is_like.st_nlink > 1:
        raise ArchiveRefused(f"{name}: has a second name somewhere, so it may be somebody else's file")
    return Taken(
        name=name,
        path=place / file,
        file=opened,
        owner=_owner(is_like.st_uid),
        group=_group(is_like.st_gid),
        mode=stat.S_IMODE(is_like.st_mode) & 0o777,
    )


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _owner(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return "root"


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return "root"


def _many_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
