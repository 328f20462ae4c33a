"""Whether carriers' hosts are there: each is asked by OPTIONS, by a process that carries no calls.

- Any final answer counts as life, a refusal too (a carrier that has no OPTIONS says 405), but for 503 and
  408: those say that it takes no calls now.
- A host that gives none several times in a row is down: it is tried after all that are not, and never left
  out. Answering several times in a row it is up again. A host nobody has asked yet counts as up.
- Over TLS the question goes over the verified connection; when there is none, one is opened, which asks
  itself (`outbound_tls`).

One process asks (`rtimer`), whoever gets the reply notes it in shared memory, and each process reads there
who is down. The same stands in a file, for people and programs.
"""

import json
import os
import time
import uuid
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

from trunkward.edge import ksr
from trunkward.edge.outbound_tls import OutboundTls
from trunkward.edge.settings import EdgeSettings
from trunkward.edge.targets import Targets

#: By `transport:address:port`: `up` or `down`.
HEALTH = "target_health"
#: By the tag of an OPTIONS of ours: what became of it.
ASKED = "target_asked"
_WAITING = "-"
#: Seconds for an answer: as long as tm repeats a request over UDP.
_ANSWER_S = 4.0
#: Questions a second at most; the others wait for the next one.
_MOST_AT_ONCE = 20
#: Parts of the interval by which a question comes earlier or later, so that hosts are not asked all at once.
_JITTER = 0.2
#: Seconds between two writings of the file when nothing changes.
_WRITTEN_S = 10.0
#: Seconds between two looks at which hosts there are.
_LISTED_S = 2.0
_NOT_TAKING_CALLS = frozenset({"408", "503"})
_chance = SystemRandom()


@dataclass(slots=True, kw_only=True)
class _Target:
    peer: str
    transport: str
    host: str
    due: float
    tag: str = ""
    until: float = 0.0
    state: str = "unknown"
    #: Seconds since the epoch, of the state and of the last answer.
    since: float = 0.0
    answered_at: float = 0.0
    #: The last answer's status; "" for none, and then why, where that is known.
    status: str = ""
    problem: str = ""
    #: Answers in a row, or, below 0, silences.
    row: int = 0


class Health:
    """Asks, and knows the answers."""

    def __init__(self) -> None:
        """Knows nobody yet; `follow` comes before everything else."""
        self._all: dict[str, _Target] = {}
        self._written_at = 0.0

    def follow(self, settings: EdgeSettings, targets: Targets, tls: OutboundTls) -> None:
        """Goes on by these settings; what is known of hosts that stay is kept."""
        self._node = settings.node
        self._asked = settings.asked
        self._every_s, self._down_after, self._up_after = settings.probes
        self._path = settings.health
        self._targets = targets
        self._tls = tls
        self._listed_at = 0.0

    def last(self, tries: list[Any], keys: list[str]) -> list[Any]:
        """`tries` with those last whose key (`transport:address:port`) is down; else in their order."""
        if len(tries) < 2:
            return tries
        down = [ksr.table_get(HEALTH, key) == "down" for key in keys]
        ups = [one for one, is_down in zip(tries, down, strict=True) if not is_down]
        return ups + [one for one, is_down in zip(tries, down, strict=True) if is_down]

    def replied(self) -> None:
        """For every reply to an OPTIONS, in the process it came to."""
        tag = ksr.pv("$ft")
        if ksr.status() >= 200 and ksr.table_get(ASKED, tag) == _WAITING:
            ksr.table_set(ASKED, tag, str(ksr.status()), 60)

    # ---- in the process that asks ----------------------------------------------------------------
    def tick(self, _event: str) -> None:
        """Each second: what was answered, and whom to ask."""
        now = time.monotonic()
        if now - self._listed_at >= _LISTED_S:
            self._listed_at = now
            self._list(now)
        changed = [self._judge(target, now) for target in self._all.values() if target.tag]
        due = sorted(
            (target for target in self._all.values() if not target.tag and target.due <= now),
            key=lambda target: target.due,
        )
        for target in due[:_MOST_AT_ONCE]:
            self._ask(target, now)
        if any(changed) or now - self._written_at >= _WRITTEN_S:
            self._written_at = now
            self._write()

    def _list(self, now: float) -> None:
        wanted = {
            f"{transport}:{host}": (peer, transport, host)
            for peer, transport in (self._asked if self._every_s else {}).items()
            for host in self._targets.of_peer(peer)
        }
        for key in self._all.keys() - wanted.keys():
            del self._all[key]
            ksr.table_remove(HEALTH, key)
        for key in wanted.keys() - self._all.keys():
            peer, transport, host = wanted[key]
            due = now + _chance.uniform(0, self._every_s / 2)
            self._all[key] = _Target(peer=peer, transport=transport, host=host, due=due)

    def _ask(self, target: _Target, now: float) -> None:
        target.tag, target.until = uuid.uuid4().hex, now + _ANSWER_S
        target.due = now + self._every_s * _chance.uniform(1 - _JITTER, 1 + _JITTER)
        if target.transport == "tls":
            if not self._tls.ready(target.host):
                self._tls.ask(target.host)
                return
            self._tls.expect(target.host)
        ksr.table_set(ASKED, target.tag, _WAITING, 60)
        uri = f"sip:{target.host};transport={target.transport}"
        ksr.send_options(uri, f"<sip:{self._node}>;tag={target.tag}", f"<sip:{target.host}>")

    def _judge(self, target: _Target, now: float) -> bool:
        """Takes an answer, or its absence; whether the state has changed."""
        status = ksr.table_get(ASKED, target.tag)
        if status in ("", _WAITING):
            opened = not status and bool(self._tls.ready(target.host))
            failed = not status and bool(self._tls.why_not(target.host))
            if not opened and not failed and now < target.until:
                return False
            status = self._tls.answered(target.host) if opened else ""
        ksr.table_remove(ASKED, target.tag)
        target.tag, target.status = "", status
        unanswered = target.transport == "tls" and not status
        target.problem = self._tls.why_not(target.host) if unanswered else ""
        alive = bool(status) and status not in _NOT_TAKING_CALLS
        target.row = max(target.row, 0) + 1 if alive else min(target.row, 0) - 1
        if status:
            target.answered_at = time.time()
        if target.state != "up" and target.row >= (1 if target.state == "unknown" else self._up_after):
            return self._becomes(target, "up")
        if target.state != "down" and target.row <= -self._down_after:
            return self._becomes(target, "down")
        return False

    @staticmethod
    def _becomes(target: _Target, state: str) -> bool:
        if state == "down" or target.state == "down":
            said = f"answered {target.status}" if target.status else target.problem or "gave no answer"
            ksr.log_warning(f"{target.peer} at {target.host} ({target.transport}) is {state}: {said}")
        target.state, target.since = state, time.time()
        ksr.table_set_forever(HEALTH, f"{target.transport}:{target.host}", state)
        return True

    def _write(self) -> None:
        told = ("peer", "transport", "host", "state", "since", "answered_at", "status", "problem")
        document = {
            "at": time.time(),
            "targets": [{name: getattr(target, name) for name in told} for target in self._all.values()],
        }
        part = f"{self._path}.part"
        try:
            with open(part, "w", encoding="utf-8") as file:
                json.dump(document, file, indent=1)
            os.chmod(part, 0o644)
            os.rename(part, self._path)
        except OSError as problem:
            ksr.log_error(f"{self._path} cannot be written: {problem}")
