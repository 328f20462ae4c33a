"""That a node was restored is an act like others, and names what holds again."""

from dataclasses import replace

from trunkward.control.acts import journaled, said
from trunkward.control.restored import Restored, holding
from trunkward.trunks.evidence import EvidenceRecord

NOW = 1_800_000_000.0
RECORD = EvidenceRecord(
    version=17, trunk="acme-hq", tenant="acme", customer="KYC-2026-17", kind="loa", first="+12025550150",
    last="+12025550150", file_name="letter.pdf", file_sha256="ab" * 32, why="filed", until=NOW + 1, salt="5a" * 16,
    reviewed=18, accepted=True,
)  # fmt: skip


def test_what_holds_again() -> None:
    others = (
        replace(RECORD, version=20, revoked=21),
        replace(RECORD, version=22, reviewed=0, accepted=False),
        replace(RECORD, version=23, until=NOW),
    )
    assert holding([replace(RECORD, version=19), *others, RECORD], NOW) == [
        RECORD,
        replace(RECORD, version=19),
    ]


def test_what_is_said_of_it() -> None:
    act = Restored(made_at="2026-11-20T03:00:00Z", version="0.1.0", evidence=(17, 19))
    assert said(act) == "restored from the backup of 2026-11-20T03:00:00Z, made by version 0.1.0"
    assert journaled(act, 30) == {
        "restored": {"made_at": "2026-11-20T03:00:00Z", "by_version": "0.1.0", "evidence": [17, 19]}
    }
