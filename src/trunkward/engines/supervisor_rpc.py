"""Steering the node's supervisor through its control socket (XML-RPC, http://supervisord.org/api.html)."""

import http.client
import socket
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Seconds one request may take: as long as stopping a process may (`stopwaitsecs`), and some.
_PATIENCE_S = 20.0
RUNNING = "RUNNING"


class SupervisorRefused(Exception):
    """The supervisor does not answer, or not as asked; the message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process as the supervisor sees it."""

    state: str
    #: 0: none.
    pid: int
    #: Seconds since the epoch of its last start; 0 for one that was never started.
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How its configuration file differs from what it runs."""

    added: list[str]
    changed: list[str]
    removed: list[str]


class Supervisor:
    """A running supervisor; each program is a group of its own name."""

    def __init__(self, control: Path, patience_s: float = _PATIENCE_S) -> None:
        """`control` is its socket; `patience_s`: how long one request may take."""
        self._control = control
        self._patience_s = patience_s

    def processes(self) -> dict[str, Process]:
        """Every process by its name."""
        return {str(told["name"]): _process(told) for told in self._ask("getAllProcessInfo")}

    def process(self, name: str) -> Process:
        """One process."""
        return _process(self._ask("getProcessInfo", name))

    def difference(self) -> Difference:
        """Has it read its configuration file; nothing is started or stopped."""
        ((added, changed, removed),) = self._ask("reloadConfig")
        return Difference(added=added, changed=changed, removed=removed)

    def restart(self, name: str) -> None:
        """Ends a process and starts it again, as it is configured already."""
        self._stop(name)
        self._ask("startProcess", name, False)

    def replace(self, name: str) -> None:
        """Ends a process, and starts it as its configuration file says by now."""
        self.remove(name)
        self.add(name)

    def add(self, name: str) -> None:
        """Takes up a program that has come into its configuration file, and starts it."""
        self._ask("addProcessGroup", name)

    def remove(self, name: str) -> None:
        """Ends a process and forgets the program."""
        self._stop(name)
        self._ask("removeProcessGroup", name)

    def _stop(self, name: str) -> None:
        self._ask("stopProcessGroup", name, True)

    def _ask(self, method: str, *arguments: str | bool) -> Any:
        body = xmlrpc.client.dumps(arguments, f"supervisor.{method}")
        connection = _UnixConnection(self._control, self._patience_s)
        try:
            connection.request("POST", "/RPC2", body, {"Content-Type": "text/xml"})
            answer = connection.getresponse().read()
            return _value(xmlrpc.client.loads(answer)[0])
        except xmlrpc.client.Fault as fault:
            asked = " ".join([method, *map(str, arguments)])
            raise SupervisorRefused(f"the supervisor refuses {asked}: {fault.faultString}") from None
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as problem:
            raise SupervisorRefused(f"the supervisor does not answer at {self._control}: {problem}") from None
        finally:
            connection.close()


def _process(told: Any) -> Process:
    return Process(state=str(told["statename"]), pid=int(told["pid"]), since=float(told["start"]))


def _value(answer: Sequence[Any]) -> Any:
    return answer[0]


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, patience_s: float) -> None:
        super().__init__("localhost", timeout=patience_s)
        self._path, self._patience_s = path, patience_s

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._patience_s)
        self.sock.connect(str(self._path))
