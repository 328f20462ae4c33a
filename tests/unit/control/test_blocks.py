"""Which of a trunk's own numbers lie in a block that is ours to give, and what becomes of the others."""

from copy import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sipkit.places import TABLE
from sipkit.tokens import whose
from trunkward.admission.attesting import Attested, attesting
from trunkward.admission.caller import Right, right_to
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.control.blocks import (
    Run,
    Stretch,
    blocks_of,
    concerned,
    needs_blocks,
    runs,
    stretches,
    wanting_by,
    within,
)
from trunkward.control.evidence_journal import evidence_id
from trunkward.control.evidence_tokens import tokens_of, wanting_in_force
from trunkward.control.node_file import read_node_file
from trunkward.numbering.e164 import E164
from trunkward.shaken.attest import Attestation, Lack, Rule
from trunkward.trunks.customer import Customer
from trunkward.trunks.evidence import BLOCK, GRACE_S, EvidenceRecord, NumberBlock
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates, SigningSource
from trunkward.trunks.transit import OF_NODE, Role, SigningIdentity

EXAMPLE = read_node_file((Path(__file__).parents[3] / "examples/node.yaml").read_text(), "node.yaml")
KEY = Ed25519PrivateKey.generate()
NOW = 1_800_000_000
REAL = SigningSource(certificates=Certificates.FILES)
OWN = "+12025550102"
RECORD = EvidenceRecord(
    version=17,
    trunk="",
    tenant="",
    customer="",
    kind=BLOCK,
    first="+12025550100",
    last="+12025550199",
    file_name="assignment.pdf",
    file_sha256="ab" * 32,
    why="filed",
    until=NOW + 1000.0,
    reviewed=18,
    accepted=True,
    salt="5a" * 16,
    identity=OF_NODE,
    spc=EXAMPLE.node.spc,
)


def resold(**changed: Any) -> SigningIdentity:
    return SigningIdentity(spc="567T", x5u="https://cr.resale.example.com/shaken.pem", **changed)


def world(signing: SigningSource = REAL, resale: SigningIdentity | None = None, **changed: Any) -> Declared:
    """The example's trunk, whose numbers end with 0101 to 0103, signed under real certificates."""
    made = replace(
        EXAMPLE,
        node=replace(EXAMPLE.node, signing=signing),
        trunks=(replace(EXAMPLE.trunks[0], **changed),),
    )
    return replace(made, reseller_identities={"resale": resale} if resale else {})


def block(first: int, last: int, **changed: Any) -> NumberBlock:
    made = NumberBlock(
        record=1, accepted=2, identity=OF_NODE, first=f"+{first}", last=f"+{last}", until=NOW + 1.0
    )
    return replace(made, **changed)


@pytest.mark.parametrize(
    ("certificates", "needed"),
    [(Certificates.TEST, False), (Certificates.FILES, True), (Certificates.ACME, True)],
)
def test_signatures_that_could_convince_somebody_need_them(
    certificates: Certificates, *, needed: bool
) -> None:
    source = SigningSource(certificates=certificates)
    assert needs_blocks(world(source), OF_NODE) is needed
    # each identity by itself, and nobody for whom nothing is signed
    both = world(SigningSource(), resold(signing=source))
    assert (needs_blocks(both, OF_NODE), needs_blocks(both, "resale")) == (False, needed)
    assert not needs_blocks(both, "gone")


@pytest.mark.parametrize(
    ("changed", "held"),
    [
        ({}, True),
        ({"accepted": False}, False),
        ({"reviewed": 0, "accepted": False}, False),
        ({"revoked": 19}, False),
        # known as one that has ended, as long as other records are
        ({"until": NOW - GRACE_S + 1.0}, True),
        ({"until": float(NOW - GRACE_S)}, False),
        ({"identity": "resale"}, False),
        # another provider's, and one of whose provider nothing is known
        ({"spc": "567T"}, False),
        ({"spc": ""}, False),
        ({"kind": "loa", "trunk": "acme-hq", "identity": ""}, False),
    ],
)
def test_which_records_are_blocks_that_count(changed: dict[str, Any], *, held: bool) -> None:
    found = blocks_of(world(), [replace(RECORD, **changed)], NOW)
    assert [(one.record, one.accepted) for one in found] == ([(17, 18)] if held else [])
    assert blocks_of(world(SigningSource()), [RECORD], NOW) == []


PORT = replace(
    RECORD,
    version=30,
    trunk="other",
    tenant="other",
    customer="OTHER-1",
    kind="port",
    first=OWN,
    last=OWN,
)


