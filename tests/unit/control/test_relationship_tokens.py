"""Whose trunks are, as it is declared: one token a trunk, made anew when anything of it is another."""

from copy import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.control.evidence_tokens import LIFETIME_S
from trunkward.control.node_file import read_node_file
from trunkward.control.relationship_tokens import first_to_end, relationships_of
from trunkward.shaken.relationship import Relationship, open_token
from trunkward.trunks.customer import Customer
from trunkward.trunks.model import Declared
from trunkward.trunks.transit import OF_NODE, CallerName, Role, SigningIdentity

EXAMPLE = read_node_file((Path(__file__).parents[3] / "examples/node.yaml").read_text(), "node.yaml")
KEY = Ed25519PrivateKey.generate()
NOW = 1_800_000_000
IDENTITY = SigningIdentity(spc="567T", x5u="https://cr.resale.example.com/shaken.pem")
NAME = CallerName(name="Example Corp", reason="Delivery", reviewed="2026-11-20")


def world(**changed: Any) -> Declared:
    return replace(EXAMPLE, trunks=(replace(EXAMPLE.trunks[0], **changed),))


def said(declared: Declared) -> Relationship:
    (token,) = relationships_of(declared, KEY, {}, now_s=NOW).values()
    return open_token(KEY.public_key(), token)


def test_it_says_whose_the_trunk_is_and_until_when_that_holds() -> None:
    customer = EXAMPLE.trunks[0].customer
    assert customer is not None
    assert said(EXAMPLE) == Relationship(
        identity=OF_NODE,
        trunk="acme-hq",
        customer="KYC-2026-17",
        since=customer.since_s,
        until=customer.until_s,
        supplies_levels=False,
        nam="",
        crn="",
        not_after=NOW + LIFETIME_S,
        version=NOW,
    )


def test_a_name_and_its_reason() -> None:
    one = said(world(caller_name=NAME))
    assert (one.nam, one.crn) == ("Example Corp", "Delivery")


def test_it_is_for_the_signer_of_its_calls() -> None:
    sold = world(reseller="resale")
    assert said(replace(sold, reseller_identities={"resale": IDENTITY})).identity == "resale"
    assert said(sold).identity == OF_NODE


def test_a_switch_has_one_whatever_is_known_of_its_tenant() -> None:
    one = said(world(customer=None, supplies_levels=True))
    assert (one.customer, one.since, one.until, one.supplies_levels) == ("", 0, 0, True)


@pytest.mark.parametrize("changed", [{"customer": None}, {"role": Role.GATEWAY}, {"role": Role.INTERMEDIATE}])
def test_who_is_not_known_and_who_brings_others_calls_has_none(changed: dict[str, Any]) -> None:
    assert relationships_of(world(**changed), KEY, {}, now_s=NOW) == {}


def test_what_is_good_is_kept_until_half_of_its_time_is_over() -> None:
    before = relationships_of(EXAMPLE, KEY, {}, now_s=NOW)
    for by_it in (False, True):
        kept = relationships_of(EXAMPLE, KEY, before, now_s=NOW + LIFETIME_S // 2 - 1, signed_by_it=by_it)
        assert kept == before
    renewed = relationships_of(EXAMPLE, KEY, before, now_s=NOW + LIFETIME_S // 2)
    assert first_to_end(renewed) == NOW + LIFETIME_S // 2 + LIFETIME_S


@pytest.mark.parametrize(
    "changed",
    [
        {"customer": Customer(reference="KYC-2026-18", verified_s=EXAMPLE.trunks[0].customer.verified_s)},  # type: ignore[union-attr]
        # verified anew
        {"customer": Customer(reference="KYC-2026-17", verified_s=NOW)},
        {"caller_name": NAME},
        {"supplies_levels": True},
    ],
)
def test_what_says_something_else_is_made_anew(changed: dict[str, Any]) -> None:
    before = relationships_of(EXAMPLE, KEY, {}, now_s=NOW)
    (token,) = relationships_of(world(**changed), KEY, before, now_s=NOW + 1).values()
    assert open_token(KEY.public_key(), token).version == NOW + 1


def test_what_another_key_has_signed_is_signed_anew() -> None:
    before = relationships_of(EXAMPLE, Ed25519PrivateKey.generate(), {}, now_s=NOW)
    (token,) = relationships_of(EXAMPLE, KEY, before, now_s=NOW + 1).values()
    assert open_token(KEY.public_key(), token).version == NOW + 1


def test_the_first_to_end() -> None:
    assert first_to_end({}) is None
    first = relationships_of(EXAMPLE, KEY, {}, now_s=NOW)
    later = relationships_of(EXAMPLE, KEY, {}, now_s=NOW + 9)
    assert first_to_end({"a": later["acme-hq"], "b": first["acme-hq"]}) == NOW + LIFETIME_S
