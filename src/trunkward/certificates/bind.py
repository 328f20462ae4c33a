"""Takes a port for a process that has no privilege to.

`python -I -m trunkward.certificates.bind HOST PORT COMMAND...` runs as root for the moment it takes to bind a
socket, then becomes the command, which gives root up. The command gets the socket as descriptor 3, as systemd
passes one (sd_listen_fds(3)). It is bound, and nobody listens on it yet: the port is as closed as before.
"""

import os
import socket
import sys

#: Where the socket is found.
DESCRIPTOR = 3


def main() -> None:
    """Binds and becomes; on an error says so and ends."""
    host, port, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
        except OSError as problem:
            sys.exit(f"cannot take {host} port {port}: {problem.strerror}")
        if bound.fileno() == DESCRIPTOR:
            os.set_inheritable(DESCRIPTOR, True)
        else:
            os.dup2(bound.fileno(), DESCRIPTOR)
        os.execv(command[0], command)  # noqa: S606  # becoming the command is all this is for


if __name__ == "__main__":
    main()
