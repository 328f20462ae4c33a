"""The do-not-originate list, compiled: whole numbers, and the beginnings of many."""

from collections.abc import Iterable

from trunkward.admission.table import Table, build_table
from trunkward.trunks.callers import NeverCalls

#: The key of what is no line: how long the beginnings are, so that no other length is looked up.
_LENGTHS = b""


def never_calls_table(lines: Iterable[NeverCalls]) -> bytes:
    """The table of a list; equal lists give equal bytes."""
    said = {line.number.encode(): " ".join(filter(None, (line.reason, line.date))).encode() for line in lines}
    lengths = {len(number) - 1 for number in said if number.endswith(b"*")}
    return build_table({**said, _LENGTHS: bytes(sorted(lengths, reverse=True))})


class NeverCallsTable:
    """The list in a buffer."""

    __slots__ = ("_lengths", "_table")

    def __init__(self, buffer: memoryview) -> None:
        """`buffer` is exactly the table."""
        self._table = Table(buffer)
        self._lengths = tuple(self._table.get(_LENGTHS) or b"")

    def why(self, number: str) -> str:
        """Why nobody calls from an E.164 number, in the list's words; "" for one that is not on it."""
        found = self._table.get(number.encode())
        for length in self._lengths:
            if found is not None:
                break
            found = self._table.get(f"{number[:length]}*".encode()) if length <= len(number) else None
        if found is None:
            return ""
        return f"on the do-not-originate list: {found.decode()}".removesuffix(": ")
