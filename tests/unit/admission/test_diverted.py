"""By which of a customer's own numbers a call came to be where it goes: what may be signed of it."""

from collections.abc import Callable

import pytest

from trunkward.admission.diverted import MOST_RETARGETS, diverted, retargets
from trunkward.calls.attempt import CallAttempt
from trunkward.numbering.plan import default_plan

OWN = [f"+1202555010{digit}" for digit in range(10)]
FOREIGN, CALLED = "+12125550150", "+13035550188"


def uris(*numbers: str) -> list[str]:
    return [f"<sip:{number}@10.9.8.7>;reason=unconditional" for number in numbers]


def history(*numbers: str) -> list[str]:
    return [f"<sip:{number}@10.9.8.7>;index=1{'.1' * at}" for at, number in enumerate(numbers)]


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        # Diversion has the newest on top (RFC 5806 section 5)
        ({"diversion": uris(OWN[1])}, OWN[1:2]),
        ({"diversion": uris(OWN[2], OWN[1])}, OWN[1:3]),
        ({"diversion": [", ".join(uris(OWN[2], OWN[1]))]}, OWN[1:3]),
        # back to where it was not the customer's
        ({"diversion": uris(OWN[2], FOREIGN, OWN[1])}, OWN[2:3]),
        ({"diversion": uris(FOREIGN, OWN[1])}, []),
        # nothing is said over a gap, of what cannot be read or is not to be told
        ({"diversion": uris(OWN[3], "alice", OWN[1])}, OWN[3:4]),
        ({"diversion": [*uris(OWN[3]), f"<sip:{OWN[2]}@x>;privacy=full", *uris(OWN[1])]}, OWN[3:4]),
        # nor of a ring
        ({"diversion": uris(OWN[1], OWN[2], OWN[1])}, [OWN[2], OWN[1]]),
        ({"diversion": uris(CALLED, OWN[1])}, []),
        ({"diversion": uris(*reversed(OWN[:7]))}, OWN[7 - MOST_RETARGETS : 7]),
        # History-Info has it last, and where the call goes behind it (RFC 7044 section 5)
        ({"history-info": history(OWN[1], CALLED)}, OWN[1:2]),
        ({"history-info": history(OWN[1], OWN[2])}, OWN[1:3]),
        ({"history-info": history(FOREIGN, OWN[1], OWN[2], CALLED)}, OWN[1:3]),
        # of both Diversion counts
        ({"diversion": uris(OWN[1]), "history-info": history(OWN[2], CALLED)}, OWN[1:2]),
        ({}, []),
    ],
)
def test_retargets(
    outbound: Callable[..., CallAttempt], headers: dict[str, list[str]], found: list[str]
) -> None:
    entries = diverted(outbound(headers=headers), default_plan("1", "US"))
    assert list(retargets(entries, CALLED, lambda number: number in OWN)) == found
