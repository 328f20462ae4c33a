"""`trunkward spend settle`: a person says how a call of a lost node ended, which nobody here can know."""

import msgspec

from trunkward.admission.money import ACCOUNT, carrier_of
from trunkward.admission.ports import Settlement
from trunkward.calls.grant import Cut
from trunkward.calls.orphan import Left
from trunkward.calls.outcome import Ending, Outcome
from trunkward.cli.actor import current_actor
from trunkward.cli.spending import act_on_spending
from trunkward.control.spending import SpendingRefused, check_why, settled
from trunkward.live import money, nodes
from trunkward.live.ask import NotAnswered, Valkey
from trunkward.live.money import KeptLeg
from trunkward.records.model import OutcomeRecord
from trunkward.settings import Paths
from trunkward.spend.money import shown
from trunkward.spend.tariff import Tariff
from trunkward.trunks.model import Declared
from trunkward.trunks.spending import SpendingChange

#: Calls that are looked through.
_MOST_LEGS = 10_000
_CARRIER = f"{ACCOUNT}carrier:"


def run(paths: Paths, record_id: str, *, lasted_s: float, carrier: str, why: str) -> int:
    """Charges it so, frees the rest, has it on record: 0 done, 1 not in force yet, 2 nothing was changed."""

    def settle(_: object, declared: Declared, now: float) -> SpendingChange:
        check_why(why)
        actor = current_actor().name
        try:
            with Valkey(paths.valkey, "worker", paths.valkey_secret("worker")) as valkey:
                leg = _found(valkey, record_id)
                left = _left(valkey, record_id)
                costs = costs_of(leg, left, lasted_s, carrier)
                if not valkey.ask(*money.settle([(Settlement(record_id=record_id, costs=costs), None)]))[0]:
                    raise SpendingRefused(f"{record_id} is over, and has been settled meanwhile")
                told = outcome(leg, left, lasted_s, carrier, now)
                told = msgspec.structs.replace(told, survivor=declared.node.ledger_name, by_hand=actor)
                record = OutcomeRecord(record_id=record_id, at=now, outcome=told)
                text = msgspec.json.encode(record).decode()
                # its node is told, and this one, whose records may be all there are
                whom = sorted({leg.node, declared.node.ledger_name})
                valkey.ask(*nodes.tell([(node, record_id, text) for node in whom]))
        except NotAnswered as problem:
            raise SpendingRefused(f"Valkey has to be there for it: {problem}") from None
        paid = {owner.removeprefix(ACCOUNT): micro for owner, micro in costs}
        # it is done now, whatever becomes of the version
        for owner, micro in paid.items():
            print(f"charged: {owner}: {shown(micro)} {declared.node.currency}")
        return settled(record_id, leg.node, lasted_s, paid, declared.node.currency, why=why)

    return act_on_spending(paths, f"spend settle {record_id}", settle)


def costs_of(leg: KeptLeg, left: Left | None, lasted_s: float, carrier: str) -> tuple[tuple[str, int], ...]:
    """What it has cost whom if it lasted so long. Raises `SpendingRefused` for what cannot be.

    1. Nobody else says when it is over: its node is lost.
    2. It was not longer than it can have been.
    3. It went by one carrier.
    """
    # 1.
    if leg.left_ms >= 0:
        raise SpendingRefused(
            f"{leg.record_id} runs, or is held for {leg.left_ms / 1000:.0f} s more: {leg.node} sees to it"
        )
    # 2.
    since_s = (leg.admitted_ms if leg.lasted_ms is None else leg.lasted_ms) / 1000
    if not 0 <= lasted_s <= since_s:
        raise SpendingRefused(f"it cannot have lasted {lasted_s:g} s: it began {since_s:.0f} s ago")
    # 3.
    names = [carrier_of(share.owner) for share in leg.shares if share.owner.startswith(_CARRIER)]
    may_be = [left.carrier] if left is not None else names
    if carrier and may_be and carrier not in may_be:
        raise SpendingRefused(f"it did not go by {carrier}: by {' or '.join(may_be)}")
    known = carrier or (may_be[0] if len(may_be) == 1 else "")
    if not known and names and lasted_s:
        raise SpendingRefused(f"say who took it: --carrier {' or '.join(names)}")
    return tuple(
        (share.owner, Tariff.from_compact(share.tariff).price_micro(lasted_s))
        for share in leg.shares
        if not share.owner.startswith(_CARRIER) or share.owner == _CARRIER + known
    )


def outcome(leg: KeptLeg, left: Left | None, lasted_s: float, carrier: str, now: float) -> Outcome:
    """How it ended, for the records; `now` in seconds since the epoch."""
    told = Outcome(
        record_id=leg.record_id,
        call_id=left.call_id if left is not None else "",
        ending=Ending.BYE if lasted_s else Ending.FAILED,
        ended_at=now,
        ended_by="us",
        cut=Cut.NODE_LOST.value,
        peer=left.carrier if left is not None else carrier or None,
    )
    if not lasted_s:
        return told
    answered_at = now - (leg.admitted_ms if leg.lasted_ms is None else leg.lasted_ms) / 1000
    return msgspec.structs.replace(
        told,
        status=200,
        answered_at=answered_at,
        ended_at=answered_at + lasted_s,
        answered_ms=max(round(lasted_s * 1000), 1),
    )


def _found(valkey: Valkey, record_id: str) -> KeptLeg:
    for leg in money.kept_legs(valkey.ask(*money.legs(_MOST_LEGS))):
        if leg.record_id == record_id and not record_id.startswith(nodes.ESCROW):
            return leg
    raise SpendingRefused(f"no call {record_id} holds money: ./trunkward spend shows who does, --json all")


def _left(valkey: Valkey, record_id: str) -> Left | None:
    try:
        return nodes.left_of(valkey.ask("GET", f"left:{record_id}"))
    except msgspec.MsgspecError:  # damaged: who took it is for the person to say
        return None
