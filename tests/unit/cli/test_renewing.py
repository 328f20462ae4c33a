"""Tokens are issued anew by whoever needs them: an upgrade at once, a node that is up in the second half of their time."""

import json
import time
from copy import replace
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trunkward.cli import planning, renewing
from trunkward.cli.changing import configuration_store
from trunkward.cli.plan_shown import plan_document, show_plan
from trunkward.cli.renewing import NotRenewed, renewed, run_renew
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.configuration import Plan
from trunkward.control.declared import InForce
from trunkward.control.effects import Effects
from trunkward.control.evidence_journal import sound
from trunkward.control.evidence_tokens import LIFETIME_S
from trunkward.control.node_file import accept_node_file
from trunkward.control.spending import held
from trunkward.control.verified import verified
from trunkward.engines.denied_file import read_own
from trunkward.engines.in_force import read_in_force
from trunkward.engines.live import NotApplied
from trunkward.engines.tokens import tokens_for
from trunkward.engines.unsound_state import read_unsound
from trunkward.shaken import evidence, relationship
from trunkward.store.configuration_schema import evidence as evidence_rows
from trunkward.store.configuration_schema import holds as hold_rows
from trunkward.store.configuration_schema import verified_numbers as verified_rows
from trunkward.trunks.evidence import GRACE_S
from trunkward.trunks.spending import HoldScope
from unit.cli.evidence_node import ACCEPTED, ALICE, DAY, EXAMPLE, EvidenceNode


@pytest.fixture
def node(tmp_path: Path) -> EvidenceNode:
    found = EvidenceNode(tmp_path, time.time())
    (found.paths.config.parent / "state/config/decks").mkdir(parents=True, exist_ok=True)
    return found


#: As a version wrote it that knew no relationships, no blocks and no name of the key.
OLD = InForce(version=1, node_file=EXAMPLE, certificates={"acme-hq": ["ab" * 32]}, evidence={})


def after(node: EvidenceNode, before: InForce, *, command: str = "upgrade", later_s: float = 0) -> InForce:
    now = datetime.fromtimestamp(node.now + later_s, UTC)
    with configuration_store(node.paths, make=True) as store:
        return renewed(node.paths, store, before, actor=ALICE, command=command, now=now)


def versions(node: EvidenceNode) -> list[tuple[int, str]]:
    with configuration_store(node.paths, make=False) as store:
        return [(one.number, one.command) for one in store.versions()][::-1]


def test_what_a_version_before_never_issued_is_a_version_of_the_same_file(node: EvidenceNode) -> None:
    found = after(node, OLD)
    assert relationship.read_token(found.relationships["acme-hq"]).customer == "KYC-2026-17"
    assert evidence.read_token(found.evidence["acme-hq"][0]).first == "12025550101"
    assert found.node_file == OLD.node_file
    assert versions(node) == [(1, "apply"), (2, "upgrade")]
    # and is good from then on
    assert after(node, found) is found
    assert len(versions(node)) == 2


def test_broken_off_after_the_version_it_goes_on_from_there(node: EvidenceNode) -> None:
    first = after(node, OLD)
    again = after(node, OLD)
    assert (again.version, versions(node)) == (first.version, [(1, "apply"), (2, "upgrade")])


def test_what_somebody_left_undone_comes_first(node: EvidenceNode) -> None:
    other = accept_node_file(EXAMPLE + "# another\n", "node.yaml")
    with configuration_store(node.paths, make=True) as store:
        configuration.accept(
            store, configuration.plan(store, other, Effects()), actor=ALICE, command="apply", at=node.now
        )
    with pytest.raises(NotRenewed, match=r"version 2 is not in force: \./trunkward apply finishes that"):
        after(node, OLD)


