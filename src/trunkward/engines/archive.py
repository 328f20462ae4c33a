"""A backup's form: a gzipped tar whose last member is a manifest with the SHA-256 of every other.

1. Members are files and directories by relative names; nothing else may be in an archive.
2. The manifest names each with owner, mode and hash. An archive that was cut short has none.
3. What is read is written below a directory of its own, and nothing is believed before all of it has been
   checked.
"""

import hashlib
import os
import re
import tarfile
import zlib
from dataclasses import dataclass, field
from io import BufferedReader, BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from trunkward.engines.users import USERS

#: Of the archive's form; a higher one is refused.
FORMAT = 1
MANIFEST = "manifest.json"
#: What members may stand at, or below.
_TOP = frozenset({MANIFEST, "node.yaml", "database", "elsewhere", "state"})
#: Records compress well, and a backup must not take a core from the calls for long.
_EFFORT = 1
_CHUNK = 1 << 20
#: Bytes of a manifest: a line of 200 bytes for each file, and far more files than a node has.
_MOST_MANIFEST = 64 << 20
_OWNERS = frozenset({"root", *USERS})
_VERSION = re.compile(r"\d+(?:\.\d+)*")


class ArchiveRefused(Exception):
    """An archive that cannot be used, or what cannot be put into one; the message says why."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One file or directory."""

    name: str
    owner: str
    group: str
    #: Permission bits, in octal.
    mode: str
    #: "" for a directory.
    sha256: str = ""
    size: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive is and what is in it."""

    format: int
    #: Of the program that made it.
    version: str
    node: str
    #: ISO 8601, UTC.
    made_at: str
    members: list[Member]
    #: Files the node file names, by member: where they were.
    elsewhere: dict[str, str] = {}
    #: What a person must keep elsewhere.
    not_in_it: list[str] = []


@dataclass(slots=True, kw_only=True)
class ArchiveWriter:
    """An archive being written."""

    file: IO[bytes]
    members: list[Member] = field(default_factory=list)
    _tar: tarfile.TarFile = field(init=False)

    def __post_init__(self) -> None:
        """Begins the archive."""
        self._tar = tarfile.open(fileobj=self.file, mode="w|gz", compresslevel=_EFFORT)  # noqa: SIM115

    def directory(self, name: str, *, owner: str, group: str, mode: int) -> None:
        """Adds a directory."""
        info = _info(name, tarfile.DIRTYPE, mode)
        self._tar.addfile(info)
        self.members.append(Member(name=name, owner=_known(owner), group=_known(group), mode=f"{mode:04o}"))

    def add(self, name: str, file: IO[bytes], size: int, *, owner: str, group: str, mode: int) -> None:
        """Adds a file: `size` bytes of `file` from where it stands."""
        info = _info(name, tarfile.REGTYPE, mode)
        info.size = size
        hashed = _Hashed(file)
        self._tar.addfile(info, hashed)
        self.members.append(
            Member(
                name=name,
                owner=_known(owner),
                group=_known(group),
                mode=f"{mode:04o}",
                sha256=hashed.digest.hexdigest(),
                size=size,
            )
        )

    def add_bytes(self, name: str, content: bytes) -> None:
        """Adds a file of root's that everybody may read."""
        self.add(name, BytesIO(content), len(content), owner="root", group="root", mode=0o644)

    def finish(self, manifest: Manifest) -> None:
        """Adds the manifest, and ends the archive."""
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        info = _info(MANIFEST, tarfile.REGTYPE, 0o600)
        info.size = len(text)
        self._tar.addfile(info, BytesIO(text))
        self._tar.close()


