"""Putting a backup in a node's place, whole or not at all.

1. It is unpacked below a directory of its own inside the state (the state itself may be a mount, which
   cannot be renamed).
2. All of it is checked; what the node at hand knows better is put into it.
3. A plan is written beside it: from here on the restore goes through, if need be at the next `up` (`finish`).
4. What was there is put aside; each new entry takes its place by a rename.

Killed before step 3 it leaves nothing but a directory that the next restore, or `up`, removes.
"""

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace as copy_of
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

from trunkward.engines.archive import ArchiveRefused, Manifest, unpack
from trunkward.engines.named_files import kept_of
from trunkward.engines.users import gid, uid
from trunkward.settings import Paths

#: Directories in the state that are none of the node's: work of a backup, of a restore; what a restore put
#: aside.
BEGUN = ".backing-up-"
STAGING = ".restoring"
ASIDE = "before-restore-"
_PLAN = "plan.json"
#: The setting beside the node file that says where the databases are, if they are not in the state.
DATABASE = "database"
#: What is left of a state that is as good as none: of a restore before, or of the moment.
_NOTHING = ("draining",)


class _Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What takes which place."""

    #: Entries of the state before, and of the one that comes.
    old: list[str]
    new: list[str]
    #: Files elsewhere on the machine, by member.
    elsewhere: dict[str, str]
    aside: str


def what_is_there(paths: Paths) -> list[str]:
    """Entries of a node that a restore would put aside; [] where there is none."""
    beside = (paths.config, paths.config.with_name(DATABASE))
    there = [str(file) for file in beside if file.exists()]
    if paths.state.is_dir():
        there += [str(paths.state / name) for name in _entries(paths.state) if any_file(paths.state / name)]
    return there


def any_file(path: Path) -> bool:
    """Whether there is a file, at or below a path."""
    return not path.is_dir() or any(not child.is_dir() for child in path.rglob("*"))


def restore(
    paths: Paths,
    archive: IO[bytes],
    *,
    version: str,
    now: datetime,
    replace: bool,
    unite: Callable[[Paths, Manifest], None] = lambda _, __: None,
) -> tuple[Manifest, Path | None]:
    """Restores; the manifest, and where what was there is now. Raises `ArchiveRefused` or `OSError`.

    The caller holds the node down. `unite` hears of the node that comes, whole and where it is not in use
    yet: what it writes there takes its place with all the rest.
    """
    finish(paths)
    if not replace and (there := what_is_there(paths)):
        raise ArchiveRefused(f"there is a node already ({there[0]}); --replace puts it aside")
    paths.state.mkdir(mode=0o755, parents=True, exist_ok=True)
    staging = paths.state / STAGING
    staging.mkdir(mode=0o700)
    try:
        # 1. and 2.
        manifest = unpack(archive, staging, version=version)
        for name in ("node.yaml", "state"):
            if not (staging / name).exists():
                raise ArchiveRefused(f"{name} is not in it")
        new = sorted(os.listdir(staging / "state"))
        if new != _of_a_node(new):
            raise ArchiveRefused(f"it holds more than a node: {', '.join(set(new) - set(_of_a_node(new)))}")
        _check_elsewhere(manifest, staging)
        for member in reversed(manifest.members):  # directories after what is in them
            _give(staging / member.name, member.owner, member.group, int(member.mode, 8))
        unite(copy_of(paths, config=staging / "node.yaml", state=staging / "state", database=""), manifest)
        new = sorted(os.listdir(staging / "state"))
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    # 3.
    plan = _Plan(
        old=_entries(paths.state),
        new=new,
        elsewhere=manifest.elsewhere,
        aside=f"{ASIDE}{now:%Y%m%dT%H%M%S}",
    )
    part = staging / f"{_PLAN}.part"
    part.write_bytes(msgspec.json.encode(plan))
    _synced(part)
    part.rename(staging / _PLAN)
    _synced(staging)
    # 4.
    finish(paths)
    aside = paths.state / plan.aside
    return manifest, aside if aside.exists() else None


def finish(paths: Paths) -> bool:
    """Goes on with a restore that was broken off, or removes what one left behind; True when it went on."""
    staging = paths.state / STAGING
    for left in paths.state.glob(f"{BEGUN}*"):  # of a backup that was killed
        shutil.rmtree(left, ignore_errors=True)
    if not staging.is_dir():
        return False
    try:
        plan = msgspec.json.decode((staging / _PLAN).read_bytes(), type=_Plan)
    except FileNotFoundError:
        shutil.rmtree(staging)
        return False
    aside, come = paths.state / plan.aside, staging / "state"
    for name in plan.old:
        # what has left the staging directory has its place already, and is not the old one
        if (paths.state / name).exists() and not (name in plan.new and not (come / name).exists()):
            aside.mkdir(mode=0o700, exist_ok=True)
            (paths.state / name).rename(aside / name)
    for name in plan.new:
        if (come / name).exists():
            (come / name).rename(paths.state / name)
    for name, place in (("node.yaml", paths.config), (DATABASE, paths.config.with_name(DATABASE))):
        new = (staging / name).read_bytes() if (staging / name).exists() else None
        # done once more, after it has taken its place, it is the same
        if place.exists() and place.read_bytes() != new:
            aside.mkdir(mode=0o700, exist_ok=True)
            _place(place, aside / name)
        if new is not None:
            _place(staging / name, place)
        else:
            place.unlink(missing_ok=True)
    for member, where in plan.elsewhere.items():
        if (staging / member).exists() and not Path(where).exists():
            _place(staging / member, Path(where))
    _synced(paths.state)
    # first, for without the rest the plan would say what is wrong
    (staging / _PLAN).unlink()
    _synced(staging)
    shutil.rmtree(staging)
    return True


def _check_elsewhere(manifest: Manifest, staging: Path) -> None:
    """Files go where the node file named them, none but `kept_of` one, and none is replaced."""
    for member, where in manifest.elsewhere.items():
        if not (staging / member).is_file() or member.split("/")[0] != "elsewhere":
            raise ArchiveRefused(f"{member} is not in it")
        if not Path(where).is_absolute() or ".." in Path(where).parts:
            raise ArchiveRefused(f"{where}: not a path of a file that a node file names")
        content = (staging / member).read_bytes()
        if not content or kept_of(content) != content:
            raise ArchiveRefused(f"{member}: not a file of certificates, keys or numbers and nothing else")
        if Path(where).exists() and kept_of(Path(where).read_bytes()) != content:
            raise ArchiveRefused(f"{where} is there, and is another: move it away first")


def _place(source: Path, target: Path) -> None:
    """Copies a file with its owner and mode to its place, whole or not at all: on any file system."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    is_like = source.stat()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchown(descriptor, is_like.st_uid, is_like.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(is_like.st_mode))
        file.write(source.read_bytes())
    _synced(part)
    part.rename(target)
    _synced(target.parent)


def _entries(state: Path) -> list[str]:
    return _of_a_node(sorted(os.listdir(state)))


def _of_a_node(names: list[str]) -> list[str]:
    """Without what backups and restores have there, and what is of the moment."""
    return [name for name in names if not name.startswith((BEGUN, STAGING, ASIDE)) and name not in _NOTHING]


def _give(path: Path, owner: str, group: str, mode: int) -> None:
    if path.is_dir() or path.is_file():
        os.chown(path, 0 if owner == "root" else uid(owner), 0 if group == "root" else gid(group))
        path.chmod(mode)


def _synced(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
