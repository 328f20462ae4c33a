"""Who can write the database lifts no cap, releases nobody, and has no trunk show a stranger's number."""

import time
from collections.abc import Callable
from copy import replace
from dataclasses import asdict
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from trunkward.cli.changing import configuration_store
from trunkward.cli.people_status import waiting
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.borne_out import BorneOut, borne_out
from trunkward.control.configuration import Act
from trunkward.control.declared import InForce
from trunkward.control.effects import Effects
from trunkward.control.node_file import accept_node_file
from trunkward.control.spending import held, lowered, raised, released
from trunkward.control.verified import in_force, verified, withdrawn
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.configuration_schema import holds, raises, verified_numbers
from trunkward.store.database import open_database
from trunkward.trunks.callers import VerifiedNumber
from trunkward.trunks.spending import HoldScope, Window
from unit.cli.evidence_node import ACCEPTED, ALICE, EXAMPLE, EvidenceNode

OWNER, TRUNK, STRANGER = "trunk:acme-hq", "acme-hq", "+12125559999"
WHY: dict[str, Any] = {"owner": OWNER, "why": "fraud"}


class Node(EvidenceNode):
    """What root does, and what is in force by it."""

    def does(self, decide: Callable[[SqlConfiguration, BorneOut], Act]) -> int:
        """One act by what holds now: its version."""
        with configuration_store(self.paths, make=True) as store:
            act = decide(store, borne_out(store, None, self.now))
            return put_down(store, act, actor=ALICE, command="x", at=self.now, beyond=0).number

    def kept(self, before: InForce | None = None) -> BorneOut:
        with configuration_store(self.paths, make=True) as store:
            return borne_out(store, before, self.now)

    def holds(self) -> int:
        return self.does(
            lambda _, kept: held(
                ACCEPTED.declared, kept.holds, scope=HoldScope.ALL, cut=False, nobodys=kept.nobodys, **WHY
            )
        )

    def releases(self) -> int:
        return self.does(lambda _, kept: released(kept.holds, nobodys=kept.nobodys, **WHY))

    def raises(self, micro: int = 40_000_000) -> int:
        return self.does(
            lambda _, kept: raised(
                *(ACCEPTED.declared, kept.raises),
                window=Window.DAY,
                to_micro=micro,
                for_s=3600,
                more=False,
                now=self.now,
                nobodys=kept.nobodys,
                **WHY,
            )
        )

    def lowers(self) -> int:
        return self.does(
            lambda _, kept: lowered(kept.raises, window=Window.DAY, now=self.now, nobodys=kept.nobodys, **WHY)
        )

    def verifies(self, number: str) -> int:
        return self.does(
            lambda store, kept: verified(
                *(ACCEPTED.declared, store.verifications()),
                number=number,
                trunk=TRUNK,
                evidence="letter",
                file_sha256="",
                until=self.now + 3600,
                now=self.now,
                salt="5a" * 16,
                unproven=kept.unproven,
            )
        )

    def withdraws(self, number: str, trunk: str | None = TRUNK) -> int:
        return self.does(
            lambda store, kept: withdrawn(
                *(ACCEPTED.declared, store.verifications()),
                number=number,
                trunk=trunk,
                now=self.now,
                unproven=kept.unproven,
            )
        )

    def put_in(self, table: sa.Table, row: dict[str, Any]) -> None:
        """A row by whoever can write to the database."""
        engine = open_database(self.paths.configuration_url)
        with engine.begin() as connection:
            connection.execute(table.insert().values(row))
        engine.dispose()

    def shows(self, before: InForce | None = None) -> list[str]:
        """The numbers trunks may show."""
        found = in_force(ACCEPTED.declared, self.kept(before).findings, self.now)
        return [one.number for one in found]


@pytest.fixture(params=["sqlite", "postgresql"])
def node(request: pytest.FixtureRequest, tmp_path: Any) -> Node:
    new_database = request.getfixturevalue("postgresql") if request.param == "postgresql" else str
    return Node(tmp_path, time.time(), database=new_database())


def said(node: Node, *words: str) -> None:
    """That there is one problem with these words, which `status` tells of too."""
    (problem,) = node.kept().problems
    assert all(word in problem for word in words), problem
    assert waiting(node.paths).problems == (problem,)


