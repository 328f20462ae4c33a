"""Which records of evidence are deleted, and when not yet."""

from copy import replace

import pytest

from trunkward.control.evidence_retention import forgotten, journaled, may_next, said
from trunkward.journal.chain import Entry, begin_or_continue
from trunkward.trunks.callers import Verification
from trunkward.trunks.evidence import GRACE_S, EvidenceForgotten, EvidenceRecord

DAY = 86_400.0
END = 1_800_000_000.0
RECORD = EvidenceRecord(
    version=17, trunk="acme-hq", tenant="acme", customer="KYC-2026-17", kind="loa", first="+12025550150",
    last="+12025550159", file_name="letter.pdf", file_sha256="ab" * 32, why="filed", until=END, salt="5a" * 16,
)  # fmt: skip


@pytest.mark.parametrize(
    ("days", "at", "over"),
    [
        (730, END + 730 * DAY - 1, False),
        (730, END + 730 * DAY, True),
        # calls may rest on it until its grace is over
        (1, END + GRACE_S - 1, False),
        (1, END + GRACE_S, True),
    ],
)
def test_property_34_when_its_time_is_over(days: int, at: float, over: bool) -> None:
    """Property 34: what attestations rested on is kept as long as is said."""
    for record in (RECORD, replace(RECORD, reviewed=18, accepted=True), replace(RECORD, revoked=19)):
        found = forgotten([record], [], days, at)
        assert found == (EvidenceForgotten(records=(17,), kept_days=days) if over else None)


FINDING = Verification(
    version=12, number="+12125550150", trunk="acme-hq", tenant="acme", evidence="x", file_sha256="", until=END
)  # fmt: skip


def test_property_34_never_more_than_a_week_of_them_at_once() -> None:
    """Property 34: by a clock that has jumped to 2038 a week's records go, and the next day another's."""
    ends = [END, END + 7 * DAY, END + 7 * DAY + 1, END + 900 * DAY]
    records = [replace(RECORD, version=number, until=end) for number, end in enumerate(ends, 1)]
    found = forgotten(records, [replace(FINDING, until=END + 8 * DAY)], 730, END + 4000 * DAY)
    assert found == EvidenceForgotten(records=(1, 2), kept_days=730)
    found = forgotten(records[2:], [FINDING], 730, END + 4000 * DAY)
    assert found == EvidenceForgotten(findings=(12,), kept_days=730)
    found = forgotten(records[2:], [], 730, END + 4000 * DAY)
    assert found == EvidenceForgotten(records=(3,), kept_days=730)


def test_property_34_and_not_twice_a_day() -> None:
    """Property 34: the journal of acts says when some went last, whoever asks, and whatever was started anew."""
    acts: list[dict[str, object]] = [{"at": END, "evidence_deleted": {"records": [1]}}, {"at": END + 5.0}]
    entries: list[Entry] = []
    for act in acts:
        entries.append(begin_or_continue(entries[-1] if entries else None, act))
    assert may_next(entries, END + 60) == END + DAY
    assert may_next(entries[1:], END + 60) == may_next([], END) == 0.0


def test_property_34_one_deletion_by_a_wrong_clock_stops_none_for_years() -> None:
    """Property 34: one in 2038, and the clock is right again. One that was a little ahead counts."""
    for ahead, following in ((4000 * DAY, END + DAY), (60.0, END + 60 + DAY)):
        entries: list[Entry] = []
        for at in (END, END + ahead):
            act = {"at": at, "evidence_deleted": {"records": [1]}}
            entries.append(begin_or_continue(entries[-1] if entries else None, act))
        assert may_next(entries, END + 30) == following


def test_what_is_said_of_it() -> None:
    later = replace(RECORD, version=21, until=END + DAY)
    records = [later, RECORD, replace(RECORD, version=30, until=END + 900 * DAY)]
    finding = FINDING
    act = forgotten(
        records, [finding, replace(finding, version=40, until=END + 2 * DAY)], 730, END + 731 * DAY
    )
    assert act is not None
    assert said(act) == "deleted 730 days after the end: evidence 17, evidence 21, verified number 12"
    assert journaled(act) == {"records": [17, 21], "findings": [12], "kept_days": 730}
