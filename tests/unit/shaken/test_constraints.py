"""JWTClaimConstraints and Enhanced, from the bytes to what they refuse. (Certificates with them: test_verify.py.)"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.shaken.constraints import ClaimConstraints, ConstraintsError, decode_constraints

#: RFC 9118 section 5, figure 2.
FIGURE_2 = bytes.fromhex(
    "3040a00e300c160a" + b"confidence".hex() + "a120301e301c160a" + b"confidence".hex() + "300e0c04"
    "686967680c066d656469756da20c300a1608" + b"priority".hex()
)


def test_example_of_rfc9118() -> None:
    found = decode_constraints(FIGURE_2, enhanced=True)
    assert found.broken_by({"confidence": "high"}) == ""
    assert found.broken_by({"confidence": "medium", "x": 1}) == ""
    assert "confidence" in found.broken_by({"confidence": "low"})
    assert "confidence" in found.broken_by({})
    assert "priority" in found.broken_by({"confidence": "high", "priority": 1})


def test_exclusion_is_not_of_the_older_extension() -> None:
    with pytest.raises(ConstraintsError):
        decode_constraints(FIGURE_2, enhanced=False)


def test_excluding_what_every_passport_has_makes_the_extension_void() -> None:
    """RFC 9118 section 3."""
    excluding_iat = bytes.fromhex("3009a20730051603" + b"iat".hex())
    assert decode_constraints(excluding_iat, enhanced=True).broken_by({"iat": 1}) == ""


@pytest.mark.parametrize(
    "der",
    [
        "",
        "3000",
        "3004a0023000",
        "3009a00730051603726364ff",
        "3009a00730050c03726364",  # a name in UTF8String
        "3006a00430021600",  # an empty name
        "3009a30730051603726364",
        "3012a00730051603726364a00730051603726364",  # twice
        "3012a10930071603726364" + "3000" + "a00730051603726364",
        "300ca10a30083006160372636430",  # cut off
        "300da10b3009300716037263643000",  # without values
        "3010a10e300c300a1603726364300316 0178".replace(" ", ""),  # values in IA5String
    ],
)
def test_what_only_resembles_constraints(der: str) -> None:
    with pytest.raises(ConstraintsError):
        decode_constraints(bytes.fromhex(der), enhanced=True)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("x", True),
        ("y", False),
        ({"nam": "x"}, False),
        ({"b": 1, "a": "é"}, True),
        ([1, 2], True),
        (None, False),
    ],
)
def test_values_that_are_no_text_are_compared_as_json(value: Any, kept: bool) -> None:
    permitted = {"rcd": frozenset(("x", '{"a":"é","b":1}', "[1,2]"))}
    assert (ClaimConstraints(permitted=permitted).broken_by({"rcd": value}) == "") is kept


@given(st.binary(max_size=100), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, enhanced: bool) -> None:
    try:
        decode_constraints(data, enhanced=enhanced)
    except ConstraintsError:
        return
