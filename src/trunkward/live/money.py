"""The ledger's functions, and how they are asked (`money.lua` tells more). Amounts are whole micro-units."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

from trunkward.admission.ports import (
    Charge,
    OverSpend,
    RunningLeg,
    Settlement,
)
from trunkward.trunks.spending import Spending, Window

_RENEW, _SETTLE, _SPENT, _LEGS, _WATCH, _FORGET, _HEARD, _RECALLED, _RESTORING, _RESTORED = (
    f"tw5_{name}"
    for name in (
        *("renew_legs", "settle", "spent", "legs", "watch", "forget"),
        *("heard", "recalled", "restoring", "restored"),
    )
)
_LEDGER, _LEGS_KEY = "ledger", "legs"
#: Keys most of its functions need.
LEDGER_KEYS = (_LEDGER, _LEGS_KEY)
_WINDOWS = tuple(Window)

#: What a leg that was made by a renewal has for a reservation.
NOT_RESERVED = "-"
#: A settlement, and the reservation that is given up: its Redis' milliseconds; None for a leg that is over.
type Settling = tuple[Settlement, int | str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """One owner's windows, in micro-units."""

    granted: int
    hour: int
    day: int
    month: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptShare:
    """What the ledger keeps of one owner's part of a leg, in micro-units."""

    owner: str
    tariff: str
    settled: int
    granted: int
    #: Of these, what was granted a dead leg, whatever the caps said.
    forced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLeg:
    """A leg as the ledger keeps it."""

    record_id: str
    node: str
    #: Ms until it is overdue: negative for one that nobody has renewed.
    left_ms: int
    #: Ms since it was admitted, and since the answer; None while it rings, as far as was told. What may have
    #: passed: by the legs' time, or by Valkey's clock where that says more.
    admitted_ms: int
    lasted_ms: int | None
    shares: tuple[KeptShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """How the ledger is."""

    #: Counts the times another server than before was asked.
    epoch: int
    #: For how long nothing is granted.
    frozen_ms: int
    #: The ledger's time, in ms since the epoch, and how far it is ahead of Valkey's clock.
    now_ms: int
    ahead_ms: int
    #: Of all amounts, ISO 4217; "": nobody has said it yet.
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A time of which the ledger may lack charges, in seconds since the epoch by Valkey's clock."""

    #: The one that began at its end.
    epoch: int
    #: What was settled until then is known; 0: nothing is.
    kept_s: float
    until_s: float
    #: Another node has charged again what was in the same place by then.
    by_another: bool


def keys_of(record_id: str, owners: Iterable[str]) -> list[str]:
    """Keys `admit` needs for money."""
    return [_LEDGER, _LEGS_KEY, f"leg:{record_id}", *owners]


def weighed(charge: Charge) -> list[str]:
    """Arguments `admit` needs for money."""
    arguments = [_ms(charge.longest_s), charge.node, charge.currency]
    for share in charge.shares:
        arguments += [
            "1" if share.carrier else "0",
            share.tariff,
            str(share.slice_micro),
            *_caps(share.caps),
        ]
    return arguments


def renew_legs(
    legs: Sequence[RunningLeg], hold_s: float, node: str, longest_s: float, currency: str
) -> tuple[str, ...]:
    """`renew_legs`, as a command."""
    keys = [_LEDGER, _LEGS_KEY]
    arguments = [_ms(hold_s), _ms(longest_s), node, currency]
    for leg in legs:
        keys += [f"leg:{leg.record_id}", *(share.owner for share in leg.shares)]
        lasted = "" if leg.lasted_s is None else _ms(leg.lasted_s)
        left = "" if leg.dead else _ms(max(leg.left_s, 0.0))
        arguments += [leg.record_id, lasted, left, str(len(leg.shares))]
        for share in leg.shares:
            amounts = (share.used_micro, share.had_micro, share.next_micro)
            arguments += [share.tariff, *map(str, amounts), *_caps(share.caps)]
    return ("FCALL", _RENEW, str(len(keys)), *keys, *arguments)


def over_spend(owners: Sequence[str], numbers: Sequence[int]) -> OverSpend:
    """Whose cap is reached, by the numbers of an answer (`money.lua`)."""
    owner, window, cap, settled, granted, ms = numbers
    return OverSpend(
        owner=owners[owner - 1],
        window=_WINDOWS[window - 1],
        cap_micro=cap,
        settled_micro=settled,
        granted_micro=granted,
        retry_after_s=-(-ms // 1000) or None,
    )


def settle(settling: Sequence[Settling]) -> tuple[str, ...]:
    """`settle`, as a command."""
    keys = [_LEDGER, _LEGS_KEY]
    arguments: list[str] = []
    for one, reservation in settling:
        keys += [f"leg:{one.record_id}", *(owner for owner, _ in one.costs)]
        arguments += [
            one.record_id,
            ("least" if one.at_least else "") if reservation is None else str(reservation),
            "0" if one.ended_at is None else _ms(one.ended_at),
            str(len(one.costs)),
            *(str(cost) for _, cost in one.costs),
        ]
    return ("FCALL", _SETTLE, str(len(keys)), *keys, *arguments)


def spent(owners: Sequence[str]) -> tuple[str, ...]:
    """`spent`, as a command; `Spent(*...)` of each part of the answer."""
    return ("FCALL_RO", _SPENT, str(1 + len(owners)), _LEDGER, *owners)


def windows_of(answer: Sequence[Sequence[int]]) -> list[Spent]:
    """What `spent` answers, for each owner."""
    return [Spent(granted=g, hour=h, day=d, month=m) for g, h, d, m in answer]


def legs(most: int, *, overdue: bool = False, after: str = "-inf") -> tuple[str, ...]:
    """`legs`, as a command: up to so many, those that are due first; or those that are overdue."""
    return ("FCALL_RO", _LEGS, "2", _LEDGER, _LEGS_KEY, after, "now" if overdue else "+inf", str(most))


def kept_legs(answer: Sequence[bytes]) -> list[KeptLeg]:
    """What `legs` answers."""
    now, clock, *pairs = (part.decode() for part in answer)
    return [
        _kept(record_id, text, int(now), int(clock))
        for record_id, text in zip(pairs[::2], pairs[1::2], strict=True)
    ]


def watch(longest_s: float, now_s: float | None, currency: str = "", heard: int = 0) -> tuple[str, ...]:
    """`watch`, as a command. `now_s`: seconds since the epoch by a clock that is known to be right.

    `currency`: what amounts are in, should nobody have said it before; "" where that is not known. `heard`:
    the latest epoch the asker has heard of.
    """
    vouched = "" if now_s is None else str(round(now_s * 1_000_000))
    return ("FCALL", _WATCH, "1", _LEDGER, _ms(longest_s), vouched, currency, str(heard))


def watched(answer: Sequence[Any]) -> Watched:
    """What `watch` answers."""
    epoch, frozen, now, ahead, currency = answer
    return Watched(
        epoch=epoch,
        frozen_ms=frozen,
        now_ms=now,
        ahead_ms=ahead,
        currency=currency.decode(),
    )


def currency() -> tuple[str, ...]:
    """What all amounts are in, as a command; None: nobody has said it yet."""
    return ("HGET", _LEDGER, "currency")


def forget(owners: Sequence[str], currency: str) -> tuple[str, ...]:
    """`forget`, as a command: what all owners have spent; amounts are in this currency from then on.

    It answers how many calls hinder that.
    """
    return ("FCALL", _FORGET, str(2 + len(owners)), _LEDGER, _LEGS_KEY, *owners, currency)


def heard(node: str, epoch: int, gate: int, gates: int) -> tuple[str, ...]:
    """`heard`, as a command: this gate of `node`, one of so many, knows of this epoch."""
    return ("FCALL", _HEARD, "1", _LEDGER, node, str(epoch), str(gate), str(gates))


def recalled(node: str, epoch: int, nodes: Iterable[str]) -> tuple[str, ...]:
    """`recalled`, as a command: each call of `node` is known in this epoch. `nodes` are all there are."""
    return ("FCALL", _RECALLED, "1", _LEDGER, node, str(epoch), *nodes)


def restoring(node: str, place: str, epoch: int) -> tuple[str, ...]:
    """`restoring`, as a command: what `node`, whose records are in `place`, is to charge again."""
    return ("FCALL", _RESTORING, "1", _LEDGER, node, place, str(epoch))


def lost(answer: Sequence[int]) -> list[Lost] | None:
    """What `restoring` answers; None: all is charged, or the epoch is another one by now."""
    to_do, *facts = answer
    if not to_do:
        return None
    return [
        Lost(epoch=epoch, kept_s=kept / 1000, until_s=till / 1000, by_another=bool(done))
        for epoch, kept, till, done in batched(facts, 4, strict=True)
    ]


def restored(node: str, place: str, epoch: int, nodes: Iterable[str]) -> tuple[str, ...]:
    """`restored`, as a command: `node` has charged it. `nodes` are all there are; none: nobody knows."""
    return ("FCALL", _RESTORED, "1", _LEDGER, node, place, str(epoch), *nodes)


def _kept(record_id: str, text: str, now_ms: int, clock_ms: int) -> KeptLeg:
    head, *lines = text.splitlines()
    until_ms, _, admitted, since, _, node, *began = head.split(" ")
    # one of the version before has no time by the clock
    clocked_ms = clock_ms - int(began[0]) if began else 0
    rings = since == "0"
    shares = []
    for line in lines:
        owner, tariff, settled, granted, forced = line.split(" ")
        shares.append(
            KeptShare(
                owner=owner, tariff=tariff, settled=int(settled), granted=int(granted), forced=int(forced)
            )
        )
    return KeptLeg(
        record_id=record_id,
        node=node,
        left_ms=int(until_ms) - now_ms,
        admitted_ms=max(now_ms - int(admitted), clocked_ms if rings else 0),
        lasted_ms=None if rings else max(now_ms - int(since), clocked_ms),
        shares=tuple(shares),
    )


def _caps(caps: Spending) -> list[str]:
    return [str(-1 if (cap := caps.cap(window)) is None else cap) for window in Window]


def _ms(seconds: float) -> str:
    return str(round(seconds * 1000))
