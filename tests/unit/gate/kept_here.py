"""Bindings kept in the test's own memory."""

from collections.abc import Callable

from trunkward.admission.ports import Unavailable
from trunkward.calls.registration import Bindings


class KeptHere:
    """A `Registrar` with a clock the test sets."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.kept: dict[str, Bindings] = {}
        self.lost: Unavailable | None = None

    async def change(
        self, trunk: str, how: Callable[[Bindings, float], Bindings]
    ) -> tuple[Bindings, float] | Unavailable:
        if self.lost is not None:
            return self.lost
        after = how(self.kept.get(trunk, Bindings()), self.now)
        self.kept[trunk] = after
        return after, self.now
