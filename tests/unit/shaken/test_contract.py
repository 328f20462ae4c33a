"""Contract tokens: only what control signed, only for one identity and provider, only as long as it holds."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from trunkward.shaken import base64url
from trunkward.shaken import relationship as relationship_tokens
from trunkward.shaken.contract import (
    MAX_TOKEN,
    PREFIX,
    Contract,
    ContractRefused,
    issue,
    open_token,
    read_token,
    require,
)

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key()
NOW = 1_800_000_000
SAID = Contract(identity="resale", spc="567T", id="evidence-31", not_after=NOW + 30, version=32)
TOKEN = issue(KEY, SAID)


def refused(token: str) -> str:
    with pytest.raises(ContractRefused) as error:
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


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"identity": "other"}, "contract-of-other-identity"),
        # its certificate is another provider's now
        ({"spc": "111T"}, "contract-of-other-provider"),
        ({"now_s": NOW + 30}, "contract-expired"),
    ],
)
def test_it_is_for_one_identity_and_provider_until_its_end(asked: dict[str, Any], reason: str) -> None:
    whole: dict[str, Any] = {"identity": "resale", "spc": "567T", "now_s": NOW + 29}
    assert require(SAID, **whole) == SAID
    with pytest.raises(ContractRefused) as error:
        require(SAID, **whole | asked)
    assert error.value.reason == reason


def test_another_key_proves_nothing() -> None:
    assert refused(issue(Ed25519PrivateKey.generate(), SAID)) == "contract-signature-invalid"


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="ascii"))
def test_no_character_can_be_changed(position: int, character: str) -> None:
    changed = TOKEN[:position] + character + TOKEN[position + 1 :]
    if changed != TOKEN:
        assert refused(changed) in {"contract-malformed", "contract-signature-invalid"}


def test_neither_kind_passes_for_the_other() -> None:
    assert refused(signed(stated(), relationship_tokens.PREFIX)) == "contract-malformed"
    with pytest.raises(relationship_tokens.RelationshipRefused):
        relationship_tokens.open_token(PUBLIC, TOKEN)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"\xff",
        b"nonsense",
        b"[" * 5000,
        json.dumps({k: v for k, v in asdict(SAID).items() if k != "spc"}).encode(),
        stated(more=1),
        stated(identity=""),
        stated(identity=7),
        stated(spc=None),
        stated(spc="56 7"),
        stated(id=""),
        stated(not_after="1800000000"),
        stated(not_after=1e30),
        stated(not_after=0),
        stated(version=True),
        stated(version=2**53),
        b"x" * MAX_TOKEN,
    ],
)
def test_what_it_does_not_say(payload: bytes) -> None:
    assert open_token(PUBLIC, signed(stated())) == SAID
    assert refused(signed(payload)) == "contract-malformed"
    with pytest.raises(ContractRefused):
        read_token(signed(payload))


def test_the_longest_there_can_be_is_read() -> None:
    longest = replace(
        SAID, identity="i" * 128, spc="s" * 128, id="n" * 128, not_after=2**53 - 1, version=2**53 - 1
    )
    token = issue(KEY, longest)
    assert len(token) <= MAX_TOKEN
    assert open_token(PUBLIC, token) == longest
