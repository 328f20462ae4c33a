"""What a trunk may call, as a document: by which levels, and what its lists name in vain."""

from dataclasses import replace
from pathlib import Path

import pytest

from sipkit.places import TABLE
from trunkward.control.destinations import NotAsked
from trunkward.control.node_file import read_node_file
from trunkward.control.trunk_destinations import NoSuchTrunk, about_call, about_entry, about_trunk
from trunkward.trunks.destinations import (
    DestinationPolicies,
    DestinationPolicy,
    Level,
    Outside,
    allowed,
    hours,
)
from trunkward.trunks.model import Declared

READ = read_node_file(
    (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8"), "examples/node.yaml"
)
NIGHT = hours("UTC", ["mon 00:00-00:01"], Outside.NOTHING)


def world(*levels: tuple[Level, DestinationPolicy]) -> Declared:
    found: DestinationPolicies = levels
    return replace(READ, trunks=(replace(READ.trunks[0], destinations=found, reseller="west"),))


def test_nobody_says_anything() -> None:
    document = about_trunk(world(), "acme-hq", TABLE)
    assert (document["tenant"], document["reseller"], document["at_home"]) == ("acme", "west", "US")
    assert (document["levels"], document["may_call"], document["closed"]) == ([], ["US"], [])


def test_levels_what_they_open_and_what_they_name_in_vain() -> None:
    document = about_trunk(
        world(
            (
                Level.TENANT,
                DestinationPolicy(allow=allowed(("US", "CU", "FR/premium")), max_rate_micro=300_000),
            ),
            (
                Level.TRUNK,
                DestinationPolicy(allow=allowed(("US", "GB", "CU", "FR/premium", "+88216")), hours=NIGHT),
            ),
        ),
        "acme-hq",
        TABLE,
    )
    assert document["levels"] == [
        {
            "level": "tenant",
            "name": "acme",
            "allow": ["US", "CU", "FR/premium"],
            "max_rate": "0.30",
            "hours": None,
        },
        {
            "level": "trunk",
            "name": "acme-hq",
            "allow": ["US", "GB", "CU", "FR/premium", "+88216"],
            "max_rate": None,
            "hours": {"zone": "UTC", "open": ["mon 00:00-00:01"], "outside": "nothing"},
        },
    ]
    assert document["may_call"] == ["FR/premium", "US"]
    assert {one["what"]: one["why"] for one in document["closed"]} == {
        "CU": "0.98 a minute, more than 0.30 of tenant acme",
        "GB": "GB is not opened by tenant acme",
        "+88216": "satellite numbers of +88216, which no country has, are not opened by tenant acme",
    }
    assert document["closed"][0]["remedy"].startswith(
        "add CU/fixed-or-mobile to destinations.allow of tenant"
    )


def test_a_country_that_is_open_in_part_is_told_kind_by_kind() -> None:
    levels = (Level.TRUNK, DestinationPolicy(allow=allowed(("FR",)), max_rate_micro=30_000))
    document = about_trunk(world(levels), "acme-hq", TABLE)
    assert document["may_call"] == ["FR/geographic"]
    assert [one["what"] for one in document["closed"]] == ["FR/mobile"]


def test_what_it_may_call_of_a_country_a_class_or_a_prefix() -> None:
    levels = (Level.TRUNK, DestinationPolicy(allow=allowed(("US", "FR/mobile", "+3389"))))
    document = about_entry(world(levels), "acme-hq", "FR", TABLE)
    assert document["may_call"] == ["FR/mobile", "FR/premium"]
    assert [(one["what"], one["remedy"]) for one in document["closed"]] == [
        ("FR/geographic", "add FR/geographic to destinations.allow of trunk acme-hq")
    ]
    assert about_entry(world(levels), "acme-hq", "FR/mobile", TABLE)["closed"] == []
    document = about_entry(world(levels), "acme-hq", "+88216", TABLE)
    assert (document["may_call"], document["closed"][0]["what"]) == ([], "+88216")
    document = about_entry(world(levels), "acme-hq", "+447", TABLE)
    assert [one["what"] for one in document["closed"]] == ["GB/mobile", "GB/personal"]
    for nothing in ("ZZ", "FR/voip", "+49999"):
        with pytest.raises(NotAsked, match="has nothing of it"):
            about_entry(world(levels), "acme-hq", nothing, TABLE)


def test_one_number_at_a_time_of_day() -> None:
    declared = world((Level.TRUNK, DestinationPolicy(hours=NIGHT)))
    monday = 4 * 86_400.0
    goes = about_call(declared, "acme-hq", "+12025550101", TABLE, monday)
    assert (goes["reason"], goes["place"]) == ("", "US/fixed-or-mobile")
    closed = about_call(declared, "acme-hq", "+12025550101", TABLE, monday + 60)
    assert closed["reason"] == "outside-hours"
    assert about_call(declared, "acme-hq", "+2101234567", TABLE, monday)["reason"] == "destination-unknown"


def test_a_name_nobody_has() -> None:
    with pytest.raises(NoSuchTrunk, match="did you mean acme-hq"):
        about_trunk(READ, "acme-hk", TABLE)
