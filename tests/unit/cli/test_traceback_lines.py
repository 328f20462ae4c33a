"""Property 31: an answer to a traceback tells what the signer's line says of a call, of that call, and whatever became of its record."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from trunkward.cli import traceback
from trunkward.cli.changing import configuration_store
from trunkward.cli.why import known
from trunkward.control import configuration
from trunkward.control.configuration import ConfigurationStore
from trunkward.control.effects import Effects
from trunkward.control.sound_journal import sound_journal
from trunkward.control.traceback import Question
from trunkward.control.traceback_page import page, unproved
from trunkward.journal.chain import Entry
from trunkward.records.model import AttestationRecord, DecisionRecord
from trunkward.records.segment import encode
from trunkward.signer.journal import Line
from trunkward.store.schema import calls as table
from unit.cli.evidence_node import ACCEPTED, ALICE
from unit.cli.journal_node import KEY, Calls, Node

OURS, THEIRS = "+12025550101", "+12125550142"
AGO_S = 600.0


class Traced:
    """A node with calls whose lines commit to their numbers."""

    def __init__(self, home: Path) -> None:
        self.node = Node(home)
        self.calls = Calls(self.node)
        self.engine = self.calls.engine
        self.paths = self.node.paths
        self.at = time.time() - AGO_S
        with configuration_store(self.paths, make=True) as store:
            planned = configuration.plan(store, ACCEPTED, Effects())
            configuration.accept(store, planned, actor=ALICE, command="up", at=self.at - 5000)

    def line(self, record_id: str, *, at: float | None = None, **changed: Any) -> int:
        said: dict[str, Any] = {
            "kind": "signed",
            "at": self.at if at is None else at,
            "record_id": record_id,
            "trunk": "acme-hq",
            "tenant": "acme",
            "customer": "KYC-2026-17",
            "level": "B",
            "rule": "B-known-customer",
            "serial": "1f",
        }
        private = {"call": sha256(record_id.encode()).hexdigest(), "orig": OURS[1:], "dest": THEIRS[1:]}
        private = {name: changed.pop(name, value) for name, value in private.items()}
        return self.node.journal.commit([Line(facts=said | changed, private=private)])

    def record(self, record_id: str, line: int | None, **changed: Any) -> DecisionRecord:
        said = AttestationRecord(rule="B-known-customer", identity="node", serial="1f", journal=line)
        facts: dict[str, Any] = {
            "record_id": record_id,
            "at": self.at + 0.05,
            "attempt_id": "a",
            "call_id": record_id,
            "verdict": "admit",
            "reason": "admitted",
            "tenant": "acme",
            "trunk": "acme-hq",
            "source_name": "acme-hq",
            "direction": "outbound",
            "customer": "KYC-2026-17",
            "calling_number": OURS,
            "called_number": THEIRS,
            "attest": "B",
            "attestation": said,
            "policy_version": 1,
            "node": ACCEPTED.declared.node.ledger_name,
        }
        made = DecisionRecord(**(facts | changed))
        self.calls.store.ship([made], "gate-0/1", 1)
        return made

    def answer(self, *, shared: bool = False, number: str = OURS, **asked: Any) -> dict[str, Any]:
        question = Question(
            number=number,
            other=None,
            at=self.at,
            within_s=300.0,
            asked_by="ITG 7",
            received_at=self.at + 100,
            searched_at=time.time(),
        )
        url = "postgresql://nobody.invalid/records" if shared else ""
        paths = replace(self.paths, database=url, records_only=shared)
        return traceback._answer(paths, self.engine, ACCEPTED.declared, replace(question, **asked))


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[Traced]:
    made = Traced(tmp_path)
    yield made
    made.engine.dispose()


def test_property_31_the_line_of_a_call_is_its_proof(traced: Traced) -> None:
    traced.record("a" * 32, traced.line("a" * 32))
    traced.node.sign(AGO_S - 60)
    for shared in (False, True):
        found = traced.answer(shared=shared)
        (call,) = found["calls"]
        assert (call["proof"]["agrees_with_record"], call["proof"]["problem"]) == (True, "")
        assert (call["from"]["kind"], call["on_node"]) == ("customer", None)
        assert (found["signed_without_record"], found["searched"]["signed_lines"]) == ([], 1)
        assert list(unproved(found, KEY.public_key())) == []
        assert "   signed lines   1 are about that, none of them without a call on record" in list(
            page(found)
        )


OTHER: dict[str, Any] = {
    "tenant": "beta",
    "trunk": "beta-hq",
    "customer": "KYC-OTHER",
    "orig": "12025559999",
    "dest": "13035550000",
}


@pytest.mark.parametrize("node", ["sbc-2", ACCEPTED.declared.node.ledger_name])
def test_property_31_nothing_is_told_of_another_calls_line(traced: Traced, node: str) -> None:
    """Summary: Property 31: of a call of another node with the same database of records, and of one whose record others have given another line: no word of the line that has this number here, and where to ask."""
    number = traced.line("0" * 32, **OTHER)
    traced.record("a" * 32, number, node=node)
    found = traced.answer(shared=True)
    (call,) = found["calls"]
    said = json.dumps(found) + "\n".join(page(found))
    for other in (*OTHER.values(), "0" * 32):
        assert other not in said
    proof = call["proof"]
    assert (proof["text"], proof["values"], proof["head"], proof["agrees_with_record"]) == ("", {}, "", False)
    assert call["attestation"]["certificate"]["spc"] is None
    if node == "sbc-2":
        assert (call["on_node"], call["from"]["kind"], call["from"]["customer_verified"]) == (
            "sbc-2",
            None,
            None,
        )
        assert proof["problem"] == "it is on node sbc-2"
        assert "   on node        sbc-2, which has its proof and evidence: ask there, too" in list(
            page(found)
        )
    else:
        assert (call["on_node"], call["from"]["kind"]) == (None, "customer")
        assert proof["problem"] == "that line is about another call, and is not handed out"
    assert list(unproved(found, KEY.public_key())) == []


def test_property_31_a_record_does_not_say_by_itself_whose_call_it_is(traced: Traced) -> None:
    """Summary: Property 31: who gives a call to another node in the database hides nothing: the line here is about it."""
    traced.record("a" * 32, traced.line("a" * 32), node="sbc-2")
    (call,) = traced.answer(shared=True)["calls"]
    assert (call["on_node"], call["proof"]["agrees_with_record"]) == (None, True)


def test_property_31_what_was_changed_in_a_record_is_told(traced: Traced) -> None:
    traced.record("a" * 32, traced.line("a" * 32), tenant="innocent", customer="KYC-9")
    found = traced.answer()
    (call,) = found["calls"]
    assert call["proof"]["problem"] == "it differs in tenant, customer"
    assert list(unproved(found, KEY.public_key())) == [
        f"call {'a' * 32}: the signer's line says otherwise: tenant, customer"
    ]


def test_property_31_a_call_taken_out_of_the_records_is_answered_by_its_line(traced: Traced) -> None:
    """Summary: Property 31: who deletes a call's record, or gives it other numbers, finds that the answer has the line: customer, trunk, numbers, with proof."""
    number = traced.line("a" * 32)
    traced.record("b" * 32, traced.line("b" * 32))
    traced.line("c" * 32, **OTHER)  # nobody has asked about it
    traced.node.sign(AGO_S - 60)
    with traced.engine.begin() as connection:
        changed = table.update().where(table.c.record_id == "b" * 32).values(calling_number="+19995550100")
        assert connection.execute(changed).rowcount == 1
    found = traced.answer()
    assert found["calls"] == []
    gone, other = found["signed_without_record"]
    assert (gone["record_id"], gone["proof"]["line"]) == ("a" * 32, number)
    assert gone["from"] == {"name": "acme-hq", "tenant": "acme", "customer_reference": "KYC-2026-17"}
    assert (gone["calling_number"], gone["called_number"]) == (OURS[1:], THEIRS[1:])
    assert gone["record"].startswith("none is there: ")
    assert gone["proof"]["head"] != ""
    assert (other["record_id"], other["record"]) == (
        *("b" * 32, "the call on record has other numbers, or another time: changed"),
    )
    assert list(unproved(found, KEY.public_key())) == []
    said = "\n".join(page(found))
    assert "signed lines   2 are about that, 2 of them without a call on record" in said
    assert "signed for a call from 12025550101 to 12125550142" in said
    assert "acme, KYC record KYC-2026-17; trunk acme-hq, as the signer wrote it down" in said
    assert "KYC-OTHER" not in json.dumps(found)
    # of another time, or other numbers, nothing
    for asked in ({"at": traced.at - 1000}, {"number": "+12025550102"}, {"other": "+12025550102"}):
        assert traced.answer(**asked)["signed_without_record"] == []


