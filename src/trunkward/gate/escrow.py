"""Money this gate may spend by itself while Valkey is lost: leased ahead, counted as spent until given back.

1. Of each owner with `spend.escrow` whose call it has admitted the gate leases its part: a leg of its own in
   the ledger, which is renewed as long as Valkey answers.
2. While Valkey is lost, calls at home take their slices from what is leased to all who pay for them.
3. What was taken comes into the ledger by the calls' own legs, which their next renewal or their end makes:
   within the longest grant after Valkey is back. Then the lease is given back, and taken anew where there is
   room.
4. A ledger of another epoch may have lost the lease, and have given the money to others: what is left of it
   is nobody's any more.
5. Nor is it an hour after Valkey has said last that it is held. A gate not heard of for minutes is taken for
   dead, and its lease for spent (`gate.orphans`): that charge leaves the shortest window then.
6. A gate that is started gives up what the one before it may have leased, once what that had spent is known.
"""

import time
from collections.abc import Callable, Mapping
from copy import replace
from dataclasses import dataclass

from trunkward.admission.money import ACCOUNT, longest_s
from trunkward.admission.ports import AlreadyEnded, Charge, Granted, RunningLeg, RunningShare, Unavailable
from trunkward.admission.snapshot import Snapshot
from trunkward.live.client import LiveClient
from trunkward.spend.tariff import Tariff
from trunkward.trunks.spending import NO_CAPS, WINDOW_S, Spending, Window

#: Seconds between two rounds, and those a lease outlives its last one.
EVERY_S = 10.0
HOLD_S = 60.0
#: Those for which it is spent from: as long as what is charged for a dead gate counts, at least.
GOOD_S = WINDOW_S[Window.HOUR]
#: In the place of a tariff: a lease is not counted by time.
_NONE = Tariff(rate_nano=0).compact()


@dataclass(slots=True)
class _Lease:
    """What one owner's calls may take, in micro-units."""

    #: Its leg in the ledger: as it was leased, whatever the node is called by now.
    leg: str
    granted: int = 0
    left: int = 0
    #: Until when it is sure to be held.
    until_s: float = 0.0


