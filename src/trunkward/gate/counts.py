"""What all nodes count, as the line sees it: Valkey, and while that is lost this gate's own counts."""

import time
from collections.abc import Callable, Sequence
from copy import replace

from trunkward.admission.money import longest_s
from trunkward.admission.ports import (
    Asked,
    Held,
    LegFact,
    LiveFact,
    Over,
    RunningLeg,
    Settlement,
    Unavailable,
)
from trunkward.gate.escrow import Escrow
from trunkward.gate.full import FullLately
from trunkward.live.client import LiveClient
from trunkward.live.local import LocalCounts
from trunkward.live.nodes import Orphan
from trunkward.live.seen import SeenPassports
from trunkward.trunks.model import NodeSettings
from trunkward.trunks.spending import Spending

#: Seconds after which each call that was admitted before a loss is one the edge knows: it waits no longer
#: for a gate.
ADMITTED_S = 0.6


class Counts:
    """The counts one gate goes by."""

    def __init__(self, client: LiveClient, gate: int = 0) -> None:
        """Asks nobody yet; `gate` is this one's number."""
        self._client, self._gate = client, gate
        #: For when Valkey is lost.
        self.escrow = Escrow(client, gate)
        self._alone = LocalCounts()
        self._seen = SeenPassports()
        self._full = FullLately()
        #: Valkey did not answer when it was asked last.
        self.lost = False
        #: The epoch in which the ledger wants to be told of all calls, and since when all gates know of it.
        self._frozen, self._frozen_s = 0, 0.0

    async def admit(self, asked: Asked) -> LiveFact:
        """What Valkey says, or that it says nothing."""
        fact = await self._client.admit(asked)
        self.lost = isinstance(fact, Unavailable)
        if isinstance(fact, Held) and asked.money is not None:
            self.escrow.want(asked.money)
        if not self.lost and self._alone:
            self._alone.forget()  # renewals bring there what was admitted here
        if isinstance(fact, Over):
            self._full.hears(fact, time.monotonic())
        return fact

    async def full(self, asked: Callable[[], Asked]) -> Over | None:
        """A limit that has no room for a call, where one of those it needs was full lately (`gate.full`)."""
        if self.lost or not self._full or not self._full.has(wanted := asked(), time.monotonic()):
            return None
        over = await self._client.over(wanted)
        if over is not None:
            self._full.hears(over, time.monotonic())
        return over

    def admit_alone(self, asked: Asked) -> Held | Over:
        """By what this gate has heard of since nobody else told."""
        fact = self._alone.admit(asked, time.monotonic())
        if isinstance(fact, Held) and asked.passports:
            replayed = self._seen.see(asked.passports, asked.call_mark, time.monotonic())
            return replace(fact, replayed=replayed)
        return fact

    def admit_by_escrow(self, asked: Asked) -> Held | Over | None:
        """The same with money leased ahead; of carriers those are left out of whose cap none is."""
        assert asked.money is not None
        amounts = {share.owner: share.slice_micro for share in asked.money.shares}
        carriers = [share for share in asked.money.shares if share.carrier]
        if any(_beyond_a_call(s.slice_micro, s.caps) for s in asked.money.shares if not s.carrier):
            return None
        # who has no cap needs no lease
        for share in asked.money.shares:
            if not share.caps.has_caps:
                del amounts[share.owner]
        cut = [
            one.owner
            for one in carriers
            if self.escrow.left(one.owner) < amounts.get(one.owner, 0)
            or _beyond_a_call(one.slice_micro, one.caps)
        ]
        for owner in cut:
            del amounts[owner]
        if carriers and len(cut) == len(carriers):
            return None
        fact = self.admit_alone(asked)
        if not isinstance(fact, Held):
            return fact
        if not self.escrow.take(amounts):
            self._alone.ended([(asked.record_id, fact.counters)])
            return None
        return replace(fact, reserved=True, cut_routes=tuple(cut))

    def renew(self, calls: Sequence[tuple[str, Sequence[str]]], hold_s: float) -> None:
        """Holds the places of these calls for `hold_s` seconds from now. Waits for nobody."""
        self._client.renew(calls, hold_s)
        if self.lost:
            self._alone.renew(calls, time.monotonic() + hold_s)

    def ended(self, calls: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Gives up the places of calls that are over. Waits for nobody."""
        self._client.ended(calls)
        if self._alone:
            self._alone.ended(calls)

    async def renew_legs(
        self, legs: Sequence[RunningLeg], node: NodeSettings, hold_s: float
    ) -> dict[str, LegFact | Unavailable]:
        """What became of each call's next slice, by record id."""
        self._client.longest_s, self._client.currency = longest_s(node), node.currency
        if not legs:
            return {}
        facts = await self._client.renew_legs(
            legs, hold_s=hold_s, node=node.ledger_name, longest_s=longest_s(node)
        )
        return {leg.record_id: fact for leg, fact in zip(legs, facts, strict=True)}

    def renew_by_escrow(self, leg: RunningLeg) -> bool:
        """Whether a call at home has its next slice from what is leased ahead, within the cap of a call."""
        if any(_beyond_a_call(share.next_micro, share.caps) for share in leg.shares):
            return False
        return self.escrow.take(
            {share.owner: share.next_micro - share.had_micro for share in leg.shares if share.caps.has_caps}
        )

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Charges what calls that are over have cost, and frees the rest. Waits for nobody."""
        if settlements:
            self._client.settle(settlements)

    def leave(self, record_id: str, lasted_ms: int, text: str) -> None:
        """Keeps of an answered call what another node needs to end it. Waits for nobody."""
        self._client.leave(record_id, lasted_ms, text)

    def tell_end(self, node: str, record_id: str, text: str) -> None:
        """Keeps for a node that has died how a call of it has ended. Waits for nobody."""
        self._client.tell_end(node, record_id, text)

    async def settled(self, settlements: Sequence[Settlement]) -> bool:
        """The same, waited for: whether Valkey has heard it."""
        return await self._client.settled(settlements)

    async def orphans(self, node: NodeSettings, ended: Sequence[str]) -> list[Orphan]:
        """Calls that nobody renews, as far as they are this node's to see to; and those of `ended`."""
        return await self._client.orphans(node.ledger_name, ended)

    @property
    def is_frozen(self) -> bool:
        """Whether the ledger grants nothing, as far as is known."""
        return self._client.frozen != 0

    async def look(self, node: NodeSettings | None) -> None:
        """Learns whether the ledger grants nothing, and has it know that this gate does.

        Then it spends nothing any more of what it had leased before. `node`: None while there is no policy.
        """
        await self._client.look()  # another gate may have thawed it
        epoch = 0
        if node is not None:
            epoch = await self._client.heard(node.ledger_name, self._gate, node.gates)
        if epoch != self._frozen:
            self._frozen, self._frozen_s = epoch, time.monotonic()

    async def frozen(self, node: NodeSettings) -> int:
        """The epoch in which the ledger is to be told of each call there is; 0: none, or not yet."""
        if self.is_frozen or self._frozen:
            await self.look(node)
        return self._frozen if time.monotonic() - self._frozen_s >= ADMITTED_S else 0

    async def recalled(self, node: NodeSettings, epoch: int) -> None:
        """Tells the ledger that it has been told of each call of this node."""
        await self._client.recalled(node.ledger_name, epoch, node.ledger_nodes)

    def moved(self, record_id: str, counters: Sequence[str]) -> None:
        """Gives up places of a call that goes on with others. Waits for nobody."""
        self._client.moved(record_id, counters)
        if self._alone:
            self._alone.ended([(record_id, counters)])

    def withdraw(self, held: Held) -> None:
        """Gives up one reservation, unless another gate has made it its own since. Waits for nobody."""
        if held.until_ms:
            self._client.withdraw(held)
        else:  # made here alone
            self._alone.ended([(held.record_id, held.counters)])


def _beyond_a_call(micro: int, caps: Spending) -> bool:
    return caps.call_micro is not None and micro > caps.call_micro


class PlacesOfCall:
    """`admission.ports.Live` for one call: it knows what the call holds until that is somebody's."""

    def __init__(self, counts: Counts) -> None:
        """Nothing is held."""
        self._counts = counts
        self._held: Held | None = None

    async def admit(self, asked: Asked) -> LiveFact:
        """Everything that is asked for, or nothing."""
        fact = await self._counts.admit(asked)
        if isinstance(fact, Held):
            self._held = fact
        return fact

    def admit_alone(self, asked: Asked) -> Held | Over:
        """The same by what this gate alone has counted."""
        fact = self._counts.admit_alone(asked)
        if isinstance(fact, Held):
            self._held = fact
        return fact

    def admit_by_escrow(self, asked: Asked) -> Held | Over | None:
        """The same with money this gate has leased ahead."""
        fact = self._counts.admit_by_escrow(asked)
        if isinstance(fact, Held):
            self._held = fact
        return fact

    def keep(self) -> Held | None:
        """What it holds: from now on somebody else's to give up."""
        held, self._held = self._held, None
        return held

    def give_up(self) -> None:
        """Frees what nobody has been given."""
        if (held := self.keep()) is not None:
            self._counts.withdraw(held)
