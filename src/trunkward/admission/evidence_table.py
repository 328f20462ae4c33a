"""Evidence tokens, found by number: a token that speaks for a hundred thousand numbers stands here once.

The numbers of all tokens are cut where one begins or ends. Between two cuts the same tokens speak for every
number, so one search among the cuts finds all that speak for a number (`bisect`).

Layout, little-endian: counts of segments, of references and of tokens (u32), a zero (u32); each segment's
first and last number (u64 each, in two rows); where its references begin, with an end behind the last one
(u32); the references, which are numbers of tokens (u32); where each token begins, likewise (u32); the tokens.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate, pairwise

from trunkward.shaken.evidence import Evidence, Kind, read_token

_HEAD = struct.Struct("<IIII")
_ORDER = tuple(Kind)


def evidence_table(tokens: Iterable[str]) -> bytes:
    """The table of tokens, whose signatures are not looked at; equal tokens give equal bytes."""
    held = sorted(set(tokens))
    ranges = [(int(said.first), int(said.last)) for said in map(read_token, held)]
    segments = _segments(ranges)
    firsts = [first for first, _, _ in segments]
    lasts = [last for _, last, _ in segments]
    references = [index for _, _, indexes in segments for index in indexes]
    begins = [0, *accumulate(len(indexes) for _, _, indexes in segments)]
    ends = [0, *accumulate(map(len, held))]
    return b"".join(
        [
            _HEAD.pack(len(segments), len(references), len(held), 0),
            struct.pack(f"<{2 * len(segments)}Q", *firsts, *lasts),
            struct.pack(f"<{len(begins) + len(references)}I", *begins, *references),
            struct.pack(f"<{len(ends)}I", *ends),
            "".join(held).encode("ascii"),
        ]
    )


def _segments(ranges: list[tuple[int, int]]) -> list[tuple[int, int, tuple[int, ...]]]:
    """First and last number of each stretch for which the same ranges hold, and which these are."""
    begins = sorted(range(len(ranges)), key=lambda index: ranges[index][0])
    cuts = sorted({at for first, last in ranges for at in (first, last + 1)})
    found: list[tuple[int, int, tuple[int, ...]]] = []
    open_now: list[int] = []
    next_begin = 0
    for first, after in pairwise(cuts):
        open_now = [index for index in open_now if ranges[index][1] >= first]
        while next_begin < len(begins) and ranges[begins[next_begin]][0] == first:
            open_now.append(begins[next_begin])
            next_begin += 1
        if open_now:
            found.append((first, after - 1, tuple(sorted(open_now))))
    return found


class EvidenceTable:
    """The table in a buffer."""

    __slots__ = ("_begins", "_ends", "_firsts", "_lasts", "_references", "_tokens")

    def __init__(self, buffer: memoryview) -> None:
        """`buffer` is exactly the table."""
        segments, references, tokens, _ = _HEAD.unpack_from(buffer)
        at = _HEAD.size

        def row(count: int, form: str) -> memoryview:
            nonlocal at
            size = count * struct.calcsize(form)
            at += size
            # as the machine's own numbers, which are little-endian wherever Debian's packages are used here
            return buffer[at - size : at].cast(form)  # type: ignore[call-overload, no-any-return]

        self._firsts = row(segments, "Q")
        self._lasts = row(segments, "Q")
        self._begins = row(segments + 1, "I")
        self._references = row(references, "I")
        self._ends = row(tokens + 1, "I")
        self._tokens = buffer[at:]

    def of(self, number: str) -> dict[Evidence, str]:
        """What speaks for a canonical number, whomever it speaks of, with its token."""
        if not number.isdigit():
            return {}
        value = int(number)
        segment = bisect_right(self._firsts, value) - 1
        if segment < 0 or value > self._lasts[segment]:
            return {}
        found = self._references[self._begins[segment] : self._begins[segment + 1]]
        tokens = [bytes(self._tokens[self._ends[i] : self._ends[i + 1]]).decode("ascii") for i in found]
        said = [(read_token(token), token) for token in tokens]
        # of several that hold it is the first that is named
        said.sort(key=lambda pair: (_ORDER.index(pair[0].kind), -pair[0].not_after))
        return {evidence: token for evidence, token in said if evidence.covers(number)}
