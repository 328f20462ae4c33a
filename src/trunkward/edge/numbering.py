"""Sequence numbers of requests in a dialog (CSeq): which are in order, and which our own BYEs take."""

#: A peer's numbers end here, and leave room for those of a BYE that must follow. Some stacks begin with half
#: the seconds since 1900, which is far below until the 2030s.
MOST_OF_PEERS = 2**31 - 2**20
#: RFC 3261 8.1.1.5.
_MOST = 2**31 - 1
#: The first BYE of ours is so far ahead of all that was seen: for requests on their way, or since.
_AHEAD = 1000
#: Tries that follow at once, as each does whose number was too low; then the time between two of them
#: doubles, up to so many seconds.
_AT_ONCE, _LONGEST_S = 3, 8.0
#: "The CSeq sequence number of the request is lower" (12.2.2).
_OUT_OF_ORDER = 500


def noted(row: str, number: int, tag: str, first: int) -> tuple[str, bool]:
    """What is remembered of one side's requests after this one, and whether it is in order (RFC 3261 12.2.2).

    `row`: what was, "" for nothing. `tag`: the callee's, as each early dialog counts by itself (12.1.2), from
    the number `first` of the INVITE on.
    """
    highest, known = _read(row)
    if known != tag:
        highest = first
    return (row, False) if number < highest else (f"{number} {tag}", True)


def highest(row: str) -> int:
    """The highest number of what `noted` gave; 0: there is none."""
    return _read(row)[0]


def _read(row: str) -> tuple[int, str]:
    number, _, tag = row.partition(" ")
    return int(number or 0), tag


def is_over(status: int) -> bool:
    """Whether the leg is gone whose peer has answered a BYE so.

    RFC 3261 15.1.2: 2xx, it is; 481, it was. 408: who sends a BYE must take it for gone, too (15.1.1).
    """
    return 200 <= status < 300 or status in (408, 481)


class Tries:
    """The numbers and times of a BYE that is sent until the leg is known to be over."""

    def __init__(self, seen: int) -> None:
        """`seen`: the highest number of the side it is sent for."""
        self._number = seen + _AHEAD
        self._ahead = _AHEAD
        #: How often it was refused, not answered, or had no way.
        self.failed = 0
        self._in_vain = 0
        self._next_s = 0.0

    def is_due(self, now_s: float) -> bool:
        """Whether the next one may go."""
        return now_s >= self._next_s

    def number(self) -> int:
        """That of the next one: each is a request of its own (12.2.1.1)."""
        self._number = min(self._number + 1, _MOST)
        return self._number

    def refused(self, status: int, now_s: float) -> None:
        """It was answered, and the leg may be alive: by 500 because a higher number was seen there."""
        if status == _OUT_OF_ORDER and self._number < _MOST:
            self._ahead *= 2
            self._number += self._ahead
            self.failed += 1
        else:
            self.again(now_s)

    def again(self, now_s: float) -> None:
        """It was not answered, or there was no way."""
        self.failed += 1
        self._in_vain += 1
        if self._in_vain > _AT_ONCE:
            self._next_s = now_s + min(2.0 ** min(self._in_vain - _AT_ONCE, 10), _LONGEST_S)
