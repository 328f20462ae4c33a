"""Which tokens there are: one for each run of an inventory, one for each accepted record, for known customers."""

import time
from copy import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from trunkward.control.evidence_tokens import (
    LIFETIME_S,
    SOON_S,
    ending,
    first_to_end,
    records_until,
    tokens_of,
)
from trunkward.control.node_file import read_node_file
from trunkward.shaken.contract import Contract
from trunkward.shaken.contract import issue as issue_contract
from trunkward.shaken.evidence import Evidence, Kind, open_token
from trunkward.trunks.customer import Customer
from trunkward.trunks.evidence import BLOCK, GRACE_S, EvidenceRecord, NumberBlock
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates, SigningSource
from trunkward.trunks.transit import OF_NODE, SigningIdentity

EXAMPLE = read_node_file((Path(__file__).parents[3] / "examples/node.yaml").read_text(), "node.yaml")
KEY = Ed25519PrivateKey.generate()
NOW = 1_800_000_000
RECORD = EvidenceRecord(
    version=17,
    trunk="acme-hq",
    tenant="acme",
    customer="KYC-2026-17",
    kind="loa",
    first="+12025550150",
    last="+12025550159",
    file_name="letter.pdf",
    file_sha256="ab" * 32,
    why="filed",
    until=NOW + 100.0,
    reviewed=18,
    accepted=True,
    salt="5a" * 16,
)
ASSIGNMENT = replace(
    RECORD,
    version=27,
    trunk="",
    tenant="",
    customer="",
    kind=BLOCK,
    identity=OF_NODE,
    spc=EXAMPLE.node.spc,
    reviewed=28,
)
#: Under a certificate somebody has reason to trust.
REAL = replace(EXAMPLE, node=replace(EXAMPLE.node, signing=SigningSource(certificates=Certificates.FILES)))


def opened(
    declared: Declared = EXAMPLE,
    records: tuple[EvidenceRecord, ...] = (),
    before: dict[str, list[str]] | None = None,
    now: int = NOW,
) -> list[Evidence]:
    found = tokens_of(declared, records, KEY, before or {}, now_s=now)
    return [open_token(KEY.public_key(), token) for tokens in found.values() for token in tokens]


def world(**changed: Any) -> Declared:
    return replace(EXAMPLE, trunks=(replace(EXAMPLE.trunks[0], **changed),))


def test_an_inventory_in_a_row_takes_one_token() -> None:
    (said,) = opened()
    assert (said.kind, said.customer, said.trunk) == (Kind.OWN_INVENTORY, "KYC-2026-17", "acme-hq")
    assert (said.first, said.last, said.not_after) == ("12025550101", "12025550103", NOW + LIFETIME_S)


def test_it_is_for_the_signer_of_its_calls() -> None:
    """A reseller's with a certificate of his own, else the node's; another signer has another one at once."""
    identity = SigningIdentity(spc="567T", x5u="https://cr.resale.example.com/shaken.pem")
    sold = replace(world(reseller="resale"), reseller_identities={"resale": identity})
    for declared, name in (
        (EXAMPLE, OF_NODE),
        (sold, "resale"),
        (replace(sold, reseller_identities={"other": identity}), OF_NODE),
    ):
        assert [one.identity for one in opened(declared, (RECORD,))] == [name, name]
    before = tokens_of(EXAMPLE, (), KEY, {}, now_s=NOW)
    assert [(one.identity, one.version) for one in opened(sold, before=before, now=NOW + 1)] == [
        ("resale", NOW + 1)
    ]


def test_no_number_is_in_its_name() -> None:
    assert [one.id for one in opened(records=(RECORD,))] == ["inventory-acme-hq", "evidence-17"]


def test_100_000_numbers_in_a_row_take_one_token_and_gaps_one_each() -> None:
    whole = [f"+1202{number:07}" for number in range(5_000_000, 5_100_000)]
    assert len(opened(world(numbers=tuple(whole)))) == 1
    assert len(opened(world(numbers=tuple(whole[:10] + whole[11:])))) == 2


def test_without_a_customer_there_is_no_token() -> None:
    assert opened(world(customer=None), (RECORD,)) == []


