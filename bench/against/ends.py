"""The two ends of calls through a proxy, in step with a simulation: a PBX that calls, and a carrier.

Over UDP on loopback, one thing after the other: each act returns when the proxy has passed it on.
"""

from __future__ import annotations

import itertools
import select
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sipkit.dialog import Dialog, as_caller
from sipkit.message import Message, parse, request, response

_HOST = "127.0.0.1"
_PATIENCE_S = 30.0


@dataclass(slots=True, eq=False)
class _Leg:
    """A call as both ends see it."""

    #: The INVITE as the PBX has sent it, and as the carrier has it.
    sent: Message
    arrived: Message | None = None
    #: Its final answer; the PBX's dialog from then on, if it was a good one; the carrier has the ACK.
    status: int = 0
    dialog: Dialog | None = None
    confirmed: bool = False
    #: BYEs nobody has answered yet, and who has them.
    byes: list[tuple[socket.socket, Message]] = field(default_factory=list)


class Ends:
    """Both. A proxy is expected at `proxy_port`, and to send calls to `carrier_port`.

    All but `cut` raise TimeoutError when it does not pass on what it should.
    """

    def __init__(self) -> None:
        self._pbx, self._carrier = _bound(), _bound()
        self.carrier_port = _port(self._carrier)
        with _bound() as free:
            self.proxy_port = _port(free)
        self._legs: dict[str, _Leg] = {}
        self._branches = itertools.count()
        self._asked_through = self._passed_through = 0

    def close(self) -> None:
        """Ends both."""
        self._pbx.close()
        self._carrier.close()

    # ---- what they do ------------------------------------------------------------------------------
    def invite(self, name: str, number: str, headers: Mapping[str, str]) -> bool:
        """The PBX calls; whether the carrier has it, where it rings then."""
        leg = self._legs[name] = _Leg(
            request(
                "INVITE", f"sip:{number}@{_HOST}:{self.proxy_port}",
                [
                    *self._asking(f"<sip:{number}@{_HOST}>", name, "1 INVITE"),
                    self._contact(self._pbx), *headers.items(),
                ],
            )
        )  # fmt: skip
        self._send(self._pbx, leg.sent)
        self._until(lambda: leg.arrived is not None or leg.status)
        if leg.arrived is None:
            del self._legs[name]
        return leg.arrived is not None

    def answer(self, name: str) -> None:
        """The carrier answers, and has the ACK."""
        leg = self._legs[name]
        self._respond(self._carrier, leg.arrived, 200)
        self._until(lambda: leg.confirmed)

    def give_up(self, name: str) -> None:
        """Nobody answers."""
        leg = self._legs[name]
        self._respond(self._carrier, leg.arrived, 480)
        self._until(lambda: leg.status)
        del self._legs[name]

    def hang_up(self, name: str) -> None:
        """The PBX ends it, unless the proxy has; whoever has a BYE answers it."""
        leg = self._legs[name]
        if not leg.byes:
            assert leg.dialog is not None
            self._in_dialog(leg.dialog.next_request(), "BYE")
        self._until(lambda: self._is_over(leg))
        for end, bye in leg.byes:
            self._respond(end, bye, 200)
        del self._legs[name]

    def cut(self) -> list[str]:
        """Calls whose carrier has a BYE by now, in the order in which they began."""
        while self._read(0):
            pass
        return [name for name, leg in self._legs.items() if self._is_over(leg)]

    def all_passed(self) -> None:
        """Returns when the proxy, which has one worker, is done with all that it was sent before."""
        self._asked_through += 1
        to = f"<sip:{_HOST}:{self.proxy_port}>"
        asked = self._asking(to, "through", f"{self._asked_through} OPTIONS")
        self._send(self._pbx, request("OPTIONS", to[1:-1], asked))
        self._until(lambda: self._passed_through == self._asked_through)

    # ---- the wire ----------------------------------------------------------------------------------
    def _until(self, done: Callable[[], object]) -> None:
        while not done():
            if not self._read(_PATIENCE_S):
                raise TimeoutError(f"nothing was passed on for {_PATIENCE_S:g} s")

    def _read(self, patience_s: float) -> bool:
        readable, _, _ = select.select([self._pbx, self._carrier], [], [], patience_s)
        for end in readable:
            message = parse(end.recv(65536))
            if message.method == "OPTIONS":
                self._passed_through = message.cseq[0]
            elif leg := self._legs.get(message.call_id):
                if message.is_request:
                    self._asked(end, leg, message)
                elif message.method == "INVITE" and message.status >= 200:
                    self._answered(leg, message)
        return bool(readable)

    def _asked(self, end: socket.socket, leg: _Leg, message: Message) -> None:
        if message.method == "INVITE":
            leg.arrived = message
            self._respond(end, message, 180)
        elif message.method == "ACK":
            leg.confirmed = True
        else:
            leg.byes.append((end, message))

    def _answered(self, leg: _Leg, message: Message) -> None:
        leg.status = message.status
        if message.status < 300:
            leg.dialog = as_caller(leg.sent, message)
            self._in_dialog(leg.dialog, "ACK")
            return
        # of the INVITE's own transaction: its Via (RFC 3261 section 17.1.1.3)
        kept = [(name, value) for name, value in leg.sent.headers if name in ("Via", "From", "Call-ID")]
        ack = [*kept, ("Max-Forwards", "70"), ("To", message.get("To")), ("CSeq", "1 ACK")]
        self._send(self._pbx, request("ACK", leg.sent.uri, ack))

    def _is_over(self, leg: _Leg) -> bool:
        return any(end is self._carrier for end, _ in leg.byes)

    def _in_dialog(self, dialog: Dialog, method: str) -> None:
        uri, _ = dialog.routing()
        self._send(self._pbx, request(method, uri, dialog.headers(method, self._via())))

    def _respond(self, end: socket.socket, asked: Message | None, status: int) -> None:
        assert asked is not None
        self._send(end, response(asked, status, to_tag="carrier", headers=[self._contact(end)]))

    def _send(self, end: socket.socket, message: Message) -> None:
        end.sendto(message.to_bytes(), (_HOST, self.proxy_port))

    def _asking(self, to: str, call_id: str, cseq: str) -> list[tuple[str, str]]:
        return [
            ("Via", self._via()), ("Max-Forwards", "70"), ("From", f"<sip:pbx@{_HOST}>;tag=pbx"), ("To", to),
            ("Call-ID", call_id), ("CSeq", cseq),
        ]  # fmt: skip

    def _via(self) -> str:
        return f"SIP/2.0/UDP {_HOST}:{_port(self._pbx)};branch=z9hG4bK{next(self._branches)}"

    def _contact(self, end: socket.socket) -> tuple[str, str]:
        return "Contact", f"<sip:end@{_HOST}:{_port(end)}>"


def _bound() -> socket.socket:
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.bind((_HOST, 0))
    return end


def _port(end: socket.socket) -> int:
    port: int = end.getsockname()[1]
    return port
