"""One call of a user agent: the INVITE transaction, its dialog, and what may be done inside (RFC 3261
sections 13-15)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sipkit.dialog import Dialog, as_callee, as_caller
from sipkit.message import Message, request, response
from sipkit.transaction import ClientTransaction, ServerTransaction
from sipkit.transport import Flow

if TYPE_CHECKING:
    from sipkit.agent import UserAgent

#: A session description: text, or a function of the peer's offer ("" when we offer).
Session = str | Callable[[str], str] | None

HeaderLines = Iterable[tuple[str, str]]

SDP_TYPE = "application/sdp"

#: How long the awaitables wait when nothing else is said.
DEFAULT_PATIENCE_S = 20.0


class CallRefused(Exception):
    """The INVITE got a 300-699."""

    def __init__(self, response: Message) -> None:
        """Keep the response."""
        super().__init__(response.start_line)
        self.response = response


class CallEnded(Exception):
    """The call is over, so what was asked of it cannot happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A message on the wire: monotonic time in seconds, and whether we sent it."""

    at_s: float
    sent: bool
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to answer to a request."""

    status: int
    reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Call:
    """A call placed or received. Made by `UserAgent`, never by hand."""

    def __init__(
        self, agent: UserAgent, flow: Flow, invite: Message, *, outgoing: bool, session: Session
    ) -> None:
        """Start in the state before anything was sent."""
        loop = asyncio.get_running_loop()
        self.agent = agent
        #: Where requests of this call go; set it to move the call to another connection.
        self.flow = flow
        self.invite = invite
        self.outgoing = outgoing
        #: Our description: used for the answer to an offer, also in a re-INVITE.
        self.session = session
        self.local_tag = ""
        self.dialog: Dialog | None = None
        self.remote_sdp = ""
        self.local_sdp = ""
        #: Every message of the call when the agent keeps them.
        self.trace: list[Seen] = []
        #: Overrides the answer to an in-dialog request; returning None leaves the usual one.
        self.on_request: Callable[[Message], Reply | None] | None = None
        self.acknowledges = True
        self.ack_session: Session = None
        self.server: ServerTransaction | None = None
        self.client: ClientTransaction | None = None
        self._final: asyncio.Future[Message] = loop.create_future()
        self._confirmed: asyncio.Future[Message] = loop.create_future()
        self._ended: asyncio.Future[str] = loop.create_future()
        self._arrivals: list[tuple[Callable[[Seen], bool], asyncio.Future[Message]]] = []
        self._rseq = 0
        self._acks: dict[int, Message] = {}
        self._last_remote_rseq = 0

    # --- waiting

    async def final(self, patience_s: float = DEFAULT_PATIENCE_S) -> Message:
        """Return the final response to the INVITE, whatever it is."""
        return await asyncio.wait_for(asyncio.shield(self._final), patience_s)

    async def answered(self, patience_s: float = DEFAULT_PATIENCE_S) -> Message:
        """Return the 2xx to the INVITE.

        Raises:
            CallRefused: the final response was another.
            TimeoutError: none came.
        """
        reply = await self.final(patience_s)
        if reply.status >= 300:
            raise CallRefused(reply)
        return reply

    async def confirmed(self, patience_s: float = DEFAULT_PATIENCE_S) -> Message:
        """Callee: return the first ACK."""
        return await asyncio.wait_for(asyncio.shield(self._confirmed), patience_s)

    async def ended(self, patience_s: float = DEFAULT_PATIENCE_S) -> str:
        """Return why the call ended: `bye` (ours), `peer-bye`, `cancelled`, `refused`."""
        return await asyncio.wait_for(asyncio.shield(self._ended), patience_s)

    @property
    def is_over(self) -> bool:
        """True once the call ended."""
        return self._ended.done()

    async def received(self, wanted: str | int, patience_s: float = DEFAULT_PATIENCE_S) -> Message:
        """Return the first message received, earlier or from now on, with this method or status.

        Earlier ones are found only when the agent keeps messages.
        """

        def fits(seen: Seen) -> bool:
            message = seen.message
            if seen.sent:
                return False
            return (
                message.status == wanted
                if isinstance(wanted, int)
                else (message.is_request and message.method == wanted)
            )

        for seen in self.trace:
            if fits(seen):
                return seen.message
        arrival: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._arrivals.append((fits, arrival))
        return await asyncio.wait_for(arrival, patience_s)

    def note(self, message: Message, *, sent: bool) -> None:
        """Record a message and wake whoever waits for it."""
        seen = Seen(at_s=time.monotonic(), sent=sent, message=message)
        if self.agent.keeps_messages:
            self.trace.append(seen)
        for fits, arrival in [entry for entry in self._arrivals if entry[0](seen)]:
            self._arrivals.remove((fits, arrival))
            if not arrival.done():
                arrival.set_result(message)

    # --- the caller's side of the INVITE

    def on_invite_response(self, reply: Message) -> None:
        """Take a response to the first INVITE or to a re-INVITE."""
        self.note(reply, sent=False)
        number = reply.cseq[0]
        first = self.outgoing and number == self.invite.cseq[0]
        if reply.body and reply.status < 300:
            self.remote_sdp = reply.body.decode(errors="replace")
        if 100 < reply.status < 300 and "tag=" in reply.get("To"):
            if first and (self.dialog is None or reply.status >= 200):
                local_seq = self.dialog.local_seq if self.dialog else number
                self.dialog = as_caller(self.invite, reply)
                for _ in range(local_seq - number):
                    self.dialog = self.dialog.next_request()
            elif not first and self.dialog is not None and reply.status >= 200:
                self.dialog = self.dialog.refreshed(reply)
        if 200 <= reply.status < 300 and self.acknowledges:
            self.acknowledge(reply)
        if reply.status >= 200 and first and not self._final.done():
            self._final.set_result(reply)
            if reply.status >= 300:
                self.end("cancelled" if reply.status == 487 else "refused")

    def acknowledge(self, reply: Message) -> None:
        """Send the ACK of a 2xx, end to end (RFC 3261 section 13.2.2.4); the same one again to a repeated
        2xx."""
        if self.dialog is None or not self.flow.is_open:
            return
        number = reply.cseq[0]
        if number not in self._acks:
            body = _described(self.ack_session, self.remote_sdp)
            uri, _ = self.dialog.routing()
            headers = self.dialog.headers("ACK", self.agent.via(self.flow))
            headers = [(n, f"{number} ACK" if n == "CSeq" else v) for n, v in headers]
            self._acks[number] = request("ACK", uri, [*headers, *typed(body)], body.encode())
        self.flow.send(self._acks[number].to_bytes())
        self.note(self._acks[number], sent=True)

    async def cancel(self) -> Message:
        """Send CANCEL (RFC 3261 section 9.1) and return its response; the INVITE's 487 comes by `final`."""
        invite = self.invite
        headers = [
            ("Via", invite.values("Via")[0]),
            *(("Route", value) for value in invite.get_all("Route")),
            ("Max-Forwards", "70"),
            ("From", invite.get("From")),
            ("To", invite.get("To")),
            ("Call-ID", invite.call_id),
            ("CSeq", f"{invite.cseq[0]} CANCEL"),
        ]
        return await self.agent.transact(self.flow, request("CANCEL", invite.uri, headers), call=self)

    # --- the callee's side of the INVITE

    def reply(
        self,
        status: int,
        *,
        reason: str | None = None,
        session: Session = None,
        headers: HeaderLines = (),
        contact: str | None = None,
    ) -> Message:
        """Send a response to the INVITE and return it."""
        if self.server is None:
            raise CallEnded("only a received call can be answered")
        if self.server.final is not None:
            raise CallEnded(f"already answered: {self.server.final.start_line}")
        body = _described(session, self.remote_sdp)
        lines = [*headers]
        if 100 < status < 400:
            lines.insert(0, ("Contact", contact or self.agent.contact(self.flow)))
        answer = response(
            self.invite,
            status,
            reason=reason,
            to_tag=self.local_tag,
            headers=[*lines, *typed(body)],
            body=body.encode(),
        )
        if body:
            self.local_sdp = body
        if status > 100 and self.dialog is None:
            self.dialog = as_callee(self.invite, self.local_tag)
        self.server.send(answer)
        if status >= 200:
            self._final.set_result(answer)
            if status >= 300:
                self.end("cancelled" if status == 487 else "refused")
        return answer

    def ring(self, status: int = 180, *, session: Session = None, reliable: bool = False) -> Message:
        """Send a provisional response; `reliable` makes it one that asks for a PRACK (RFC 3262)."""
        headers: list[tuple[str, str]] = []
        if reliable:
            self._rseq += 1
            headers = [("Require", "100rel"), ("RSeq", str(self._rseq))]
        return self.reply(status, session=session, headers=headers)

    def answer(self, session: Session = None, *, headers: HeaderLines = ()) -> Message:
        """Send 200 with the given description, or with the call's own."""
        return self.reply(200, session=session if session is not None else self.session, headers=headers)

    # --- inside the dialog

    async def request(
        self, method: str, *, headers: HeaderLines = (), body: bytes = b"", content_type: str = SDP_TYPE
    ) -> Message:
        """Send any request in the dialog and return its final response.

        The call's flow carries it; if that is closed, the agent's `dial` opens one to the next hop.

        Raises:
            CallEnded: there is no dialog yet.
        """
        if self.dialog is None:
            raise CallEnded("no dialog")
        if not self.flow.is_open:
            self.flow = await self.agent.redial(self.dialog.next_hop())
        self.dialog = self.dialog.next_request()
        uri, _ = self.dialog.routing()
        lines = self.dialog.headers(method, self.agent.via(self.flow))
        if method in ("INVITE", "UPDATE", "REFER", "SUBSCRIBE"):  # target refreshes need a Contact
            lines.append(("Contact", self.agent.contact(self.flow)))
        if body:
            lines.append(("Content-Type", content_type))
        message = request(method, uri, [*lines, *headers], body)
        listener = self.on_invite_response if method == "INVITE" else None
        reply = await self.agent.transact(self.flow, message, call=self, listener=listener)
        if method == "UPDATE" and 200 <= reply.status < 300:
            self.dialog = self.dialog.refreshed(reply)
            self.remote_sdp = reply.body.decode(errors="replace") or self.remote_sdp
        return reply

    async def bye(self, headers: HeaderLines = ()) -> Message:
        """Hang up and return the response to the BYE."""
        reply = await self.request("BYE", headers=headers)
        self.end("bye")
        return reply

    async def reinvite(self, session: Session = None, *, headers: HeaderLines = ()) -> Message:
        """Send a re-INVITE with an offer (or none) and return the final response; a 2xx is acknowledged."""
        self.local_sdp = _described(session, "") or self.local_sdp
        body = self.local_sdp if session is not None else ""
        return await self.request("INVITE", headers=headers, body=body.encode())

    async def update(self, session: Session = None, *, headers: HeaderLines = ()) -> Message:
        """Send UPDATE (RFC 3311), with an offer or without."""
        body = _described(session, "")
        return await self.request("UPDATE", headers=headers, body=body.encode())

    async def prack(self, provisional: Message, session: Session = None) -> Message:
        """Acknowledge a reliable provisional response (RFC 3262 section 4)."""
        number, method = provisional.cseq
        rack = ("RAck", f"{provisional.get('RSeq')} {number} {method}")
        body = _described(session, self.remote_sdp)
        return await self.request("PRACK", headers=[rack], body=body.encode())

    async def refer(self, target: str, headers: HeaderLines = ()) -> Message:
        """Send REFER (RFC 3515) and return the response."""
        return await self.request("REFER", headers=[("Refer-To", f"<{target}>"), *headers])

    async def options(self) -> Message:
        """Send OPTIONS in the dialog."""
        return await self.request("OPTIONS")

    # --- what the peer does inside the dialog

    def on_ack(self, ack: Message) -> None:
        """Take the ACK."""
        self.note(ack, sent=False)
        if ack.body:
            self.remote_sdp = ack.body.decode(errors="replace")
        if self.server is not None:
            self.server.acknowledged()
        if not self._confirmed.done():
            self._confirmed.set_result(ack)

    def on_in_dialog(self, message: Message) -> Reply:
        """Decide the answer to a request of the peer in this dialog."""
        chosen = self.on_request(message) if self.on_request is not None else None
        reply = chosen or self._usual(message)
        if self.dialog is not None and 200 <= reply.status < 300 and message.method in ("INVITE", "UPDATE"):
            self.dialog = self.dialog.refreshed(message)
        if message.method == "BYE" and 200 <= reply.status < 300:
            if self.server is not None and self.server.final is None:
                self.reply(487)  # RFC 3261 section 15.1.2: a BYE in an early dialog ends the pending INVITE
            self.end("peer-bye")
        return reply

    def _usual(self, message: Message) -> Reply:
        match message.method:
            case "INVITE" | "UPDATE":
                return self._renegotiate(message)
            case "PRACK":
                expected = f"{self._rseq} {self.invite.cseq[0]} INVITE"
                return Reply(status=200 if message.get("RAck") == expected else 481)
            case "BYE" | "OPTIONS" | "INFO" | "NOTIFY" | "MESSAGE":
                return Reply(status=200)
            case "REFER":
                return Reply(status=603)
            case _:
                return Reply(status=405)

    def _renegotiate(self, message: Message) -> Reply:
        body = ""
        if message.body:
            self.remote_sdp = message.body.decode(errors="replace")
            body = _described(self.session, self.remote_sdp)
        elif message.method == "INVITE":
            body = _described(self.session, "")
        self.local_sdp = body or self.local_sdp
        contact = ("Contact", self.agent.contact(self.flow))
        return Reply(status=200, headers=(contact, *typed(body)), body=body.encode())

    def end(self, why: str) -> None:
        """Mark the call as over."""
        if not self._ended.done():
            self._ended.set_result(why)
            self.agent.forget(self)


def _described(session: Session, offered: str) -> str:
    return session(offered) if callable(session) else session or ""


def typed(body: str) -> tuple[tuple[str, str], ...]:
    """Return the Content-Type line that a description needs, none when there is none."""
    return (("Content-Type", SDP_TYPE),) if body else ()
