"""Files that appear whole under their name or not at all, written by one who is not root."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int, *, durable: bool = True) -> None:
    """Owner and group are the writer's, and what the directory gives. Raises `OSError`.

    `durable`: on the disk when this returns, for what must outlive the machine's power.
    """
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        if durable:
            os.fsync(descriptor)
    os.replace(part, path)
    if not durable:
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