@pytest.mark.parametrize("signing", [REAL, SigningSource()])
def test_an_inventory_takes_no_number_from_whom_a_record_has_given_it(signing: SigningSource) -> None:
    """A person writes the node file alone; the proven owner keeps A, and whoever was given it too gets none."""
    made = world(signing)
    (mine,) = made.trunks
    theirs = replace(
        mine,
        name="other",
        tenant="other",
        numbers=(),
        customer=Customer(reference="OTHER-1", verified_s=NOW - 1),
    )
    both = replace(made, trunks=(mine, theirs))

    def kept(record: EvidenceRecord, at: int = NOW) -> dict[str, set[str]]:
        tokens = tokens_of(both, [RECORD, record], KEY, {}, now_s=at)
        policy = compile_snapshot(both, [one for its in tokens.values() for one in its], 1, TABLE)
        whose_is = Snapshot(policy)
        found: dict[str, set[str]] = {"acme-hq": set(), "other": set()}
        for one in whose_is.evidence(OWN.removeprefix("+")):
            found[one.trunk].add(one.kind.value)
        # nobody else's number goes with it
        assert whose_is.evidence("12025550101")
        assert whose_is.evidence("12025550103")
        said = wanting_by(both, [RECORD, record], at)
        assert said == wanting_in_force(both, tokens, blocks_of(both, [RECORD, record], at), at)
        assert [name for name, _ in said] == ([] if found["acme-hq"] else ["acme-hq"])
        assert all(f"1 of its numbers ({OWN}) are another tenant's by a record" in text for _, text in said)
        return found

    assert kept(PORT) == {"acme-hq": set(), "other": {"port"}}
    # one to another provider is in nobody's way
    assert kept(replace(PORT, spc="567T")) == {"acme-hq": {"own-inventory"}, "other": set()}
    assert kept(replace(PORT, revoked=40)) == {"acme-hq": {"own-inventory"}, "other": set()}
    # entered, and looked at by nobody, or rejected
    assert kept(replace(PORT, reviewed=0, accepted=False))["acme-hq"] == {"own-inventory"}
    ended = replace(PORT, until=NOW - 1.0)
    assert kept(ended)["acme-hq"] == {"own-inventory"}
    # a tenant's own is in nobody's way
    assert kept(replace(PORT, tenant="acme", trunk="acme-hq", customer="KYC-2026-17"))["acme-hq"] == {
        "own-inventory",
        "port",
    }


def test_the_proven_owner_is_signed_a_and_the_other_is_not() -> None:
    made = world()
    (mine,) = made.trunks
    theirs = replace(
        mine,
        name="other",
        tenant="other",
        numbers=(),
        customer=Customer(reference="OTHER-1", verified_s=NOW - 1),
    )
    both = replace(made, trunks=(mine, theirs))
    tokens = tokens_of(both, [RECORD, PORT], KEY, {}, now_s=NOW)
    compiled = compile_snapshot(
        both, [one for its in tokens.values() for one in its], 1, TABLE, relationships=whose(both, NOW)
    )
    policy = Snapshot(compiled)
    levels = {
        trunk.name: (attesting(trunk, OWN, policy, at).level, right_to(E164(OWN), trunk, policy, at))
        for trunk in both.trunks
        for at in [float(NOW)]
    }
    assert levels == {"acme-hq": (Attestation.B, Right.OWN), "other": (Attestation.A, Right.VERIFIED)}
    # its time is over: nothing of grace, where another tenant has the number
    after = PORT.until + 1
    assert attesting(theirs, OWN, policy, after).level is not Attestation.A
    assert right_to(E164(OWN), theirs, policy, after) is Right.NONE


def test_100_000_numbers_in_a_row_are_one_run_and_gaps_make_more() -> None:
    whole = [f"+1202{number:07}" for number in range(5_000_000, 5_100_000)]
    assert len(list(runs(whole))) == 1
    assert len(list(runs(whole[:10] + whole[11:]))) == 2


@given(st.sets(st.integers(98, 130) | st.integers(995, 1010), max_size=30))
def test_runs_are_the_numbers_and_no_others(numbers: set[int]) -> None:
    found = list(runs(f"+{number}" for number in numbers))
    assert [n for one in found for n in range(one.first, one.last + 1)] == sorted(numbers)
    assert all(len(str(one.first)) == len(str(one.last)) for one in found)


_BLOCKS = st.lists(st.tuples(st.integers(100, 160), st.integers(0, 30), st.integers(0, 4)), max_size=8)


