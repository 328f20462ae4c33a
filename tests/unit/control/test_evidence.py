"""Evidence is entered by one person and accepted by another; every other way is refused with what to do."""

from copy import replace
from pathlib import Path
from typing import Any

import pytest

from trunkward.access.actor import Actor, Source
from trunkward.control.blocks import claims_of, contested
from trunkward.control.configuration import Version
from trunkward.control.evidence import (
    MOST_BYTES,
    EvidenceActRefused,
    added,
    already_own,
    denied_by,
    described,
    numbers_of,
    reviewed,
    revoked,
    unpacked,
)
from trunkward.control.evidence_journal import journaled, said
from trunkward.control.node_file import read_node_file
from trunkward.journal.commitment import opens
from trunkward.trunks.evidence import BLOCK, CONTRACT, GRACE_S, EvidenceChange, EvidenceRecord, State
from trunkward.trunks.model import Declared
from trunkward.trunks.transit import OF_NODE, SigningIdentity

EXAMPLE = Path(__file__).parents[3] / "examples/node.yaml"
NOW = 1_800_000_000.0
DAY = 86_400.0
ALICE = Actor(name="alice", uid=1001, source=Source.LOGIN)
BOB = Actor(name="bob", uid=1002, source=Source.LOGIN)
LETTER = b"To whom it may concern"
SALT = "5a" * 16


def declared() -> Declared:
    """The example with a second tenant."""
    read = read_node_file(EXAMPLE.read_text(), "node.yaml")
    other = replace(read.trunks[0], name="bolt-hq", tenant="bolt", numbers=("+12025550160",))
    sold = SigningIdentity(spc="567T", x5u="https://cr.resale.example.com/shaken.pem")
    switched = SigningIdentity(spc="222T", x5u="https://cr.switched.example.com/shaken.pem", third_party=True)
    return replace(
        read,
        trunks=(*read.trunks, other),
        tenants=(*read.tenants, "bolt"),
        reseller_identities={"resale": sold, "switched": switched},
    )


def enter(**changed: Any) -> EvidenceRecord:
    """The record of an act as the store has it: numbered by its version."""
    said: dict[str, Any] = {
        "numbers": "+12025550150-+12025550159",
        "trunk": "acme-hq",
        "kind": "loa",
        "file_name": "letter.pdf",
        "document": LETTER,
        "until": NOW + 90 * DAY,
        "why": "letter of Example Corp, filed as 2026/44",
        "actor": ALICE,
        "now": NOW,
        "records": (),
        "salt": SALT,
    }
    return replace(added(declared(), **(said | changed)).record, version=17)


def review(record: EvidenceRecord, **changed: Any) -> EvidenceRecord:
    """The same after a review."""
    said: dict[str, Any] = {
        "accept": True,
        "why": "called them back",
        "entered_by": ALICE,
        "actor": BOB,
        "now": NOW + DAY,
    }
    others = changed.pop("others", ())
    change = reviewed(declared(), [record, *others], record.version, **(said | changed))
    return replace(change.record, reviewed=18)


def test_a_record_on_its_way() -> None:
    record = enter()
    assert (record.tenant, record.first, record.last) == ("acme", "+12025550150", "+12025550159")
    assert record.customer == "KYC-2026-17"
    assert record.state(NOW) is State.ENTERED
    assert not record.in_force(NOW)
    accepted = review(record)
    assert accepted.state(NOW + DAY) is State.ACCEPTED
    assert accepted.in_force(NOW + DAY)
    over = revoked([accepted], 17, why="ported out", now=NOW + 2 * DAY).record
    assert replace(over, revoked=19).state(NOW + 2 * DAY) is State.REVOKED
    assert not replace(over, revoked=19).in_force(NOW + 2 * DAY)


def test_its_end_lowers_the_level_and_its_grace_is_bounded() -> None:
    accepted = review(enter())
    assert accepted.state(accepted.until - 1) is State.ACCEPTED
    assert accepted.state(accepted.until) is State.ENDED
    assert accepted.in_force(accepted.until + GRACE_S - 1)
    assert not accepted.in_force(accepted.until + GRACE_S)


def test_nobody_accepts_what_he_has_entered() -> None:
    with pytest.raises(EvidenceActRefused, match=r"alice \(uid 1001\) has entered record 17"):
        review(enter(), actor=ALICE)
    # by another name, and the same person
    with pytest.raises(EvidenceActRefused, match="another person has to look at it"):
        review(enter(), actor=replace(BOB, uid=ALICE.uid))
    # nor is a rejection his to give
    with pytest.raises(EvidenceActRefused, match="another person"):
        review(enter(), actor=ALICE, accept=False)
    assert review(enter(), actor=BOB).accepted


