"""What Kamailio counts, written down once a second for those who watch the node and may not steer it.

Kamailio's own door to its statistics (`ctl`) opens every command of it as well, also those that show and end
calls. So nobody but root and the edge has it; the numbers come out here, in a file whose group is `web`'s.
"""

import os
import time
from collections.abc import Callable

from trunkward.edge import ksr
from trunkward.edge.bindings import BindingTable
from trunkward.edge.compact import compact

#: Kamailio's statistics by the names it gives them (modules kex, tmx, tls and the core's TCP). Requests by
#: method, because Kamailio counts each run of a timer as an OPTIONS.
COUNTED = (
    *("rcv_requests_invite", "rcv_requests_ack", "rcv_requests_bye", "rcv_requests_cancel"),
    *("rcv_requests_prack", "rcv_requests_update", "rcv_requests_info", "rcv_requests_refer"),
    *("rcv_requests_register", "rcv_requests_subscribe", "rcv_requests_notify"),
    *("rcv_requests_message", "rcv_requests_publish"),
    *("rcv_replies", "fwd_requests", "fwd_replies"),
    *("drop_requests", "drop_replies", "err_requests", "err_replies", "bad_msg_hdr"),
    *("total_size", "real_used_size", "max_used_size", "fragments"),
    *("current_opened_connections", "current_write_queue_size", "passive_open"),
    *("connect_success", "connect_failed", "con_timeout", "con_reset", "send_timeout", "sendq_full"),
    *("local_reject", "opened_connections"),
    *("UAS_transactions", "UAC_transactions", "inuse_transactions"),
    *("2xx_transactions", "3xx_transactions", "4xx_transactions", "5xx_transactions", "6xx_transactions"),
)

#: Seconds between two looks at all registrations: each costs some microseconds.
_REGISTRATIONS_S = 5.0


class Numbers:
    """Writes the files; in the timer's own process."""

    def __init__(
        self, path: str, dialogs: str, registrations: str, bindings: Callable[[], BindingTable]
    ) -> None:
        """`dialogs`: where running calls have their files; `bindings` gives them by the settings in force."""
        self._path = path
        self._dialogs = dialogs
        self._registrations = registrations
        self._bindings = bindings
        self._looked = -_REGISTRATIONS_S
        self._registered = (0, 0)
        self._since = time.time()

    def write_down(self, _event: str) -> None:
        """The numbers of this moment, whole or not at all."""
        if time.monotonic() - self._looked >= _REGISTRATIONS_S:
            self._looked = time.monotonic()
            self._write_registrations()
        counted = {name: int(value) for name in COUNTED if (value := ksr.statistic(name)).isdigit()}
        told = {
            "at": time.time(),
            "since": self._since,
            "version": ksr.version(),
            # running calls: a call that is ending has a name with a dot
            "calls_running": sum("." not in name for name in os.listdir(self._dialogs)),
            "trunks_registered": self._registered[0],
            "bindings": self._registered[1],
            "counted": counted,
        }
        _write(self._path, compact(told))

    def _write_registrations(self) -> None:
        """Who is registered where: for root alone, as it holds what topology hiding keeps apart."""
        found = self._bindings().everywhere()
        self._registered = sum(map(bool, found.values())), sum(map(len, found.values()))
        _write(self._registrations, compact({"at": time.time(), "since": self._since, "trunks": found}))


def _write(path: str, text: str) -> None:
    part = f"{path}.part"
    with open(part, "w", encoding="ascii") as file:
        file.write(text)
    os.rename(part, path)