@given(_BLOCKS, st.sets(st.integers(95, 200), max_size=40))
def test_each_number_is_the_blocks_that_holds_longest(
    ranges: list[tuple[int, int, int]], numbers: set[int]
) -> None:
    """Beside a search that looks at every block for every number."""
    blocks = [
        block(first, first + more, record=index, until=float(NOW + ends))
        for index, (first, more, ends) in enumerate(ranges, start=1)
    ]
    held = stretches([*blocks, block(100, 190, identity="resale")], OF_NODE)
    assert all(one.last < other.first for one, other in pairwise(held))
    said = {
        number: its.block if its else None
        for run, its in within(runs(f"+{number}" for number in numbers), held)
        for number in range(run.first, run.last + 1)
    }
    wanted = {
        number: max(
            (one for one in blocks if int(one.first) <= number <= int(one.last)),
            key=lambda one: (one.until, one.record),
            default=None,
        )
        for number in numbers
    }
    assert said == wanted


def test_a_run_is_cut_at_the_edges_of_blocks() -> None:
    held = [Stretch(100, 109, block(100, 109)), Stretch(120, 129, block(120, 129))]
    pieces = [(run, its is not None) for run, its in within([Run(95, 140)], held)]
    assert pieces == [
        (Run(95, 99), False),
        (Run(100, 109), True),
        (Run(110, 119), False),
        (Run(120, 129), True),
        (Run(130, 140), False),
    ]


def test_who_is_looked_at_again_when_blocks_change() -> None:
    declared = world()
    ours, far = block(12025550103, 12025550110), block(12025550104, 12025550110)
    assert concerned(declared, [], [ours]) == concerned(declared, [ours], []) == {"acme-hq"}
    assert concerned(declared, [ours], [ours]) == concerned(declared, [], [far]) == set()
    assert concerned(declared, [], [replace(ours, identity="resale")]) == set()


def test_numbers_in_no_block_are_told_of() -> None:
    half = replace(RECORD, last="+12025550101")
    ((trunk, said),) = wanting_by(world(), [half], NOW)
    assert trunk == "acme-hq"
    assert said.startswith(
        "2 of its numbers (+12025550102-+12025550103) lie in no block of identity node, SPC 000T: "
        "their calls are signed B"
    )
    assert "./trunkward evidence add --kind block" in said
    # one that has ended, is another identity's, or another provider's, holds none
    for other in (
        replace(RECORD, until=float(NOW)),
        replace(RECORD, identity="resale", spc="567T"),
        replace(RECORD, spc="567T"),
    ):
        assert wanting_by(world(resale=resold(signing=REAL)), [other], NOW)[0][1].startswith(
            "3 of its numbers"
        )
    many = world(numbers=tuple(f"+1202555010{digit}" for digit in "02468"))
    assert "(+12025550100, +12025550102, +12025550104 and 2 more)" in wanting_by(many, [], NOW)[0][1]


@pytest.mark.parametrize(
    "changed",
    [{"customer": None}, {"role": Role.GATEWAY}, {"signing": SigningSource()}, {"numbers": ()}],
)
def test_whom_no_block_would_help_is_not_told_of(changed: dict[str, Any]) -> None:
    assert wanting_by(world(**changed), [], NOW) == []


def test_a_number_that_another_record_speaks_for_is_not_told_of() -> None:
    """As it is known from records, and as it is known from the tokens in force."""
    half = replace(RECORD, last="+12025550101")
    port = replace(
        RECORD,
        version=27,
        kind="port",
        trunk="acme-hq",
        tenant="acme",
        customer="KYC-2026-17",
        first="+12025550102",
        last="+12025550103",
    )
    for other, told in (
        (port, False),
        (replace(port, first="+12025550103"), True),
        (replace(port, until=float(NOW)), True),
        (replace(port, customer="KYC-2020-1"), True),
        (replace(port, trunk="other"), True),
        (replace(port, accepted=False), True),
        (replace(port, spc="567T"), True),
        (replace(port, spc=""), True),
    ):
        records = [half, other]
        assert bool(wanting_by(world(), records, NOW)) is told
        tokens = tokens_of(world(), records, KEY, {}, now_s=NOW)
        blocks = blocks_of(world(), records, NOW)
        assert bool(wanting_in_force(world(), tokens, blocks, NOW)) is told


def test_what_a_third_party_loses_is_the_div() -> None:
    sold = world(resale=resold(signing=REAL, third_party=True), reseller="resale")
    ((_, said),) = wanting_by(sold, [RECORD], NOW)
    assert "lie in no block of identity resale, SPC 567T: a call they divert has no div" in said


# ---- property 4 -----------------------------------------------------------------------------------


def attested(
    declared: Declared, *records: EvidenceRecord, at: int = NOW, denied: frozenset[str] = frozenset()
) -> Attested:
    """What a call of the trunk that shows one of its numbers is signed, by the tokens there are."""
    tokens = tokens_of(declared, records, KEY, {}, now_s=NOW)
    every = [token for its in tokens.values() for token in its]
    compiled = compile_snapshot(declared, every, 1, TABLE, relationships=whose(declared))
    policy = Snapshot(compiled, denied=lambda: denied)
    trunk = policy.trunk("acme-hq")
    assert trunk is not None
    return attesting(trunk, OWN, policy, at)


