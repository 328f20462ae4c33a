"""What waits for another person is told, and nothing else."""

from dataclasses import replace

from trunkward.control.reviews import waiting
from trunkward.trunks.evidence import EvidenceRecord

ENTERED = EvidenceRecord(
    version=7, trunk="acme-hq", tenant="acme", customer="KYC-2026-17", kind="loa", first="+12025550150",
    last="+12025550150", file_name="letter.pdf", file_sha256="ab" * 32, why="w", salt="5a" * 16, until=100.0,
)  # fmt: skip


def test_only_what_waits_and_could_still_be_accepted() -> None:
    reviewed = replace(ENTERED, version=8, reviewed=9, accepted=True)
    rejected = replace(ENTERED, version=10, reviewed=11, accepted=False)
    ended = replace(ENTERED, version=12, until=40.0)
    [(record, said)] = waiting([ENTERED, reviewed, rejected, ended], 50.0)
    assert record == "evidence record 7"
    assert "+12025550150" in said
    assert "./trunkward evidence review 7" in said
