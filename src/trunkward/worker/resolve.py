"""Looking up peers' names in the background, so that no call ever waits for DNS."""

import os
import threading
import time
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from pathlib import Path

import msgspec

from trunkward.engines.pause import NO_PAUSE, Pause
from trunkward.fetch.names import Dns
from trunkward.routing.locate import Located, NotLocated, locate
from trunkward.routing.ports import Names, NamesUnavailable
from trunkward.routing.targets import Targets, Wanted, due, updated, wanted
from trunkward.trunks.model import Declared

#: Seconds between two looks at what is due.
_ROUND_S = 0.5
#: Seconds after which the document is written although no address has changed, so that its ages are true.
_WRITTEN_S = 60.0
#: Names asked for at once.
_AT_ONCE = 8


class TargetResolver:
    """Keeps the document of `routing.targets` true."""

    def __init__(
        self,
        path: Path,
        declared: Callable[[], Declared | None],
        log: Callable[..., object],
        ask: Callable[[Declared], Names] = lambda declared: Dns(declared.node.resolvers),
    ) -> None:
        """`path`: the document; `declared`: the configuration in force, None when there is none yet.

        `ask` is called for each host, which has a time of its own (`fetch.names`).
        """
        self._path = path
        self._declared = declared
        self._log = log
        self._ask = ask
        self._known = _read(path)
        self._seen: Declared | None = None
        self._fresh = NO_PAUSE
        #: Something has changed that is not in the file yet.
        self._unwritten = not path.exists()

    def round(self, now: float) -> None:
        """Asks for what is due, at `now` (seconds since the epoch), and writes down what has changed."""
        declared = self._declared()
        if declared is None:
            return
        names = wanted(declared)
        asked = due(names, self._known, now)
        if not asked and declared is self._seen and not self._unwritten:
            return
        self._seen = declared
        after = updated(self._known, names, self._found(declared, asked) if asked else {}, now)
        before, self._known = self._known, after
        if _addresses(after) != _addresses(before):
            self._unwritten = True
            self._log("targets changed", targets=_addresses(after))
        for one in asked:
            if (problem := after.of(one).problem) != before.of(one).problem:
                self._unwritten = True
                self._log("name looked up", peer=one.peer, host=str(one.host), problem=problem)
        if self._unwritten or (after != before and self._fresh.is_over(now)):
            # what is known is kept first: a full disk must not have DNS asked twice a second
            self._unwritten = True
            _write(self._path, after)
            self._unwritten, self._fresh = False, Pause(now, _WRITTEN_S)

    def _found(self, declared: Declared, asked: list[Wanted]) -> dict[Wanted, Located | str]:
        def one(wanted: Wanted) -> Located | str:
            try:
                return locate(wanted.host, wanted.transport, declared.node.addresses, self._ask(declared))
            except (NamesUnavailable, NotLocated) as problem:
                return str(problem)

        # its threads are daemons: a process that is to end does not wait for DNS
        with ThreadPool(min(_AT_ONCE, len(asked))) as at_once:
            return dict(zip(asked, at_once.map(one, asked), strict=True))


def start_resolving(
    path: Path, declared: Callable[[], Declared | None], log: Callable[..., object]
) -> threading.Thread:
    """Starts a thread that looks names up for as long as the process lives."""
    resolver = TargetResolver(path, declared, log)

    def rounds() -> None:
        failed = ""
        while True:
            try:
                resolver.round(time.time())
                failed = ""
            except Exception as problem:  # a round must not end the thread; it is seen in the log
                if repr(problem) != failed:
                    log("looking names up failed", problem=repr(problem))
                failed = repr(problem)
            time.sleep(_ROUND_S)

    thread = threading.Thread(target=rounds, name="resolver", daemon=True)
    thread.start()
    return thread


def _addresses(targets: Targets) -> dict[str, dict[str, list[list[str]]]]:
    return {
        peer: {name: [server.hosts for server in found.servers] for name, found in names.items()}
        for peer, names in targets.peers.items()
    }


def _read(path: Path) -> Targets:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Targets)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Targets()  # none yet, or spoilt: asked for anew


def _write(path: Path, targets: Targets) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(targets), indent=1))
    part.chmod(0o644)
    os.replace(part, path)
