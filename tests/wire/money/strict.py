"""A carrier that goes by RFC 3261 to the letter, does with a BYE what a test wants, and keeps records of its own."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any

from sipkit import Call
from sipkit.call import Reply
from sipkit.message import Message
from sipkit.transport import Flow
from wire.conftest import Node
from wire.money.conftest import SECOND, SETTLED_S
from wire.money.test_money import spent
from wire.node.parties import (
    NORTH_NUMBER,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    place,
    run,
    tls_carrier,
)

#: In the place of an answer: nothing leaves.
IGNORED = Reply(status=503, reason="Ignored")

type Answer = Reply | None


def answers(*statuses: int | None) -> Callable[[Message], Answer]:
    """What is said to one BYE after the other: a refusal, None for silence; then all are taken."""
    left = list(statuses)

    def answer(_: Message) -> Answer:
        if not left:
            return None
        status = left.pop(0)
        return IGNORED if status is None else Reply(status=status)

    return answer


@dataclass
class Leg:
    """One call as the carrier has it on record: monotonic seconds."""

    call: Call
    answered_s: float = 0.0
    ended_s: float = 0.0
    #: The highest CSeq of the node's side.
    highest: int = 0
    byes: list[Message] = field(default_factory=list)

    def seconds(self) -> int:
        """What it bills of it, by increments of one second: from the ACK, before which the node has the answer.

        How long the answer was on its way is not to make the bill higher than what the node can know of.
        """
        if not self.answered_s:
            return 0
        acks = (seen.at_s for seen in self.call.trace if not seen.sent and seen.message.method == "ACK")
        lasted_s = (self.ended_s or time.monotonic()) - next(acks, self.answered_s)
        return max(ceil(lasted_s), 0)


class Strict:
    """The carrier."""

    def __init__(self) -> None:
        self.legs: list[Leg] = []
        #: What a BYE that is in order gets: an answer, or None for a 200 that ends the leg.
        self.bye: Callable[[Message], Answer] = answers()
        #: Whether a call is answered at once.
        self.answers = True
        self.party: Party = carrier_agent(on_call=self._take)
        self.party.on_wire = lambda data: None if data.startswith(b"SIP/2.0 503 Ignored") else data

    async def _take(self, call: Call) -> None:
        leg = Leg(call, highest=call.invite.cseq[0])
        self.legs.append(leg)
        call.on_request = lambda message: self._asked(leg, message)
        call.ring()
        if self.answers:
            self.answer(leg)

    def answer(self, leg: Leg) -> None:
        """Answers it, and begins to bill."""
        leg.answered_s = time.monotonic()
        leg.call.answer()

    def _asked(self, leg: Leg, message: Message) -> Answer:
        number = message.cseq[0]
        if message.method == "BYE":
            leg.byes.append(message)
        if number < leg.highest:
            return Reply(status=500)  # 12.2.2
        leg.highest = number
        if message.get("Require"):
            return Reply(status=420, headers=(("Unsupported", message.get("Require")),))  # 8.2.2.3
        if message.method != "BYE":
            return None
        if leg.ended_s:
            return Reply(status=481)
        answer = self.bye(message)
        if answer is None:
            leg.ended_s = time.monotonic()
        return answer

    def billed(self, legs: Iterable[Leg] | None = None) -> int:
        """What it asks for, in micro-units."""
        return sum(leg.seconds() for leg in (self.legs if legs is None else legs)) * SECOND

    async def over(self, leg: Leg, within_s: float = 40.0) -> None:
        """Waits until it has ended a leg."""
        until = time.monotonic() + within_s
        while not leg.ended_s:
            assert time.monotonic() < until, f"the leg runs on; BYEs: {[m.cseq for m in leg.byes]}"
            await asyncio.sleep(0.02)


@dataclass
class Bench:
    """A customer, the carrier, and what the ledger has before."""

    node: Node
    customer: Party
    flow: Flow
    carrier: Strict
    before: int

    async def talking(self) -> tuple[Call, Leg]:
        """An answered call, and the carrier's leg."""
        call = await place(self.customer, self.flow, NORTH_NUMBER)
        final = await call.final()
        assert final.status == 200, final.get_all("Reason")
        there = await self.carrier.party.incoming()
        await there.confirmed()
        return call, self.carrier.legs[-1]

    def held(self) -> int:
        return spent(self.node).granted

    def charged(self) -> int:
        return spent(self.node).hour - self.before

    async def is_settled(self, more: int = 2) -> None:
        """Nothing is held any more, and what the carrier bills is charged: it, or a second or two more."""
        end = time.monotonic() + SETTLED_S
        while self.held():
            assert time.monotonic() < end, f"still held: {self.held()}"
            await asyncio.sleep(0.05)
        billed, charged = self.carrier.billed(), self.charged()
        print(f"billed {billed}, charged {charged}")
        assert billed <= charged <= billed + more * SECOND * len(self.carrier.legs)


def bench(node: Node, scenario: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    """Runs a scenario with both parties connected."""

    async def whole() -> None:
        customer, carrier = customer_agent(), Strict()
        async with tls_carrier(node, carrier.party):
            flow = await connect(node, customer)
            await scenario(Bench(node, customer, flow, carrier, spent(node).hour))
            carrier.party.check()

    run(node, whole)
    assert not faults_in(node.log("kamailio"))


def at(call: Call, number: int) -> None:
    """The next request of the caller has this CSeq."""
    assert call.dialog is not None
    call.dialog = replace(call.dialog, local_seq=number - 1)
