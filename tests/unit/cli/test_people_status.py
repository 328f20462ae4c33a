"""Property 31: what `status` says of traceback requests that are not answered."""

import time
from pathlib import Path

import pytest

from trunkward.cli.changing import configuration_store
from trunkward.cli.people_status import Waiting, document, lines, waiting
from trunkward.control.acts import put_down
from trunkward.control.traceback_register import register
from trunkward.control.traceback_requests import ANSWER_S, OpenRequest, closed, opened
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.database import open_database
from unit.cli.evidence_node import ALICE, EvidenceNode

NOW = 1_800_000_000.0
ITG = OpenRequest(asked_by="ITG 7", due_at=NOW + ANSWER_S)


def test_property_31_status_has_a_request_until_it_needs_no_answer(tmp_path: Path) -> None:
    node = EvidenceNode(tmp_path, time.time())
    assert waiting(node.paths) == Waiting()
    with configuration_store(node.paths, make=True) as store:
        opening = opened(register(store)[0], "ITG 7", node.now)
        put_down(store, opening, actor=ALICE, command="traceback open", at=node.now, beyond=0)
        due_at = node.now + ANSWER_S
        assert waiting(node.paths).tracebacks == (OpenRequest(asked_by="ITG 7", due_at=due_at),)
        closing = closed(register(store)[0], "ITG 7", "taken back")
        put_down(store, closing, actor=ALICE, command="traceback close", at=node.now, beyond=0)
    assert waiting(node.paths) == Waiting()


@pytest.mark.parametrize(("after_s", "style"), [(0.0, ""), (ANSWER_S - 60, "yellow"), (ANSWER_S, "red")])
def test_property_31_the_nearer_its_end_the_louder(after_s: float, style: str) -> None:
    waits, now = Waiting(tracebacks=(ITG,)), NOW + after_s
    (line,) = lines(waits, now)
    assert line.plain.startswith("  traceback request 'ITG 7' is not answered: it ")
    assert [span.style for span in line.spans] == ([style] if style else [])
    assert document(waits, now) == {
        "reviews": {},
        "evidence_problems": [],
        "traceback_problem": "",
        "tracebacks": {"ITG 7": line.plain.strip()},
    }


def test_property_31_who_closes_one_in_the_database_alone_is_told_of(tmp_path: Path) -> None:
    node = EvidenceNode(tmp_path, time.time())
    with configuration_store(node.paths, make=True) as store:
        opening = opened(register(store)[0], "ITG 7", node.now)
        put_down(store, opening, actor=ALICE, command="traceback open", at=node.now, beyond=0)
    engine = open_database(node.paths.configuration_url)
    forging = SqlConfiguration(engine)  # versions and chain hold, and root has not written it
    closing = closed(register(forging)[0], "ITG 7", "x")
    put_down(forging, closing, actor=ALICE, command="traceback close", at=node.now, beyond=0)
    engine.dispose()
    waits = waiting(node.paths)
    assert waits.doubt.startswith("root has not written entries 3 to 3 of the journal of acts")
    assert waits.doubt.endswith("the register of traceback requests is not proven")
    (line,) = lines(waits, NOW)
    assert line.plain == f"  traceback {waits.doubt}"
    assert document(waits, NOW)["traceback_problem"] == waits.doubt