def test_property_31_why_a_record_may_not_be_there_is_told(traced: Traced) -> None:
    """Summary: Property 31: its time was over; the worker has it to ship yet; the numbers of that time are not kept any more."""
    old = traced.at - 400 * 86_400
    traced.line("0" * 32, at=old)
    traced.line("a" * 32)
    (one,) = traced.answer(at=old)["signed_without_record"]
    assert one["record"] == "its time is over: calls of acme are kept 365 days"
    segment = traced.paths.gate_records(0) / "2.jsonl"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(encode(traced.record("b" * 32, None, at=traced.at - 1)))
    (one,) = traced.answer()["signed_without_record"]
    assert one["record"] == "on its way to the database"
    (traced.paths.signer_journal().with_name("details") / f"{day(old)}.jsonl").unlink()
    found = traced.answer(at=old)
    assert (found["signed_without_record"], found["searched"]["signed_lines_without_numbers"]) == ([], 1)
    assert "1 more of that time, whose numbers are not kept any more" in "\n".join(page(found))


def day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def test_property_31_a_line_the_record_does_not_name_is_found(traced: Traced) -> None:
    """Summary: Property 31: a line that came late has no number in the record, nor has a record that somebody has blanked; the line that names the call is its proof."""
    traced.line("0" * 32, **OTHER)
    number = traced.line("a" * 32)
    made = traced.record("a" * 32, None)
    (call,) = traced.answer()["calls"]
    assert (call["proof"]["line"], call["proof"]["agrees_with_record"]) == (number, True)
    view = traced.calls.store.look_up(made.record_id)[0]
    told = known(traced.paths, view).journal
    assert told is not None
    assert (told.line, told.facts["record_id"]) == (number, "a" * 32)
    assert known(traced.paths, view | {"record_id": "b" * 32}).journal is None
    traced.record("a" * 32, None, at=traced.at + 1, attest="", attestation=None)
    (call,) = traced.answer()["calls"]
    assert call["proof"]["line"] == number
    assert call["proof"]["problem"].startswith("by the record the call went unsigned")


