"""What an answer proves by itself: its lines of the journal, what opens them, and the heads after them."""

import json
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.control.traceback_page import followed_in_words, unproved
from trunkward.journal.commitment import commitment
from trunkward.journal.heads import Head, signed_minute

KEY = Ed25519PrivateKey.generate()
SALT = bytes(range(16))
SIGNED_AS = {"level": "B", "rule": "B-known-customer", "serial": "1f"}
LINE = json.dumps(
    {"seq": 42, "record_id": "9f3a", "at": 1.0, "trunk": "acme-hq", "tenant": "acme", "customer": "KYC-17"}
    | SIGNED_AS
    | {"commits": {"orig": commitment(SALT, "orig", "12025550101")}}
)
CALL: dict[str, Any] = {
    "record_id": "9f3a",
    "calling_number": "+12025550101",
    "called_number": "+12125550142",
    "from": {"name": "acme-hq", "tenant": "acme", "customer_reference": "KYC-17"},
    "attestation": {
        "level": "B",
        "rule": "B-known-customer",
        "certificate": {"serial": "1f"},
        "evidence": {"id": None, "version": 0},
    },
}


def head(seq: int = 42, journal: str = "node", digest: str = "") -> str:
    heads = [Head(journal=journal, seq=seq, hash=digest or sha256(LINE.encode()).hexdigest())]
    return signed_minute(None, heads, 2.0, KEY, lambda: SALT)[1]


def wrong(**changed: Any) -> list[str]:
    proof = {"journal": "node", "line": 42, "text": LINE, "head": head()}
    proof |= {"values": {"orig": [SALT.hex(), "12025550101"]}}
    call = CALL | {name: changed.pop(name) for name in CALL if name in changed}
    return list(unproved({"calls": [call | {"proof": proof | changed}]}, KEY.public_key()))


def test_what_holds() -> None:
    assert wrong() == []
    # lines between are not in an answer
    assert wrong(head=head(seq=50, digest="00" * 32)) == []
    # not signed yet; values that were deleted; no line at all
    assert wrong(head="") == wrong(values={}) == wrong(text="") == []
    assert list(unproved({"calls": [CALL | {"proof": None}]}, KEY.public_key())) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"values": {"orig": [SALT.hex(), "12025550102"]}},
            "orig is not what the signer's line committed to",
        ),
        ({"values": {"orig": ["zz", "12025550101"]}}, "orig is not what the signer's line committed to"),
        (
            {"values": {"dest": [SALT.hex(), "12025550101"]}},
            "dest is not what the signer's line committed to",
        ),
        ({"text": LINE.replace("9f3a", "9f3b")}, "the signer's line is another call's"),
        ({"line": 41}, "the signer's line is another call's"),
        ({"calling_number": "+12025550109"}, "the signer's line says otherwise: calling_number"),
        (
            {"from": CALL["from"] | {"tenant": "beta", "customer_reference": "KYC-9"}},
            "the signer's line says otherwise: tenant, customer",
        ),
        (
            {"attestation": CALL["attestation"] | {"level": "C"}},
            "the signer's line says otherwise: level",
        ),
        ({"head": head(seq=41)}, "the signed head does not reach the signer's line"),
        ({"head": head(journal="resold")}, "the signed head does not reach the signer's line"),
        ({"head": head(digest="00" * 32)}, "the signer's line is not the one whose head was signed"),
        ({"head": head().replace('"at":2.0', '"at":3.0')}, "line 1 of the heads is not signed with this key"),
    ],
)
def test_what_does_not(changed: dict[str, Any], said: str) -> None:
    assert f"call 9f3a: {said}" in wrong(**changed)


SIGNED, UNREAD = {"proof": {"text": LINE}}, {"proof": {"text": ""}}
IN: dict[str, Any] = {"proof": None}
CAME_IN = "not signed by its node, as none is that came in: it has no line of a signer's"


@pytest.mark.parametrize(
    ("calls", "followed", "said"),
    [
        ([], 0, []),
        ([IN], 0, [f"1 call {CAME_IN}"]),
        ([IN, IN], None, [f"2 calls {CAME_IN}"]),
        (
            [SIGNED, SIGNED, IN],
            2,
            [
                "2 calls signed: 2 with a line in the journal here that leads to a head",
                f"1 call {CAME_IN}",
            ],
        ),
        (
            [SIGNED, UNREAD],
            0,
            [
                "1 call signed: 0 with a line in the journal here that leads to a head",
                "1 with a line that is under no head yet: one is signed each minute",
                "1 call signed, whose line the answer does not have",
            ],
        ),
        (
            [SIGNED],
            None,
            ["1 call signed: whether the journal has its line, the node can say (without --key)"],
        ),
    ],
)
def test_calls_nobody_here_signed_are_counted_apart(
    calls: list[dict[str, Any]], followed: int | None, said: list[str]
) -> None:
    """Summary: of a call that came in no line is looked for, and none is missed."""
    assert list(followed_in_words({"calls": calls}, followed)) == said
