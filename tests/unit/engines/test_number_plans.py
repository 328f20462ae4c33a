"""The table that is shipped: its size, its sources, and what everybody knows of it."""

import subprocess
import sys

import pytest

from trunkward.engines import number_plans
from trunkward.engines.number_plans import shipped_destinations
from trunkward.numbering.destinations import Kind, Risk, longest_match


def test_it_says_where_it_comes_from() -> None:
    table = shipped_destinations()
    assert len(table.date) == len("2026-11-26")
    assert any("phonenumbers 9." in source for source in table.sources)
    assert len(table.sources) == 4


def test_it_is_small_and_whole() -> None:
    prefixes = shipped_destinations().prefixes
    assert number_plans._FILE.stat().st_size < 250_000
    assert 10_000 < len(prefixes) < 30_000
    assert max(map(len, prefixes)) <= 10
    assert len({one.country for one in prefixes.values()} - {""}) > 240
    # equal rows share one object
    assert len({id(one) for one in prefixes.values()}) < 2_000


@pytest.mark.parametrize(
    ("beginning", "country", "kind", "risk"),
    [
        ("1202555", "US", Kind.FIXED_OR_MOBILE, Risk.LOW),
        ("1416555", "CA", Kind.FIXED_OR_MOBILE, Risk.LOW),
        ("1787555", "PR", Kind.FIXED_OR_MOBILE, Risk.LOW),
        ("1876523", "JM", Kind.FIXED_OR_MOBILE, None),
        ("1876210", "JM", Kind.MOBILE, None),
        ("1800555", "US", Kind.TOLL_FREE, Risk.LOW),
        ("1900555", "US", Kind.PREMIUM, Risk.HIGH),
        ("442079460", "GB", Kind.GEOGRAPHIC, Risk.LOW),
        ("447700900", "GB", Kind.MOBILE, Risk.LOW),
        ("447012", "GB", Kind.PERSONAL, Risk.MEDIUM),
        ("449012", "GB", Kind.PREMIUM, Risk.HIGH),
        ("441534", "JE", Kind.GEOGRAPHIC, None),
        ("447624", "IM", Kind.MOBILE, None),
        ("7495", "RU", Kind.GEOGRAPHIC, Risk.LOW),
        ("7712345", "KZ", Kind.GEOGRAPHIC, None),
        ("61255501", "AU", Kind.GEOGRAPHIC, Risk.LOW),
        ("6189164", "CX", Kind.GEOGRAPHIC, None),
        ("262262", "RE", Kind.GEOGRAPHIC, None),
        ("262639", "YT", Kind.MOBILE, None),
        ("599943", "CW", Kind.GEOGRAPHIC, None),
        ("599715", "BQ", Kind.GEOGRAPHIC, None),
        ("39333", "IT", Kind.MOBILE, Risk.LOW),
        ("3906698", "VA", Kind.GEOGRAPHIC, None),
        ("49151", "DE", Kind.MOBILE, Risk.LOW),
        # ordinary ranges that thieves prefer, none of which a number plan marks
        ("37120", "LV", Kind.MOBILE, Risk.HIGH),
        ("535", "CU", Kind.MOBILE, Risk.HIGH),
        ("25261", "SO", Kind.MOBILE, Risk.HIGH),
        ("96077", "MV", Kind.MOBILE, Risk.HIGH),
        # no country's
        ("800", "", Kind.TOLL_FREE, Risk.LOW),
        ("808", "", Kind.SHARED_COST, Risk.HIGH),
        ("870773", "", Kind.SATELLITE, Risk.HIGH),
        ("8816", "", Kind.SATELLITE, Risk.HIGH),
        ("8814", "", Kind.UNKNOWN, Risk.HIGH),
        ("88216", "", Kind.SATELLITE, Risk.HIGH),
        ("88233", "", Kind.SPECIAL, Risk.HIGH),
        ("8835100", "", Kind.SPECIAL, Risk.HIGH),
        ("979", "", Kind.PREMIUM, Risk.HIGH),
        ("3363800", "FR", Kind.SATELLITE, Risk.HIGH),
        # nobody's
        ("1222", "", Kind.UNKNOWN, Risk.HIGH),
        ("999", "", Kind.UNKNOWN, Risk.HIGH),
        ("4401", "", Kind.UNKNOWN, Risk.HIGH),
    ],
)
def test_what_everybody_knows(beginning: str, country: str, kind: Kind, risk: Risk | None) -> None:
    _, told = longest_match(shipped_destinations().prefixes, beginning)
    assert (told.country, told.kind) == (country, kind)
    assert risk is None or told.risk is risk


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("33612345678", Kind.MOBILE),
        ("336123456789", Kind.UNKNOWN),
        ("447400123456", Kind.MOBILE),
        ("4474001234567", Kind.UNKNOWN),
        ("12025550123", Kind.FIXED_OR_MOBILE),
        ("120255501234", Kind.UNKNOWN),
        # plans whose numbers have no one length
        ("4930123456789", Kind.GEOGRAPHIC),
        ("491512345678", Kind.MOBILE),
    ],
)
def test_a_number_longer_than_any_of_its_kind_is_unknown(number: str, kind: Kind) -> None:
    assert longest_match(shipped_destinations().prefixes, number)[1].kind is kind


def test_premium_satellite_and_unknown_are_always_dangerous() -> None:
    for destination in shipped_destinations().prefixes.values():
        if destination.kind in {Kind.PREMIUM, Kind.SATELLITE, Kind.UNKNOWN}:
            assert destination.risk is Risk.HIGH
        if destination.kind is Kind.UNKNOWN:
            assert destination.rate_micro is None


def test_prices_are_those_of_the_list() -> None:
    prefixes = shipped_destinations().prefixes
    # interconn.it: "USA" 0.0124, dearest of that country "Alaska" 0.0480; "Latvia, mobile 2" 0.8132; Iridium 5.8084
    for beginning, rate in (("1202", 48_004), ("3712", 813_162), ("8816", 5_808_361)):
        assert longest_match(prefixes, beginning)[1].rate_micro == rate


def test_it_is_there_in_well_under_a_second() -> None:
    reading = "import time; s = time.process_time()\n"
    reading += "from trunkward.engines.number_plans import shipped_destinations; shipped_destinations()\n"
    reading += "print(time.process_time() - s)"
    took = subprocess.run([sys.executable, "-c", reading], capture_output=True, text=True, check=True).stdout
    assert float(took) < 0.5
