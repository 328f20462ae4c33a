"""The list of denied evidence is believed when the key of evidence has signed it, and never else."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.shaken import base64url, evidence
from trunkward.shaken.denied import DenyList, DenyListRefused, issue, open_list, read_list
from trunkward.shaken.evidence import EvidenceRefused

KEY = Ed25519PrivateKey.generate()
LIST = DenyList(sequence=3, until={"evidence-17": 1_800_000_000})


def test_what_was_signed_is_read() -> None:
    text = issue(KEY, LIST).encode()
    assert open_list(KEY.public_key(), text) == read_list(text) == LIST
    assert open_list(KEY.public_key(), issue(KEY, DenyList()).encode()) == DenyList()


def test_a_list_of_anybody_elses_is_not_believed() -> None:
    text = issue(Ed25519PrivateKey.generate(), LIST).encode()
    with pytest.raises(DenyListRefused, match="not signed with the key of evidence"):
        open_list(KEY.public_key(), text)


def test_a_list_is_no_token_and_a_token_no_list() -> None:
    with pytest.raises(EvidenceRefused):
        evidence.open_token(KEY.public_key(), issue(KEY, LIST))


@pytest.mark.parametrize(
    "said",
    [
        b"{}",
        b"[]",
        b"7",
        b'{"sequence":"3","until":{}}',
        b'{"sequence":3,"until":[]}',
        b'{"sequence":3,"until":{"evidence-17":"x"}}',
        b'{"sequence":3}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_what_is_signed_and_no_list(said: bytes) -> None:
    signed = f"twd1.{base64url.encode(said)}"
    text = f"{signed}.{base64url.encode(KEY.sign(signed.encode()))}".encode()
    with pytest.raises(DenyListRefused):
        open_list(KEY.public_key(), text)


@pytest.mark.parametrize("text", [b"", b"x", b"twd1.x", b"twd1..", b"twe1.e30.AA", b"\xff.\xff.\xff"])
def test_what_is_no_list_at_all(text: bytes) -> None:
    with pytest.raises(DenyListRefused):
        open_list(KEY.public_key(), text)
