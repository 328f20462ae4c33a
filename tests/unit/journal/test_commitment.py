"""Commitments: one value opens one line, and without the salt nothing does."""

import pytest

from trunkward.journal.commitment import commitment, opens

SALT = bytes(range(16))


def test_value_and_salt_open_it() -> None:
    commit = commitment(SALT, "orig", "12025550100")
    assert opens(commit, SALT.hex(), "orig", "12025550100")


@pytest.mark.parametrize(
    ("salt", "name", "value"),
    [
        (SALT.hex(), "orig", "12025550101"),
        (SALT.hex(), "dest", "12025550100"),
        (SALT[::-1].hex(), "orig", "12025550100"),
        ("", "orig", "12025550100"),
        (SALT[:8].hex(), "orig", "12025550100"),
        ("nonsense", "orig", "12025550100"),
    ],
)
def test_nothing_else_does(salt: str, name: str, value: str) -> None:
    assert not opens(commitment(SALT, "orig", "12025550100"), salt, name, value)


def test_it_is_sha256_of_salt_name_nul_and_value() -> None:
    # python3 -c 'import hashlib; print(hashlib.sha256(bytes(range(16)) + b"orig\0" + b"12025550100").hexdigest())'
    assert commitment(SALT, "orig", "12025550100") == KNOWN_SHA256


KNOWN_SHA256 = "8ac2ce621b5928bb9636adfbd6daa54729dc2ff30ef528cc7ecadafaf5c96f55"
