"""That a node was restored is an act like others, and names what holds again."""

from dataclasses import replace

from trunkward.control.acts import journaled, said
from trunkward.control.restored import RestoreConfirmed, Restored, has_gone_on, holding
from trunkward.journal.chain import Entry, begin_or_continue
from trunkward.journal.heads import Head
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
    assert holding([replace(RECORD, version=19), RECORD], NOW, {19}) == [RECORD]


def _chain(*facts: str) -> list[Entry]:
    entries: list[Entry] = []
    for each in facts:
        entries.append(begin_or_continue(entries[-1] if entries else None, {"said": each}))
    return entries


def test_which_journal_goes_on_from_another() -> None:
    backup = _chain("a", "b")[-1]
    assert has_gone_on(_chain("a", "b"), backup)
    assert has_gone_on(_chain("a", "b", "c"), backup)
    for other in ([], _chain("a"), _chain("x", "b", "c"), _chain("a", "x", "c")):
        assert not has_gone_on(other, backup)
    assert not has_gone_on(_chain("a", "b"), None)
    # whoever took a revocation out of it has broken it
    one, two, three, four = _chain("a", "b", "c", "d")
    assert has_gone_on([one, two, three, four], backup)
    assert not has_gone_on([one, two, four], backup)


def test_what_is_said_of_it() -> None:
    head = Head(journal="node", seq=412, hash="ab" * 32)
    act = Restored(
        made_at="2026-11-20T03:00:00Z",
        version="0.1.0",
        evidence=(17, 19),
        denied=(18,),
        known=True,
        journals=(head,),
    )
    assert said(act) == "restored from the backup of 2026-11-20T03:00:00Z, made by version 0.1.0"
    assert journaled(act, 30) == {
        "restored": {
            "made_at": "2026-11-20T03:00:00Z",
            "by_version": "0.1.0",
            "evidence": [17, 19],
            "denied": [18],
            "known": True,
            "journals": {"node": [412, "ab" * 32]},
        }
    }


def test_what_is_said_of_a_look_at_it() -> None:
    act = RestoreConfirmed(made_at="2026-11-20T03:00:00Z", evidence=(17,))
    assert said(act) == "evidence of the backup of 2026-11-20T03:00:00Z looked through: 1 record holds"
    assert said(RestoreConfirmed(made_at="T", evidence=())).endswith("looked through: 0 records hold")
    assert journaled(act, 31) == {"restore_confirmed": {"made_at": "2026-11-20T03:00:00Z", "evidence": [17]}}