def test_another_customer_has_new_tokens() -> None:
    before = tokens_of(EXAMPLE, (RECORD,), KEY, {}, now_s=NOW)
    other = world(customer=Customer(reference="KYC-2026-18", verified_s=NOW))
    said = opened(other, (RECORD,), before)
    # his own inventory, and not what was found of whoever was there before
    assert [(one.id, one.customer) for one in said] == [("inventory-acme-hq", "KYC-2026-18")]


def test_what_is_good_is_kept_until_half_of_its_time_is_over() -> None:
    before = tokens_of(EXAMPLE, (), KEY, {}, now_s=NOW)
    assert tokens_of(EXAMPLE, (), KEY, before, now_s=NOW + LIFETIME_S // 2 - 1) == before
    (said,) = opened(before=before, now=NOW + LIFETIME_S // 2)
    assert (said.version, said.not_after) == (NOW + LIFETIME_S // 2, NOW + LIFETIME_S // 2 + LIFETIME_S)


def test_what_another_key_has_signed_is_signed_anew() -> None:
    before = tokens_of(EXAMPLE, (), Ed25519PrivateKey.generate(), {}, now_s=NOW)
    assert opened(before=before, now=NOW + 1)[0].version == NOW + 1


def test_an_accepted_record_has_a_token_of_its_own() -> None:
    said = opened(records=(RECORD,))[-1]
    assert said == Evidence(
        kind=Kind.LOA,
        identity=OF_NODE,
        customer="KYC-2026-17",
        trunk="acme-hq",
        first="12025550150",
        last="12025550159",
        not_after=NOW + 100,
        version=18,
        id="evidence-17",
        spc=EXAMPLE.node.spc,
    )


def test_another_code_has_new_tokens() -> None:
    """Summary: those of before are of another provider's certificate, and its signer takes none of them."""
    before = tokens_of(EXAMPLE, (RECORD,), KEY, {}, now_s=NOW)
    said = opened(replace(EXAMPLE, node=replace(EXAMPLE.node, spc="111T")), (RECORD,), before)
    assert [(one.spc, one.kind) for one in said] == [("111T", Kind.OWN_INVENTORY), ("111T", Kind.LOA)]
    assert {one.spc for one in opened(EXAMPLE, (RECORD,), before)} == {EXAMPLE.node.spc}


def test_no_other_record_has_one() -> None:
    others = (
        replace(RECORD, reviewed=0, accepted=False),
        replace(RECORD, accepted=False),
        replace(RECORD, revoked=19),
        replace(RECORD, until=NOW - GRACE_S),
        replace(RECORD, trunk="gone"),
        # a trunk with the name of one that is gone
        replace(RECORD, tenant="bolt"),
        replace(RECORD, customer="KYC-2020-1"),
    )
    assert all(one.kind is Kind.OWN_INVENTORY for one in opened(records=others))


def test_a_record_that_has_ended_is_known_as_such_for_its_grace() -> None:
    said = opened(records=(replace(RECORD, until=NOW - 1.0),))[-1]
    assert (said.id, said.not_after) == ("evidence-17", NOW - 1)


def blocked(**changed: Any) -> EvidenceRecord:
    """A block that holds for a year."""
    made = replace(ASSIGNMENT, first="+12025550100", last="+12025550102", until=NOW + 366.0 * 86_400)
    return replace(made, **changed)


def block_of(record: EvidenceRecord) -> NumberBlock:
    return NumberBlock(
        record=record.version,
        accepted=record.reviewed,
        identity=record.identity,
        first=record.first,
        last=record.last,
        until=record.until,
    )


def test_under_a_real_certificate_only_numbers_in_a_block_have_a_token_which_is_that_record_s() -> None:
    assert opened(REAL) == []
    (said,) = opened(REAL, (blocked(),))
    assert (said.kind, said.trunk, said.customer) == (Kind.OWN_INVENTORY, "acme-hq", "KYC-2026-17")
    # cut at the block's end
    assert (said.first, said.last) == ("12025550101", "12025550102")
    assert (said.id, said.version, said.not_after, said.is_recorded) == (
        "evidence-27",
        28,
        NOW + LIFETIME_S,
        True,
    )
    # and at each other's edges
    other = blocked(version=37, reviewed=38, first="+12025550103", last="+12025550109")
    assert [(one.id, one.first, one.last) for one in opened(REAL, (blocked(), other))] == [
        ("evidence-27", "12025550101", "12025550102"),
        ("evidence-37", "12025550103", "12025550103"),
    ]


def test_under_the_test_authority_a_block_changes_nothing() -> None:
    (said,) = opened(EXAMPLE, (blocked(),))
    assert (said.id, said.is_recorded) == ("inventory-acme-hq", False)


def test_no_token_outlives_its_block() -> None:
    (said,) = opened(REAL, (blocked(until=NOW + 50.5),))
    assert said.not_after == NOW + 50
    # known as ended, so that a call says what it lacked
    (said,) = opened(REAL, (blocked(until=NOW - 1.0),))
    assert said.not_after == NOW - 1
    assert opened(REAL, (blocked(until=float(NOW - GRACE_S)),)) == []


def test_a_token_in_a_block_is_kept_until_half_of_its_time_is_over() -> None:
    before = tokens_of(REAL, (blocked(),), KEY, {}, now_s=NOW)
    assert tokens_of(REAL, (blocked(),), KEY, before, now_s=NOW + LIFETIME_S // 2 - 1) == before
    (said,) = opened(REAL, (blocked(),), before, NOW + LIFETIME_S // 2)
    assert said.not_after == NOW + LIFETIME_S // 2 + LIFETIME_S


def test_what_was_good_without_a_block_is_not_kept_where_one_is_needed() -> None:
    """The day a node gets a real certificate; and the day a record takes another's place."""
    alone = tokens_of(EXAMPLE, (), KEY, {}, now_s=NOW)
    assert opened(REAL, (), alone) == []
    whole = blocked(last="+12025550109")
    assert [one.id for one in opened(REAL, (whole,), alone)] == ["evidence-27"]
    later = replace(whole, version=37, reviewed=38, until=whole.until + 1)
    before = tokens_of(REAL, (whole,), KEY, alone, now_s=NOW)
    assert [one.id for one in opened(REAL, (whole, later), before)] == ["evidence-37"]


def test_the_first_end_is_of_what_is_renewed() -> None:
    tokens = tokens_of(EXAMPLE, (RECORD,), KEY, {}, now_s=NOW)
    assert first_to_end(tokens, ()) == NOW + LIFETIME_S
    assert first_to_end({}, ()) is None
    # nobody renews what ends with its block
    for until, first in ((NOW + 1000.0, None), (blocked().until, NOW + LIFETIME_S)):
        record = blocked(until=until)
        assert first_to_end(tokens_of(REAL, (record,), KEY, {}, now_s=NOW), [block_of(record)]) == first


def test_an_end_is_told_of_before_and_after() -> None:
    tokens = tokens_of(EXAMPLE, (RECORD,), KEY, {}, now_s=NOW)
    assert ending(tokens, (), {}, RECORD.until - SOON_S) == []
    ((name, before),) = ending(tokens, (), {}, RECORD.until - SOON_S + 1)
    ((_, after),) = ending(tokens, (), {}, RECORD.until)
    assert name == "evidence-17"
    assert "loa for +12025550150-+12025550159 of trunk acme-hq ends on 2027-01-15" in before
    assert "has ended on 2027-01-15" in after


def test_a_record_with_a_later_one_in_its_place_is_not_told_of() -> None:
    near = replace(RECORD, until=NOW + 10.0)
    later = replace(RECORD, version=27, until=NOW + 2.0 * SOON_S, reviewed=28)
    assert [
        name for name, _ in ending(tokens_of(EXAMPLE, (near, later), KEY, {}, now_s=NOW), (), {}, NOW)
    ] == []
    # one for a part of its numbers is not in its place
    part = replace(later, first="+12025550151")
    assert [
        name for name, _ in ending(tokens_of(EXAMPLE, (near, part), KEY, {}, now_s=NOW), (), {}, NOW)
    ] == ["evidence-17"]


RANGES = st.tuples(
    st.integers(0, 12), st.integers(0, 6), st.integers(1, 4), st.sampled_from((OF_NODE, "resale"))
)


@given(st.lists(RANGES, max_size=12))
def test_a_record_is_in_anothers_place_if_it_says_the_same_for_longer(
    made: list[tuple[int, int, int, str]],
) -> None:
    base = 12025550100
    blocks = [
        NumberBlock(
            record=at,
            accepted=1,
            identity=identity,
            first=f"+{base + first}",
            last=f"+{base + first + more}",
            until=NOW + float(ends),
        )
        for at, (first, more, ends, identity) in enumerate(made)
    ]
    left = [
        one
        for one in blocks
        if not any(
            other.identity == one.identity
            and other.until > one.until
            and other.first <= one.first
            and one.last <= other.last
            for other in blocks
        )
    ]
    assert {name for name, _ in ending({}, blocks, {}, NOW)} == {f"evidence-{one.record}" for one in left}


def test_looking_for_them_takes_a_time_that_grows_with_their_number() -> None:
    """Each compile of the worker looks: with eight times the records it may not take sixty-four times as long."""

    def took_s(many: int) -> float:
        blocks = [
            NumberBlock(
                record=at,
                accepted=1,
                identity=OF_NODE,
                first=f"+1202{5_000_000 + at * 10}",
                last=f"+1202{5_000_009 + at * 10}",
                until=NOW + 1.0 + at % 300,
            )
            for at in range(many)
        ]
        began = time.process_time()
        assert records_until({}, blocks, {}) == {"block": NOW + 1}
        return time.process_time() - began

    assert min(took_s(8000) for _ in range(3)) < 24 * min(took_s(1000) for _ in range(3))


def test_the_first_end_of_each_kind_of_record() -> None:
    near = replace(RECORD, until=NOW + 10.0)
    later = replace(RECORD, version=27, until=NOW + 20.0, reviewed=28)
    port = replace(
        ASSIGNMENT,
        version=37,
        trunk="acme-hq",
        tenant="acme",
        customer="KYC-2026-17",
        kind="port",
        first="+12025550140",
        reviewed=38,
        until=NOW + 5.0,
    )
    assert records_until(tokens_of(EXAMPLE, (), KEY, {}, now_s=NOW), (), {}) == {}
    assert records_until(tokens_of(EXAMPLE, (near,), KEY, {}, now_s=NOW), (), {}) == {"loa": NOW + 10}
    # what has a later one in its place has no end that matters
    every = tokens_of(EXAMPLE, (near, later, port), KEY, {}, now_s=NOW)
    assert records_until(every, (), {}) == {"loa": NOW + 20, "port": NOW + 5}


def test_the_end_of_a_block_is_told_of_whatever_its_tokens_say() -> None:
    """They are declared for 90 days at a time: their end is the block's only at its last."""
    block = block_of(blocked())
    assert ending({}, [block], {}, block.until - SOON_S) == []
    ((name, said),) = ending({}, [block], {}, block.until - SOON_S + 1)
    assert (name, records_until({}, [block], {})) == ("evidence-27", {"block": int(block.until)})
    assert said == (
        "block for +12025550100-+12025550102 of identity node ends on 2028-01-16: from then on its calls are "
        "signed B; enter a new document"
    )
    later = replace(block, record=37, until=block.until + 2.0 * SOON_S)
    assert ending({}, [block, later], {}, block.until - 1) == []
    # nor is another identity's in its place, or one for a part of its numbers
    for other in (replace(later, identity="resale"), replace(later, last="+12025550101")):
        assert [one for one, _ in ending({}, [block, other], {}, block.until - 1)] == ["evidence-27"]


def test_the_end_of_a_contract_is_told_like_that_of_a_record() -> None:
    said = Contract(identity="resale", spc="567T", id="evidence-31", not_after=NOW + 1000, version=32)
    held = {"resale": issue_contract(KEY, said)}
    assert ending({}, (), held, NOW + 1000 - SOON_S) == []
    ((name, before),) = ending({}, (), held, NOW + 1000 - SOON_S + 1)
    ((_, after),) = ending({}, (), held, NOW + 1000)
    assert (name, records_until({}, (), held)) == ("evidence-31", {"contract": NOW + 1000})
    assert before.startswith(
        "contract of identity resale ends on 2027-01-15: from then on its calls go unsigned"
    )
    assert after.startswith("contract of identity resale has ended on 2027-01-15: its calls go unsigned")
    # nor is a block of the same identity one in its place
    block = replace(block_of(ASSIGNMENT), identity="resale", until=NOW + 2000.0)
    assert [one for one, _ in ending({}, [block], held, NOW)] == ["evidence-31", "evidence-27"]