def test_an_answer_follows_the_journal_of_acts_once(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    for record_id in ("a" * 32, "b" * 32, "c" * 32):
        traced.record(record_id, traced.line(record_id))
    followed: list[ConfigurationStore] = []

    def counted(store: ConfigurationStore) -> list[Entry]:
        followed.append(store)
        return sound_journal(store)

    monkeypatch.setattr("trunkward.cli.configured.sound_journal", counted)
    assert len(traced.answer()["calls"]) == 3
    assert len(followed) == 1


def test_property_31_a_record_that_was_given_the_numbers_opens_no_other_calls_line(traced: Traced) -> None:
    """Summary: Property 31: who writes the numbers asked about into another customer's record gets nothing of that one's line; with one of the two numbers, the line is the call's, and shows the other."""
    number = traced.line("a" * 32, orig="12025559999", dest="13035550000")
    traced.record("a" * 32, number)
    found = traced.answer()
    (call,) = found["calls"]
    assert (call["proof"]["text"], call["proof"]["line"]) == ("", number)
    assert call["proof"]["problem"].startswith("that line is about other numbers, and is not handed out")
    assert "12025559999" not in json.dumps(found)
    traced.record("b" * 32, traced.line("b" * 32, orig="12025558888"))
    found = traced.answer(number=THEIRS)
    (called,) = [each for each in found["calls"] if each["record_id"] == "b" * 32]
    assert called["proof"]["values"]["orig"][1] == "12025558888"
    assert called["proof"]["problem"] == "it differs in calling_number"
