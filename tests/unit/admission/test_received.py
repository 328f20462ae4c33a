"""Identity headers a request came with: how many may be, and which of them say that a call is signed."""

import pytest

from sipkit.passports import div, identity, shaken
from trunkward.admission.received import SignedAs, signed_as, too_much
from trunkward.shaken.identity_header import MAX_HEADER, MAX_HEADERS, MAX_TOGETHER

CALLER, FIRST, SECOND, LAST = "12125550150", "12025550101", "12025550102", "13035550188"
IAT = 1_800_000_000
GOOD = shaken(CALLER, FIRST, iat=IAT)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], ""),
        (["x"] * MAX_HEADERS, ""),
        (["x"] * (MAX_HEADERS + 1), "11 Identity headers"),
        (["x" * MAX_HEADER], ""),
        (["x" * (MAX_HEADER + 1)], "an Identity header of 8193 bytes"),
        # bytes count, not characters
        (["ü" * (MAX_HEADER // 2 + 1)], "of 8194 bytes"),
        (["x" * MAX_HEADER] * (MAX_TOGETHER // MAX_HEADER), ""),
        ([*["x" * MAX_HEADER] * (MAX_TOGETHER // MAX_HEADER), "x"], "16385 bytes"),
    ],
)
def test_what_is_too_much(values: list[str], said: str) -> None:
    found = too_much(values)
    assert said in found
    assert bool(found) is bool(said)


@pytest.mark.parametrize(
    ("values", "reached"),
    [
        ([GOOD], (FIRST,)),
        ([shaken(CALLER, FIRST, iat=IAT, padded=3000)], (FIRST,)),
        # numbers are compared in canonical form, whatever a signer writes
        ([shaken(f"+{CALLER}", f"+{FIRST}", iat=IAT)], (FIRST,)),
        # what nobody knows, and what cannot be read, is passed over
        (["rubbish", identity("rph", {"rph": {}}), GOOD], (FIRST,)),
        ([shaken(CALLER, FIRST, iat=IAT, attest="D"), shaken(CALLER, SECOND, iat=IAT)], (SECOND,)),
        # a chain, in whatever order its links stand
        ([div(CALLER, LAST, SECOND, iat=IAT), div(CALLER, SECOND, FIRST, iat=IAT), GOOD], (FIRST, SECOND, LAST)),
        ([GOOD, div(CALLER, LAST, SECOND, iat=IAT)], (FIRST,)),
        ([GOOD, div(CALLER, SECOND, FIRST, iat=IAT), div(CALLER, FIRST, SECOND, iat=IAT)], (FIRST, SECOND)),
    ],
)  # fmt: skip
def test_what_a_call_is_signed_as(values: list[str], reached: tuple[str, ...]) -> None:
    assert signed_as(values) == SignedAs(orig=CALLER, reached=reached, iat=IAT)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a.b.c;info=<https://x>;ppt=shaken",
        GOOD.replace(";ppt=shaken", ""),
        GOOD.replace(";ppt=shaken", ";ppt=shaken;ppt=shaken"),
        shaken(CALLER, FIRST, iat=IAT, attest="ABC"),
        shaken(CALLER, FIRST, iat=IAT, header={"alg": "none"}),
        shaken(CALLER, FIRST, iat=IAT, header={"ppt": "div"}),
        shaken(CALLER, FIRST, iat=IAT, header={"x5u": ""}),
        # the examples of RFC 8225 have the time as text (errata 5985)
        shaken(CALLER, FIRST, iat="1443208345"),  # type: ignore[arg-type]
        identity("shaken", {"attest": "A", "iat": IAT, "orig": {"tn": CALLER}, "origid": "1"}),
        # compact: nothing in it says at which level
        f"..{GOOD.split('.')[2]}",
    ],
)  # fmt: skip
def test_what_has_not_the_form_of_shaken(value: str) -> None:
    assert signed_as([value]) is None
