"""Records of evidence: with their version, their document and their journal entry, or not at all."""

from copy import replace
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from trunkward.access.actor import Actor, Source
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.configuration import Version
from trunkward.control.effects import Effects
from trunkward.control.evidence import added, reviewed, revoked, unpacked
from trunkward.control.evidence_journal import acts_of, sound, unlike_journal
from trunkward.control.node_file import accept_node_file
from trunkward.journal.commitment import opens
from trunkward.journal.own import Own, OwnInMemory, end_of
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.configuration_schema import evidence, journal, versions
from trunkward.trunks.evidence import BLOCK, CONTRACT, EvidenceChange, EvidenceForgotten, State
from trunkward.trunks.transit import OF_NODE, SigningIdentity

EXAMPLE = (Path(__file__).parents[2] / "examples" / "node.yaml").read_text(encoding="utf-8")
ALICE = Actor(name="alice", uid=1000, source=Source.LOGIN)
BOB = Actor(name="bob", uid=1001, source=Source.LOGIN)
NOW = 1_800_000_000.0
ACCEPTED = accept_node_file(EXAMPLE, "node.yaml")
LETTER = bytes(range(256)) * 400


@pytest.fixture
def store(configuration_engine: sa.Engine) -> SqlConfiguration:
    """With one version."""
    made = SqlConfiguration(configuration_engine)
    planned = configuration.plan(made, ACCEPTED, Effects())
    configuration.accept(made, planned, actor=ALICE, command="apply", at=NOW - 10)
    return made


def entering(numbers: str = "+12125550150-+12125550159") -> EvidenceChange:
    return added(
        ACCEPTED.declared,
        (),
        actor=ALICE,
        numbers=numbers,
        trunk="acme-hq",
        kind="loa",
        file_name="letter.pdf",
        document=LETTER,
        until=NOW + 86_400,
        why="folder 7",
        now=NOW,
        salt="5a" * 16,
    )


def do(store: SqlConfiguration, change: EvidenceChange, actor: Actor) -> Version:
    return put_down(store, change, actor=actor, command="evidence", at=NOW, beyond=0)


def accepting(store: SqlConfiguration, number: int) -> EvidenceChange:
    entered = store.version(number)
    assert entered is not None
    return reviewed(
        ACCEPTED.declared,
        store.evidence(),
        number,
        accept=True,
        why="called them",
        entered_by=entered.actor,
        actor=BOB,
        now=NOW,
    )


def test_entered_accepted_and_revoked(store: SqlConfiguration) -> None:
    assert store.evidence() == []
    do(store, entering(), ALICE)
    (record,) = store.evidence()
    assert (record.version, record.state(NOW)) == (2, State.ENTERED)
    assert unpacked(store.document(record)) == LETTER
    do(store, accepting(store, 2), BOB)
    (record,) = store.evidence()
    assert (record.reviewed, record.state(NOW), record.review_why) == (3, State.ACCEPTED, "called them")
    assert record.in_force(NOW)
    do(store, revoked(store.evidence(), 2, why="ported out", now=NOW), ALICE)
    (record,) = store.evidence()
    assert (record.revoked, record.state(NOW), record.revoke_why) == (4, State.REVOKED, "ported out")
    # all of it is in the journal, the file is the same all the time, and the document is still there
    versions, entries = store.history()
    assert [version.actor.name for version in configuration.history(store, None)] == [
        *("alice", "bob", "alice", "alice")
    ]
    assert {store.text(version) for version in versions} == {EXAMPLE}
    told = [msgspec.json.decode(entry.text)["evidence"] for entry in entries[1:]]
    assert [(entry["act"], entry["id"]) for entry in told] == [("add", 2), ("accept", 2), ("revoke", 2)]
    for entry, why in zip(told, ("folder 7", "called them", "ported out"), strict=True):
        assert opens(entry["commits"]["why"], record.salt, "why", why)
    # nothing personal is where nothing is ever deleted
    for personal in ("2125550150", "folder", "called", "ported", "letter.pdf"):
        assert personal not in "".join(entry.text for entry in entries)
        assert personal not in "".join(version.summary + version.command for version in versions)
    assert {entry["file_sha256"] for entry in told} == {record.file_sha256}
    # and by which proof each of them is who he is
    sources = [msgspec.json.decode(entry.text)["actor_source"] for entry in entries]
    assert sources == ["login"] * 4
    assert unpacked(store.document(record)) == LETTER
    assert unlike_journal(record, acts_of(entries)) == ""


