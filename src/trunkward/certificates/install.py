"""Puts certificates from elsewhere into use: `python -m trunkward.certificates.install`.

Runs as Kamailio's user, whose key it is anyway. For each place, each second, when one of its two files is
another than before:

1. Read and check both (`control.shown_certificate`). What is refused is reported and changes nothing.
2. Write key and chain into the one file that Kamailio reads, and keep what was there before.
3. Have Kamailio read it (`tls.reload`): new connections get the new certificate, running calls keep
   theirs. If Kamailio will not, what was there before is put back, for Kamailio's own next start.
4. Look at what a new connection is really shown. Until that is the new one, it is said and tried again.
"""

import argparse
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from trunkward import __version__
from trunkward.control.shown import SERVER
from trunkward.control.shown_certificate import CertificateRefused
from trunkward.engines.certificate_state import PlaceState, ShownState, write_state
from trunkward.engines.kamailio_control import NotDone, reload_tls, shown_sha256
from trunkward.engines.process_log import log_as_json
from trunkward.engines.shown_pair import Pair, Place, read_pair, stamp
from trunkward.engines.whole_file import write_whole

#: Seconds between two looks at the files.
ROUND_S = 1.0
#: Seconds after Kamailio would not, until it is told again: each time costs it memory.
RETRY_S = 10.0

log = structlog.get_logger(process="certificates")


class Installer:
    """Watches the places of one node."""

    def __init__(self, wanted: list[Place], *, control: Path, host: str, port: int) -> None:
        """`control`: Kamailio's socket; `host` and `port`: where it shows the node's certificate."""
        self._since = datetime.now(UTC)
        self._places = wanted
        self._control = control
        self._address = (host, port)
        self._stamps: dict[str, tuple[object, ...]] = {}
        self._states = {place.name: PlaceState() for place in wanted}
        #: Places whose certificate is in its file and not known to be shown.
        self._pending: dict[str, Pair] = {}
        self._not_before: dict[str, float] = {}

    def round(self, now: datetime) -> ShownState:
        """One look at everything."""
        for place in self._places:
            seen = stamp(place)
            if seen != self._stamps.get(place.name):
                self._stamps[place.name] = seen
                self._look(place, now)
            if place.name in self._pending and time.monotonic() >= self._not_before.get(place.name, 0.0):
                self._show(place, self._pending[place.name])
        return ShownState(at=now, version=__version__, since=self._since, places=dict(self._states))

    def _look(self, place: Place, now: datetime) -> None:
        # 1.
        try:
            pair = read_pair(place, now)
        except CertificateRefused as refused:
            # one that waited to be shown has been taken away again
            self._pending.pop(place.name, None)
            self._say(place, str(refused))
            return
        self._pending[place.name] = pair

    def _show(self, place: Place, pair: Pair) -> None:
        # 2.
        target = Path(place.target)
        try:
            before = target.read_bytes() if target.exists() else None
            if before != pair.pem:
                write_whole(target, pair.pem, 0o600)
        except OSError as problem:
            self._say(place, f"{target}: {problem.strerror or problem}")
            return
        # 3. and 4.
        try:
            if before != pair.pem or self._is_not_shown(place, pair):
                reload_tls(self._control)
            if self._is_not_shown(place, pair):
                raise NotDone("Kamailio goes on showing another certificate")
        except NotDone as problem:
            if before is not None and before != pair.pem:
                write_whole(target, before, 0o600)
            self._not_before[place.name] = time.monotonic() + RETRY_S
            self._say(place, f"not shown yet: {problem}")
            return
        except OSError as problem:  # Kamailio is starting: it reads the file itself
            self._say(place, f"not shown yet: {problem}")
            return
        del self._pending[place.name]
        self._states[place.name] = PlaceState(
            begins=pair.lifetime.begins, until=pair.lifetime.ends, sha256=pair.sha256
        )
        log.info("in use", place=place.name, until=pair.lifetime.ends.isoformat(), sha256=pair.sha256)

    def _is_not_shown(self, place: Place, pair: Pair) -> bool:
        # what we show as a client only the carrier sees
        return place.name == SERVER and shown_sha256(*self._address) != pair.sha256

    def _say(self, place: Place, problem: str) -> None:
        before = self._states[place.name]
        if before.problem != problem:
            log.error("not in use", place=place.name, problem=problem)
        self._states[place.name] = msgspec.structs.replace(before, problem=problem)


def main() -> None:
    """Runs until SIGTERM."""
    log_as_json()
    parser = argparse.ArgumentParser(prog="trunkward.certificates.install")
    for name in ("places", "control", "state"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    installer = Installer(
        msgspec.json.decode(arguments.places.read_bytes(), type=list[Place]),
        control=arguments.control,
        host=arguments.host,
        port=arguments.port,
    )
    log.info("ready")
    while not stop.is_set():
        try:
            write_state(arguments.state, installer.round(datetime.now(UTC)))
        except OSError as problem:
            log.error("round failed", problem=str(problem))
        stop.wait(ROUND_S)
    log.info("stopped")


if __name__ == "__main__":
    main()
