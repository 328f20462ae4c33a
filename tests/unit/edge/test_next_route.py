"""Which answers of a carrier leave a call to the next one."""

import pytest

from trunkward.edge.next_route import cause_of, may_follow


@pytest.mark.parametrize(
    ("status", "reasons", "follows"),
    [
        *((status, [], True) for status in (402, 408, 500, 502, 503, 504)),
        *((status, [], False) for status in (302, 403, 404, 480, 484, 486, 487, 488, 600, 603, 604)),
        # the network's, whatever status carries it
        (404, ["Q.850;cause=3"], True),
        (480, ['Q.850 ;cause=34 ;text="no circuit"'], True),
        (403, ['SIP;cause=403;text="x"', "Q.850;text=a;cause=42"], True),
        (480, ['SIP;cause=480;text="x", Q.850;cause=41'], True),
        # the callee's, too
        (503, ["Q.850;cause=17"], False),
        (500, ["q.850;Cause=16"], False),
        (480, ["Q.850;cause=18"], False),
        # of somebody else's protocol, or none of ours to know
        (404, ["SIP;cause=503"], False),
        (503, ["Q.850;cause=127"], True),
        (404, ["Q.850;cause=127"], False),
        (404, ["Q.850;cause="], False),
        # final, whatever the cause
        (603, ["Q.850;cause=34"], False),
        (302, ["Q.850;cause=34"], False),
    ],
)
def test_who_has_not_tried_the_callee(status: int, reasons: list[str], follows: bool) -> None:
    assert may_follow(status, cause_of(reasons)) is follows
