"""What calls have cost that ended in a time the ledger has lost: charged again, from their records.

A Valkey that is back on an older file, or on none, knows its charges up to a moment (`look` in
`live/money.lua`). What calls that ended since have cost is in the records database, and is settled again
under each call's record id: what is known there already stays as it is. Of what ended long ago only sums are
needed, one for each bucket of the ledger's windows. Then the ledger is told; with what the gates tell of
running calls it has all there is to know.

While the database takes no records nobody knows all that ended: the ledger stays frozen for as long as it is
by itself. Then it is told what is there, and the rest once records are shipped again.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from trunkward.admission.money import ACCOUNT
from trunkward.admission.ports import Settlement
from trunkward.live import money
from trunkward.live.ask import Valkey
from trunkward.store.rated import Cost, RatedStore
from trunkward.trunks.model import NodeSettings

#: Seconds the clock of a node and that of the ledger may be apart, and a settlement may have taken.
_APART_S = 10.0
#: Seconds for which calls are told one by one: a gate may be about to tell of them, too.
_ONE_BY_ONE_S = 3600.0
#: Seconds the longest window looks back, its last bucket included.
_LONGEST_WINDOW_S = 31 * 86_400
#: Seconds of a bucket of sums, and how far back it is used: buckets of the day's and the month's window.
_DAY_BUCKET_S, _DAY_S, _MONTH_BUCKET_S = 1800, 90_000.0, 43_200
#: Seconds the outcome of a call that has just been settled takes to the disk, its media's end included; and
#: after which, late as it may be, it is there.
_ON_ITS_WAY_S, _LATE_S = 1.0, 5.0
#: Ms before a ledger grants again by itself in which it is told of what is known.
_LAST_MS = 10_000
#: Settlements in one question: Valkey is busy for a millisecond or two.
_AT_ONCE = 100


class SettlesAgain:
    """For one node's worker."""

    def __init__(self, store: RatedStore, database: str, log: Callable[..., object]) -> None:
        """`database`: where the records are; nodes that share it charge each sum once."""
        self._store = store
        self._database = database
        self._log = log
        #: Of which all is charged, as of a moment (seconds since the epoch), and over which connection.
        self._epoch = 0
        #: The epoch that was heard of last, and when.
        self._heard_of = (0, 0.0)
        self._heard_s = time.time()
        self._asked: Valkey | None = None
        #: Since when, at the earliest, records may not be in the database.
        self._shipped_s = time.time()
        #: Times (since, until) in which calls ended whose records may be shipped later.
        self._incomplete: list[tuple[float, float]] = []
        #: Of amounts: what was charged in another one is not known to the ledger.
        self._currency = ""

    def round(
        self,
        valkey: Valkey,
        watched: money.Watched,
        node: NodeSettings,
        went_on: Callable[[], None],
        *,
        shipped: bool,
    ) -> None:
        """Charges what is missing. `shipped`: what was on this node's disk a moment ago is in the database.

        1. The ledger is one that may have lost something, or a new one: what ended since it knows everything.
           First what was on its way to the disk then is awaited; and what cannot be shipped, for as long as
           the ledger waits.
        2. It was out of reach for a while: what ended meanwhile, for whoever was to tell of it may be gone.
        3. Of both, what was shipped later: by calls, so that each is charged once.

        Raises `NotAnswered`: the next round tries again.
        """
        epoch, now = watched.epoch, time.time()
        self._currency = node.currency
        if epoch != self._epoch:
            # 1.
            if not self._restored(valkey, watched, node, went_on, now, shipped=shipped):
                return
        elif valkey is not self._asked:
            # 2.
            self._incomplete.append((self._heard_s - _APART_S, now))
        self._epoch, self._asked, self._heard_s = epoch, valkey, now
        if shipped:
            # 3.
            self._shipped_s = now
            for span in self._incomplete:
                self._charge(valkey, self._one_by_one(*span), went_on)
            self._incomplete = [span for span in self._incomplete if now < span[1] + _LATE_S]

    def _restored(
        self,
        valkey: Valkey,
        watched: money.Watched,
        node: NodeSettings,
        went_on: Callable[[], None],
        now: float,
        *,
        shipped: bool,
    ) -> bool:
        """Whether a ledger that may have lost something has all there is; else it is too early for that."""
        epoch, name = watched.epoch, node.ledger_name
        place = name if self._database.startswith("sqlite") else self._database
        place = sha256(place.encode()).hexdigest()[:16]
        lost = money.lost(valkey.ask(*money.restoring(name, place, epoch)))
        if lost is None:
            return True
        if epoch != self._heard_of[0]:
            self._heard_of = (epoch, now)
        heard_of = self._heard_of[1]
        # who has just started has taken longer for that
        on_its_way = self._epoch > 0 and now < heard_of + _ON_ITS_WAY_S
        if on_its_way if shipped else watched.frozen_ms > _LAST_MS:
            return False
        known = now if shipped else self._shipped_s - _APART_S
        spans = list(_apart(lost, now))
        for one, since, until in spans:
            told = self._all(one, since, min(until, known), f"sum:{one.epoch}:{place}")
            self._charge(valkey, told, went_on)
        valkey.ask(*money.restored(name, place, epoch, node.ledger_nodes))
        since = spans[0][1] if spans else known
        self._incomplete.append((max(since, min(known, heard_of - _APART_S)), heard_of))
        return True

    def _charge(
        self, valkey: Valkey, told: Iterator[Sequence[Settlement]], went_on: Callable[[], None]
    ) -> None:
        charged = 0
        for settlements in told:
            charged += sum(valkey.ask(*money.settle([(one, None) for one in settlements])))
            went_on()
        if charged:
            self._log("the ledger lacked charges: made from the records", charges=charged)

    def _all(self, lost: money.Lost, since: float, until: float, sums: str) -> Iterator[Sequence[Settlement]]:
        """What ended in this time: in sums what did long before its end, by the call what did later.

        The sums are the same when they are made again: what they are of depends on what was lost alone.
        Another node has made them of the same records; it has not seen what this one had not shipped by then,
        which cannot be long over.
        """
        before = min(lost.until_s, time.time()) - _ONE_BY_ONE_S
        if not lost.by_another:
            yield from self._sums(since, before, sums)
        yield from self._one_by_one(max(before, since), until)

    def _sums(self, since: float, before: float, sums: str) -> Iterator[Sequence[Settlement]]:
        of_day = before - _DAY_S
        of_day -= of_day % _MONTH_BUCKET_S  # no bucket is in both
        for begins, ends, bucket_s in ((since, of_day, _MONTH_BUCKET_S), (of_day, before, _DAY_BUCKET_S)):
            found = self._store.sums(max(begins, since), ends, bucket_s, self._currency)
            legs = list(_legs(found, f"{sums}:{bucket_s}"))
            yield from (legs[at : at + _AT_ONCE] for at in range(0, len(legs), _AT_ONCE))

    def _one_by_one(self, since: float, until: float) -> Iterator[Sequence[Settlement]]:
        for page in self._store.costs(since, until, self._currency):
            yield from (
                [_settlement(cost.of, cost.ended_at, cost.micro) for cost in page[at : at + _AT_ONCE]]
                for at in range(0, len(page), _AT_ONCE)
            )


def _apart(lost: Sequence[money.Lost], now: float) -> Iterator[tuple[money.Lost, float, float]]:
    """Since when, and until when, something may be lacking: no two of these times overlap."""
    after = now - _LONGEST_WINDOW_S
    for one in lost:
        since, until = max(one.kept_s - _APART_S, after), max(one.until_s + _APART_S, after)
        yield one, since, until
        after = until


def _legs(sums: Sequence[Cost], name: str) -> Iterator[Settlement]:
    """One leg for each bucket."""
    buckets: dict[str, Counter[str]] = {}
    ends: dict[str, float] = {}
    for cost in sums:
        buckets.setdefault(cost.of, Counter()).update(cost.micro)
        ends[cost.of] = max(ends.get(cost.of, 0.0), cost.ended_at)
    for bucket, micro in buckets.items():
        yield _settlement(f"{name}:{bucket}", ends[bucket], micro)


def _settlement(leg: str, ended_at: float, micro: dict[str, int]) -> Settlement:
    costs = tuple((f"{ACCOUNT}{owner}", amount) for owner, amount in micro.items())
    return Settlement(record_id=leg, costs=costs, ended_at=ended_at)
