"""Findings about numbers: with their version and their journal entry, or not at all."""

from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from trunkward.access.actor import Actor
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.configuration import Superseded
from trunkward.control.effects import Effects
from trunkward.control.node_file import accept_node_file
from trunkward.control.verified import verified, withdrawn
from trunkward.journal.commitment import commitment
from trunkward.store.configuration import SqlConfiguration
from trunkward.trunks.callers import NumberChange, Verification
from trunkward.trunks.evidence import EvidenceForgotten

EXAMPLE = (Path(__file__).parents[2] / "examples" / "node.yaml").read_text(encoding="utf-8")
ALICE, BOB = Actor(name="alice", uid=1000), Actor(name="bob", uid=1001)
NUMBER, NOW = "+12125550150", 1_800_000_000.0
SALT = "5a" * 16
ACCEPTED = accept_node_file(EXAMPLE, "node.yaml")


@pytest.fixture
def store(configuration_engine: sa.Engine) -> SqlConfiguration:
    """With one version."""
    made = SqlConfiguration(configuration_engine)
    planned = configuration.plan(made, ACCEPTED, Effects())
    configuration.accept(made, planned, actor=ALICE, command="apply", at=NOW - 10)
    return made


def change(store: SqlConfiguration, until: float = NOW + 86_400) -> NumberChange:
    return verified(
        ACCEPTED.declared,
        store.verifications(),
        number=NUMBER,
        trunk="acme-hq",
        evidence="letter, folder 7",
        file_sha256="ab" * 32,
        until=until,
        now=NOW,
        salt=SALT,
    )


def test_found_found_again_and_taken_back(store: SqlConfiguration) -> None:
    assert store.verifications() == []
    first = put_down(store, change(store), actor=BOB, command="number verify", at=NOW, beyond=7)
    assert (first.number, first.summary) == (8, "a number verified for trunk acme-hq")
    (found,) = store.verifications()
    assert found == Verification(
        version=8,
        number=NUMBER,
        trunk="acme-hq",
        tenant="acme",
        evidence="letter, folder 7",
        file_sha256="ab" * 32,
        until=NOW + 86_400,
        salt=SALT,
    )
    again = put_down(store, change(store, NOW + 999), actor=BOB, command="x", at=NOW, beyond=0)
    assert [(one.version, one.withdrawn) for one in store.verifications()] == [(9, 0), (8, again.number)]
    gone = withdrawn(ACCEPTED.declared, store.verifications(), number=NUMBER, trunk=None, now=NOW)
    put_down(store, gone, actor=ALICE, command="x", at=NOW, beyond=0)
    assert not any(one.holds(NOW) for one in store.verifications())
    # all of it is in the journal, and the file is the same all the time
    versions, entries = store.history()
    assert [version.actor.name for version in configuration.history(store, None)] == [
        *("alice", "bob", "bob", "alice")
    ]
    assert {store.text(version) for version in versions} == {EXAMPLE}
    told = [msgspec.json.decode(entry.text).get("number") for entry in entries]
    assert told[0] is None
    assert told[1] == {
        "act": "verify",
        "commits": {
            name: commitment(bytes.fromhex(SALT), name, value)
            for name, value in (
                ("number", NUMBER),
                ("evidence", "letter, folder 7"),
            )
        },
        "trunk": "acme-hq",
        "tenant": "acme",
        "file_sha256": "ab" * 32,
        "until": NOW + 86_400,
        "ended": [],
    }
    assert [entry["act"] for entry in told[1:]] == ["verify", "verify", "withdraw"]
    assert told[3]["ended"] == [9]
    assert not [entry for entry in entries if NUMBER in entry.text or "folder" in entry.text]
    over = EvidenceForgotten(findings=(8,), kept_days=730)
    put_down(store, over, actor=ALICE, command="x", at=NOW, beyond=0)
    assert [one.version for one in store.verifications()] == [9]


def test_what_is_not_written_leaves_nothing(store: SqlConfiguration, configuration_engine: sa.Engine) -> None:
    planned = change(store)
    with configuration_engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE verified_numbers"))
    before = store.versions()
    with pytest.raises(sa.exc.DBAPIError):
        put_down(store, planned, actor=BOB, command="x", at=NOW, beyond=0)
    assert store.versions() == before
    assert len(store.history()[1]) == 1
    # who may only read, and finds a database of a version before, finds none
    assert store.verifications() == []


def test_somebody_else_was_faster(store: SqlConfiguration) -> None:
    head = store.head()
    assert head is not None
    late = configuration.Version(
        number=9, at=NOW, actor=BOB, command="x", summary="", text_sha256=head.text_sha256
    )
    put_down(store, change(store), actor=BOB, command="x", at=NOW, beyond=0)
    with pytest.raises(Superseded):
        store.add(late, EXAMPLE, ACCEPTED.objects, [], after=head.number, act=change(store))
    assert len(store.verifications()) == 1