def test_what_root_has_done_is_in_force(node: Node) -> None:
    hold, cap, number = node.holds(), node.raises(), node.verifies(STRANGER)
    kept = node.kept()
    with configuration_store(node.paths, make=True) as store:
        # as the rows have them
        assert (kept.holds, kept.raises, kept.findings) == (
            *(store.holds(), store.raises(), store.verifications()),
        )
    assert [(one.version, one.owner) for one in kept.holds] == [(hold, OWNER)]
    assert [(one.version, one.owner) for one in kept.raises] == [(cap, OWNER)]
    assert [one.version for one in kept.findings] == [number]
    assert (kept.unproven, kept.nobodys, kept.problems) == ({}, [], [])
    node.releases()
    node.lowers()
    node.withdraws(STRANGER, None)
    assert node.kept() == BorneOut()


def test_a_hold_that_was_taken_out_stays_until_it_is_released(node: Node) -> None:
    hold = node.holds()
    node.changed(holds.delete())
    assert [one.version for one in node.kept().holds] == [hold]
    said(node, f"a hold of {OWNER} (version {hold})", "is in force, as it was made", f"release {OWNER}")
    node.releases()
    assert node.kept() == BorneOut()


@pytest.mark.parametrize("change", [{"ended": 1}, {"owner": "trunk:other"}, {"scope": "international"}])
def test_a_hold_that_was_changed_stays_as_it_was_made(node: Node, change: dict[str, Any]) -> None:
    hold = node.holds()
    node.changed(holds.update().values(change))
    (found,) = node.kept().holds
    assert (found.version, found.owner, found.scope, found.ended) == (hold, OWNER, HoldScope.ALL, 0)
    said(node, "is in force, as it was made")
    node.releases()
    assert node.kept() == BorneOut()


def test_a_hold_nobody_has_made_holds_nobody_and_is_in_nobodys_way(node: Node) -> None:
    row = {"version": 1, "owner": OWNER, "scope": "all", "cut": False, "why": "x", "ended": 0}
    node.put_in(holds, row)
    assert node.kept().holds == []
    said(node, f"a hold of {OWNER} (version 1)", "is not in force")
    hold = node.holds()
    assert [one.version for one in node.kept().holds] == [hold]
    assert node.kept().problems == []
    node.changed(holds.update().where(holds.c.version == 1).values(ended=0))
    node.releases()
    assert node.kept() == BorneOut()


def test_a_raise_nobody_has_made_lifts_no_cap(node: Node) -> None:
    row = {"version": 1, "owner": OWNER, "window": "day", "to_micro": 10**12, "until": node.now + 9e6}
    node.put_in(raises, row | {"why": "x", "ended": 0})
    assert node.kept().raises == []
    said(node, f"a raise of {OWNER} (version 1)", "does not hold", f"spend raise {OWNER} --window day --end")
    node.lowers()
    assert node.kept() == BorneOut()


@pytest.mark.parametrize("change", [{"to_micro": 10**12}, {"until": 9e12}, {"window": "month"}])
def test_a_raise_that_was_changed_is_as_it_was_made(node: Node, change: dict[str, Any]) -> None:
    cap = node.raises()
    (made,) = node.kept().raises
    node.changed(raises.update().values(change))
    assert node.kept().raises == [made]
    said(node, f"(version {cap})", "holds as it was made")
    node.lowers()
    assert node.kept() == BorneOut()


def test_a_raise_that_has_ended_does_not_begin_again(node: Node) -> None:
    node.raises()
    node.lowers()
    node.changed(raises.update().values(ended=0))
    assert node.kept().raises == []
    said(node, "does not hold")


def test_a_raise_of_who_left_the_file_does_not_begin_again(node: Node) -> None:
    """Summary: the node file ends it, which the journal says in its own way."""
    cap = node.raises()
    with configuration_store(node.paths, make=True) as store:
        other = accept_node_file(EXAMPLE.replace("acme-hq", "acme-branch"), "node.yaml")
        planned = configuration.plan(store, other, Effects())
        configuration.accept(store, planned, actor=ALICE, command="apply", at=node.now)
    assert node.kept() == BorneOut()
    node.changed(raises.update().values(ended=0))
    assert node.kept().raises == []
    said(node, f"(version {cap})", "does not hold")


def test_a_number_nobody_has_verified_is_not_shown(node: Node) -> None:
    number = node.verifies("+12125550150")
    with configuration_store(node.paths, make=True) as store:
        (row,) = store.verifications()
    node.put_in(verified_numbers, asdict(replace(row, version=1, number=STRANGER)))
    assert node.shows() == ["+12125550150"]
    said(node, f"a verified number of trunk {TRUNK} (version 1)", "is not the trunk's to show")
    node.withdraws(STRANGER, None)
    assert (node.shows(), node.kept().problems) == (["+12125550150"], [])
    assert [one.version for one in node.kept().findings] == [number]


