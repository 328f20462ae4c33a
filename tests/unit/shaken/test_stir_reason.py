"""Property 25: one `Reason` for each error, with the phrase of its code and the PASSporT it is about."""

import pytest

from trunkward.shaken.causes import Cause, StirError
from trunkward.shaken.stir_reason import PHRASES, reasons

SIGNATURE = "..rq3pjT1hoRwakEGjHCnWSwUnshd0-zJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsojNCpTzO3QfPOlckGaS6hEck7w"


def error(cause: Cause, ppi: str = "") -> StirError:
    return StirError(cause=cause, text="what people read", ppi=ppi)


def test_example_of_rfc9410() -> None:
    (found,) = reasons([error(Cause.INFO_MISSING, SIGNATURE)])
    assert found == ("Reason", f'STIR;cause=436;text="Bad Identity Info";ppi="{SIGNATURE}"')


def test_one_for_each_error_in_their_order() -> None:
    found = reasons([error(Cause.SIGNATURE, SIGNATURE), error(Cause.CERTIFICATE_EXPIRED, "..x")])
    assert [value.partition(";text")[0] for _, value in found] == ["STIR;cause=438", "STIR;cause=437"]
    assert [value.rpartition("=")[2] for _, value in found] == [f'"{SIGNATURE}"', '"..x"']


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_code_with_its_phrase(cause: Cause) -> None:
    (found,) = reasons([error(cause)])
    assert found == ("Reason", f'STIR;cause={cause.code};text="{PHRASES[cause.code]}"')
    assert cause.clause


def test_all_codes_of_rfc8224_are_used() -> None:
    assert {cause.code for cause in Cause} == {403, 428, 436, 437, 438} == set(PHRASES)


def test_beyond_the_trust_domain_no_passport_is_named() -> None:
    (found,) = reasons([error(Cause.SIGNATURE, SIGNATURE)], with_ppi=False)
    assert "ppi" not in found[1]


@pytest.mark.parametrize(
    "ppi", ["", "x", "..", '..a";x="', "..a\r\nX: y", "..é", ".." + "a" * 300, "a.b.c.d"]
)
def test_what_is_no_passport_is_not_sent_back(ppi: str) -> None:
    (found,) = reasons([error(Cause.SIGNATURE, ppi)])
    assert found == ("Reason", 'STIR;cause=438;text="Invalid Identity Header"')
