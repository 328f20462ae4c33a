"""The calling side of the load: K TLS connections as K trunks, open loop.

Open loop: calls start by the timetable whether or not earlier ones were answered, so a slow system under
test cannot slow the load down and hide its own latency.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sipkit.identity import MAGIC_COOKIE, RUN_TOKEN
from sipkit.load import wire
from sipkit.load.tally import Tally
from sipkit.transport import Flow, StreamFlow

#: An INVITE or BYE without final response after this long has failed, seconds.
PATIENCE_S = 10.0

_SWEEP_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run: `rate` calls per second for `seconds`, each held `held_s` after its answer."""

    rate: float
    seconds: float
    held_s: float = 0.0
    with_sdp: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkNumbers:
    """Whom a trunk calls as whom: URIs without angle brackets; `{n}` in `called` becomes a running number."""

    caller: str
    called: str
    #: Further header lines of a call, made when it is placed.
    more: Callable[[], bytes] = bytes


#: Of calls, over all callers of this process: an identifier used twice is a retransmission to who has seen it.
_numbers = itertools.count(1)


class _Call:
    __slots__ = ("ack_parts", "call_id", "flow", "from_line", "sent_s", "to_line", "uri")

    def __init__(
        self, flow: StreamFlow, uri: bytes, call_id: bytes, from_line: bytes, to_line: bytes
    ) -> None:
        self.flow = flow
        self.uri = uri
        self.call_id = call_id
        self.from_line = from_line
        self.to_line = to_line
        self.sent_s = 0.0
        self.ack_parts: tuple[bytes, bytes] = (b"", b"")


