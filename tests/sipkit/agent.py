"""A user agent: places and answers calls over flows it is given; every message matched to its transaction
and call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from sipkit.address import name_addr
from sipkit.call import DEFAULT_PATIENCE_S, SDP_TYPE, Call, HeaderLines, Reply, Seen, Session, typed
from sipkit.identity import fresh_branch, fresh_id
from sipkit.message import MalformedMessageError, Message, parse, request, response
from sipkit.transaction import TRANSACTION_TIMEOUT_S, ClientTransaction, ServerTransaction, branch_of
from sipkit.transport import Flow

Dialler = Callable[[str], Awaitable[Flow]]


async def answer_at_once(call: Call) -> None:
    """The usual answering behaviour: 180, then 200."""
    call.ring()
    call.answer()


class UserAgent:
    """One party. Give `receive` to the transports as receiver."""

    def __init__(
        self,
        identity: str,
        *,
        session: Session = None,
        on_call: Callable[[Call], Awaitable[None]] = answer_at_once,
        on_request: Callable[[Message], Reply | None] | None = None,
        dial: Dialler | None = None,
        contact_uri: str | None = None,
        keeps_messages: bool = True,
    ) -> None:
        """Make a party.

        Args:
            identity: its From value such as `<sip:alice@example.com>`.
            session: its description, for offers and for answers (a function gets the peer's offer).
            on_call: what it does with a received call; an exception in it is re-raised by `check`.
            on_request: overrides the answer to a request outside any dialog.
            dial: opens a flow to a URI when a call's own flow is gone.
            contact_uri: its Contact; by default its own end of the flow.
            keeps_messages: whether `trace` and `Call.trace` grow.
        """
        self.identity = identity
        self.session = session
        self.on_call = on_call
        self.on_request = on_request
        self.dial = dial
        self.contact_uri = contact_uri
        self.keeps_messages = keeps_messages
        #: Every message of the agent, also strays, when it keeps them.
        self.trace: list[Seen] = []
        #: Messages that could not be read, or belong to nothing.
        self.strays: list[bytes] = []
        self._calls: dict[tuple[str, str], Call] = {}
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._servers: dict[tuple[str, str], tuple[ServerTransaction, Call | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self._incoming: asyncio.Queue[Call] = asyncio.Queue()

    # --- what a test does with it

    async def call(
        self,
        uri: str,
        flow: Flow,
        *,
        session: Session = None,
        to: str | None = None,
        sender: str | None = None,
        headers: HeaderLines = (),
        without_offer: bool = False,
    ) -> Call:
        """Send an INVITE and return the call at once; `await call.answered()` waits.

        Args:
            uri: the Request-URI.
            flow: where it is sent.
            session: the offer; the agent's own when None.
            to: the To value, `<uri>` by default.
            sender: the From value, the agent's identity by default.
            headers: further header lines.
            without_offer: send no description at all (a late offer).
        """
        chosen = None if without_offer else session if session is not None else self.session
        body = chosen("") if callable(chosen) else chosen or ""
        invite = _new_invite(
            uri=uri,
            sender=sender or self.identity,
            receiver=to or f"<{uri}>",
            via=self.via(flow),
            contact=self.contact(flow),
            headers=headers,
            body=body,
        )
        return self.place(invite, flow, session=session if session is not None else self.session)

    def place(self, invite: Message, flow: Flow, *, session: Session = None) -> Call:
        """Send an INVITE made by hand and return the call."""
        call = Call(self, flow, invite, outgoing=True, session=session)
        call.local_tag = name_addr(invite.get("From")).tag
        call.local_sdp = invite.body.decode(errors="replace")
        self._calls[(invite.call_id, call.local_tag)] = call
        call.client = self._start(flow, invite, call, call.on_invite_response, TRANSACTION_TIMEOUT_S)
        return call

    async def incoming(self, patience_s: float = DEFAULT_PATIENCE_S) -> Call:
        """Return the next received call; `on_call` has it too."""
        return await asyncio.wait_for(self._incoming.get(), patience_s)

    async def request(
        self,
        method: str,
        uri: str,
        flow: Flow,
        *,
        headers: HeaderLines = (),
        body: bytes = b"",
        content_type: str = SDP_TYPE,
    ) -> Message:
        """Send a request outside any dialog (OPTIONS, REGISTER, MESSAGE) and return the final response."""
        lines = [
            ("Via", self.via(flow)),
            ("Max-Forwards", "70"),
            ("From", f"{self.identity};tag={fresh_id('f')}"),
            ("To", f"<{uri}>"),
            ("Call-ID", fresh_id("c")),
            ("CSeq", f"1 {method}"),
            ("Contact", self.contact(flow)),
            *headers,
        ]
        if body:
            lines.append(("Content-Type", content_type))
        return await self.transact(flow, request(method, uri, lines, body))

    def check(self) -> None:
        """Raise what went wrong inside `on_call`, if anything did."""
        if self._failures:
            raise self._failures[0]

    # --- what a call needs of it

    def via(self, flow: Flow) -> str:
        """Return a fresh Via value for a request on this flow."""
        return _new_via(flow)

    def contact(self, flow: Flow) -> str:
        """Return the Contact value for this flow."""
        user = name_addr(self.identity).uri.partition(":")[2].partition("@")[0]
        uri = self.contact_uri or f"sip:{user}@{flow.local};transport={flow.transport_name.lower()}"
        return f"<{uri}>"

    async def redial(self, uri: str) -> Flow:
        """Open a new flow to a URI.

        Raises:
            ConnectionError: the agent was given no `dial`.
        """
        if self.dial is None:
            raise ConnectionError(f"the flow is closed and the agent cannot dial {uri}")
        return await self.dial(uri)

    async def transact(
        self,
        flow: Flow,
        message: Message,
        *,
        call: Call | None = None,
        listener: Callable[[Message], None] | None = None,
        patience_s: float = TRANSACTION_TIMEOUT_S,
    ) -> Message:
        """Send a request and return its final response; `listener` hears every response.

        Raises:
            TransactionTimeoutError: none came.
        """

        def heard(reply: Message) -> None:
            if listener is not None:
                listener(reply)
            elif call is not None:
                call.note(reply, sent=False)

        transaction = self._start(flow, message, call, heard, patience_s)
        return await transaction.final

    def forget(self, call: Call) -> None:
        """Let go of an ended call after the time late repetitions may come."""
        loop = asyncio.get_running_loop()
        loop.call_later(TRANSACTION_TIMEOUT_S, self._calls.pop, (call.invite.call_id, call.local_tag), None)

    # --- the wire

    def _start(
        self,
        flow: Flow,
        message: Message,
        call: Call | None,
        listener: Callable[[Message], None],
        patience_s: float,
    ) -> ClientTransaction:
        def sent(what: Message) -> None:
            self._note(what, sent=True)
            if call is not None:
                call.note(what, sent=True)

        transaction = ClientTransaction(flow, message, listener, sent, patience_s)
        self._clients[(transaction.branch, message.method)] = transaction
        return transaction

    def receive(self, flow: Flow, raw: bytes) -> None:
        """Take one message from a flow."""
        try:
            message = parse(raw)
        except MalformedMessageError:
            self.strays.append(raw)
            return
        self._note(message, sent=False)
        if not message.is_request:
            transaction = self._clients.get((branch_of(message), message.cseq[1]))
            if transaction is None:
                self.strays.append(raw)
            else:
                transaction.receive(message)
            return
        if message.method == "ACK":
            self._on_ack(message)
        else:
            self._on_request(flow, message)

    def _on_ack(self, ack: Message) -> None:
        refused = self._servers.get((branch_of(ack), "INVITE"))
        if refused is not None:  # the ACK of a refusal has the INVITE's branch
            refused[0].acknowledged()
        call = refused[1] if refused is not None else self._call_of(ack)
        if call is not None:
            call.on_ack(ack)
        for transaction, owner in self._servers.values():
            if owner is call and call is not None and transaction.request.cseq[0] == ack.cseq[0]:
                transaction.acknowledged()

    def _on_request(self, flow: Flow, message: Message) -> None:
        key = (branch_of(message), message.method)
        if key in self._servers:
            self._servers[key][0].repeat()
            return
        call = self._call_of(message)
        transaction = ServerTransaction(flow, message, lambda m: self._note(m, sent=True))
        if message.method == "CANCEL":
            self._on_cancel(transaction)
            return
        if call is None and message.method == "INVITE" and not name_addr(message.get("To")).tag:
            self._on_new_call(flow, transaction)
            return
        self._servers[key] = (transaction, call)
        if call is not None:
            call.note(message, sent=False)
            call.flow = flow if not call.flow.is_open else call.flow
            reply = call.on_in_dialog(message)
        else:
            reply = self._outside(message)
        answer = response(
            message,
            reply.status,
            reason=reply.reason,
            to_tag=call.local_tag if call else fresh_id("t"),
            headers=reply.headers,
            body=reply.body,
        )
        transaction.send(answer)
        if call is not None:
            call.note(answer, sent=True)

    def _outside(self, message: Message) -> Reply:
        chosen = self.on_request(message) if self.on_request is not None else None
        if chosen is not None:
            return chosen
        if name_addr(message.get("To")).tag:
            return Reply(status=481)
        return Reply(status=200 if message.method == "OPTIONS" else 405)

    def _on_new_call(self, flow: Flow, transaction: ServerTransaction) -> None:
        invite = transaction.request
        call = Call(self, flow, invite, outgoing=False, session=self.session)
        call.local_tag = fresh_id("t")
        call.remote_sdp = invite.body.decode(errors="replace")

        def sent(message: Message) -> None:
            self._note(message, sent=True)
            call.note(message, sent=True)

        call.server = ServerTransaction(flow, invite, sent)
        self._servers[(branch_of(invite), "INVITE")] = (call.server, call)
        self._calls[(invite.call_id, call.local_tag)] = call
        call.note(invite, sent=False)
        self._incoming.put_nowait(call)
        task = asyncio.get_running_loop().create_task(self._serve(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, call: Call) -> None:
        try:
            await self.on_call(call)
        except Exception as failure:
            self._failures.append(failure)

    def _on_cancel(self, transaction: ServerTransaction) -> None:
        """CANCEL is matched by the INVITE's branch (RFC 3261 section 9.2)."""
        cancelled = self._servers.get((branch_of(transaction.request), "INVITE"))
        call = cancelled[1] if cancelled else None
        self._servers[(branch_of(transaction.request), "CANCEL")] = (transaction, call)
        if call is None:
            transaction.send(response(transaction.request, 481, to_tag=fresh_id("t")))
            return
        call.note(transaction.request, sent=False)
        transaction.send(response(transaction.request, 200, to_tag=call.local_tag))
        if call.server is not None and call.server.final is None:
            call.reply(487)

    def _call_of(self, message: Message) -> Call | None:
        return self._calls.get((message.call_id, name_addr(message.get("To")).tag))

    def _note(self, message: Message, *, sent: bool) -> None:
        if self.keeps_messages:
            self.trace.append(Seen(at_s=time.monotonic(), sent=sent, message=message))


def _new_invite(
    *, uri: str, sender: str, receiver: str, via: str, contact: str, headers: HeaderLines, body: str
) -> Message:
    """Build a first INVITE; `sender` and `receiver` are From and To values without tag."""
    lines = [
        ("Via", via),
        ("Max-Forwards", "70"),
        ("From", f"{sender};tag={fresh_id('f')}"),
        ("To", receiver),
        ("Call-ID", fresh_id("c")),
        ("CSeq", "1 INVITE"),
        ("Contact", contact),
        ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, REFER, NOTIFY, INFO"),
        *headers,
        *typed(body),
    ]
    return request("INVITE", uri, lines, body.encode())


def _new_via(flow: Flow) -> str:
    """Return a Via value with a fresh branch, asking for symmetric responses (RFC 3581)."""
    return f"SIP/2.0/{flow.transport_name} {flow.local};branch={fresh_branch()};rport"
