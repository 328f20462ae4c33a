"""Looking each second how much of its caps each owner has spent, and telling of it.

In a thread of its own: neither a Valkey that is slow nor a webhook that hangs delays what the worker does.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from trunkward.calls.verdict import Reason
from trunkward.control.traceback_requests import OpenRequest
from trunkward.engines.alerts_file import Message
from trunkward.fetch.channels import Way, channels
from trunkward.live import money
from trunkward.live.ask import NotAnswered, Valkey
from trunkward.live.money import Spent
from trunkward.records.model import DecisionRecord, Record
from trunkward.settings import SYSTEM_AUTHORITIES, Paths
from trunkward.spend.alerts import Alert, crossed, event, in_words
from trunkward.trunks.alerting import LOG_ALONE, Alerting
from trunkward.trunks.model import Declared
from trunkward.trunks.spending import OwnerSpending, Window
from trunkward.worker.certificate_alarms import CertificateAlarms, seen
from trunkward.worker.outbox import Outbox, Send
from trunkward.worker.traceback_alarms import TracebackAlarms

ROUND_S = 1.0
#: Owners asked for in one round, in turn; those with a level that was told are looked at in each.
MOST_A_ROUND = 1000
_TIMES = (Window.HOUR, Window.DAY, Window.MONTH)

#: Seconds for which a cap counts as reached after a call was refused for it: its next slice, however much it
#: costs, was more than what is left.
FULL_S = 900.0

#: What owners have spent, by their accounts. Raises `NotAnswered`.
type Ask = Callable[[Sequence[str]], list[Spent]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the configuration in force says of it."""

    node: str = ""
    currency: str = ""
    owners: tuple[OwnerSpending, ...] = ()
    alerting: Alerting = LOG_ALONE


def watched(declared: Declared | None, owners: tuple[OwnerSpending, ...]) -> Watched:
    """The same of what has been compiled; nothing before."""
    if declared is None:
        return Watched()
    node = declared.node
    return Watched(node=node.name, currency=node.currency, owners=owners, alerting=node.alerts)


class Alerts:
    """Who has been told what, and who is to be looked at next."""

    def __init__(
        self,
        outbox: Outbox,
        ask: Ask,
        watch: Callable[[], Watched],
        log: Callable[..., Any],
        also: Mapping[str, Callable[[float], None]] | None = None,
    ) -> None:
        """`log` hears each alert, and once what is in the way; `also`: what else is looked at, by name."""
        self._outbox, self._ask, self._watch, self._log = outbox, ask, watch, log
        self._looks = {"what is spent": self.round} | dict(also or {})
        self._turn = 0
        #: Caps a call was refused for, and until when they count as reached.
        self._full: dict[str, float] = {}
        self._told_of: Alerting | None = None
        self.raised = 0

    def follow(self, stopped: threading.Event) -> None:
        """Rounds until it is `stopped`. Never raises."""
        problems = dict.fromkeys(self._looks, "")
        while not stopped.wait(ROUND_S):
            for what, look in self._looks.items():
                found = ""
                try:
                    look(time.time())
                except NotAnswered as lost:
                    found = str(lost)
                except Exception as fault:  # seen in the log; the next round may find it mended
                    found = repr(fault)
                if found and found != problems[what]:
                    self._log(f"{what} cannot be looked at", problem=found)
                problems[what] = found
        self._outbox.stop()

    def shipped(self, records: Sequence[Record], now: float) -> None:
        """Hears of calls that were refused for a cap; for any thread. `now` in seconds since the epoch."""
        for record in records:
            if isinstance(record, DecisionRecord) and record.reason == Reason.SPEND_CAP:
                self._full |= {found.cap: now + FULL_S for found in record.findings if found.cap}

    def round(self, now: float) -> None:
        """Looks at some owners, and tells of each level they have crossed. Raises `NotAnswered`, `OSError`.

        `now` in seconds since the epoch.
        """
        watch = self._watch()
        if watch.alerting != self._told_of:
            self._outbox.channels(_channels(watch.alerting))
            self._told_of = watch.alerting
        owners = self._some(watch.owners)
        if not owners:
            return
        told, before = self._outbox.told, dict(self._outbox.told)
        alerts = []
        for owner, spent in zip(owners, self._ask([owner.account for owner in owners]), strict=True):
            caps = owner.at(now)
            for window in _TIMES:
                cap, name = caps.cap(window), f"{owner.owner} {window}"
                settled: int = getattr(spent, window)
                if not cap:
                    told.pop(name, None)
                    continue
                used = settled + spent.granted
                refused = used < cap and 0 < self._full.get(name, 0.0) - now <= FULL_S
                if refused:
                    used = cap
                level, percent = crossed(told.get(name, 0), caps.alerts, used, cap)
                told[name] = level
                if not level:
                    del told[name]
                if percent:
                    alerts.append(
                        Alert(
                            owner=owner.owner,
                            window=window,
                            percent=percent,
                            settled_micro=settled,
                            granted_micro=spent.granted,
                            cap_micro=cap,
                            currency=watch.currency,
                            at=now,
                            refused=refused,
                        )
                    )
        for alert in alerts:
            self.raised += 1
            self._log(in_words(alert), owner=alert.owner, window=alert.window.value, percent=alert.percent)
        if told != before:
            self._outbox.put([_message(alert, watch.node) for alert in alerts])

    def _some(self, owners: tuple[OwnerSpending, ...]) -> list[OwnerSpending]:
        """The next of them in turn, and those of whom something was told."""
        if len(owners) <= MOST_A_ROUND:
            return list(owners)
        hot = {name.partition(" ")[0] for name in self._outbox.told}
        first = self._turn % len(owners)
        self._turn = first + MOST_A_ROUND
        turn = (owners + owners)[first : first + MOST_A_ROUND]
        return [*turn, *(one for one in owners if one.owner in hot and one not in turn)]


