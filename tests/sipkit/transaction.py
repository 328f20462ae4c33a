"""Transactions (RFC 3261 section 17), as much as a test needs: matching, retransmission over UDP, and the
ACK of a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sipkit.address import parameters
from sipkit.message import Message, request
from sipkit.transport import Flow

#: RFC 3261 section 17.1.1.1 and table 4, seconds.
T1_S = 0.5
T2_S = 4.0
#: Timers B and F: 64 times T1.
TRANSACTION_TIMEOUT_S = 64 * T1_S


class TransactionTimeoutError(TimeoutError):
    """No final response came within the transaction's life."""


def branch_of(message: Message) -> str:
    """Return the branch of the topmost Via (RFC 3261 section 17.1.3), "" when there is none."""
    via = next(iter(message.values("Via")), "")
    return parameters(via.partition(";")[2]).get("branch", "")


class Retransmitter:
    """Sends bytes again on an unreliable flow: after T1, then doubling up to a ceiling, until stopped."""

    def __init__(self, flow: Flow, data: bytes, ceiling_s: float = T2_S) -> None:
        """Start the clock if the flow is unreliable; the first sending is the caller's."""
        self._flow = flow
        self._data = data
        self._ceiling_s = ceiling_s
        self._next: asyncio.TimerHandle | None = None
        if flow.transport_name == "UDP":
            self._arm(T1_S)

    def _arm(self, delay_s: float) -> None:
        self._next = asyncio.get_running_loop().call_later(delay_s, self._again, delay_s)

    def _again(self, delay_s: float) -> None:
        if self._flow.is_open:
            self._flow.send(self._data)
            self._arm(min(2 * delay_s, self._ceiling_s))

    def stop(self) -> None:
        """Send no more."""
        if self._next is not None:
            self._next.cancel()


class ClientTransaction:
    """One request sent and what comes back. `final` is its final response or `TransactionTimeoutError`."""

    def __init__(
        self,
        flow: Flow,
        message: Message,
        on_response: Callable[[Message], None],
        on_sent: Callable[[Message], None],
        timeout_s: float = TRANSACTION_TIMEOUT_S,
    ) -> None:
        """Send the request. `on_response` hears every response, `on_sent` what the transaction itself
        sends."""
        loop = asyncio.get_running_loop()
        self.request = message
        self.branch = branch_of(message)
        self.final: asyncio.Future[Message] = loop.create_future()
        self._flow = flow
        self._on_response = on_response
        self._on_sent = on_sent
        data = message.to_bytes()
        flow.send(data)
        on_sent(message)
        is_invite = message.method == "INVITE"
        self._retransmitter = Retransmitter(flow, data, TRANSACTION_TIMEOUT_S if is_invite else T2_S)
        self._timeout = loop.call_later(timeout_s, self._expire)

    def _expire(self) -> None:
        self._retransmitter.stop()
        if not self.final.done():
            method = self.request.method
            self.final.set_exception(TransactionTimeoutError(f"no final response to {method}"))
            self.final.exception()  # whoever awaits it still gets it; nobody has to

    def receive(self, reply: Message) -> None:
        """Take a response that matched this transaction."""
        if reply.status >= 200 or self.request.method == "INVITE":
            self._retransmitter.stop()
        if reply.status >= 200:
            self._timeout.cancel()
        if reply.status >= 300 and self.request.method == "INVITE":
            self._acknowledge_refusal(reply)
        first_final = reply.status >= 200 and not self.final.done()
        self._on_response(reply)
        if first_final:
            self.final.set_result(reply)

    def _acknowledge_refusal(self, reply: Message) -> None:
        """ACK a 300-699, hop by hop, on the INVITE's own branch (RFC 3261 section 17.1.1.3)."""
        invite = self.request
        headers = [
            ("Via", invite.values("Via")[0]),
            *(("Route", value) for value in invite.get_all("Route")),
            ("Max-Forwards", "70"),
            ("From", invite.get("From")),
            ("To", reply.get("To")),
            ("Call-ID", invite.call_id),
            ("CSeq", f"{invite.cseq[0]} ACK"),
        ]
        ack = request("ACK", invite.uri, headers)
        if self._flow.is_open:
            self._flow.send(ack.to_bytes())
            self._on_sent(ack)


class ServerTransaction:
    """One request received and the responses sent to it."""

    def __init__(self, flow: Flow, message: Message, on_sent: Callable[[Message], None]) -> None:
        """Remember whom to answer."""
        self.flow = flow
        self.request = message
        self.final: Message | None = None
        self._on_sent = on_sent
        self._last: bytes | None = None
        self._retransmitter: Retransmitter | None = None

    def send(self, reply: Message) -> None:
        """Send a response; the final one of an INVITE is repeated over UDP until the ACK (17.2.1,
        13.3.1.4)."""
        self._last = reply.to_bytes()
        if not self.flow.is_open:
            return  # the peer hung up its connection: there is nobody to tell
        self.flow.send(self._last)
        self._on_sent(reply)
        if reply.status >= 200:
            self.final = reply
            if self.request.method == "INVITE":
                self._retransmitter = Retransmitter(self.flow, self._last)

    def repeat(self) -> None:
        """Answer a retransmitted request with the last response."""
        if self._last is not None and self.flow.is_open:
            self.flow.send(self._last)

    def acknowledged(self) -> None:
        """The ACK came: repeat no more."""
        if self._retransmitter is not None:
            self._retransmitter.stop()
