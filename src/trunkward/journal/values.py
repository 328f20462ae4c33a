"""What the lines of a journal commit to, which lies beside it, a file a day, and whether it opens them."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from trunkward.journal.commitment import opens


class Values(msgspec.Struct, frozen=True):
    """Salt (hex) and value of each commitment of one line, by name."""

    seq: int
    values: Mapping[str, tuple[str, str]]


#: The values of a day in the order of their lines; None: there is no such file.
type ValuesOf = Callable[[str], Iterable[Values] | None]


class ValuesInOrder:
    """Goes through the files of days beside the journal: both are in the order of the lines."""

    def __init__(self, values_of: ValuesOf, since: int = 0) -> None:
        """Reads nothing yet. `since`: the first line that is asked about."""
        self._values_of, self._since = values_of, since
        self._days: dict[str, Iterator[Values] | None] = {}
        self._next: dict[str, Values | None] = {}
        self._of_nobody: list[int] = []

    def wrong(self, day: str, seq: int, commits: Mapping[str, str]) -> list[str] | None:
        """Names of values that do not open what the line committed to; None: there are no values."""
        if day not in self._days:
            found = self._values_of(day)
            self._days[day] = (one for one in found if one.seq >= self._since) if found is not None else None
            self._take(day)
        while (there := self._next[day]) is not None and there.seq < seq:
            self._of_nobody.append(there.seq)
            self._take(day)
        if there is None or there.seq > seq:
            return None
        self._take(day)
        names = {*commits, *there.values}
        return [name for name in sorted(names) if not _opened(commits, there, name)]

    def of_nobody(self) -> Iterator[int]:
        """Lines that there are values for and that are none, of the days there are lines of."""
        yield from self._of_nobody
        for day in self._days:
            while (there := self._next[day]) is not None:
                yield there.seq
                self._take(day)

    def _take(self, day: str) -> None:
        days = self._days[day]
        self._next[day] = next(days, None) if days is not None else None


def _opened(commits: Mapping[str, str], there: Values, name: str) -> bool:
    salt, value = there.values.get(name, ("", ""))
    return opens(commits.get(name, ""), salt, name, value)