class Running:
    """A node that is up, and takes what is put in force unless a test says otherwise."""

    def __init__(self, node: EvidenceNode, monkeypatch: pytest.MonkeyPatch) -> None:
        self.node, self.doubt, self.fails = node, "", ""
        monkeypatch.setattr(renewing, "is_running", lambda _: True)
        monkeypatch.setattr(renewing, "check_runs_this", lambda _: None)
        monkeypatch.setattr(renewing, "doubted", lambda *_, **__: self.doubt)
        monkeypatch.setattr(renewing, "put_policy_in_force", self._put)
        self._put(node.paths, OLD, after(node, OLD))

    def _put(self, _: Any, __: Any, wanted: InForce, ___: Any = None, **____: Any) -> None:
        if self.fails:
            raise NotApplied(self.fails)
        self.node.paths.declared.parent.mkdir(exist_ok=True)
        self.node.paths.declared.write_bytes(msgspec.json.encode(wanted))

    def now_holds(self) -> None:
        """The newest version comes in force."""
        now = datetime.fromtimestamp(self.node.now, UTC)
        before = read_in_force(self.node.paths.declared)
        assert before is not None
        with configuration_store(self.node.paths, make=True) as store:
            records, _ = sound(store)
            tokens = tokens_for(self.node.paths, ACCEPTED.declared, records, before, now=now)
            head = store.head()
        assert head is not None
        held = replace(before, version=head.number, evidence=tokens.evidence, blocks=tokens.blocks)
        self._put(self.node.paths, before, held)

    def evidence_ids(self) -> set[str]:
        """Records that tokens in force name."""
        found = read_in_force(self.node.paths.declared)
        assert found is not None
        return {evidence.read_token(one).id for its in found.evidence.values() for one in its}

    def ends(self) -> float:
        """The first end of any token in force."""
        found = read_in_force(self.node.paths.declared)
        assert found is not None
        tokens = [one for its in found.evidence.values() for one in its]
        return min(
            *(evidence.read_token(one).not_after for one in tokens),
            *(relationship.read_token(one).not_after for one in found.relationships.values()),
        )


