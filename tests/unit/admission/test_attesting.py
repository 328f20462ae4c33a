"""Property 4 from the policy: which rule a trunk's call gets, and whether it may show the number at all."""

from copy import replace
from typing import Any

import pytest

from sipkit.places import TABLE
from sipkit.tokens import UNTIL, token, whose
from trunkward.admission.attesting import Attested, attesting
from trunkward.admission.caller import Right, right_to
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.numbering.e164 import E164
from trunkward.shaken.attest import Attestation, Lack, Rule
from trunkward.shaken.evidence import Kind
from trunkward.trunks.customer import MOST_AGE_D, Customer
from trunkward.trunks.evidence import GRACE_S
from trunkward.trunks.model import Declared, Trunk
from trunkward.trunks.transit import Role

NOW = 1_800_000_000
OWN, FOREIGN = "+12025550101", "+12125550150"
LETTER = token("+12125550150", last="+12125550159", kind=Kind.LOA)


class World:
    """The example's trunk, with what is said of it and of evidence; and a trunk of another tenant."""

    def __init__(
        self, declared: Declared, *tokens: str, others: tuple[str, ...] = (), **changed: Any
    ) -> None:
        trunk = replace(declared.trunks[0], **changed)
        other = replace(
            declared.trunks[0], name="bolt-hq", tenant="bolt", numbers=others, certificate_sha256="ef" * 32
        )
        both = replace(declared, trunks=(trunk, other))
        self.policy = Snapshot(compile_snapshot(both, tokens, 1, TABLE, relationships=whose(both)))
        found = self.policy.trunk(trunk.name)
        assert found is not None
        self.trunk: Trunk = found

    def attested(self, number: str, at: float = NOW) -> Attested:
        return attesting(self.trunk, number, self.policy, at)

    def right(self, number: str, at: float = NOW) -> Right:
        return right_to(E164(number), self.trunk, self.policy, at)


def test_a_number_of_the_inventory(declared: Declared) -> None:
    found = World(declared, token(OWN)).attested(OWN)
    assert (found.rule, found.level, found.token) == (Rule.A_OWN_INVENTORY, Attestation.A, token(OWN))
    assert (found.customer, found.evidence_id, found.lack) == (
        "KYC-2026-17",
        "own-inventory-acme-hq-12025550101",
        None,
    )


def test_a_number_that_a_document_speaks_for(declared: Declared) -> None:
    world = World(declared, LETTER)
    found = world.attested(FOREIGN)
    assert (found.rule, found.token) == (Rule.A_LOA, LETTER)
    assert world.right(FOREIGN) is Right.VERIFIED
    # and the one beside its range
    assert world.attested("+12125550160").lack is Lack.NO_EVIDENCE
    assert world.right("+12125550160") is Right.NONE


@pytest.mark.parametrize(
    ("at", "level", "right"),
    [
        (UNTIL - 1, Attestation.A, Right.VERIFIED),
        (UNTIL, Attestation.B, Right.VERIFIED),
        (UNTIL + GRACE_S - 1, Attestation.B, Right.VERIFIED),
        (UNTIL + GRACE_S, Attestation.B, Right.NONE),
    ],
)
def test_its_end_lowers_the_level_at_its_second_and_ends_the_right_after_the_grace(
    declared: Declared, at: int, level: Attestation, right: Right
) -> None:
    customer = Customer(reference="KYC-2026-17", verified_s=UNTIL - 86_400)
    world = World(declared, LETTER, customer=customer)
    found = world.attested(FOREIGN, at)
    assert (found.level, world.right(FOREIGN, at)) == (level, right)
    if level is Attestation.B:
        assert (found.lack, found.evidence_id, found.token) == (
            *(Lack.EVIDENCE_EXPIRED, "loa-acme-hq-12125550150"),
            None,
        )


def test_without_it_the_next_call_is_b_and_may_not_show_the_number(declared: Declared) -> None:
    world = World(declared)
    assert (world.attested(FOREIGN).rule, world.right(FOREIGN)) == (Rule.B_KNOWN_CUSTOMER, Right.NONE)


def test_another_trunks_document_is_none(declared: Declared) -> None:
    world = World(declared, token(FOREIGN, kind=Kind.LOA, trunk="bolt-hq"))
    assert world.attested(FOREIGN).lack is Lack.EVIDENCE_OF_OTHER_TRUNK
    assert world.right(FOREIGN) is Right.NONE


def test_another_customers_document_is_none(declared: Declared) -> None:
    world = World(declared, token(FOREIGN, kind=Kind.LOA, customer="KYC-2026-18"))
    assert world.attested(FOREIGN).lack is Lack.EVIDENCE_OF_OTHER_CUSTOMER


def test_a_number_that_was_given_to_another_tenant_since(declared: Declared) -> None:
    """Who has proved that it is his keeps it; what has ended is of no use any more, and has no grace."""
    world = World(declared, LETTER, others=(FOREIGN,))
    assert world.attested(FOREIGN).level is Attestation.A
    assert world.right(FOREIGN) is Right.VERIFIED
    world = World(declared, token(FOREIGN, kind=Kind.LOA, until=NOW), others=(FOREIGN,))
    found = world.attested(FOREIGN)
    assert (found.level, found.lack, found.token) == (Attestation.B, Lack.NO_EVIDENCE, None)
    assert world.right(FOREIGN) is Right.NONE


def test_a_declaration_of_an_inventory_it_is_not_in_is_none(declared: Declared) -> None:
    world = World(declared, token(FOREIGN))
    assert world.attested(FOREIGN).level is Attestation.B
    assert world.right(FOREIGN) is Right.NONE


@pytest.mark.parametrize(
    ("customer", "lack"),
    [
        (None, Lack.CUSTOMER_NOT_KNOWN),
        (
            Customer(reference="KYC-2026-17", verified_s=NOW - MOST_AGE_D * 86_400),
            Lack.CUSTOMER_VERIFIED_TOO_LONG_AGO,
        ),
        (
            Customer(reference="KYC-2026-17", verified_s=NOW + 86_400),
            Lack.CUSTOMER_NOT_YET_VERIFIED,
        ),
    ],
)
def test_without_a_valid_customer_it_is_c(declared: Declared, customer: Customer | None, lack: Lack) -> None:
    found = World(declared, token(OWN), customer=customer).attested(OWN)
    assert (found.rule, found.lack, found.token) == (Rule.C_UNKNOWN_CUSTOMER, lack, None)


@pytest.mark.parametrize(
    ("role", "rule"),
    [(Role.GATEWAY, Rule.C_GATEWAY), (Role.INTERMEDIATE, Rule.C_INTERMEDIATE_UNSIGNED)],
)
def test_other_providers_calls_are_c_whatever_they_show(declared: Declared, role: Role, rule: Rule) -> None:
    found = World(declared, token(OWN), role=role).attested(OWN)
    assert (found.rule, found.token) == (rule, None)
