"""Money this gate may spend by itself while Valkey is lost: leased ahead, counted as spent until given back.

1. Of each owner with `spend.escrow` whose call it has admitted the gate leases its part: a leg of its own in
   the ledger, which is renewed as long as Valkey answers.
2. While Valkey is lost, calls at home take their slices from what is leased to all who pay for them.
3. What was taken comes into the ledger by the calls' own legs, which their next renewal or their end makes:
   within the longest grant after Valkey is back. Then the lease is given back, and taken anew where there is
   room.
4. A ledger of another epoch may have lost the lease, and have given the money to others: what is left of it
   is nobody's any more.
"""

import time
from collections.abc import Callable, Mapping
from copy import replace
from dataclasses import dataclass

from trunkward.admission.money import ACCOUNT, longest_s
from trunkward.admission.ports import Charge, Granted, RunningLeg, RunningShare, Unavailable
from trunkward.admission.snapshot import Snapshot
from trunkward.live.client import LiveClient
from trunkward.spend.tariff import Tariff
from trunkward.trunks.spending import NO_CAPS

#: Seconds between two rounds, and those a lease outlives its last one.
EVERY_S = 10.0
HOLD_S = 60.0
#: In the place of a tariff: a lease is not counted by time.
_NONE = Tariff(rate_nano=0).compact()


@dataclass(slots=True)
class _Lease:
    """What one owner's calls may take, in micro-units."""

    granted: int = 0
    left: int = 0


class Escrow:
    """The leases of one gate."""

    def __init__(self, client: LiveClient, gate: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Asks nobody yet; `clock` counts the seconds that pass."""
        self._client = client
        self._gate = gate
        self._clock = clock
        #: By account of the ledger.
        self._leases: dict[str, _Lease] = {}
        #: When something was taken last, or Valkey was lost, whichever is later; None: neither since the
        #: lease. What the gate before this one had taken is not known.
        self._spent_s: float | None = clock()
        #: The ledger's epoch in which it was leased.
        self._epoch = client.ledger

    def want(self, charge: Charge) -> None:
        """Notes who pays for a call this gate has admitted: what he has is leased with the next round."""
        for share in charge.shares:
            if share.caps.escrow_micro and share.owner not in self._leases:
                self._leases[share.owner] = _Lease()
                if self._spent_s is None:  # a gate before this one may have left it
                    self._client.give_up([self._id(charge.node, share.owner)])

    def take(self, amounts: Mapping[str, int]) -> bool:
        """Takes these amounts by account, all or none."""
        self._forget_lost()
        leases = {account: self._leases.get(account) for account, amount in amounts.items() if amount > 0}
        if any(lease is None or lease.left < amounts[account] for account, lease in leases.items()):
            return False
        for account, lease in leases.items():
            assert lease is not None
            lease.left -= amounts[account]
        self._spent_s = self._clock()
        return True

    def left(self, account: str) -> int:
        """What is left of a lease."""
        self._forget_lost()
        lease = self._leases.get(account)
        return lease.left if lease is not None else 0

    async def round(self, policy: Snapshot, now: float) -> None:
        """Renews what is leased. `now` in seconds since the epoch."""
        if not self._leases:
            return
        self._forget_lost()
        node, epoch = policy.node, self._epoch
        if self._spent_s is not None and self._clock() - self._spent_s > longest_s(node):
            self._client.give_up([self._id(node.ledger_name, account) for account in self._leases])
            self._leases = {account: _Lease() for account in self._leases}
            self._spent_s = None
            return  # what is told and what is asked need not come in this order
        legs = [
            self._leg(account, lease, policy, now)
            for account, lease in self._leases.items()
            if lease.granted or self._spent_s is None
        ]
        if not legs:
            return
        facts = await self._client.renew_legs(
            legs, hold_s=HOLD_S, node=node.ledger_name, longest_s=longest_s(node)
        )
        if any(isinstance(fact, Unavailable) for fact in facts):
            self._spent_s = self._clock()  # what is taken from now on is not there before it is back
        self._forget_lost()
        if self._epoch != epoch:
            return  # nobody knows which of them has granted it
        for leg, fact in zip(legs, facts, strict=True):
            share = leg.shares[0]
            lease = self._leases[share.owner]
            if isinstance(fact, Granted) and share.next_micro > lease.granted:
                lease.left += share.next_micro - lease.granted
                lease.granted = share.next_micro

    def close(self, node: str) -> None:
        """Gives back what nothing was taken of; the rest is still to be told of by its calls."""
        if self._spent_s is None:
            self._client.give_up([self._id(node, account) for account in self._leases])

    def _forget_lost(self) -> None:
        if self._client.ledger == self._epoch:
            return
        self._epoch = self._client.ledger
        for lease in self._leases.values():
            lease.left = 0
            if self._spent_s is None:  # else it is held until all calls that took of it are known
                lease.granted = 0

    def _leg(self, account: str, lease: _Lease, policy: Snapshot, now: float) -> RunningLeg:
        owner = policy.spends(account.removeprefix(ACCOUNT))
        caps = owner.at(now) if owner is not None else None
        part = caps.escrow_micro // policy.node.gates if caps is not None and self._spent_s is None else 0
        return RunningLeg(
            record_id=self._id(policy.node.ledger_name, account),
            lasted_s=None,
            left_s=HOLD_S,
            shares=(
                RunningShare(
                    owner=account,
                    tariff=_NONE,
                    used_micro=0,
                    had_micro=lease.granted,
                    next_micro=max(part, lease.granted),
                    caps=replace(caps or NO_CAPS, call_micro=None),
                ),
            ),
        )

    def _id(self, node: str, account: str) -> str:
        return f"escrow:{node}:{self._gate}:{account}"