def test_a_block_is_kept_and_journaled_with_its_identity(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    block = added(
        ACCEPTED.declared,
        (),
        actor=ALICE,
        numbers="+12125550000-+12125559999",
        kind=BLOCK,
        file_name="assignment.pdf",
        document=LETTER,
        until=NOW + 86_400,
        why="folder 8",
        now=NOW,
        salt="5a" * 16,
    )
    do(store, block, ALICE)
    do(store, accepting(store, 2), BOB)
    (record,) = store.evidence()
    assert (record.kind, record.identity, record.trunk, record.accepted) == (BLOCK, OF_NODE, "", True)
    assert sound(store) == ([record], [])
    assert record.spc == ACCEPTED.declared.node.spc
    # whose it is, and which provider's, cannot be changed behind the acts
    for column, other in (("identity", "resale"), ("spc", "111T"), ("spc", "")):
        with configuration_engine.begin() as connection:
            connection.execute(sa.text(f"UPDATE evidence SET {column} = '{other}'"))
        good, (problem,) = sound(store)
        assert (good, "record 2 of evidence is not as it was entered" in problem) == ([], True)
        with configuration_engine.begin() as connection:
            connection.execute(sa.text(f"UPDATE evidence SET {column} = '{getattr(record, column)}'"))
        assert sound(store) == ([record], [])


def test_a_contract_is_kept_and_journaled_without_numbers(store: SqlConfiguration) -> None:
    resale = SigningIdentity(spc="567T", x5u="https://cr.resale.example.com/shaken.pem", third_party=True)
    contract = added(
        replace(ACCEPTED.declared, reseller_identities={"resale": resale}),
        (),
        actor=ALICE,
        numbers="",
        kind=CONTRACT,
        identity="resale",
        file_name="agreement.pdf",
        document=LETTER,
        until=NOW + 86_400,
        why="folder 9",
        now=NOW,
        salt="5a" * 16,
    )
    do(store, contract, ALICE)
    (record,) = store.evidence()
    assert (record.kind, record.identity, record.spc, record.first) == (CONTRACT, "resale", "567T", "")
    assert sound(store) == ([record], [])


def test_what_is_as_it_was_journaled_is_sound(store: SqlConfiguration) -> None:
    assert sound(store) == ([], [])
    do(store, entering(), ALICE)
    do(store, accepting(store, 2), BOB)
    assert sound(store) == (store.evidence(), [])


def test_one_document_for_several_records_is_kept_once(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    for numbers in ("+12125550150", "+12125550170"):
        do(store, entering(numbers), ALICE)
    assert [record.first for record in store.evidence()] == ["+12125550170", "+12125550150"]
    with configuration_engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM evidence_files")) == 1


def test_property_34_what_is_over_is_deleted_and_a_line_says_so(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    """Property 34: record and document go, the document only with the last record that rests on it."""

    def documents() -> int:
        with configuration_engine.connect() as connection:
            return int(connection.scalar(sa.text("SELECT count(*) FROM evidence_files")) or 0)

    for numbers in ("+12125550150", "+12125550170"):
        do(store, entering(numbers), ALICE)
    put_down(store, EvidenceForgotten(records=(2,), kept_days=730), actor=BOB, command="x", at=NOW, beyond=0)
    (left,) = store.evidence()
    assert (left.version, documents()) == (3, 1)
    assert unpacked(store.document(left)) == LETTER
    assert sound(store) == ([left], [])
    put_down(store, EvidenceForgotten(records=(3,), kept_days=730), actor=BOB, command="x", at=NOW, beyond=0)
    assert (store.evidence(), documents()) == ([], 0)
    last = msgspec.json.decode(store.history()[1][-1].text)
    assert last["evidence_deleted"] == {"records": [3], "findings": [], "kept_days": 730}
    assert sound(store) == ([], [])


def test_what_is_not_written_leaves_nothing(store: SqlConfiguration, configuration_engine: sa.Engine) -> None:
    with configuration_engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE evidence"))
    before = store.versions()
    with pytest.raises(sa.exc.DBAPIError):
        do(store, entering(), ALICE)
    assert store.versions() == before
    assert len(store.history()[1]) == 1
    with configuration_engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM evidence_files")) == 0
    # who may only read, and finds a database of a version before, finds none
    assert store.evidence() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("accepted = true, reviewed = 3", "not as its acts were journaled"),
        ("last = '+12125550999'", "not as it was entered"),
        ("trunk = 'other'", "not as it was entered"),
        ("until = until + 1", "not as it was entered"),
        ("replaces = 1", "not as it was entered"),
        ("proof = 'x'", "not as it was entered"),
    ],
)
def test_a_row_that_was_changed_in_the_database_shows(
    store: SqlConfiguration, configuration_engine: sa.Engine, change: str, words: str
) -> None:
    do(store, entering(), ALICE)
    with configuration_engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE evidence SET {change}"))  # words of this test
    good, (problem,) = sound(store)
    assert good == []
    assert words in problem


def test_what_was_revoked_as_it_stands_is_laid_to_rest(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    """Of a row that was changed nothing is told once a person has revoked it; of the next change, it is."""

    def changed(last: str) -> None:
        with configuration_engine.begin() as connection:
            connection.execute(sa.text(f"UPDATE evidence SET last = '{last}'"))

    do(store, entering(), ALICE)
    do(store, accepting(store, 2), BOB)
    changed("+12025550999")
    (problem,) = sound(store)[1]
    assert "./trunkward evidence revoke 2" in problem
    do(store, revoked(store.evidence(), 2, why="somebody else wrote it", now=NOW), ALICE)
    assert sound(store) == ([], [])
    changed("+12025550998")
    assert sound(store) == ([], [problem])
    # that its row says it was revoked, or rejected, stands in no one's way
    again = revoked(store.evidence(), 2, why="and once more", now=NOW, is_sound=False)
    do(store, again, ALICE)
    assert sound(store) == ([], [])


def test_rows_of_plain_sql_sign_nothing(store: SqlConfiguration, configuration_engine: sa.Engine) -> None:
    """What whoever has the database's password writes: a record and its two acts, without chain or version."""
    do(store, entering(), ALICE)
    do(store, accepting(store, 2), BOB)
    with configuration_engine.begin() as connection:
        row = dict(connection.execute(sa.select(evidence)).mappings().one())
        acts = connection.execute(sa.select(journal).order_by(journal.c.seq).offset(1)).mappings().all()
        connection.execute(evidence.insert().values(**row | {"version": 1, "reviewed": 91}))
        for seq, version, act in zip((90, 91), (1, 91), acts, strict=True):
            facts = msgspec.json.decode(act["entry"])
            facts |= {"version": version, "evidence": facts["evidence"] | {"id": 1}}
            entry = msgspec.json.encode(facts).decode()
            connection.execute(journal.insert().values(seq=seq, entry=entry, hash="0" * 64))
    # each of the two is as its acts were journaled, by the entries alone
    acts_told = acts_of(store.history()[1])
    assert [unlike_journal(record, acts_told) for record in store.evidence()] == ["", ""]
    good, (problem,) = sound(store)
    assert good == []
    assert "journal entry 4 is missing: 90 follows" in problem
    assert "bring it back from a backup" in problem


def forged(engine: sa.Engine) -> SqlConfiguration:
    """Whoever can write all of the database makes versions, chain and records that hold."""
    other = SqlConfiguration(engine)
    do(other, entering(), ALICE)
    number = other.evidence()[0].version
    do(other, accepting(other, number), BOB)
    return other


def test_a_chain_that_holds_and_that_root_has_not_written_signs_nothing(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    other = forged(configuration_engine)
    assert configuration.history(other, None)
    good, (problem,) = sound(store)
    assert good == []
    assert "root has not written entries 2 to 3 of the journal of acts" in problem
    assert "./trunkward evidence confirm" in problem
    # an act of root's behind it does not make it root's
    do(store, revoked(store.evidence(), 2, why="who was that", now=NOW), ALICE)
    do(store, entering("+12125550160"), ALICE)
    assert sound(store)[0] == []


def test_acts_that_were_cut_off_sign_nothing(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    do(store, entering(), ALICE)
    do(store, accepting(store, 2), BOB)
    do(store, revoked(store.evidence(), 2, why="ported out", now=NOW), ALICE)
    with configuration_engine.begin() as connection:
        connection.execute(journal.delete().where(journal.c.seq == 4))
        connection.execute(versions.delete().where(versions.c.number == 4))
        connection.execute(evidence.update().values(revoked=0, revoke_why=""))
    good, (problem,) = sound(store)
    assert good == []
    assert "the journal of acts ends with entry 3, and root has written 4" in problem


def test_who_did_it_cannot_be_changed_behind_the_acts(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    do(store, entering(), ALICE)
    do(store, accepting(store, 2), BOB)
    with configuration_engine.begin() as connection:
        connection.execute(versions.update().where(versions.c.number == 2).values(actor_uid=4))
    good, (problem,) = sound(store)
    assert good == []
    assert "version 2 is not as it was journaled: actor_uid" in problem


class FullDisk(OwnInMemory):
    """Takes no more from some moment on."""

    full = False

    def write(self, own: Own) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        super().write(own)


def test_an_act_that_root_cannot_note_is_not_done(configuration_engine: sa.Engine) -> None:
    own = FullDisk()
    store = SqlConfiguration(configuration_engine, own=own)
    configuration.accept(
        store, configuration.plan(store, ACCEPTED, Effects()), actor=ALICE, command="apply", at=NOW
    )
    own.full = True
    with pytest.raises(OSError, match="No space"):
        do(store, entering(), ALICE)
    assert (len(store.versions()), store.evidence()) == (1, [])


def test_power_that_goes_before_or_after_the_database_has_it_changes_nothing(
    configuration_engine: sa.Engine,
) -> None:
    own = OwnInMemory()
    store = SqlConfiguration(configuration_engine, own=own)
    configuration.accept(
        store, configuration.plan(store, ACCEPTED, Effects()), actor=ALICE, command="apply", at=NOW
    )
    do(store, entering(), ALICE)
    *_, before, last = store.history()[1]
    for ends in ((end_of(before), end_of(last)), (end_of(last), (3, "f" * 64))):
        own.write(Own(ends=ends))
        assert len(sound(store)[0]) == 1
    do(store, accepting(store, 2), BOB)
    assert sound(store) == (store.evidence(), [])
    assert own.read() == Own(ends=(end_of(store.history()[1][-1]),))


def test_what_root_keeps_is_not_taken_for_nothing_when_it_cannot_be_read(
    configuration_engine: sa.Engine,
) -> None:
    own = OwnInMemory()
    store = SqlConfiguration(configuration_engine, own=own)
    configuration.accept(
        store, configuration.plan(store, ACCEPTED, Effects()), actor=ALICE, command="apply", at=NOW
    )
    do(store, entering(), ALICE)
    own.write(Own(ends=()))
    assert sound(store)[0] == []
    do(store, accepting(store, 2), BOB)
    assert sound(store)[0] == []


def test_a_journal_that_was_there_is_taken_over_once_and_that_is_journaled(
    configuration_engine: sa.Engine,
) -> None:
    forged_or_not = SqlConfiguration(configuration_engine)
    configuration.accept(
        forged_or_not,
        configuration.plan(forged_or_not, ACCEPTED, Effects()),
        actor=ALICE,
        command="apply",
        at=NOW,
    )
    do(forged_or_not, entering(), ALICE)
    store = SqlConfiguration(configuration_engine, own=OwnInMemory())
    assert not store.is_taken
    store.take_over(store.history()[1])
    assert store.is_taken
    do(store, accepting(store, 2), BOB)
    do(store, revoked(store.evidence(), 2, why="ported out", now=NOW), ALICE)
    assert sound(store)[1] == []
    told = [msgspec.json.decode(entry.text).get("taken_over") for entry in store.history()[1]]
    assert told == [None, None, 2, None]
