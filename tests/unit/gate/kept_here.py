"""Bindings kept in the test's own memory."""

from collections.abc import Callable

from trunkward.admission.ports import Asked, Forgotten, Held, LiveFact, Replayed, Unavailable
from trunkward.calls.registration import Bindings


class KeptHere:
    """A `Registrar` with a clock the test sets."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.kept: dict[str, Bindings] = {}
        self.lost: Unavailable | None = None
        self.used: set[tuple[str, int]] = set()
        #: Another one: what was used is forgotten.
        self.epoch = 7

    async def admit(self, asked: Asked) -> LiveFact:
        if self.lost is not None:
            return self.lost
        assert asked.nonce is not None
        if asked.nonce.epoch != self.epoch:
            return Forgotten()
        use = (asked.nonce.nonce, asked.nonce.nc)
        if use in self.used:
            return Replayed()
        self.used.add(use)
        return Held(record_id=asked.record_id)

    async def change(
        self, trunk: str, how: Callable[[Bindings, float], Bindings]
    ) -> tuple[Bindings, float] | Unavailable:
        if self.lost is not None:
            return self.lost
        after = how(self.kept.get(trunk, Bindings()), self.now)
        self.kept[trunk] = after
        return after, self.now