@pytest.mark.parametrize(
    "change",
    [
        {"number": STRANGER},
        {"trunk": "other"},
        {"tenant": "other"},
        {"until": 9e12},
        {"evidence": "a better one"},
        {"file_sha256": "ab" * 32},
        {"salt": "00" * 16},
        {"salt": None},
    ],
)
def test_a_number_that_was_changed_is_not_shown(node: Node, change: dict[str, Any]) -> None:
    number = node.verifies("+12125550150")
    node.changed(verified_numbers.update().values(change))
    assert (node.shows(), node.kept().findings) == ([], [])
    (problem,) = node.kept().problems
    assert f"(version {number}) is not in the database as it was journaled" in problem
    assert waiting(node.paths).problems == (problem,)
    trunk = change.get("trunk", TRUNK)
    node.withdraws(change.get("number", "+12125550150"), trunk)
    assert node.kept() == BorneOut()


def test_a_number_that_was_taken_back_is_not_shown_again(node: Node) -> None:
    number = node.verifies(STRANGER)
    node.withdraws(STRANGER, None)
    node.changed(verified_numbers.update().values(withdrawn=0))
    assert node.shows() == []
    said(node, f"(version {number})", "is not the trunk's to show")
    node.withdraws(STRANGER, None)
    assert node.kept() == BorneOut()


@pytest.mark.parametrize("hidden", [verified_numbers.delete(), verified_numbers.update().values(withdrawn=1)])
def test_a_number_that_was_hidden_is_taken_back_all_the_same(node: Node, hidden: sa.Executable) -> None:
    """Summary: who hides a row from whoever is to take it back does not have it back afterwards."""
    number = node.verifies(STRANGER)
    with configuration_store(node.paths, make=True) as store:
        (row,) = store.verifications()
    node.changed(hidden)
    said(node, f"(version {number})", f"number withdraw NUMBER --trunk {TRUNK}")
    node.withdraws(STRANGER)
    assert node.kept() == BorneOut()
    with configuration_store(node.paths, make=True) as store:
        is_gone = not store.verifications()
    if is_gone:
        node.put_in(verified_numbers, asdict(row))
    else:
        node.changed(verified_numbers.update().values(withdrawn=0))
    assert node.shows() == []
    said(node, f"(version {number})")


def test_by_a_journal_that_others_wrote_nothing_is_in_force_anew(node: Node) -> None:
    """Summary: versions, chain and rows hold; what root has in force stays, but what the rows have no more."""
    node.raises()
    node.verifies("+12125550150")
    before = InForce(
        version=3,
        node_file=EXAMPLE,
        certificates={},
        evidence={},
        verified=[VerifiedNumber(number="+12125550150", trunk=TRUNK, until=node.now + 3600)],
        raises=node.kept().raises,
    )
    engine = open_database(node.paths.configuration_url)
    eve = SqlConfiguration(engine)
    forged = verified(
        *(ACCEPTED.declared, []),
        number=STRANGER,
        trunk=TRUNK,
        evidence="x",
        file_sha256="",
        until=node.now + 9,
        now=node.now,
        salt="00" * 16,
    )
    cap = raised(
        *(ACCEPTED.declared, []),
        window=Window.HOUR,
        to_micro=20_000_000,
        for_s=9,
        more=False,
        now=node.now,
        **WHY,
    )
    for act in (forged, cap):
        put_down(eve, act, actor=ALICE, command="x", at=node.now, beyond=0)
    engine.dispose()
    kept = node.kept(before)
    assert (node.shows(before), kept.raises) == (["+12125550150"], before.raises)
    (problem,) = kept.problems
    assert "root has not written entries" in problem
    assert "no number is verified anew, no cap is raised, and no hold ends" in problem
    # whoever has no file of what was in force
    assert (node.shows(), node.kept().raises) == ([], [])
    # a person's act does what it can without the journal: it takes away
    hold = node.holds()
    assert [one.version for one in node.kept(before).holds] == [hold]
    node.withdraws("+12125550150", None)
    node.does(lambda _, kept: lowered(before.raises, window=None, now=node.now, **WHY))
    assert (node.shows(before), node.kept(before).raises) == ([], [])
    before = msgspec.structs.replace(before, holds=node.kept(before).holds)
    node.releases()
    assert [one.version for one in node.kept(before).holds] == [hold]
