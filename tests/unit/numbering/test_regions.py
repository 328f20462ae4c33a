"""Countries that share a country code."""

from trunkward.numbering.regions import REGIONS, main_region


def test_the_main_region() -> None:
    assert [main_region(code) for code in ("1", "44", "7", "999", "800")] == ["US", "GB", "RU", "", ""]


def test_regions_of_shared_codes() -> None:
    assert {"US", "CA", "JM", "PR"} <= set(REGIONS["1"])
    assert set(REGIONS["44"]) == {"GB", "GG", "IM", "JE"}
    assert set(REGIONS["61"]) == {"AU", "CC", "CX"}
    assert "800" not in REGIONS
