"""Two people for each record: by the journal of acts, and as far as root has written it."""

from copy import replace

import msgspec
import pytest
import sqlalchemy as sa

from store.test_evidence_store import ACCEPTED, ALICE, BOB, NOW, accepting, do, entering, forged
from trunkward.access.actor import Actor, Source
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.configuration import Superseded
from trunkward.control.effects import Effects
from trunkward.control.evidence import EvidenceActRefused, added, reviewed
from trunkward.control.evidence_journal import sound, sound_by
from trunkward.control.restored import RestoreConfirmed
from trunkward.control.reviewing import to_review
from trunkward.control.sound_journal import foreign_of
from trunkward.control.unsound import to_deny
from trunkward.journal.own import OwnInMemory, end_of
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.configuration_schema import evidence, evidence_files, versions
from trunkward.trunks.evidence import CONTRACT, GRACE_S, EvidenceChange, EvidenceRecord, State
from trunkward.trunks.transit import SigningIdentity


@pytest.fixture
def store(configuration_engine: sa.Engine) -> SqlConfiguration:
    """With one version."""
    made = SqlConfiguration(configuration_engine)
    planned = configuration.plan(made, ACCEPTED, Effects())
    configuration.accept(made, planned, actor=ALICE, command="apply", at=NOW - 10)
    return made


def changed(engine: sa.Engine, statement: sa.Executable) -> None:
    """What whoever has the database's password does to a row."""
    with engine.begin() as connection:
        connection.execute(statement)


def reviewing(store: SqlConfiguration, number: int, actor: Actor = BOB) -> EvidenceChange:
    """As the command does."""
    records, entered_by = to_review(store, number)
    return reviewed(
        *(ACCEPTED.declared, records, number),
        accept=True,
        why="called them",
        entered_by=entered_by,
        actor=actor,
        now=NOW,
    )


