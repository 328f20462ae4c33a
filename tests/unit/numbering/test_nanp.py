"""North American numbers that are nobody's, by the reason why."""

import pytest

from trunkward.numbering.area_codes import AREA_CODES, SERVICE_CODES
from trunkward.numbering.nanp import why_invalid


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("+12025551212", ""),
        ("+14165551212", ""),
        ("+17875551212", ""),
        ("+18765551212", ""),
        # numbers of services are given with any exchange
        ("+18005550123", ""),
        ("+18004110000", ""),
        ("+19005550123", ""),
        ("+19115551212", "area-code-n11"),
        ("+12115551212", "area-code-n11"),
        ("+13705551212", "area-code-reserved"),
        ("+19675551212", "area-code-reserved"),
        ("+12905551212", "area-code-reserved"),
        ("+12225551212", "area-code-unassigned"),
        ("+15555551212", "area-code-unassigned"),
        ("+12029110000", "exchange-n11"),
        ("+12024110000", "exchange-n11"),
        ("+12025552368", "exchange-555"),
        ("+12025550099", "exchange-555"),
        ("+12025550200", "exchange-555"),
        ("+12025550100", "number-fictional"),
        ("+12025550199", "number-fictional"),
        # another country's number is judged by nobody here
        ("+442079460123", ""),
    ],
)
def test_why_invalid(number: str, reason: str) -> None:
    assert why_invalid(number) == reason


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("+12025550100", ""),
        ("+12025550199", ""),
        ("+12025550200", "exchange-555"),
        ("+15550100100", "area-code-unassigned"),
    ],
)
def test_fiction_may_be_allowed(number: str, reason: str) -> None:
    assert why_invalid(number, fictional=True) == reason


def test_every_area_code_has_one_owner() -> None:
    codes = [
        code for table in (AREA_CODES, SERVICE_CODES) for found in table.values() for code in found.split()
    ]
    assert len(codes) == len(set(codes)) > 400
    assert all(len(code) == 3 and code[0] in "23456789" and code[1:] != "11" for code in codes)


def test_known_area_codes() -> None:
    # NANPA: 202 since 1947, 416 since 1947, 809 once for all the Caribbean, 671 Guam since 1997
    assert "202" in AREA_CODES["US"].split()
    assert "416" in AREA_CODES["CA"].split()
    assert "809" in AREA_CODES["DO"].split()
    assert AREA_CODES["GU"] == "671"
    assert SERVICE_CODES["toll-free"] == "800 833 844 855 866 877 888"
    assert SERVICE_CODES["premium"] == "900"
