"""Whether who refused a call has tried its callee: where not, the next route may take it.

The Q.850 cause (RFC 3326, RFC 6432) tells the network from the person, where a reply has one: a 480 is
either, and a
503 may be a busy callee behind a gateway. Else the status tells. A 6xx is final (RFC 3261 section 16.7, step
5).
"""

import re

#: 402: the carrier has no money of ours. 408: it says nothing. The others: it cannot now.
_STATUSES = frozenset({402, 408, 500, 502, 503, 504})
#: No route there, out of order, out of circuits, congested, failed for now: ITU-T Q.850 section 2.2.7.
_OF_THE_NETWORK = frozenset({2, 3, 25, 27, 34, 38, 41, 42, 43, 44, 47, 58})
#: Unallocated, cleared, busy, no answer, absent, rejected, changed, incomplete.
_OF_THE_CALLEE = frozenset({1, 16, 17, 18, 19, 20, 21, 22, 28})
_CAUSE = re.compile(r"Q\.850\s*;(?:[^,]*;)?\s*cause\s*=\s*([0-9]{1,3})", re.IGNORECASE | re.ASCII)


def cause_of(reasons: list[str]) -> int:
    """The Q.850 cause in the `Reason` headers of a reply; 0 for none."""
    for value in reasons:
        if found := _CAUSE.search(value):
            return int(found[1])
    return 0


def may_follow(status: int, cause: int = 0) -> bool:
    """Whether another route may be tried after this final answer."""
    if not 400 <= status < 600 or cause in _OF_THE_CALLEE:
        return False
    return cause in _OF_THE_NETWORK or status in _STATUSES
