"""Signatures one gate has seen by itself, for the time that nobody tells it what the others have seen."""

from collections.abc import Sequence

from trunkward.live.library import REMEMBERED_S

#: Signatures that are remembered; beyond them the oldest is forgotten.
_MOST = 65_536


class SeenPassports:
    """With the same meaning as in `library.lua`."""

    def __init__(self) -> None:
        """Has seen none."""
        #: By signature, whose call it is, and until when that is remembered; the oldest first.
        self._seen: dict[str, tuple[str, float]] = {}

    def see(self, passports: Sequence[str], call: str, now_s: float) -> int:
        """Number of the first that is another call's, from 1; 0: none is. `now_s`: seconds that pass."""
        replayed = 0
        for number, key in enumerate(passports, 1):
            held = self._seen.get(key)
            if held is None or held[1] <= now_s:
                self._seen.pop(key, None)
                self._seen[key] = call, now_s + REMEMBERED_S
            elif held[0] != call:
                replayed = replayed or number
        while len(self._seen) > _MOST:
            del self._seen[next(iter(self._seen))]
        return replayed
