"""Files of less trusted users: written whole or not at all, and read without being held up by them."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from trunkward.engines.users import gid, uid

#: Bytes the disk gets at once. A gate waits for it with each decision: what a kernel has gathered of a large
#: file, or what is given to it whole, keeps the disk busy for tens of milliseconds.
PIECE = 1 << 20


class NoPlainFile(OSError):
    """In a file's place is a pipe, a link, or what else was not written there; the message names it."""


def write_whole(path: Path, content: bytes, mode: int, *, durable: bool = True) -> None:
    """Owner and group are the writer's, and what the directory gives. Raises `OSError`.

    `durable`: on the disk when this returns, for what must outlive the machine's power.
    """
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        for at in range(0, len(content) or 1, PIECE):
            file.write(memoryview(content)[at : at + PIECE])
            file.flush()
            if durable:
                os.fsync(descriptor)
    os.replace(part, path)
    if durable:
        _keep_names_of(path.parent)


def write_private(path: Path, text: str | bytes, owner: str, group: str, mode: int = 0o640) -> None:
    """The same of root, for one of the node's users; owner and mode are set before a byte is in it."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchown(descriptor, uid(owner), gid(group))
        os.fchmod(descriptor, mode)
        file.write(text.encode() if isinstance(text, str) else text)
        file.flush()
        os.fsync(descriptor)
    os.replace(part, path)
    _keep_names_of(path.parent)


def _keep_names_of(directory: Path) -> None:
    """On the disk: which files are in it, and which is called what."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_plain(path: Path, at_most: int, *, follow: bool = False) -> bytes:
    """The first `at_most` bytes of a file: a huge one must not fill memory. Raises as `open_plain` does."""
    with open_plain(path, follow=follow) as file:
        return file.read(at_most)


def open_plain(path: Path, *, follow: bool = False) -> BinaryIO:
    """A file to be read. Raises `NoPlainFile` for what is none, and `OSError`.

    A pipe in its place must not hold the reader up, a link not lead it elsewhere.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    none = f"{path}: no file, but a pipe, a link or something else in its place"
    try:
        descriptor = os.open(path, flags)
    except OSError as problem:
        if problem.errno in (errno.ELOOP, errno.ENXIO):  # a link; a socket
            raise NoPlainFile(none) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NoPlainFile(none)
    return os.fdopen(descriptor, "rb")
