"""A unix socket that is seen only once somebody listens behind it."""

import os
import socket
from pathlib import Path

#: Connections that wait to be taken (listen(2)).
_BACKLOG = 128


def listening_at(path: Path, mode: int) -> socket.socket:
    """A socket that listens at `path`, with these permission bits; what stood there is replaced.

    Bound to another name first: whoever finds the name of a socket that does not listen yet is refused, and
    takes the process behind it for dead. Raises `OSError`.
    """
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        door.setblocking(False)
        door.bind(str(unfinished))
        unfinished.chmod(mode)
        door.listen(_BACKLOG)
        os.replace(unfinished, path)
    except OSError:
        door.close()
        raise
    return door