@pytest.mark.parametrize("accept", [True, False])
def test_a_record_is_reviewed_once(accept: bool) -> None:
    record = review(enter(), accept=accept)
    with pytest.raises(EvidenceActRefused, match="already: enter the document anew"):
        review(record)


def test_what_was_rejected_signs_nothing_and_is_not_revoked() -> None:
    record = review(enter(), accept=False)
    assert record.state(NOW) is State.REJECTED
    assert not record.in_force(NOW)
    with pytest.raises(EvidenceActRefused, match="rejected already"):
        revoked([record], 17, why="x", now=NOW)


def test_whoever_entered_it_may_take_it_back_unreviewed() -> None:
    change = revoked([enter()], 17, why="wrong file", now=NOW)
    assert replace(change.record, revoked=18).state(NOW) is State.REVOKED
    with pytest.raises(EvidenceActRefused, match="revoked already"):
        review(replace(change.record, revoked=18))


def test_what_ended_before_anybody_looked_is_not_accepted() -> None:
    with pytest.raises(EvidenceActRefused, match="has ended before it was reviewed"):
        review(enter(), now=NOW + 90 * DAY)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"numbers": "442079460123"}, "write \\+12025550100"),
        ({"numbers": "+12025550159-+12025550150"}, "not before it"),
        ({"numbers": "+12025550150-+442079460123"}, "as long as the first"),
        ({"numbers": "+12022000000-+12023000000"}, "more than 1000000 numbers"),
        ({"numbers": "+19115550150"}, "nobody can have: area-code-n11"),
        ({"numbers": "+12029110150"}, "nobody can have: exchange-n11"),
        ({"kind": "own-inventory"}, "write one of loa, port, delegate, vetted"),
        ({"kind": "hearsay"}, "write one of loa"),
        ({"trunk": "nobody"}, "no trunk nobody"),
        ({"numbers": "+12025550155-+12025550165"}, r"\+12025550160 is a number of tenant bolt, not of acme"),
        ({"why": " "}, "say why in one line"),
        ({"why": "two\nlines"}, "say why in one line"),
        ({"until": NOW}, "a day to come"),
        ({"until": NOW + 367 * DAY}, "at most 366 days"),
        ({"document": b""}, "at least one"),
        ({"document": bytes(MOST_BYTES + 1)}, "at most 10485760"),
    ],
)
def test_what_is_not_entered(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(EvidenceActRefused, match=why):
        enter(**changed)


def test_that_a_number_is_the_trunks_own_is_told() -> None:
    own = declared().trunks[0].numbers[0]
    assert f"in the inventory of trunk acme-hq already: {own};" in already_own(declared(), enter(numbers=own))
    assert already_own(declared(), enter()) == ""


def other(**changed: Any) -> EvidenceRecord:
    """An accepted record of another tenant, for some of the same numbers."""
    entered = enter(trunk="bolt-hq", numbers="+12025550155-+12025550159", **changed)
    return replace(entered, version=9, reviewed=10, accepted=True)


def test_what_another_customer_has_is_entered_only_to_replace_it() -> None:
    with pytest.raises(
        EvidenceActRefused, match=r"record 9 says that .* are of trunk bolt-hq, tenant bolt.* --replaces 9"
    ):
        enter(records=[other()])
    assert enter(records=[other()], replaces=9).replaces == 9
    # nor instead of what is not in the way
    with pytest.raises(EvidenceActRefused, match="record 8 is no accepted one of anybody else"):
        enter(records=[other()], replaces=8)
    with pytest.raises(EvidenceActRefused, match="record 9 is no accepted one"):
        enter(records=[other()], replaces=9, numbers="+12025550150-+12025550154")
    # of the same tenant under another KYC record, it is another customer too
    before = replace(other(), tenant="acme", customer="KYC-2025-1")
    with pytest.raises(EvidenceActRefused, match="KYC-2025-1"):
        enter(records=[before])


@pytest.mark.parametrize(
    "changed",
    [
        {"accepted": False},
        {"reviewed": 0},
        {"revoked": 12},
        {"until": NOW},
        {"tenant": "acme"},
        {"first": "+12025550160", "last": "+12025550169"},
        {"first": "+120255501550", "last": "+120255501590"},
    ],
)
def test_what_is_in_nobodys_way(changed: dict[str, Any]) -> None:
    assert enter(records=[replace(other(), **changed)]).first == "+12025550150"


def test_whose_the_numbers_are_is_looked_at_again_in_review() -> None:
    """Accepted meanwhile, or said to be replaced and not ended: never two customers' at once."""
    for record in (enter(), enter(records=[other()], replaces=9)):
        with pytest.raises(EvidenceActRefused, match="evidence revoke 9, then accept this one"):
            review(record, others=[other()])
        assert review(record, others=[replace(other(), revoked=18)]).accepted
        # who rejects it gives nothing away
        assert not review(record, others=[other()], accept=False).accepted
    theirs = replace(enter(), first="+12025550155", last="+12025550165")
    with pytest.raises(EvidenceActRefused, match=r"\+12025550160 is a number of tenant bolt"):
        review(theirs)


@pytest.mark.parametrize("source", [Source.SUDO, Source.PROCESS, None])
def test_who_has_no_login_neither_enters_nor_reviews(source: Source | None) -> None:
    """An environment variable makes no second person."""
    said = "SUDO_UID says so" if source is Source.SUDO else "nobody knows who you are"
    for done, by in ((enter, ALICE), (lambda **changed: review(enter(), **changed), BOB)):
        with pytest.raises(EvidenceActRefused, match=said) as refused:
            done(actor=replace(by, source=source))
        assert "Log in to this machine under your own name" in str(refused.value)


def test_what_the_deny_list_names() -> None:
    over = replace(review(enter()), revoked=19)
    assert denied_by([over, enter()], NOW) == {"evidence-17": over.until + GRACE_S}
    # whom nothing can be shown by any more is not named for ever
    assert denied_by([over], over.until + GRACE_S) == {}


def test_whose_customer_nobody_knows_has_no_evidence() -> None:
    unknown = replace(declared(), trunks=tuple(replace(t, customer=None) for t in declared().trunks))
    with pytest.raises(EvidenceActRefused, match="tenant acme has no KYC record"):
        added(
            unknown,
            (),
            actor=ALICE,
            numbers="+12025550150",
            trunk="acme-hq",
            kind="loa",
            file_name="f",
            document=LETTER,
            until=NOW + DAY,
            why="w",
            now=NOW,
            salt=SALT,
        )


def test_there_must_be_such_a_record() -> None:
    with pytest.raises(EvidenceActRefused, match="there is no record 18"):
        revoked([enter()], 18, why="x", now=NOW)


def test_one_number_is_a_range_too() -> None:
    plan = declared().node.dial_plan
    for text in ("+12025550150", "2025550150", "(202) 555-0150"):
        assert numbers_of(text, plan) == ("+12025550150", "+12025550150")
    assert enter(numbers="+12025550150").numbers == "+12025550150"


def test_the_document_is_kept_as_it_was() -> None:
    change = added(
        declared(),
        (),
        actor=ALICE,
        numbers="+12025550150",
        trunk="acme-hq",
        kind="loa",
        file_name="x" * 200 + ".pdf",
        document=LETTER,
        until=NOW + DAY,
        why="w",
        now=NOW,
        salt=SALT,
    )
    assert unpacked(change.packed) == LETTER
    assert change.record.file_name.endswith(".pdf")
    assert len(change.record.file_name) == 120


def test_what_the_journal_and_the_history_say() -> None:
    record = enter()
    change = reviewed(
        declared(), [record], 17, accept=True, why="called", entered_by=ALICE, actor=BOB, now=NOW
    )
    assert said(change) == "evidence 17 (loa) accepted for trunk acme-hq"
    told = journaled(change, 18)
    assert (told["act"], told["id"], told["file_sha256"]) == ("accept", 17, record.file_sha256)
    entered = added(
        declared(),
        (),
        actor=ALICE,
        numbers="+12025550150",
        trunk="acme-hq",
        kind="loa",
        file_name="f",
        document=LETTER,
        until=NOW + DAY,
        why="w",
        now=NOW,
        salt=SALT,
    )
    assert journaled(entered, 17)["id"] == 17


def test_property_34_what_is_personal_is_in_no_line_that_stays_and_can_be_checked_while_it_is_kept() -> None:
    """Property 34: the journal of acts commits to numbers, reasons and names of files, and holds none of them."""
    record = enter()
    for change in (
        EvidenceChange(act="add", record=record, why=record.why),
        reviewed(
            declared(), [record], 17, accept=True, why="called them", entered_by=ALICE, actor=BOB, now=NOW
        ),
        revoked([record], 17, why="ported out", now=NOW),
    ):
        told = journaled(change, 17)
        for personal in ("2025550150", "2025550159", "Example Corp", "called", "ported", "letter.pdf", SALT):
            assert personal not in f"{told} {said(change)}"
        commits = told["commits"]
        assert isinstance(commits, dict)
        values = {"numbers": record.numbers, "file": "letter.pdf", "why": change.why}
        assert commits.keys() == values.keys()
        assert all(opens(commits[name], SALT, name, value) for name, value in values.items())


def test_who_did_what_when() -> None:
    def version(number: int, actor: Actor) -> Version:
        return Version(number=number, at=NOW + number, actor=actor, command="", summary="", text_sha256="")

    told = described(review(enter()), {17: version(17, ALICE), 18: version(18, BOB)}, NOW + DAY)
    assert (told["entered_by"], told["reviewed_by"]) == ("alice (uid 1001)", "bob (uid 1002)")
    assert (told["state"], told["accepted"], told["revoked_by"]) == ("accepted", True, None)
    assert (told["entered_at"], told["reviewed_at"]) == (NOW + 17, NOW + 18)


def block(**changed: Any) -> EvidenceRecord:
    """A block of ten thousand numbers, in which numbers of two tenants are."""
    return enter(**({"numbers": "+12025550000-+12025559999", "trunk": "", "kind": BLOCK} | changed))


def test_a_block_is_an_identity_s_and_of_no_trunk() -> None:
    record = block()
    assert (record.identity, record.trunk, record.tenant, record.customer) == (OF_NODE, "", "", "")
    theirs = block(identity="resale")
    assert (record.spc, theirs.identity, theirs.spc, enter().spc) == ("000T", "resale", "567T", "")
    # what is in it is there to be given, to whichever tenant
    accepted = review(record)
    assert accepted.in_force(NOW + DAY)
    with pytest.raises(EvidenceActRefused, match="another person has to look at it"):
        review(record, actor=ALICE)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"trunk": "acme-hq"}, "a block is no trunk's: leave --trunk out"),
        ({"identity": "west"}, "no identity west in the newest version"),
        ({"numbers": "+12022000000-+12023000000"}, "more than 1000000 numbers"),
        ({"until": NOW + 367 * DAY}, "at most 366 days"),
        ({"kind": "loa"}, "say by which trunk the customer calls: --trunk NAME"),
        ({"kind": "loa", "trunk": "acme-hq", "identity": OF_NODE}, "--identity is of a block or contract"),
        ({"actor": replace(ALICE, source=Source.SUDO)}, "nobody knows who you are"),
    ],
)
def test_what_is_not_entered_as_a_block(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(EvidenceActRefused, match=why):
        block(**changed)


def test_a_block_is_never_two_identities_at_once() -> None:
    theirs = replace(
        block(identity="resale", numbers="+12025550500-+12025550999"), version=9, reviewed=10, accepted=True
    )
    with pytest.raises(
        EvidenceActRefused, match=r"record 9 says that .* are of identity resale, SPC 567T: .* --replaces 9"
    ):
        block(records=[theirs])
    waiting = block(records=[theirs], replaces=9)
    with pytest.raises(EvidenceActRefused, match="evidence revoke 9, then accept this one"):
        review(waiting, others=[theirs])
    assert review(waiting, others=[replace(theirs, revoked=18)]).accepted
    # the same identity's next document for it; not one it has from another provider's time
    mine = replace(theirs, identity=OF_NODE, spc="000T")
    assert block(records=[mine]).identity == OF_NODE
    for spc in ("111T", ""):
        with pytest.raises(EvidenceActRefused, match=f"identity node, SPC {spc or 'not known'}: find out"):
            block(records=[replace(mine, spc=spc)])


def test_a_block_is_accepted_for_the_provider_it_was_entered_for() -> None:
    """The node file may have got another code meanwhile, or no such identity; and before codes were kept none was written down."""
    record = block(identity="resale")
    assert review(record).accepted
    for spc in ("111T", ""):
        with pytest.raises(EvidenceActRefused, match="the newest version has SPC 567T: reject it"):
            review(replace(record, spc=spc))
    with pytest.raises(EvidenceActRefused, match="the newest version has no such identity: reject it"):
        review(replace(record, identity="west"))
    assert not review(replace(record, spc="111T"), accept=False).accepted


def test_a_letter_for_a_number_of_a_block_is_nobodys_contradiction() -> None:
    """Whom we give a number is no other owner of it; nor is a block in a letter's way."""
    held = replace(review(block()), version=9)
    assert enter(records=[held]).trunk == "acme-hq"
    assert block(records=[replace(review(enter()), version=9)]).identity == OF_NODE


def test_a_block_is_journaled_as_the_identity_s() -> None:
    record = review(block(identity="resale"))
    change = EvidenceChange(act="accept", record=record, why="looked it up")
    assert said(change) == "evidence 17 (block) accepted for identity resale"
    assert (journaled(change, 18)["identity"], journaled(change, 18)["spc"]) == ("resale", "567T")
    assert (described(record, {}, NOW)["spc"], described(enter(), {}, NOW)["spc"]) == ("567T", None)
    assert described(record, {}, NOW)["identity"] == "resale"
    assert described(enter(), {}, NOW)["identity"] is None
    assert not {"identity", "spc"} & set(journaled(EvidenceChange(act="add", record=enter(), why="w"), 17))


def test_a_port_is_of_the_provider_whose_certificate_signs_the_calls() -> None:
    """It was ported to him: under another code, or of a trunk another one signs for, nobody accepts it."""
    record = enter(kind="port")
    assert (record.trunk, record.identity, record.spc) == ("acme-hq", OF_NODE, "000T")
    assert record.owner == "trunk acme-hq, tenant acme, customer KYC-2026-17, SPC 000T"
    told = journaled(EvidenceChange(act="add", record=record, why="w"), 17)
    assert (told["trunk"], told["identity"], told["spc"]) == ("acme-hq", OF_NODE, "000T")
    assert review(record).accepted
    for identity, spc in ((OF_NODE, "111T"), (OF_NODE, ""), ("resale", "000T"), ("", "")):
        other = replace(record, identity=identity, spc=spc)
        with pytest.raises(
            EvidenceActRefused, match="its calls signed by identity node, SPC 000T: reject it"
        ):
            review(other)
        assert not review(other, accept=False).accepted
        # it is the same customer's: his next document is in nobody's way
        assert enter(kind="port", records=[replace(other, version=9, reviewed=10, accepted=True)]).spc
    # nor is a letter beside it
    assert enter(records=[replace(review(record), version=9)]).kind == "loa"


def contract(**changed: Any) -> EvidenceRecord:
    """The agreement with a provider who says the level."""
    said = {"numbers": "", "trunk": "", "kind": CONTRACT, "identity": "switched"}
    return enter(**(said | changed))


def test_a_contract_is_a_provider_s_and_of_no_numbers() -> None:
    record = contract()
    assert (record.identity, record.spc, record.numbers, record.trunk) == ("switched", "222T", "", "")
    assert record.about == "of identity switched, SPC 222T"
    accepted = review(record)
    assert accepted.in_force(NOW + DAY)
    change = EvidenceChange(act="accept", record=accepted, why="looked it up")
    assert said(change) == "evidence 17 (contract) accepted for identity switched"
    assert (journaled(change, 18)["identity"], journaled(change, 18)["spc"]) == ("switched", "222T")
    with pytest.raises(EvidenceActRefused, match="another person has to look at it"):
        review(record, actor=ALICE)
    with pytest.raises(EvidenceActRefused, match="the newest version has SPC 222T: reject it"):
        review(replace(record, spc="567T"))
    # the next one is in nobody's way, nor is a block of all there is
    held = replace(accepted, version=9)
    theirs = replace(held, version=10, identity="resale", spc="567T")
    everything = replace(review(block(identity="resale")), version=11)
    assert contract(records=[held, theirs, everything]).identity == "switched"
    assert block(records=[held]).identity == OF_NODE
    with pytest.raises(EvidenceActRefused, match="leave --replaces out"):
        contract(records=[held], replaces=9)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"trunk": "acme-hq"}, "a contract is no trunk's: leave --trunk out$"),
        ({"numbers": "+12025550100"}, "a contract is of no numbers; leave them out"),
        # who says the level himself has nobody to agree with
        ({"identity": ""}, "--identity NAME, with identity.third_party: true"),
        ({"identity": OF_NODE}, "--identity NAME, with identity.third_party: true"),
        ({"identity": "resale"}, "--identity NAME, with identity.third_party: true"),
        ({"identity": "west"}, "--identity NAME, with identity.third_party: true"),
        ({"until": NOW + 367 * DAY}, "at most 366 days"),
        ({"document": b""}, "a document has at least one"),
        ({"kind": "loa", "identity": "", "trunk": "acme-hq"}, "say for which numbers the loa is"),
        ({"kind": BLOCK}, "say for which numbers the block is"),
        ({"actor": replace(ALICE, source=Source.SUDO)}, "nobody knows who you are"),
    ],
)
def test_what_is_not_entered_as_a_contract(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(EvidenceActRefused, match=why):
        contract(**changed)


def test_a_contract_gives_nobody_a_number() -> None:
    """It is beside records that give some, and stands in no list of them."""
    held = replace(review(contract()), version=9)
    assert enter(records=[held]).trunk == "acme-hq"
    assert (claims_of([held], NOW), contested(declared(), [held])) == ([], set())
    assert already_own(declared(), held) == ""
