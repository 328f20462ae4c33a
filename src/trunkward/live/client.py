"""What all nodes agree on, as a gate asks it: `admission.ports.Live` on one connection to Valkey."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import hiredis
import msgspec

from trunkward.admission.ports import (
    AlreadyEnded,
    Asked,
    Foreign,
    Forgotten,
    Frozen,
    Granted,
    Held,
    LegFact,
    LiveFact,
    Over,
    Replayed,
    RunningLeg,
    Settlement,
    Unavailable,
)
from trunkward.calls.registration import Bindings
from trunkward.live import library, money, nodes
from trunkward.live.wire import DEADLINE_S, Command, Wire
from trunkward.settings import Place

#: Of each kind, what waits for a Valkey that is lost; what comes beyond them ends by itself.
MAX_WAITING = 10_000
#: Of these, what is told in one step: Valkey does nothing else meanwhile.
_AT_ONCE = 100

#: Times a trunk's bindings are tried to be changed while others change them, too.
MOST_TRIES = 5
#: Seconds they are kept after the last change: longer than any holds.
_KEEP_S = 7200

_decode_bindings = msgspec.json.Decoder(Bindings).decode
_encode_bindings = msgspec.json.Encoder().encode


class LiveClient:
    """Asks one Valkey; belongs to one event loop."""

    def __init__(self, place: Place, user: str, secret: Path, deadline_s: float = DEADLINE_S) -> None:
        """`secret` is the file with the user's password. Nothing is opened yet."""
        self._wire = Wire(place, user, secret, self._connected, deadline_s)
        #: What new nonces are to name, as far as is known; 0 is none.
        self.epoch = 0
        #: Seconds the longest grant of money lasts (`admission.ports.Charge`), for a ledger that has lost
        #: what it was.
        self.longest_s = 0.0
        #: What amounts are in; "" while that is not known.
        self.currency = ""
        #: The ledger's epoch, as it was heard last; 0: not yet. In another one it may have lost something.
        self.ledger = 0
        #: The same while it grants nothing until it has been told of all calls; 0: it does.
        self.frozen = 0
        self._releases = _Waiting(self._wire, library.release)
        self._settlements = _Waiting(self._wire, money.settle)
        self._leaving = _Waiting(self._wire, nodes.leave)
        self._ends = _Waiting(self._wire, nodes.tell)

    async def greet(self) -> None:
        """Connects and learns what new nonces are to name: before the first call, none is made in vain."""
        self._learn([b"forgotten", await self._wire.ask(library.epoch(), dated=False)])
        await self.look()

    async def look(self) -> bool:
        """Learns whether the ledger grants money (`frozen`); whether it has answered."""
        answer = await self._wire.ask(money.watch(self.longest_s, None, heard=self.ledger), dated=False)
        self._watched(answer)
        return isinstance(answer, list)

    async def admit(self, asked: Asked) -> LiveFact:
        """Everything that is asked for, or nothing; an attempt that is asked again has it once."""

        def late(answer: Any) -> None:
            if isinstance(fact := _fact(asked, answer), Held):
                self.withdraw(fact)  # nobody has it

        answer = await self._wire.ask(library.admit(asked), late)
        self._learn(answer)
        fact = _fact(asked, answer)
        self._hears(fact)
        if not isinstance(fact, Unavailable):
            self._go_on()
        return fact

    async def over(self, asked: Asked) -> Over | None:
        """An attempt's first limit that is full; None: none is, or nobody tells. Takes nothing."""
        match await self._wire.ask(library.room(asked)):
            case [b"over", int(number), int(retry_ms)]:
                return library.over(asked, number, retry_ms)
        return None

    def renew(self, calls: Sequence[tuple[str, Sequence[str]]], hold_s: float) -> None:
        """Holds the places of these calls for `hold_s` seconds from now. Waits for nobody.

        What a lost Valkey does not hear is renewed in the call's next round.
        """
        if calls:
            self._wire.tell(library.renew(calls, hold_s), lambda _answer: None)

    def ended(self, calls: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Gives up the places of calls that are over. Waits for nobody."""
        self._releases.tell([(record_id, counters, None) for record_id, counters in calls if counters])

    def moved(self, record_id: str, counters: Sequence[str]) -> None:
        """Gives up places of a call that goes on with others. Waits for nobody."""
        if counters:
            self._releases.tell([(record_id, counters, library.MOVED)])

    def withdraw(self, held: Held) -> None:
        """Gives up one reservation, unless another gate has made it its own since. Waits for nobody."""
        if held.counters:
            self._releases.tell([(held.record_id, held.counters, held.until_ms)])
        if held.reserved:
            self._settlements.tell([(Settlement(record_id=held.record_id), held.until_ms)])

    async def renew_legs(
        self, legs: Sequence[RunningLeg], *, hold_s: float, node: str, longest_s: float
    ) -> tuple[LegFact | Unavailable, ...]:
        """Charges what legs have cost so far, and grants each its next slice where that fits.

        For each of them, in their order, what became of it. They are this node's for `hold_s` seconds from
        now; `longest_s` as in `Charge`.
        """
        parts = [legs[at : at + _AT_ONCE] for at in range(0, len(legs), _AT_ONCE)]
        answers = await asyncio.gather(
            *(
                self._wire.ask(money.renew_legs(part, hold_s, node, longest_s, self.currency), dated=False)
                for part in parts
            )
        )
        facts: list[LegFact | Unavailable] = []
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, list) and len(answer) == len(part):
                facts += map(_leg_fact, part, answer)
                for fact in facts[-len(part) :]:
                    self._hears(fact)
                self._go_on()
            else:
                lost = answer if isinstance(answer, Unavailable) else _unusable(answer)
                facts += [lost] * len(part)
        return tuple(facts)

    async def heard(self, node: str, gate: int, gates: int) -> int:
        """Tells a ledger that is frozen that this gate, one of so many of its node, knows.

        The epoch in which it is, once all of them do; 0 until then.
        """
        epoch = self.frozen
        if not epoch:
            return 0
        all_have = await self._wire.ask(money.heard(node, epoch, gate, gates), dated=False) == 1
        return epoch if all_have and self.frozen == epoch else 0

    async def recalled(self, node: str, epoch: int, nodes: Sequence[str]) -> bool:
        """Whether nothing is unknown to the ledger any more, now that it knows each call of this node.

        A node says so after it has renewed in this epoch each call it has, also those that ring, and settled
        those that have ended. `nodes` are all there are, this one among them.
        """
        known = bool(await self._wire.ask(money.recalled(node, epoch, nodes), dated=False) == 0)
        if known and self.frozen == epoch:
            self.frozen = 0
        return known

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Charges what legs that are over have cost, and frees the rest.

        Waits for nobody; told until it is heard.
        """
        self._settlements.tell([(one, None) for one in settlements])

    async def give_up(self, record_ids: Sequence[str]) -> bool:
        """Frees what legs that were never admitted hold, such as a gate's escrow; they may come again.

        Whether that is so. It is waited for: what is told and what is asked need not come in this order.
        """
        return await self._settled([(Settlement(record_id=one), money.NOT_RESERVED) for one in record_ids])

    async def settled(self, settlements: Sequence[Settlement]) -> bool:
        """As `settle`, for who tells it again if it was not heard: whether it was."""
        return await self._settled([(one, None) for one in settlements])

    async def _settled(self, settling: Sequence[money.Settling]) -> bool:
        for at in range(0, len(settling), _AT_ONCE):
            part = money.settle(settling[at : at + _AT_ONCE])
            if not isinstance(await self._wire.ask(part, dated=False), list):
                return False
        return True

    def leave(self, record_id: str, lasted_ms: int, text: str) -> None:
        """Keeps of an answered call what another node needs to end it. Waits for nobody."""
        self._leaving.tell([(record_id, lasted_ms, text)])

    def tell_end(self, node: str, record_id: str, text: str) -> None:
        """Keeps for a node that has died how a call of it has ended. Waits for nobody."""
        self._ends.tell([(node, record_id, text)])

    async def orphans(self, node: str, ended: Sequence[str] = ()) -> list[nodes.Orphan]:
        """Calls that nobody renews: `node`'s own, and all where it is the one who sees to them.

        And those of `ended`, which have, as it says; one that is not among the answers is to be told again.
        """
        answer = await self._wire.ask(nodes.orphans(node, ended), dated=False)
        return nodes.orphans_of(answer) if isinstance(answer, list) else []

    async def change(
        self, trunk: str, how: Callable[[Bindings, float], Bindings]
    ) -> tuple[Bindings, float] | Unavailable:
        """Puts what `how` makes of a trunk's bindings into their place (`admission.ports.Registrar`)."""
        command, after = library.bind(trunk, "?"), Bindings()
        for _ in range(MOST_TRIES):
            match await self._wire.ask(command):
                case [b"bound", bytes(now_us)]:
                    return after, int(now_us) / 1e6
                case [b"other", bytes(there), bytes(now_us)]:
                    now, before = int(now_us) / 1e6, _bindings(there)
                    after = how(before, now)
                    if after == before:
                        return after, now
                    text = _encode_bindings(after).decode()
                    command = library.bind(trunk, there.decode(), text, _KEEP_S)
                case Unavailable() as lost:
                    return lost
                case answer:
                    return _unusable(answer)
        return Unavailable(what="redis", why="redis-too-many-changes")

    async def close(self) -> None:
        """Ends the connection, once what was to be given up has been told."""
        await self._leaving.last()
        await self._ends.last()
        await self._settlements.last()
        await self._releases.last()
        self._wire.close()
        await asyncio.sleep(0)  # for the loop to see that it has ended

    def _connected(self) -> None:
        self._wire.tell(library.epoch(), lambda answer: self._learn([b"forgotten", answer]))
        self._wire.tell(money.watch(self.longest_s, None, heard=self.ledger), self._watched)
        self._go_on()

    def _learn(self, answer: Any) -> None:
        match answer:
            case [b"forgotten", bytes(epoch)]:
                self.epoch = int(epoch)

    def _watched(self, answer: Any) -> None:
        """Valkey may be another than before: whether it knows what is spent."""
        match answer:
            case [int(epoch), int(frozen_ms), *_]:
                self.ledger, self.frozen = epoch, epoch if frozen_ms else 0

    def _hears(self, fact: object) -> None:
        match fact:
            case Frozen(epoch=epoch) if epoch >= self.ledger:  # else the next look begins one
                self.ledger = self.frozen = epoch

    def _go_on(self) -> None:
        self._leaving.go_on()
        self._ends.go_on()
        self._settlements.go_on()
        self._releases.go_on()


class _Waiting[T]:
    """What is told to Valkey until it is heard; nobody waits for it."""

    def __init__(self, wire: Wire, command: Callable[[Sequence[T]], Command]) -> None:
        self._wire, self._command = wire, command
        self._waiting: list[T] = []
        #: On their way; a Valkey that is lost meanwhile may not have heard of them.
        self._told: list[T] = []

    def tell(self, what: list[T]) -> None:
        self._waiting += what[: MAX_WAITING - len(self._waiting)]
        self.go_on()

    def go_on(self) -> None:
        """Sends what waits, at once; while a question is on its way, what comes is gathered for the next."""
        if self._waiting and not self._told:
            self._told, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            self._wire.tell(self._command(self._told), self._heard)

    async def last(self) -> None:
        """Tells what still waits."""
        for at in range(0, len(self._waiting), _AT_ONCE):
            await self._wire.ask(self._command(self._waiting[at : at + _AT_ONCE]), dated=False)

    def _heard(self, answer: Any) -> None:
        told, self._told = self._told, []
        if isinstance(answer, Unavailable | hiredis.ReplyError):
            self._waiting = told + self._waiting  # until it is there again: twice does no harm
        else:
            self.go_on()


def _fact(asked: Asked, answer: Any) -> LiveFact:
    match answer:
        case Unavailable():
            return answer
        case [b"held", int(until_ms), int(replayed), *left_out]:
            return Held(
                record_id=asked.record_id,
                counters=tuple(counter.key for counter in asked.counters),
                until_ms=until_ms,
                replayed=replayed,
                reserved=asked.money is not None,
                cut_routes=tuple(_owners(asked)[number - 1] for number in left_out),
            )
        case [b"over", int(number), int(retry_ms)]:
            return library.over(asked, number, retry_ms)
        case [b"over-spend", *numbers]:
            return money.over_spend(_owners(asked), numbers)
        case [b"frozen", int(ms), int(epoch)]:
            return Frozen(retry_after_s=-(-ms // 1000), epoch=epoch)
        case [b"foreign", bytes(currency)]:
            return Foreign(currency=currency.decode())
        case [b"ended"]:
            return Unavailable(what="redis", why="redis-call-is-over")
        case [b"replayed"]:
            return Replayed()
        case [b"forgotten", _]:
            return Forgotten()
    return _unusable(answer)


def _owners(asked: Asked) -> tuple[str, ...]:
    return tuple(share.owner for share in asked.money.shares) if asked.money else ()


def _leg_fact(leg: RunningLeg, answer: object) -> LegFact | Unavailable:
    match answer:
        case [b"granted"]:
            return Granted()
        case [b"ended"]:
            return AlreadyEnded()
        case [b"frozen", int(ms), int(epoch)]:
            return Frozen(retry_after_s=-(-ms // 1000), epoch=epoch)
        case [b"foreign", bytes(currency)]:
            return Foreign(currency=currency.decode())
        case [b"over-spend", *numbers]:
            return money.over_spend([share.owner for share in leg.shares], cast("list[int]", numbers))
    return _unusable(answer)


def _unusable(answer: Any) -> Unavailable:
    if isinstance(answer, hiredis.ReplyError):
        return Unavailable(what="redis", why=_why(str(answer)))
    return Unavailable(what="redis", why="redis-garbled")


def _bindings(text: bytes) -> Bindings:
    """What is kept of a trunk; of another version's form nothing, until its PBX comes again."""
    try:
        return _decode_bindings(text) if text else Bindings()
    except msgspec.MsgspecError:
        return Bindings()


def _why(said: str) -> str:
    """By Valkey's first word, which is its code (`NOPERM`, `OOM`, `LOADING`), but for its plain errors."""
    if "unction not found" in said:
        return "redis-function-missing"
    return f"redis-{said.partition(' ')[0].lower()}"