class _Hashed:
    """A file whose bytes are hashed while they are read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def unpack(file: IO[bytes], into: Path, *, version: str) -> Manifest:
    """Writes an archive's files below `into`, which is empty, and checks every one. Raises `ArchiveRefused`.

    `version` is this program's. Files are root's alone; owners and modes are the caller's to set, from the
    manifest.
    """
    found: dict[str, Member] = {}
    text = b""
    try:
        with tarfile.open(fileobj=file, mode="r|gz") as tar:
            for info in tar:
                if text:
                    raise ArchiveRefused(f"{info.name}: stands behind the manifest")
                name = _safe_name(info)
                if name in found:
                    raise ArchiveRefused(f"{name}: is in it twice")
                if info.isdir():
                    (into / name).mkdir(mode=0o700, parents=True, exist_ok=True)
                    found[name] = Member(name=name, owner="", group="", mode="")
                    continue
                content = tar.extractfile(info)
                assert content is not None  # a regular file has content
                if name == MANIFEST:
                    text = content.read(_MOST_MANIFEST)
                    continue
                found[name] = _written(name, content, into)
    except (tarfile.TarError, EOFError, zlib.error, UnicodeDecodeError) as problem:
        raise ArchiveRefused(f"damaged, or no backup: {str(problem) or type(problem).__name__}") from None
    if not text:
        raise ArchiveRefused("it has no manifest: no backup, or its end is missing")
    manifest = _manifest(text, version)
    _compare(manifest, found)
    return manifest


def _manifest(text: bytes, version: str) -> Manifest:
    try:
        told = msgspec.json.decode(text)
        if told["format"] > FORMAT:
            raise ArchiveRefused(f"made by a newer version ({told['version']}), with another form of backups")
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.MsgspecError, TypeError, KeyError) as problem:
        raise ArchiveRefused(f"its manifest cannot be read: {problem}") from None
    if _number(manifest.version) > _number(version):
        raise ArchiveRefused(
            f"made by version {manifest.version}, this is {version}: restore it with that or a later one"
        )
    return manifest


def _compare(manifest: Manifest, found: dict[str, Member]) -> None:
    named = {member.name: member for member in manifest.members}
    if len(named) != len(manifest.members):
        raise ArchiveRefused("its manifest names a member twice")
    if missing := sorted(named.keys() - found.keys()):
        raise ArchiveRefused(f"{missing[0]} is missing")
    if more := sorted(found.keys() - named.keys()):
        raise ArchiveRefused(f"{more[0]} is not in its manifest")
    for name, member in named.items():
        if (member.sha256, member.size) != (found[name].sha256, found[name].size):
            raise ArchiveRefused(f"{name} is damaged: its SHA-256 is not that of the manifest")
        if not {member.owner, member.group} <= _OWNERS:
            owners = f"{member.owner}:{member.group}"
            raise ArchiveRefused(f"{name} belongs to {owners}, who are none of the node's users")
        if not re.fullmatch(r"0[0-7]{3}|2[0-7]{3}", member.mode):
            raise ArchiveRefused(f"{name} has the mode {member.mode!r}")


def _written(name: str, content: IO[bytes], into: Path) -> Member:
    path = into / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while data := content.read(_CHUNK):
            digest.update(data)
            size += len(data)
            file.write(data)
        file.flush()
        os.fsync(descriptor)
    return Member(name=name, owner="", group="", mode="", sha256=digest.hexdigest(), size=size)


def _safe_name(info: tarfile.TarInfo) -> str:
    """The member's name, if it is one that can only be below the directory it is unpacked in."""
    if not (info.isfile() or info.isdir()):
        raise ArchiveRefused(f"{info.name}: neither a file nor a directory")
    path = PurePosixPath(info.name)
    odd = ".." in path.parts or str(path) != info.name.rstrip("/") or "\0" in info.name
    if path.is_absolute() or odd or path.parts[0] not in _TOP:
        raise ArchiveRefused(f"{info.name}: not a name of a backup's member")
    return str(path)


def _info(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, mode
    return info


def _known(owner: str) -> str:
    return owner if owner in _OWNERS else "root"


def _number(version: str) -> tuple[int, ...]:
    found = _VERSION.match(version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def whole_lines(file: BufferedReader) -> int:
    """Bytes of a file that somebody appends lines to, up to the end of the last line that is whole now."""
    size = os.fstat(file.fileno()).st_size
    end = size
    while end:
        begin = max(0, end - _CHUNK)
        newline = os.pread(file.fileno(), end - begin, begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0
