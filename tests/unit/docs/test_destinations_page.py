"""The ordinary numbers nobody has a price for are on the page, and no others."""

from collections import defaultdict
from collections.abc import Callable

from trunkward.engines.destinations_file import destinations_with
from trunkward.numbering.destinations import Kind

ORDINARY = (Kind.GEOGRAPHIC, Kind.MOBILE, Kind.FIXED_OR_MOBILE)


def test_what_has_no_price(table: Callable[[str, str], list[list[str]]]) -> None:
    priced, known = defaultdict(set), defaultdict(set)
    for one in destinations_with("").values():
        known[one.kind].add(one.country)
        if one.rate_micro is not None:
            priced[one.kind].add(one.country)
    without = {kind.value: sorted(known[kind] - priced[kind]) for kind in ORDINARY}
    named = {
        row[0]: row[1].split(", ")
        for row in table("docs/destinations.md", "Ordinary numbers without a price")
    }
    assert named == {kind: countries for kind, countries in without.items() if countries}
    assert sum(map(len, named.values())) == 28
