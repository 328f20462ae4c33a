"""Asking the gate: one connection for each worker and gate, a deadline, and no waiting on the dead.

A frame is a 4-byte big-endian length and a JSON object. A worker that waited in vain leaves that
gate alone for a while, so that a frozen gate costs one deadline a second, not one a call; or until it says
that it is there (`edge.gate_connection`). A gate that is not there says so at once: it is asked again with
the next call, for it may be back by then.
"""

import os
import re
import struct
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from trunkward.edge.compact import expand
from trunkward.edge.gate_connection import GateConnection

#: Milliseconds a gate may have a call wait before it is asked again.
MOST_WAIT_MS = 2000
#: Of a counter: what can stand in a row and a frame.
_KEY = re.compile(r"[!-+\--~]{1,200}", re.ASCII)
#: Seconds a gate that is asked is given at least: more than it waits for Valkey and then the signer
#: (`trunkward.live.wire.DEADLINE_S`, `trunkward.gate.signing.DEADLINE_S`). One that takes longer withdraws
#: what it has recorded.
LEAST_S = 0.22
#: What a call is charged by: what can stand in a row, too.
_TERMS = re.compile(r"[!-~]{0,4000}", re.ASCII)


#: Reasons of a gate's refusal that say nothing about what was asked (`gate/line.py`).
NOT_JUDGED = frozenset({"policy-not-loaded", "deadline-exceeded", "record-not-written", "internal-error"})


class GateUnavailable(Exception):
    """No gate gave a verdict that can be used, within the deadline."""


class OrphansGiven(NamedTuple):
    """What a gate says of calls that nobody renews (`trunkward.calls.orphan`)."""

    #: By record id, what those have left that are to be ended.
    hang_up: dict[str, str]
    #: Those of this node.
    yours: list[str]
    #: Of those that have ended, as it was told: what it has taken; None: all.
    taken: list[str] | None


class GateClient:
    """The gates of this node, asked in turn; a connection is made lazily in each process."""

    def __init__(self, paths: list[str], deadline_s: float) -> None:
        """Remembers where the gates listen; touches nothing yet."""
        self._paths = paths
        self._deadline_s = deadline_s
        self._pid = 0
        self._connections: list[GateConnection] = []
        self._turn = 0

    def ask(self, attempt_id: str, attempt: str) -> dict[str, Any]:
        """The verdict on an attempt, given as JSON. Raises `GateUnavailable` within the deadline."""
        return self._asked(attempt, partial(_verdict, attempt_id))

    def register(self, attempt_id: str, attempt: str) -> dict[str, Any]:
        """The verdict on a REGISTER, given as JSON. Raises likewise."""
        return self._asked(attempt, partial(_registration, attempt_id))

    def grants(self, asked: str) -> tuple[dict[str, tuple[float, str]], int, int]:
        """Seconds by call, and what it ends for then; `cuts` and `frozen` (`trunkward.calls.grant`).

        Raises likewise.
        """
        return self._asked(asked, _grants)

    def orphans(self, asked: str) -> OrphansGiven:
        """Calls that nobody renews: what this node is to do with them. Raises likewise."""
        return self._asked(asked, _orphans)

    def place(self, record_id: str, asked: str) -> list[str] | None:
        """Keys of the places a call in has for another trunk, None for no place there. Raises likewise."""
        return self._asked(asked, partial(_place, record_id))

    def tell(self, text: str) -> bool:
        """Tells one gate something that has no answer, and waits for nobody; False when none takes it."""
        self._own_connections()
        frame = _frame(text)
        first = self._pid % len(self._connections)
        for connection in self._connections[first:] + self._connections[:first]:
            for _ in range(2):  # one that was kept may be of a gate that has gone
                kept = connection.socket is not None
                try:
                    connection.tell(frame)
                except OSError:
                    connection.close()
                    if kept:
                        continue
                    break
                return True
        return False

    def _own_connections(self) -> None:
        if self._pid != os.getpid():  # forked since: a socket must not be shared by two workers
            self._pid = os.getpid()
            self._connections = [GateConnection(path) for path in self._paths]
            self._turn = self._pid

    def _asked[T](self, text: str, read: Callable[[bytes], T]) -> T:
        self._own_connections()
        frame = _frame(text)
        deadline = time.monotonic() + self._deadline_s
        why = "every gate rests after a failure"
        self._turn += 1
        turn = self._turn % len(self._connections)
        in_turn = self._connections[turn:] + self._connections[:turn]
        awake = [connection for connection in in_turn if not connection.rests()]
        for position, connection in enumerate(awake):
            # a frozen gate may use up its share of the time, not that of the gates after it
            left = deadline - time.monotonic()
            if left < LEAST_S:
                break
            share = max(left / (len(awake) - position), LEAST_S)
            try:
                answer = read(connection.ask(frame, time.monotonic() + share))
            except (OSError, ValueError) as problem:
                why = f"{connection.path}: {problem}"
                if isinstance(problem, ConnectionError | FileNotFoundError):
                    connection.close()
                else:
                    connection.leave_alone(silent=isinstance(problem, TimeoutError))
            else:
                connection.answered()
                return answer
        raise GateUnavailable(why)


def _frame(text: str) -> bytes:
    body = text.encode()
    return struct.pack(">I", len(body)) + body


