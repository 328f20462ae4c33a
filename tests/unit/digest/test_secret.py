"""Secrets are hard to guess, and sealed to what they are for."""

import math
import secrets as chance
from typing import Any

import pytest

from trunkward.digest.algorithm import Algorithm, ha1_of
from trunkward.digest.secret import (
    ALPHABET,
    CHARACTERS,
    IV_BYTES,
    SealBroken,
    derive,
    password_of,
    seal,
    unseal,
)

KEY = derive(b"m" * 32, "secrets")
WHAT: dict[str, Any] = {
    "trunk": "acme-hq",
    "username": "acme",
    "realm": "sbc.example.com",
    "algorithm": Algorithm.SHA256,
}
HA1 = ha1_of(Algorithm.SHA256, "acme", "sbc.example.com", "swordfish")


def test_it_takes_120_bits_to_guess() -> None:
    assert len(set(ALPHABET)) * len(ALPHABET) == 32 * 32
    assert CHARACTERS * math.log2(len(ALPHABET)) == 120
    assert not set("01loO ") & set(ALPHABET)
    found = {password_of(chance.randbelow) for _ in range(100)}
    assert len(found) == 100
    assert {len(password) for password in found} == {CHARACTERS}
    assert set("".join(found)) == set(ALPHABET)


def test_chance_decides_each_character() -> None:
    turns = iter(range(CHARACTERS))
    assert password_of(lambda below: next(turns) % below) == ALPHABET[:CHARACTERS]


def test_what_is_sealed_opens_and_shows_nothing() -> None:
    sealed = seal(KEY, b"i" * IV_BYTES, HA1, **WHAT)
    assert unseal(KEY, sealed, **WHAT) == HA1
    assert bytes.fromhex(HA1) not in sealed


@pytest.mark.parametrize(
    "other",
    [
        {"trunk": "acme-branch"},
        {"username": "acme2"},
        {"realm": "sbc.example.net"},
        {"algorithm": Algorithm.MD5},
        # what is bound is kept apart
        {"trunk": "acme-hq\0acme", "username": ""},
    ],
)
def test_it_opens_for_nothing_else(other: dict[str, Any]) -> None:
    sealed = seal(KEY, b"i" * IV_BYTES, HA1, **WHAT)
    with pytest.raises(SealBroken, match="does not open"):
        unseal(KEY, sealed, **WHAT | other)


@pytest.mark.parametrize("sealed", [b"", b"i" * IV_BYTES, b"x" * 60])
def test_what_was_never_sealed(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        unseal(KEY, sealed, **WHAT)


def test_another_key_opens_nothing() -> None:
    sealed = seal(KEY, b"i" * IV_BYTES, HA1, **WHAT)
    for other in (derive(b"m" * 32, "nonces"), derive(b"n" * 32, "secrets")):
        with pytest.raises(SealBroken):
            unseal(other, sealed, **WHAT)
