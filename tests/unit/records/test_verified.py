"""What carriers' signatures were worth, summed up from records."""

from typing import Any

import msgspec

from trunkward.records.model import StirErrorRecord, VerificationRecord
from trunkward.records.verified import Summary, summaries

PASSED, FAILED, NONE = "TN-Validation-Passed", "TN-Validation-Failed", "No-TN-Validation"


def call(
    upstream: str, verstat: str, *causes: tuple[int, str], direction: str = "inbound", **told: Any
) -> dict[str, Any]:
    errors = [StirErrorRecord(code=code, cause=cause) for code, cause in causes]
    record = VerificationRecord(verstat=verstat, errors=errors, **told)
    return {
        "source_name": upstream,
        "direction": direction,
        "verification": msgspec.to_builtins(record),
    }


CALLS = [
    *(call("north", PASSED, attest="A", spc="709J") for _ in range(3)),
    call("north", PASSED, attest="B", spc="710K"),
    call("north", FAILED, (438, "signature"), (437, "chain-not-trusted")),
    call("north", FAILED, (438, "replayed")),
    call("north", NONE, why="no-identity"),
    call("north", NONE, why="certificate-late"),
    call("north", NONE, (436, "certificate-unavailable")),
    call("upstream", NONE, why="no-identity", direction="outbound"),
    # refused before it was verified, and one of a version that did not
    {"source_name": "north", "verification": None},
    {"source_name": "north"},
]


def test_by_who_sent_them() -> None:
    north, upstream = summaries(CALLS)
    assert north == Summary(
        upstream="north",
        kind="carrier",
        calls=9,
        signed=8,
        unsigned=1,
        passed=4,
        failed=2,
        unverified={"certificate-late": 1, "436 certificate-unavailable": 1},
        levels={"A": 3, "B": 1},
        errors={"438 signature": 1, "438 replayed": 1},
        replays=1,
        codes={"709J": 3, "710K": 1},
    )
    assert (upstream.upstream, upstream.kind, upstream.calls, upstream.signed) == ("upstream", "trunk", 1, 0)


def test_of_many_signers_the_most_frequent_are_told() -> None:
    calls = [call("north", PASSED, attest="A", spc=f"{number:04d}") for number in range(100)]
    [north] = summaries([*calls, call("north", PASSED, attest="A", spc="0099")])
    assert len(north.codes) == 20
    assert north.codes["0099"] == 2


def test_nothing_of_nobody() -> None:
    assert summaries([]) == []