def _verdict(attempt_id: str, body: bytes) -> dict[str, Any]:
    verdict = expand(body.decode())
    if not isinstance(verdict, dict) or verdict.get("id") != attempt_id:
        raise ValueError("the answer is not a verdict on this attempt")
    if not _is_whole(verdict):
        raise ValueError(f"not a whole verdict: {verdict.get('verdict')!r}")
    return verdict


def _registration(attempt_id: str, body: bytes) -> dict[str, Any]:
    verdict = expand(body.decode())
    if not isinstance(verdict, dict) or verdict.get("id") != attempt_id:
        raise ValueError("the answer is not a verdict on this registration")
    match verdict:
        case {
            "verdict": "registered",
            "trunk": str(),
            "bindings": {"serial": int(), "bindings": list(bindings)},
            "headers": list(lines),
        }:
            is_whole = _are_headers(lines) and all(map(_is_binding, bindings))
        case _:
            is_whole = verdict.get("verdict") in ("reject", "challenge") and _is_whole(verdict)
    if not is_whole:
        raise ValueError(f"not a whole verdict: {verdict.get('verdict')!r}")
    return verdict


def _is_binding(binding: object) -> bool:
    match binding:
        case {
            "contact": str(contact),
            "edge": str(),
            "flow": str(),
            "user": str(),
            "expires_at": int() | float(),
        }:
            return ":" in contact
    return False


def _place(record_id: str, body: bytes) -> list[str] | None:
    match expand(body.decode()):
        case {"id": found, "counters": None} if found == record_id:
            return None
        case {"id": found, "counters": list(counters)} if found == record_id and _are_keys(counters):
            return counters
    raise ValueError("not an answer about places")


def _are_keys(counters: object) -> bool:
    return isinstance(counters, list) and all(
        isinstance(key, str) and _KEY.fullmatch(key) for key in counters
    )


def _are_terms(money: object) -> bool:
    return isinstance(money, str) and _TERMS.fullmatch(money) is not None


def _grants(body: bytes) -> tuple[dict[str, tuple[float, str]], int, int]:
    match expand(body.decode()):
        case {"grants": dict(given), **others}:
            cuts, frozen = (
                others.get("cuts", 0),
                others.get("frozen", 0),
            )  # a gate of the version before has none
            if isinstance(cuts, int) and isinstance(frozen, int):
                return {record_id: _grant(grant) for record_id, grant in given.items()}, cuts, frozen
    raise ValueError("not an answer about grants")


def _orphans(body: bytes) -> OrphansGiven:
    match expand(body.decode()):
        case {"hang_up": dict(orders), **others} if all(isinstance(text, str) for text in orders.values()):
            # a gate of the version before has neither, and takes all it is told
            yours, taken = others.get("yours", []), others.get("taken")
            if isinstance(yours, list) and isinstance(taken, list | None):
                return OrphansGiven(orders, yours, taken)
    raise ValueError("not an answer about calls of a dead node")


def _grant(grant: object) -> tuple[float, str]:
    match grant:
        case {"for_s": int() | float() as seconds, "then": str(then)} if then and " " not in then:
            return float(seconds), then
    raise ValueError(f"not a grant: {grant!r}")


def _is_whole(verdict: dict[str, Any]) -> bool:
    """Whether everything the edge will use is there and of its type (`trunkward.calls.verdict`)."""
    match verdict:
        case {
            "verdict": "admit",
            "record_id": str(record_id),
            "source": str(),
            "direction": str(),
            "from_uri": str(),
            "remove_headers": list(names),
            "routes": [_, *_] as routes,
            "trunk": str(),
            "grant": grant,
        }:
            if grant is not None:
                _grant(grant)
            counters = verdict.get("counters", [])  # a gate of the version before has none
            return (
                _are_keys(counters)
                and _are_terms(verdict.get("money", ""))
                and isinstance(verdict.get("to_uri", ""), str)
                and _are_headers(verdict.get("answer_headers", []))
                and record_id.isalnum()
                and all(isinstance(name, str) for name in names)
                and all(_is_route(route) for route in routes)
            )
        case {"verdict": "challenge", "status": 401 | 407, "phrase": str(), "headers": [_, *_] as lines}:
            return _are_headers(lines)
        case {"verdict": "reject", "status": int(status), "phrase": str(), "headers": list(lines)}:
            return 300 <= status <= 699 and _are_headers(lines)
        case {"verdict": "discard"}:
            return True
        case {"verdict": "wait", "for_ms": int(for_ms)}:
            return 0 < for_ms <= MOST_WAIT_MS
    return False


def _is_route(route: object) -> bool:
    match route:
        case {
            "peer": str(),
            "ruri": str(),
            "next_hop": str(),
            "transport": "tls" | "tcp" | "udp",
            "offer": str(),
            "media": list(hops),
            "headers": list(lines),
            "ring_timeout_s": int(seconds),
            **others,
        }:
            names: Any = others.get("remove_headers", [])  # a gate of the version before has none
            return (
                seconds > 0
                and _are_headers(lines)
                and all(isinstance(hop, dict) for hop in hops)
                and all(isinstance(name, str) for name in names)
            )
    return False


def _are_headers(lines: list[Any]) -> bool:
    return all(isinstance(line, list) and [type(part) for part in line] == [str, str] for line in lines)
