"""Relationship tokens: only what control signed, only for whom, only as long as it holds, and of bounded size."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from trunkward.shaken import base64url
from trunkward.shaken import evidence as evidence_tokens
from trunkward.shaken.relationship import (
    MAX_TOKEN,
    PREFIX,
    Relationship,
    RelationshipRefused,
    issue,
    open_token,
    read_token,
    require,
    require_customer,
)
from trunkward.trunks.transit import OF_NODE

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key()
NOW = 1_800_000_000
SAID = Relationship(
    identity=OF_NODE,
    trunk="alpha",
    customer="KYC-2026-17",
    since=NOW - 60,
    until=NOW + 60,
    supplies_levels=False,
    nam="Example Corp",
    crn="Delivery",
    not_after=NOW + 30,
    version=3,
)
TOKEN = issue(KEY, SAID)


def refused(token: str) -> str:
    with pytest.raises(RelationshipRefused) as error:
        open_token(PUBLIC, token)
    return error.value.reason


def signed(payload: bytes, prefix: str = PREFIX) -> str:
    message = f"{prefix}.{base64url.encode(payload)}"
    return f"{message}.{base64url.encode(KEY.sign(message.encode()))}"


def stated(**changed: Any) -> bytes:
    return json.dumps(asdict(SAID) | changed).encode()


def test_good_token_gives_back_what_was_said() -> None:
    assert open_token(PUBLIC, TOKEN) == SAID
    assert read_token(TOKEN) == SAID
    # the same statement is the same token
    assert issue(KEY, SAID) == TOKEN


def test_it_is_for_one_signer_and_trunk_until_its_end() -> None:
    def why(identity: str = OF_NODE, trunk: str = "alpha", now_s: int = NOW + 29) -> str:
        with pytest.raises(RelationshipRefused) as error:
            require(SAID, identity=identity, trunk=trunk, now_s=now_s)
        return error.value.reason

    require(SAID, identity=OF_NODE, trunk="alpha", now_s=NOW + 29)
    assert why(identity="resale") == "relationship-of-other-identity"
    assert why(trunk="beta") == "relationship-of-other-trunk"
    assert why(now_s=NOW + 30) == "relationship-expired"


@pytest.mark.parametrize(
    ("changed", "now_s", "reason"),
    [
        ({"customer": ""}, NOW, "customer-not-known"),
        ({}, NOW - 61, "customer-not-yet-verified"),
        ({}, NOW + 60, "customer-verified-too-long-ago"),
    ],
)
def test_its_customer_is_known_as_long_as_his_record_holds(
    changed: dict[str, Any], now_s: int, reason: str
) -> None:
    with pytest.raises(RelationshipRefused) as error:
        require_customer(replace(SAID, **changed), now_s)
    assert error.value.reason == reason
    assert {require_customer(SAID, at) for at in (NOW - 60, NOW + 59)} == {"KYC-2026-17"}


def test_another_key_proves_nothing() -> None:
    assert refused(issue(Ed25519PrivateKey.generate(), SAID)) == "relationship-signature-invalid"


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="ascii"))
def test_no_character_can_be_changed(position: int, character: str) -> None:
    changed = TOKEN[:position] + character + TOKEN[position + 1 :]
    if changed != TOKEN:
        assert refused(changed) in {"relationship-malformed", "relationship-signature-invalid"}


def test_neither_kind_passes_for_the_other() -> None:
    assert refused(signed(stated(), evidence_tokens.PREFIX)) == "relationship-malformed"
    with pytest.raises(evidence_tokens.EvidenceRefused):
        evidence_tokens.open_token(PUBLIC, TOKEN)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"\xff",
        b"nonsense",
        b"[" * 5000,
        json.dumps({k: v for k, v in asdict(SAID).items() if k != "until"}).encode(),
        stated(more=1),
        stated(identity=""),
        stated(identity=7),
        stated(trunk="a b"),
        stated(customer=None),
        stated(since="1800000000"),
        stated(until=1e30),
        stated(until=True),
        stated(not_after=0),
        stated(version=2**53),
        stated(supplies_levels=1),
        stated(nam=7),
        stated(nam=""),
        stated(nam="x" * 65),
        stated(nam="a\nb"),
        stated(crn=" Delivery"),
        b"x" * MAX_TOKEN,
    ],
)
def test_what_it_does_not_say(payload: bytes) -> None:
    assert open_token(PUBLIC, signed(stated())) == SAID
    assert refused(signed(payload)) == "relationship-malformed"


def test_the_longest_there_can_be_is_read() -> None:
    """Of names and identifiers as long as they may be, each character of the name four bytes."""
    longest = replace(
        SAID,
        identity="i" * 128,
        trunk="t" * 128,
        customer="c" * 128,
        supplies_levels=True,
        nam="\U0001f4de" * 64,
        crn='"' * 64,
        since=-(2**53) + 1,
        until=2**53 - 1,
        not_after=2**53 - 1,
        version=2**53 - 1,
    )
    token = issue(KEY, longest)
    assert len(token) <= MAX_TOKEN
    assert open_token(PUBLIC, token) == longest
