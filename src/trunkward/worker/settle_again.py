"""What calls have cost that ended in a time the ledger has lost: charged again, from their records.

A Valkey that is back on an older file, or on none, knows its charges up to a moment (`look` in
`live/money.lua`). What calls that ended since have cost is in the records database, and is settled again
under each call's record id: what is known there already stays as it is. Of what ended long ago only sums are
needed, one for each bucket of the ledger's windows. Then the ledger is told; with what the gates tell of
running calls it has all there is to know.
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

#: Seconds the clock of a node and that of the ledger may be apart, and a settlement may have taken.
_APART_S = 10.0
#: Seconds for which calls are told one by one: a gate may be about to tell of them, too.
_ONE_BY_ONE_S = 3600.0
#: Seconds the longest window looks back, its last bucket included.
_LONGEST_WINDOW_S = 31 * 86_400
#: Seconds of a bucket of sums, and how far back it is used: buckets of the day's and the month's window.
_DAY_BUCKET_S, _DAY_S, _MONTH_BUCKET_S = 1800, 90_000.0, 43_200
#: Settlements in one question: Valkey is busy for a millisecond or two.
_AT_ONCE = 100


class SettlesAgain:
    """For one node's worker."""

    def __init__(self, store: RatedStore, database: str, log: Callable[..., object]) -> None:
        """`database`: where the records are; nodes that share it charge each sum once."""
        self._store = store
        self._database = database
        self._log = log
        #: The epoch of which all is charged.
        self._known = 0

    def round(
        self,
        valkey: Valkey,
        watched: money.Watched,
        node: str,
        went_on: Callable[[], None],
        *,
        shared: bool,
    ) -> None:
        """Charges what is missing, when the ledger has lost something; after all that is known was shipped.

        `shared`: other nodes count there, too. Raises `NotAnswered`: the next round tries again.
        """
        epoch = watched.epoch
        if epoch == self._known:
            return
        now = time.time()
        before = valkey.ask(*money.restoring(node, epoch, now - _ONE_BY_ONE_S)) / 1000
        if before >= 0:
            since = max(watched.kept_until_ms / 1000 - _APART_S, now - _LONGEST_WINDOW_S)
            told = 0
            for settlements in self._missing(since, before, now, node, epoch):
                told += sum(valkey.ask(*money.settle([(one, None) for one in settlements])))
                went_on()
            valkey.ask(*money.restored(node, epoch, [] if shared else [node]))
            if told:
                self._log(
                    "the ledger had lost charges: made again from the records", since=since, charges=told
                )
        self._known = epoch

    def _missing(
        self, since: float, before: float, now: float, node: str, epoch: int
    ) -> Iterator[Sequence[Settlement]]:
        place = node if self._database.startswith("sqlite") else self._database
        name = f"sum:{epoch}:{sha256(place.encode()).hexdigest()[:16]}"
        of_day = before - _DAY_S
        of_day -= of_day % _MONTH_BUCKET_S  # no bucket is in both
        for begins, ends, bucket_s in ((since, of_day, _MONTH_BUCKET_S), (of_day, before, _DAY_BUCKET_S)):
            legs = list(_legs(self._store.sums(max(begins, since), ends, bucket_s), f"{name}:{bucket_s}"))
            yield from (legs[at : at + _AT_ONCE] for at in range(0, len(legs), _AT_ONCE))
        for page in self._store.costs(max(before, since), now):
            yield from (
                [_settlement(cost.of, cost.ended_at, cost.micro) for cost in page[at : at + _AT_ONCE]]
                for at in range(0, len(page), _AT_ONCE)
            )


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
