"""Which identities sign what is supplied by a contract two people have looked at, and what is said of the others."""

from copy import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.control.contracts import (
    contract_tokens,
    contracts_of,
    needs_contract,
    read_contracts,
    wanting_by,
)
from trunkward.control.node_file import read_node_file
from trunkward.shaken.contract import Contract, open_token
from trunkward.trunks.evidence import BLOCK, CONTRACT, GRACE_S, EvidenceRecord
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates, SigningSource
from trunkward.trunks.transit import OF_NODE, SigningIdentity

EXAMPLE = read_node_file((Path(__file__).parents[3] / "examples/node.yaml").read_text(), "node.yaml")
KEY = Ed25519PrivateKey.generate()
NOW = 1_800_000_000
REAL = SigningSource(certificates=Certificates.FILES)
RESALE = SigningIdentity(
    spc="567T", x5u="https://cr.resale.example.com/shaken.pem", third_party=True, signing=REAL
)
RECORD = EvidenceRecord(
    version=31,
    trunk="",
    tenant="",
    customer="",
    kind=CONTRACT,
    first="",
    last="",
    file_name="agreement.pdf",
    file_sha256="ab" * 32,
    why="filed",
    until=NOW + 1000.0,
    reviewed=32,
    accepted=True,
    salt="5a" * 16,
    identity="resale",
    spc="567T",
)
SAID = Contract(identity="resale", spc="567T", id="evidence-31", not_after=NOW + 1000, version=32)


def world(**changed: Any) -> Declared:
    return replace(EXAMPLE, reseller_identities={"resale": replace(RESALE, **changed)})


@pytest.mark.parametrize(
    ("changed", "needed"),
    [
        ({}, True),
        ({"signing": SigningSource(certificates=Certificates.ACME)}, True),
        # convinces nobody, and decides itself
        ({"signing": SigningSource()}, False),
        ({"third_party": False}, False),
    ],
)
def test_who_signs_for_a_provider_so_that_somebody_believes_it_needs_one(
    changed: dict[str, Any], *, needed: bool
) -> None:
    assert needs_contract(world(**changed), "resale") is needed
    assert bool(wanting_by(world(**changed), [], NOW)) is needed
    for nobody in (OF_NODE, "gone"):
        assert not needs_contract(world(**changed), nobody)


@pytest.mark.parametrize(
    ("changed", "held"),
    [
        ({}, True),
        ({"accepted": False}, False),
        ({"reviewed": 0, "accepted": False}, False),
        ({"revoked": 33}, False),
        # known as one that has ended, as long as other records are
        ({"until": NOW - GRACE_S + 1.0}, True),
        ({"until": float(NOW - GRACE_S)}, False),
        ({"identity": "other"}, False),
        # another provider's, and one of whose provider nothing is known
        ({"spc": "111T"}, False),
        ({"spc": ""}, False),
        ({"kind": BLOCK, "first": "+12025550100", "last": "+12025550199"}, False),
    ],
)
def test_which_records_are_contracts_that_count(changed: dict[str, Any], *, held: bool) -> None:
    assert (contracts_of(world(), [replace(RECORD, **changed)], NOW) != {}) is held
    for other in ({"signing": SigningSource()}, {"third_party": False}, {"spc": "111T"}):
        assert contracts_of(world(**other), [RECORD], NOW) == {}


def test_control_signs_what_was_accepted() -> None:
    tokens = contract_tokens(world(), [RECORD], KEY, NOW)
    assert {name: open_token(KEY.public_key(), token) for name, token in tokens.items()} == {"resale": SAID}
    assert read_contracts(tokens) == {"resale": SAID}
    # a version in which nothing of it has changed has the same bytes
    assert contract_tokens(world(), [RECORD], KEY, NOW + 5) == tokens


def test_of_several_the_one_that_holds_longest_counts() -> None:
    later = replace(RECORD, version=41, reviewed=42, until=NOW + 2000.0)
    for records in ([RECORD, later], [later, RECORD]):
        assert contracts_of(world(), records, NOW)["resale"].id == "evidence-41"
    assert contracts_of(world(), [RECORD, replace(later, revoked=43)], NOW)["resale"].id == "evidence-31"


def test_what_is_wanting_is_said_with_what_to_do() -> None:
    assert wanting_by(world(), [RECORD], NOW + 999) == []
    ((name, said),) = wanting_by(world(), [], NOW)
    assert name == "resale"
    assert said.startswith("no contract with the provider of SPC 567T is accepted, so nothing that provider")
    assert "./trunkward evidence add --kind contract --identity resale" in said
    ((_, said),) = wanting_by(world(), [RECORD], NOW + 1000)
    assert said.startswith("its contract (evidence-31) has ended on 2027-01-15, so nothing")
    # the certificate has become another provider's
    ((_, said),) = wanting_by(world(spc="111T"), [RECORD], NOW)
    assert said.startswith("no contract with the provider of SPC 111T is accepted")