def planned_now(node: EvidenceNode, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """What `plan` says of the very file that is in force."""
    monkeypatch.setattr(planning, "is_running", lambda _: True)
    monkeypatch.setattr(planning, "unfinished", lambda _: None)
    with configuration_store(node.paths, make=False) as store:
        return planning.planned_change(node.paths, ACCEPTED, planning.Held(node.paths), store)


@pytest.fixture
def running(node: EvidenceNode, monkeypatch: pytest.MonkeyPatch) -> Running:
    return Running(node, monkeypatch)


def _days_later(node: EvidenceNode, monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    later = node.now + days * 86_400
    monkeypatch.setattr(time, "time", lambda: later)

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(later, tz)

    monkeypatch.setattr(renewing, "datetime", Then)


def test_in_the_second_half_of_their_time_they_are_renewed_by_itself(
    node: EvidenceNode, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ninety days without `apply` take no level away."""
    _days_later(node, monkeypatch, 44)
    assert run_renew(node.paths) == 0
    assert len(versions(node)) == 2
    _days_later(node, monkeypatch, 46)
    assert run_renew(node.paths) == 0
    assert versions(node)[2:] == [(3, "renew")]
    assert running.ends() == pytest.approx(time.time() + LIFETIME_S, abs=2)
    last = json.loads(node.entries()[-1])
    assert (last["actor"], last["actor_uid"], last["actor_source"]) == ("up", 0, "process")
    assert run_renew(node.paths) == 0
    assert len(versions(node)) == 3


def test_a_record_that_was_changed_signs_for_an_hour_at_most(
    node: EvidenceNode, running: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its token would hold for as long as the record was to; whoever watches is told."""
    number = node.accepted("+12125550150")
    running.now_holds()
    assert f"evidence-{number}" in running.evidence_ids()
    before = len(versions(node))
    assert (run_renew(node.paths), read_unsound(node.paths), len(versions(node))) == (0, (), before)
    node.changed(evidence_rows.update().values(last="+12125550159"))
    planned = planned_now(node, monkeypatch)
    assert (planned.unsound, planned.effects.kind) == ((f"evidence-{number}",), "reload")
    assert plan_document(planned)["unsound"] == [f"evidence-{number}"]
    capsys.readouterr()
    show_plan(planned)
    said = capsys.readouterr().out
    assert "is this very file, but what was issued for it is not sound any more" in said
    assert f"- tokens of evidence-{number}, which is not as it was journaled" in said
    assert run_renew(node.paths) == 0
    assert versions(node)[before:] == [(before + 1, "renew")]
    assert f"evidence-{number}" not in running.evidence_ids()
    (problem,) = read_unsound(node.paths)
    assert problem.startswith(f"record {number} of evidence is not as it was entered")
    assert f"./trunkward evidence revoke {number}" in problem
    # a gate that kept the token, because somebody has taken it over, shows it in vain
    assert read_own(node.paths).until == {f"evidence-{number}": ceil(node.now + 300 * DAY + GRACE_S)}
    # that was all
    assert run_renew(node.paths) == 0
    assert (planned_now(node, monkeypatch).unsound, len(versions(node))) == ((), before + 1)


def test_a_number_that_was_changed_is_shown_for_an_hour_at_most_and_a_hold_stays(
    node: EvidenceNode, running: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Summary: gates judge by what is in force, whatever becomes of a row; the next look has it as it was journaled."""
    finding = verified(
        *(ACCEPTED.declared, []),
        number="+12125550150",
        trunk="acme-hq",
        evidence="letter",
        file_sha256="",
        until=node.now + 9e6,
        now=node.now,
        salt="5a" * 16,
    )
    hold = held(ACCEPTED.declared, [], owner="tenant:acme", scope=HoldScope.ALL, cut=False, why="fraud")
    for act in (finding, hold):
        with configuration_store(node.paths, make=True) as store:
            put_down(store, act, actor=ALICE, command="x", at=node.now, beyond=0)
    now = read_in_force(node.paths.declared)
    assert now is not None
    running._put(node.paths, now, after(node, now))
    before = len(versions(node))
    assert (run_renew(node.paths), read_unsound(node.paths), len(versions(node))) == (0, (), before)
    node.changed(verified_rows.update().values(until=9e12))
    node.changed(hold_rows.delete())
    planned = planned_now(node, monkeypatch)
    assert (planned.unproven, planned.effects.kind) == (("+12125550150 of acme-hq",), "reload")
    assert plan_document(planned)["unproven"] == ["+12125550150 of acme-hq"]
    capsys.readouterr()
    show_plan(planned)
    assert "~ +12125550150 of acme-hq, which is not in force as it was journaled" in capsys.readouterr().out
    assert run_renew(node.paths) == 0
    assert versions(node)[before:] == [(before + 1, "renew")]
    found = read_in_force(node.paths.declared)
    assert found is not None
    assert (found.verified, [one.owner for one in found.holds]) == ([], ["tenant:acme"])
    number, released = read_unsound(node.paths)
    assert "a verified number of trunk acme-hq (version 3)" in number
    assert "a hold of tenant:acme (version 4)" in released
    # that was all
    assert run_renew(node.paths) == 0
    assert (planned_now(node, monkeypatch).unproven, len(versions(node))) == ((), before + 1)


def test_what_stands_in_the_way_is_said(
    node: EvidenceNode, running: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _days_later(node, monkeypatch, 46)
    running.doubt = "the clock is not synchronised"
    assert run_renew(node.paths) == 2
    assert "evidence tokens are not renewed: the clock is not synchronised" in capsys.readouterr().err
    assert len(versions(node)) == 2
    running.doubt, running.fails = "", "gate-0 has not taken policy 3"
    assert run_renew(node.paths) == 1
    assert "not everywhere in force: gate-0 has not taken policy 3" in " ".join(
        capsys.readouterr().err.split()
    )
    # an hour later it goes on from there
    running.fails = ""
    assert run_renew(node.paths) == 0
    assert versions(node)[2:] == [(3, "renew")]
    assert running.ends() > time.time() + LIFETIME_S - 10


def test_where_no_node_is_up_nothing_is_done(
    node: EvidenceNode, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    _days_later(node, monkeypatch, 46)
    monkeypatch.setattr(renewing, "is_running", lambda _: False)
    assert run_renew(node.paths) == 0
    assert len(versions(node)) == 2