def start_alerts(
    paths: Paths,
    watch: Callable[[], Watched],
    stopped: threading.Event,
    log: Callable[..., Any],
    declared: Callable[[], Declared | None],
    requests: Callable[[], Iterable[OpenRequest]],
) -> tuple[Alerts, Outbox]:
    """Begins, in a thread of its own. `declared`: what is in force; `requests`: that are not answered."""
    outbox = Outbox(paths.alerts, log)
    certificates = CertificateAlarms(
        outbox, lambda now: seen(paths, declared(), now), lambda: watch().node, log
    )
    tracebacks = TracebackAlarms(outbox, requests, lambda: watch().node, log)
    also = {"certificates": certificates.round, "traceback requests": tracebacks.round}
    alerts = Alerts(outbox, Asker(paths), watch, log, also)
    threading.Thread(target=alerts.follow, args=(stopped,), name="alerts", daemon=True).start()
    return alerts, outbox


class Asker:
    """The ledger, on a connection that is made anew when it was lost."""

    def __init__(self, paths: Paths) -> None:
        """Asks nobody yet."""
        self._paths = paths
        self._valkey: Valkey | None = None

    def __call__(self, accounts: Sequence[str]) -> list[Spent]:
        """What they have spent. Raises `NotAnswered`."""
        if self._valkey is None:
            secret = self._paths.valkey_secret("worker")
            self._valkey = Valkey(self._paths.valkey, "worker", secret)
        try:
            return money.windows_of(self._valkey.ask(*money.spent(accounts)))
        except NotAnswered:
            self._valkey.close()
            self._valkey = None
            raise


def _message(alert: Alert, node: str) -> tuple[str, str]:
    """Subject and body."""
    when = datetime.fromtimestamp(alert.at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"[{node}] {in_words(alert)}", msgspec.json.encode(event(alert, node, when)).decode()


def _channels(alerting: Alerting) -> dict[str, Send]:
    return {name: partial(_send, way) for name, way in channels(alerting, SYSTEM_AUTHORITIES).items()}


def _send(way: Way, message: Message) -> None:
    way(message.id, message.subject, message.body, message.at)
