"""What a change opens and closes, in words; and that it says nothing of what was so before."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from sipkit.places import TABLE, place
from trunkward.control.node_file import read_node_file
from trunkward.control.opens import Closing, Opening, reach
from trunkward.numbering.destinations import Destination, Kind, Risk
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


def says(*allow: str, rate: int | None = None, at: str = "", outside: str = "nothing") -> DestinationPolicies:
    when = hours("UTC", [at], Outside(outside)) if at else None
    listed = allowed(allow) if allow else None
    return ((Level.TRUNK, DestinationPolicy(allow=listed, max_rate_micro=rate, hours=when)),)


def world(**trunks: DestinationPolicies) -> Declared:
    made = [replace(READ.trunks[0], name=name, destinations=levels) for name, levels in trunks.items()]
    return replace(READ, trunks=tuple(made))


def openings(
    old: Declared | None, new: Declared, before: dict[str, Destination], after: dict[str, Destination]
) -> tuple[Opening, ...]:
    return reach(old, new, before, after).opens


def closings(
    old: Declared | None, new: Declared, before: dict[str, Destination], after: dict[str, Destination]
) -> tuple[Closing, ...]:
    return reach(old, new, before, after).closes


def said(
    old: DestinationPolicies, new: DestinationPolicies, table: dict[str, Destination] = TABLE
) -> list[str]:
    found = openings(world(hq=old), world(hq=new), TABLE, table)
    return [line for opening in found for line in opening.lines()]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ((), (), []),
        ((), says("US"), []),
        (says("US", "FR"), says("US"), []),
        ((), says("US", "FR"), ["hq may now call FR"]),
        (says("US"), says("US", "FR/mobile"), ["hq may now call FR/mobile"]),
        (
            says("FR"), says("FR", "FR/premium"),
            ["hq may now call FR/premium", "warning: FR/premium is of high risk, up to 1.50 EUR a minute"],
        ),
        # opened, and still dearer than the limit
        (says("US"), says("US", "CU"), []),
        (
            says("US", "CU"), says("US", "CU", rate=1_000_000),
            ["hq may now call CU", "warning: CU/fixed-or-mobile is of high risk, up to 0.98 EUR a minute"],
        ),
        (
            says("US", "MV"), says("US", "MV/fixed-or-mobile"),
            ["hq may now call MV", "warning: MV/fixed-or-mobile is of high risk, of no known price"],
        ),
        (
            says("US"), says("US", "+88216"),
            ["hq may now call +88216", "warning: +88216 is of high risk, up to 4.65 EUR a minute"],
        ),
        # what its country opens already
        (says("FR"), says("FR", "+336"), []),
        (
            says("FR"), says("FR", "+33"),
            ["hq may now call +33", "warning: +33 is of high risk, up to 1.50 EUR a minute"],
        ),
        (says("US", at="mon 07:00-20:00"), says("US", at="mon 08:00-20:00"), []),
        (
            says("US", at="mon 07:00-20:00"), says("US", at="tue 07:00-08:00"),
            ["hq may now call at hours at which it might not"],
        ),
        (
            says("US", at="mon 07:00-20:00"), says("US", at="mon 07:00-20:00", outside="domestic"),
            ["hq may now call at hours at which it might not"],
        ),
        (says("US", at="mon 07:00-20:00"), says("US"), ["hq may now call at hours at which it might not"]),
    ],
)  # fmt: skip
def test_in_words(old: DestinationPolicies, new: DestinationPolicies, lines: list[str]) -> None:
    assert said(old, new) == lines


def test_a_price_is_told_in_whole_cents() -> None:
    table = TABLE | {"53": place("CU", Kind.FIXED_OR_MOBILE, 976_355, Risk.HIGH)}
    found = openings(world(hq=says("US")), world(hq=says("US", "CU/fixed-or-mobile")), table, table)
    assert [line for opening in found for line in opening.lines()][1].endswith("up to 0.98 EUR a minute")


def test_the_same_hours_in_another_zone_are_others() -> None:
    """Summary: Tokyo's morning is New York's night; a second zone beside the first only narrows."""

    def at(*zones: str) -> DestinationPolicies:
        return tuple(
            (level, DestinationPolicy(hours=hours(zone, ["mon-fri 07:00-20:00"], Outside.NOTHING)))
            for level, zone in zip(Level, zones, strict=False)
        )

    longer = ["hq may now call at hours at which it might not"]
    assert said(at("America/New_York"), at("Asia/Tokyo")) == longer
    assert said(at("America/New_York"), at("America/New_York", "Asia/Tokyo")) == []
    assert said(at("America/New_York", "Asia/Tokyo"), at("America/New_York")) == longer


def test_10000_trunks_are_told_of_in_seconds() -> None:
    """Summary: 10,000 trunks with 2,000 lists and 60 hours get one country more; CPU seconds of one look."""

    def trunks(*more: str) -> dict[str, DestinationPolicies]:
        return {
            f"t{one}": says("FR", f"+{one % 2000 + 1}", *more, at=f"mon 07:{one % 60:02d}-20:00")
            for one in range(10_000)
        }

    old, new = world(**trunks()), world(**trunks("GB"))
    began = time.process_time()
    found = openings(old, new, TABLE, TABLE)
    assert time.process_time() - began < 10
    assert sum(len(opening.trunks) for opening in found) > 9_000


def test_a_line_in_the_file_of_destinations_may_open_something() -> None:
    cheaper = TABLE | {"53": place("CU", Kind.FIXED_OR_MOBILE, 100_000)}
    assert said(says("US", "CU"), says("US", "CU"), cheaper) == ["hq may now call CU"]
    known = TABLE | {"210": place("US", Kind.MOBILE)}
    assert said((), (), known) == ["hq may now call US/mobile"]


def test_a_kind_with_many_prices_is_told_of_when_its_dear_ones_open() -> None:
    """Summary: a rate deck has cheap and dear mobiles of one country; more of them open by a limit, by name, or by a prefix."""
    deck = TABLE | {"3369": place("FR", Kind.MOBILE, 5_000_000)}
    for new in (says("FR", rate=6_000_000), says("FR", "FR/mobile")):
        found = openings(world(hq=says("FR")), world(hq=new), deck, deck)
        assert [line for opening in found for line in opening.lines()] == ["hq may now call FR/mobile"]
        assert openings(world(hq=new), world(hq=says("FR")), deck, deck) == ()
    (opening,) = openings(world(hq=says("FR")), world(hq=says("FR", "+3369")), deck, deck)
    assert opening.places == ("+3369",)
    # nobody's rights have changed: a price has
    dearer = deck | {"3369": place("FR", Kind.MOBILE, 5_500_000), "336": place("FR", Kind.MOBILE, 41_000)}
    assert (
        openings(world(hq=says("FR", rate=6_000_000)), world(hq=says("FR", rate=6_000_000)), deck, dearer)
        == ()
    )


def test_another_country_at_home_opens_it() -> None:
    moved = replace(world(hq=()), node=replace(READ.node, region="JM"))
    (opening,) = openings(world(hq=()), moved, TABLE, TABLE)
    assert opening.lines() == ["hq may now call JM"]


def test_trunks_with_equal_openings_stand_together() -> None:
    names = [f"t{number}" for number in range(6)]
    old, new = world(**dict.fromkeys(names, ())), world(**dict.fromkeys(names, says("US", "FR")))
    (opening,) = openings(old, new, TABLE, TABLE)
    assert opening.lines() == ["t0, t1, t2 and 3 more trunks may now call FR"]
    assert opening.trunks == tuple(names)


def test_of_a_new_trunk_everything_is_told() -> None:
    (opening,) = openings(None, world(hq=()), TABLE, TABLE)
    assert opening.lines() == ["hq may now call US"]
    (opening,) = openings(world(hq=()), world(hq=(), new=says("US", "GB")), TABLE, TABLE)
    assert opening.lines() == ["new may now call GB, US"]
    assert closings(None, world(hq=says("GB")), TABLE, TABLE) == ()
    (closing,) = closings(None, world(hq=NOTHING), TABLE, TABLE)
    assert closing.lines() == ["warning: hq may call nothing from then on but emergency numbers"]


# ---- what it closes ----------------------------------------------------------------------------------

NOTHING: DestinationPolicies = ((Level.TRUNK, DestinationPolicy(allow=allowed(()))),)
HOURS = ["hq may no longer call at hours at which it might"]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ((), says("US"), []),
        (says("US"), says("US", "FR"), []),
        (says("US", "FR"), says("US"), ["hq may no longer call FR"]),
        (says("US", "FR"), says("US", "FR/mobile"), ["hq may no longer call FR/geographic"]),
        # a list that was not there closes all that is not in it
        ((), says("GB"), ["hq may no longer call US"]),
        (
            says("US", "FR", "FR/premium"), NOTHING,
            ["hq may no longer call FR, FR/premium, US",
             "warning: hq may call nothing from then on but emergency numbers"],
        ),
        (
            says("US"), says("CU"),
            ["hq may no longer call US", "warning: hq may call nothing from then on but emergency numbers"],
        ),
        # it was nowhere before
        (NOTHING, says("CU"), []),
        # a lower limit
        (says("CU", "US", rate=1_000_000), says("CU", "US"), ["hq may no longer call CU"]),
        (says("US", "+88216"), says("US"), ["hq may no longer call +88216"]),
        # of what begins so, what no country opens
        (says("FR", "+33"), says("FR"), ["hq may no longer call +3389"]),
        # all there are of a class begin so: the same numbers, written otherwise
        (says("US", "FR/premium"), says("US", "+3389"), []),
        (says("US", "FR/premium"), says("US", "+33891"), ["hq may no longer call FR/premium"]),
        # opened otherwise
        (says("US", "+3389"), says("US", "FR/premium"), []),
        (says("US"), says("US", at="mon 07:00-20:00"), HOURS),
        (says("US", at="mon 07:00-20:00"), says("US", at="mon 08:00-20:00"), HOURS),
        (says("US", at="mon 07:00-20:00", outside="domestic"), says("US", at="mon 07:00-20:00"), HOURS),
        (says("US", at="mon 07:00-20:00"), says("US"), []),
    ],
)  # fmt: skip
def test_what_closes(old: DestinationPolicies, new: DestinationPolicies, lines: list[str]) -> None:
    found = closings(world(hq=old), world(hq=new), TABLE, TABLE)
    assert [line for closing in found for line in closing.lines()] == lines


def test_another_country_at_home_closes_the_old_one() -> None:
    moved = replace(world(hq=()), node=replace(READ.node, region="GB"))
    (closing,) = closings(world(hq=()), moved, TABLE, TABLE)
    assert closing.lines() == ["hq may no longer call US"]


def test_a_line_in_the_file_of_destinations_may_close_something() -> None:
    dearer = TABLE | {"33": place("FR", Kind.GEOGRAPHIC, 400_000)}
    (closing,) = closings(world(hq=says("FR")), world(hq=says("FR")), TABLE, dearer)
    assert closing.lines() == ["hq may no longer call FR/geographic"]


def test_trunks_that_lose_the_same_stand_together() -> None:
    names = [f"t{number}" for number in range(6)]
    old, new = world(**dict.fromkeys(names, says("US", "FR"))), world(**dict.fromkeys(names, says("US")))
    (closing,) = closings(old, new, TABLE, TABLE)
    assert closing.lines() == ["t0, t1, t2 and 3 more trunks may no longer call FR"]
    assert closing.trunks == tuple(names)