class Caller:
    """Places calls on flows whose receiver is `receive`."""

    def __init__(self) -> None:
        """Start with no trunk; set `trunks` before `run`."""
        self.trunks: list[tuple[StreamFlow, TrunkNumbers]] = []
        self._inviting: dict[bytes, _Call] = {}
        self._talking: dict[bytes, _Call] = {}
        self._ending: dict[bytes, _Call] = {}
        self._due: deque[tuple[float, bytes]] = deque()
        self._tally = Tally()
        self._held_s = 0.0
        self._bye_timer: asyncio.TimerHandle | None = None

    async def run(self, plan: Plan) -> Tally:
        """Run one plan to its end, until every call is over or given up."""
        self._tally = tally = Tally()
        self._held_s = plan.held_s
        start_s = time.monotonic()
        sweeper = asyncio.create_task(self._sweep())
        total = round(plan.rate * plan.seconds)
        for index in range(total):
            due_s = start_s + index / plan.rate
            if (ahead_s := due_s - time.monotonic()) > 0:
                await asyncio.sleep(ahead_s)
            if index % 50 == 49:
                await asyncio.sleep(0)  # when behind the timetable, still read answers
            tally.lateness_s.append(max(0.0, time.monotonic() - due_s))
            self._invite(index, plan.with_sdp)
        while self._inviting or self._talking or self._ending:  # noqa: ASYNC110  (no event per call)
            await asyncio.sleep(0.02)
        sweeper.cancel()
        return tally

    def _invite(self, index: int, with_sdp: bool) -> None:
        flow, numbers = self.trunks[index % len(self.trunks)]
        self._tally.attempts += 1
        if not flow.is_open:
            self._tally.lost_connections += 1
            return
        n = next(_numbers)
        uri = numbers.called.format(n=n).encode()
        ident = f"{RUN_TOKEN}-{n}".encode()
        local = str(flow.local).encode()
        from_line = b"From: <%b>;tag=f%b\r\n" % (numbers.caller.encode(), ident)
        call = _Call(flow, uri, b"c%b" % ident, from_line, b"To: <%b>\r\n" % uri)
        user = numbers.caller.encode().partition(b":")[2].partition(b"@")[0]
        body = wire.offer(flow.local.host, 20000 + 2 * (n % 20000)) if with_sdp else b""
        kind = b"Content-Type: application/sdp\r\n" if with_sdp else b""
        self._inviting[call.call_id] = call
        call.sent_s = time.monotonic()
        flow.send(
            b"INVITE %b SIP/2.0\r\nVia: SIP/2.0/TLS %b;branch=%b-i%b;rport\r\nMax-Forwards: 70\r\n%b%b"
            b"Call-ID: %b\r\nCSeq: 1 INVITE\r\nContact: <sip:%b@%b;transport=tls>\r\n%b%b"
            b"Content-Length: %d\r\n\r\n%b" % (
                uri, local, MAGIC_COOKIE.encode(), ident, from_line, call.to_line,
                call.call_id, user, local, numbers.more(), kind, len(body), body,
            )
        )  # fmt: skip

    # --- what comes back

    def receive(self, flow: Flow, raw: bytes) -> None:
        """Take one message from a trunk."""
        if not raw.startswith(b"SIP/2.0 "):
            self._answer_request(flow, raw)
            return
        status = int(raw[8:11])
        if status < 200:
            return
        call_id = wire.one(wire.CALL_ID, raw)
        method = wire.one(wire.CSEQ_METHOD, raw)
        if method == b"INVITE":
            call = self._inviting.pop(call_id, None)
            if call is not None:
                self._on_final(call, status, raw)
        elif method == b"BYE":
            call = self._ending.pop(call_id, None)
            if call is not None:
                self._on_bye_final(call, status)

    def _on_final(self, call: _Call, status: int, raw: bytes) -> None:
        now_s = time.monotonic()
        tally = self._tally
        local = str(call.flow.local).encode()
        to_line = b"To: %b\r\n" % wire.one(wire.TO, raw)
        if status >= 300:
            tally.refused[status] += 1
            self._send(call, b"ACK", b"-i", call.uri, b"", to_line, 1, local)
            return
        tally.answered += 1
        tally.to_answer_s.append(now_s - call.sent_s)
        if arrived := wire.ARRIVAL_TAG.search(to_line):
            tally.to_carrier_s.append(int(arrived[1]) / 1e9 - call.sent_s)
        call.to_line = to_line
        target = wire.one(wire.CONTACT, raw) or call.uri
        call.ack_parts = (target, wire.route_lines(raw))
        self._send(call, b"ACK", b"-a", target, call.ack_parts[1], to_line, 1, local)
        if self._held_s <= 0:
            self._bye(call)
            return
        self._talking[call.call_id] = call
        self._due.append((now_s + self._held_s, call.call_id))
        if self._bye_timer is None:
            self._arm()

    def _arm(self) -> None:
        delay_s = max(0.0, self._due[0][0] - time.monotonic())
        self._bye_timer = asyncio.get_running_loop().call_later(delay_s, self._hang_up_due)

    def _hang_up_due(self) -> None:
        self._bye_timer = None
        while self._due and self._due[0][0] <= time.monotonic() + 0.001:
            call = self._talking.pop(self._due.popleft()[1], None)
            if call is not None:
                self._bye(call)
        if self._due:
            self._arm()

    def _bye(self, call: _Call) -> None:
        if not call.flow.is_open:
            self._tally.lost_connections += 1
            return
        target, routes = call.ack_parts
        self._ending[call.call_id] = call
        call.sent_s = time.monotonic()
        self._send(call, b"BYE", b"-b", target, routes, call.to_line, 2, str(call.flow.local).encode())

    def _send(
        self,
        call: _Call,
        method: bytes,
        branch: bytes,
        target: bytes,
        routes: bytes,
        to_line: bytes,
        seq: int,
        local: bytes,
    ) -> None:
        if call.flow.is_open:
            call.flow.send(
                b"%b %b SIP/2.0\r\nVia: SIP/2.0/TLS %b;branch=%b%b%b;rport\r\n%bMax-Forwards: 70\r\n%b%b"
                b"Call-ID: %b\r\nCSeq: %d %b\r\nContent-Length: 0\r\n\r\n"
                % (
                    method, target, local, MAGIC_COOKIE.encode(), branch, call.call_id[1:], routes,
                    call.from_line, to_line, call.call_id, seq, method,
                )
            )  # fmt: skip

    def _on_bye_final(self, call: _Call, status: int) -> None:
        if status < 300:
            self._tally.completed += 1
            self._tally.bye_s.append(time.monotonic() - call.sent_s)
        else:
            self._tally.bye_refused[status] += 1

    def _answer_request(self, flow: Flow, raw: bytes) -> None:
        """A request of the peer: everything is answered 200, and a BYE means that the call was cut."""
        method = raw[: raw.find(b" ")]
        if method == b"ACK":
            return
        if method == b"BYE" and self._talking.pop(wire.one(wire.CALL_ID, raw), None) is not None:
            self._tally.cut_by_peer += 1
        to = wire.one(wire.TO, raw)
        copied = b"".join(wire.COPIED.findall(raw))
        flow.send(b"SIP/2.0 200 OK\r\n%bTo: %b\r\nContent-Length: 0\r\n\r\n" % (copied, to))

    async def _sweep(self) -> None:
        """Give up calls whose final response is overdue; dictionaries keep the order of starting."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            limit_s = time.monotonic() - PATIENCE_S
            self._tally.invite_timeouts += _drop_older(self._inviting, limit_s)
            self._tally.bye_timeouts += _drop_older(self._ending, limit_s)


def _drop_older(calls: dict[bytes, _Call], limit_s: float) -> int:
    dropped = 0
    for call_id in list(itertools.takewhile(lambda key: calls[key].sent_s < limit_s, calls)):
        del calls[call_id]
        dropped += 1
    return dropped
