"""Takes a port for a process that has no privilege to.

`python -I -m trunkward.certificates.bind HOST[,HOST] PORT COMMAND...` runs as root for the moment it takes to
bind a socket to each address, then becomes the command, which gives root up. The command gets the sockets
from descriptor 3 on, and their number in `LISTEN_FDS`, as systemd passes them (sd_listen_fds(3)). They are
bound, and nobody listens on them yet: the port is as closed as before.
"""

import fcntl
import os
import socket
import sys

#: Where the first socket is found, and the variable that says how many there are.
FIRST = 3
VARIABLE = "LISTEN_FDS"


def main() -> None:
    """Binds and becomes; on an error says so and ends."""
    hosts, port, command = sys.argv[1].split(","), int(sys.argv[2]), sys.argv[3:]
    bound = [_bound(host, port) for host in hosts]
    # out of the way first: one of them may have a number another is to get
    copies = [fcntl.fcntl(each.fileno(), fcntl.F_DUPFD_CLOEXEC, FIRST + len(bound)) for each in bound]
    for number, copy in enumerate(copies):
        os.dup2(copy, FIRST + number)
    os.environ[VARIABLE] = str(len(bound))
    os.execv(command[0], command)  # noqa: S606  # becoming the command is all this is for


def taken() -> list[socket.socket]:
    """What the command was given."""
    return [socket.socket(fileno=FIRST + number) for number in range(int(os.environ[VARIABLE]))]


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as problem:
        sys.exit(f"cannot take {host} port {port}: {problem.strerror}")
    return bound


if __name__ == "__main__":
    main()