class Escrow:
    """The leases of one gate."""

    def __init__(self, client: LiveClient, gate: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Asks nobody yet; `clock` counts the seconds that pass."""
        self._client = client
        self._gate = gate
        self._clock = clock
        #: By account of the ledger.
        self._leases: dict[str, _Lease] = {}
        #: Legs that are to be given up before anything is leased.
        self._given_up: set[str] = set()
        #: When something was taken last, or Valkey was lost, whichever is later; None: neither since the
        #: lease. What the gate before this one had taken is not known.
        self._spent_s: float | None = clock()
        #: The ledger's epoch in which it was leased.
        self._epoch = client.ledger

    def want(self, charge: Charge) -> None:
        """Notes who pays for a call this gate has admitted: what he has is leased with the next round."""
        for share in charge.shares:
            if share.caps.escrow_micro and share.owner not in self._leases:
                self._leases[share.owner] = _Lease(self._leg_of(charge.node, share.owner))

    def take(self, amounts: Mapping[str, int]) -> bool:
        """Takes these amounts by account, all or none."""
        self._forget_lost()
        leases = {account: self._leases.get(account) for account, amount in amounts.items() if amount > 0}
        if any(self.left(account) < amounts[account] for account in leases):
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
        return lease.left if lease is not None and self._clock() < lease.until_s else 0

    async def round(self, policy: Snapshot, now: float) -> None:
        """Renews what is leased. `now` in seconds since the epoch."""
        node = policy.node
        if self._spent_s is not None:
            # calls tell what they took when Valkey is back: their time for it begins then
            if not await self._client.look():
                self._spent_s = self._clock()
            elif self._clock() - self._spent_s > longest_s(node):
                self._give_all_up(policy)
        self._forget_lost()
        epoch, asked_s = self._epoch, self._clock()
        if self._spent_s is None:
            self._give_up_what_is_too_much(policy, now)
        if self._given_up and self._spent_s is None:
            if not await self._client.give_up(sorted(self._given_up)):
                self._spent_s = self._clock()
                return
            self._given_up.clear()
        legs = {
            account: self._leg(account, lease, policy, now)
            for account, lease in self._leases.items()
            if lease.granted or self._spent_s is None
        }
        if not legs:
            return
        facts = await self._client.renew_legs(
            [*legs.values()], hold_s=HOLD_S, node=node.ledger_name, longest_s=longest_s(node)
        )
        if any(isinstance(fact, Unavailable) for fact in facts):
            self._spent_s = self._clock()  # what is taken from now on is not there before it is back
        self._forget_lost()
        if self._epoch != epoch:
            return  # nobody knows which of them has granted it
        for (account, leg), fact in zip(legs.items(), facts, strict=True):
            lease, wanted = self._leases[account], leg.shares[0].next_micro
            match fact:
                case Unavailable():
                    pass
                case AlreadyEnded():  # another node has taken this gate for dead
                    lease.granted = lease.left = 0
                case _:
                    lease.until_s = asked_s + GOOD_S
                    if isinstance(fact, Granted) and wanted > lease.granted:
                        lease.left += wanted - lease.granted
                        lease.granted = wanted

    async def close(self) -> None:
        """Gives back what nothing was taken of; the rest is still to be told of by its calls."""
        if self._spent_s is None:
            await self._client.give_up([lease.leg for lease in self._leases.values()])

    def _give_all_up(self, policy: Snapshot) -> None:
        """What was taken is known by now: the rest is given back, and leased anew with who has room."""
        name = policy.node.ledger_name
        accounts = [f"{ACCOUNT}{owner}" for owner in policy.with_escrow()]
        self._given_up |= {lease.leg for lease in self._leases.values()}
        self._given_up |= {self._leg_of(name, account) for account in accounts}
        self._leases = {account: _Lease(self._leg_of(name, account)) for account in self._leases}
        self._spent_s = None

    def _give_up_what_is_too_much(self, policy: Snapshot, now: float) -> None:
        """Of an owner whose escrow is less by now, or who has none any more."""
        for account, lease in list(self._leases.items()):
            part = self._part(account, policy, now)
            if lease.granted > part:
                self._given_up.add(lease.leg)
                del self._leases[account]
                if part:
                    self._leases[account] = _Lease(lease.leg)

    def _forget_lost(self) -> None:
        if self._client.ledger == self._epoch:
            return
        self._epoch = self._client.ledger
        for lease in self._leases.values():
            lease.left = 0
            if self._spent_s is None:  # else it is held until all calls that took of it are known
                lease.granted = 0

    def _leg(self, account: str, lease: _Lease, policy: Snapshot, now: float) -> RunningLeg:
        part = self._part(account, policy, now) if self._spent_s is None else 0
        return RunningLeg(
            record_id=lease.leg,
            lasted_s=None,
            left_s=HOLD_S,
            shares=(
                RunningShare(
                    owner=account,
                    tariff=_NONE,
                    used_micro=0,
                    had_micro=lease.granted,
                    next_micro=max(part, lease.granted),
                    caps=replace(_caps(account, policy, now) or NO_CAPS, call_micro=None),
                ),
            ),
        )

    @staticmethod
    def _part(account: str, policy: Snapshot, now: float) -> int:
        """What each gate may lease of it."""
        caps = _caps(account, policy, now)
        return caps.escrow_micro // policy.node.gates if caps is not None else 0

    def _leg_of(self, node: str, account: str) -> str:
        return f"escrow:{node}:{self._gate}:{account}"


def _caps(account: str, policy: Snapshot, now: float) -> Spending | None:
    """Of an account of the ledger; None: it is no owner's any more."""
    owner = policy.spends(account.removeprefix(ACCOUNT))
    return owner.at(now) if owner is not None else None