def test_property_4_who_has_entered_it_is_asked_of_the_journal_alone(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    """Property 4: whoever can write to the database is not two people by it."""
    do(store, entering(), ALICE)
    with pytest.raises(EvidenceActRefused, match=r"alice .* has entered record 2"):
        reviewing(store, 2, ALICE)
    number_2 = versions.update().where(versions.c.number == 2)
    changed(configuration_engine, number_2.values(actor_uid=BOB.uid))
    with pytest.raises(EvidenceActRefused, match="version 2 is not as it was journaled"):
        reviewing(store, 2, ALICE)
    changed(configuration_engine, number_2.values(actor_uid=ALICE.uid))
    do(store, reviewing(store, 2), BOB)
    assert sound(store)[0][0].accepted


@pytest.mark.parametrize(
    "second",
    [ALICE, Actor(name="bob", uid=1001, source=Source.SUDO), Actor(name="bob", uid=1001)],
)
def test_property_4_a_record_that_the_journal_says_one_person_accepted_signs_nothing(
    store: SqlConfiguration, second: Actor
) -> None:
    """Property 4: however it has come to be there."""
    do(store, entering(), ALICE)
    do(store, accepting(store, 2), second)
    good, (problem,) = sound(store)
    assert good == []
    assert "record 2 of evidence is not entered by one person's login and accepted by another's" in problem


def test_property_6_a_contract_that_the_journal_says_one_person_accepted_signs_nothing(
    store: SqlConfiguration,
) -> None:
    """Property 6: nothing that is supplied is signed by it either."""
    resale = SigningIdentity(spc="567T", x5u="https://cr.resale.example.com/shaken.pem", third_party=True)
    declared = replace(ACCEPTED.declared, reseller_identities={"resale": resale})
    contract = added(
        *(declared, ()),
        actor=ALICE,
        numbers="",
        kind=CONTRACT,
        identity="resale",
        file_name="agreement.pdf",
        document=b"agreement",
        until=NOW + 86_400,
        why="folder 9",
        now=NOW,
        salt="5a" * 16,
    )
    do(store, contract, ALICE)
    records, entered_by = to_review(store, 2)
    accepted = reviewed(
        *(declared, records, 2), accept=True, why="y", entered_by=entered_by, actor=BOB, now=NOW
    )
    do(store, accepted, ALICE)
    assert store.evidence()[0].accepted
    good, (problem,) = sound(store)
    assert (good, "entered by one person's login" in problem) == ([], True)


def test_property_4_what_was_accepted_is_what_was_shown(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    """Property 4: a row that is another one while it is reviewed is not reviewed; and if it was, it shows."""
    do(store, entering(), ALICE)
    one = {"first": "+12125550199", "last": "+12125550199"}
    as_entered = {"first": "+12125550150", "last": "+12125550159"}
    changed(configuration_engine, evidence.update().values(**one))
    with pytest.raises(EvidenceActRefused, match="record 2 of evidence is not as it was entered"):
        reviewing(store, 2)
    do(store, accepting(store, 2), BOB)
    changed(configuration_engine, evidence.update().values(**as_entered))
    good, (problem,) = sound(store)
    assert good == []
    assert "record 2 of evidence is not as it was reviewed" in problem


def test_nothing_is_accepted_without_the_document_that_was_entered(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    do(store, entering(), ALICE)
    changed(configuration_engine, evidence_files.update().values(packed=b"another"))
    with pytest.raises(EvidenceActRefused, match="the document of record 2 in the database is not the one"):
        reviewing(store, 2)
    with pytest.raises(EvidenceActRefused, match="there is no record 5"):
        reviewing(store, 5)


def confirming(store: SqlConfiguration, actor: Actor) -> list[EvidenceRecord]:
    """As `evidence confirm` does; the records as far as they are borne out."""
    entries = store.history()[1]
    foreign = foreign_of(store, entries)
    assert foreign is not None
    expected = sound_by(store.evidence(), entries, (foreign, actor))
    do_confirm(store, RestoreConfirmed(made_at="", evidence=(), foreign=foreign), actor)
    assert sound(store) == expected
    return expected[0]


def do_confirm(store: SqlConfiguration, act: RestoreConfirmed, actor: Actor) -> None:
    put_down(store, act, actor=actor, command="evidence confirm", at=NOW, beyond=0)


def test_property_4_what_others_accepted_counts_when_a_second_login_has_looked_at_it(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    """Property 4: one login that confirms, and two people he wrote himself, are one person."""
    forged(configuration_engine)
    (record,) = confirming(store, ALICE)
    assert (record.version, record.state(NOW)) == (2, State.ENTERED)
    assert store.evidence()[0].accepted
    # who has confirmed it answers for it, whatever name stands in the entries
    with pytest.raises(EvidenceActRefused, match=r"alice .* has entered record 2"):
        reviewing(store, 2, ALICE)
    do(store, reviewing(store, 2), BOB)
    (record,) = sound(store)[0]
    assert (record.accepted, record.reviewed, record.state(NOW)) == (True, 5, State.ACCEPTED)
    told = msgspec.json.decode(store.history()[1][3].text)
    assert told["restore_confirmed"] == {"made_at": "", "evidence": [], "foreign": [2, 3]}
    assert told["taken_over"] == 3
    assert "; entries 2 to 3 of others taken over" in told["summary"]


def test_a_second_look_may_reject_it(store: SqlConfiguration, configuration_engine: sa.Engine) -> None:
    forged(configuration_engine)
    confirming(store, ALICE)
    records, entered_by = to_review(store, 2)
    rejected = reviewed(
        *(ACCEPTED.declared, records, 2),
        accept=False,
        why="no such letter",
        entered_by=entered_by,
        actor=BOB,
        now=NOW,
    )
    do(store, rejected, BOB)
    (record,) = sound(store)[0]
    assert record.state(NOW) is State.REJECTED


def test_what_root_has_written_needs_no_second_look(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    do(store, entering(), ALICE)
    do(store, accepting(store, 2), BOB)
    do(store, entering("+12125550170"), ALICE)
    other = SqlConfiguration(configuration_engine)
    do(other, accepting(other, 4), BOB)
    assert sound(store)[0] == []
    states = {record.version: record.state(NOW) for record in confirming(store, BOB)}
    assert states == {2: State.ACCEPTED, 4: State.ENTERED}
    # root knows who has entered it
    with pytest.raises(EvidenceActRefused, match=r"alice .* has entered record 4"):
        reviewing(store, 4, ALICE)
    do(store, reviewing(store, 4), BOB)
    assert [record.accepted for record in sound(store)[0]] == [True, True]


def test_a_confirmation_that_root_has_not_written_puts_nobody_in_anothers_place(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    """Who confirms his own entries, and then forges that another one had."""
    forged(configuration_engine)
    confirming(store, ALICE)
    other = SqlConfiguration(configuration_engine, own=OwnInMemory())
    other.take_over(store.history()[1][:3])
    entries = store.history()[1]
    foreign = foreign_of(other, entries)
    assert foreign is not None
    again = replace(foreign, first=2, last=end_of(entries[-1]))
    do_confirm(other, RestoreConfirmed(made_at="", evidence=(), foreign=again), BOB)
    confirming(store, ALICE)
    with pytest.raises(EvidenceActRefused, match=r"alice .* has entered record 2"):
        reviewing(store, 2, ALICE)


def test_a_confirmation_that_does_not_come_to_be_there_takes_nothing_over(
    configuration_engine: sa.Engine,
) -> None:
    """Whoever can make it fail: the database loses it, or somebody is faster."""
    own = OwnInMemory()
    store = SqlConfiguration(configuration_engine, own=own)
    planned = configuration.plan(store, ACCEPTED, Effects())
    configuration.accept(store, planned, actor=ALICE, command="apply", at=NOW - 10)
    forged(configuration_engine)
    entries = store.history()[1]
    foreign = foreign_of(store, entries)
    assert foreign is not None
    act = RestoreConfirmed(made_at="", evidence=(), foreign=foreign)

    def lost(connection: sa.Connection) -> None:
        raise OSError("the connection is gone")

    sa.event.listen(configuration_engine, "commit", lost)
    with pytest.raises(OSError, match="gone"):
        do_confirm(store, act, ALICE)
    sa.event.remove(configuration_engine, "commit", lost)
    assert foreign_of(store, store.history()[1]) == foreign
    assert sound(store)[0] == []
    other = SqlConfiguration(configuration_engine)
    do(other, entering("+12125550180"), ALICE)
    with pytest.raises(Superseded, match="somebody has written to the journal of acts meanwhile"):
        do_confirm(store, act, ALICE)
    after = foreign_of(store, store.history()[1])
    assert after is not None
    assert (after.first, after.last[0]) == (2, 4)


def test_what_was_accepted_and_is_not_sound_is_to_be_denied(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    """By the journal's word, also where the row is gone; and of a journal that does not hold nothing is."""

    def found(now: float = NOW) -> dict[str, int]:
        return to_deny(store, sound(store)[0], now)

    do(store, entering(), ALICE)
    do(store, accepting(store, 2), BOB)
    do(store, entering("+12125550170"), ALICE)
    assert found() == {}
    # 4 was never accepted: nothing was ever signed by it
    changed(configuration_engine, evidence.update().values(until=NOW + 5))
    denied = {"evidence-2": int(NOW + 86_400 + GRACE_S)}
    assert found() == denied
    assert found(NOW + 86_400 + GRACE_S) == {}
    changed(configuration_engine, evidence.delete())
    assert found() == denied
    changed(configuration_engine, versions.update().where(versions.c.number == 2).values(actor_uid=4))
    assert found() == {}