def test_property_4_an_own_number_in_a_block_is_a_by_the_blocks_record() -> None:
    """Property 4: with all pieces there it is A, and names the document it rests on."""
    found = attested(world(), RECORD)
    assert (found.rule, found.level) == (Rule.A_OWN_INVENTORY, Attestation.A)
    assert (found.evidence_id, found.evidence_version) == ("evidence-17", 18)


@pytest.mark.parametrize(
    ("changed", "record", "lack"),
    [
        # nobody has entered a document, or accepted it, or somebody has revoked it
        ({}, None, Lack.NO_EVIDENCE),
        ({}, {"reviewed": 0, "accepted": False}, Lack.NO_EVIDENCE),
        ({}, {"accepted": False}, Lack.NO_EVIDENCE),
        ({}, {"revoked": 19}, Lack.NO_EVIDENCE),
        ({}, {"until": float(NOW)}, Lack.EVIDENCE_EXPIRED),
        # beside it, and another identity's
        ({}, {"first": "+12025550103"}, Lack.NO_EVIDENCE),
        ({}, {"last": "+12025550101"}, Lack.NO_EVIDENCE),
        ({}, {"identity": "resale"}, Lack.NO_EVIDENCE),
        ({"reseller": "resale"}, {}, Lack.NO_EVIDENCE),
        # the number is given to nobody, or not to this trunk
        ({"numbers": ("+12025550101",)}, {}, Lack.NO_EVIDENCE),
        # nobody knows the customer (any more)
        ({"customer": None}, {}, Lack.CUSTOMER_NOT_KNOWN),
        (
            {"customer": Customer(reference="KYC-2026-17", verified_s=0)},
            {},
            Lack.CUSTOMER_VERIFIED_TOO_LONG_AGO,
        ),
        ({"role": Role.INTERMEDIATE}, {}, Lack.NOT_ORIGINATED_HERE),
    ],
)
def test_property_4_each_piece_an_own_number_rests_on_lowers_it(
    changed: dict[str, Any], record: dict[str, Any] | None, lack: Lack
) -> None:
    """Property 4: whatever is taken away of block, inventory and customer, the next call is no A."""
    declared = world(resale=resold(signing=REAL), **changed)
    records = [] if record is None else [replace(RECORD, **record)]
    found = attested(declared, *records)
    assert (found.level is Attestation.A, found.lack) == (False, lack)


MINE = replace(PORT, trunk="acme-hq", tenant="acme", customer="KYC-2026-17")


@pytest.mark.parametrize("signing", [REAL, SigningSource()])
@pytest.mark.parametrize(
    ("changed", "record", "level"),
    [
        ({}, {}, Attestation.A),
        # ported to another provider, or nobody knows to whom
        ({}, {"spc": "567T"}, Attestation.B),
        ({}, {"identity": "resale", "spc": "567T"}, Attestation.B),
        ({}, {"identity": "", "spc": ""}, Attestation.B),
        # a reseller's certificate signs now, and his code is not that of whom it was ported to
        ({"reseller": "resale"}, {}, Attestation.B),
        ({"reseller": "resale"}, {"spc": "567T"}, Attestation.B),
        ({"reseller": "resale"}, {"identity": "resale", "spc": "567T"}, Attestation.A),
        # letters are of the customer, whoever signs
        ({"reseller": "resale"}, {"kind": "loa", "identity": "", "spc": ""}, Attestation.A),
    ],
)
def test_property_4_a_port_is_of_the_provider_it_was_ported_to(
    signing: SigningSource, changed: dict[str, Any], record: dict[str, Any], level: Attestation
) -> None:
    """Property 4: one editor of the node file has it signed under no other provider's certificate."""
    declared = world(signing, resold(signing=signing), **changed)
    # nothing but the record speaks for the number
    declared = replace(declared, trunks=(replace(declared.trunks[0], numbers=()),))
    assert attested(declared, replace(MINE, **record)).level is level


def test_property_4_a_revoked_block_is_no_a_before_there_is_another_policy() -> None:
    """Property 4: a gate that hears of the revocation alone, with the token still in its policy."""
    assert attested(world(), RECORD, denied=frozenset({evidence_id(17)})).level is Attestation.B
    assert attested(world(), RECORD, denied=frozenset({evidence_id(18)})).level is Attestation.A


def test_property_4_its_end_lowers_the_call_of_that_second() -> None:
    """Property 4: the token of an inventory ends with its block, long before it would have to be renewed."""
    assert attested(world(), RECORD, at=NOW + 999).level is Attestation.A
    assert attested(world(), RECORD, at=NOW + 1000).lack is Lack.EVIDENCE_EXPIRED
