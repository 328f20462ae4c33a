"""Levels only narrow: whatever is added or taken away, nothing goes that did not go before."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sipkit.places import TABLE
from sipkit.remedies import follow
from trunkward.admission.permitted import why_not
from trunkward.control.node_file import read_node_file
from trunkward.numbering.destinations import UNKNOWN, Destination, longest_match
from trunkward.trunks.destinations import (
    Allowed,
    DestinationPolicies,
    DestinationPolicy,
    Level,
    Opened,
    Outside,
    allowed,
    hours,
    kind_of,
)

DECLARED = read_node_file(
    (Path(__file__).parents[2] / "examples" / "node.yaml").read_text(), "examples/node.yaml"
)
TRUNK, NODE = DECLARED.trunks[0], DECLARED.node
ENTRIES = ["US", "FR", "GB", "CU", "MV", "DE", "JM", "FR/premium", "FR/mobile", "US/premium", "GB/personal",
           "CU/fixed-or-mobile", "+88216", "+33", "+3389", "+1900", "+49", "+210", "+447011"]  # fmt: skip
NUMBERS = st.sampled_from([*TABLE, "210", "49999", "447011", "33899"]).flatmap(
    lambda digits: st.from_regex(rf"\+{digits}[0-9]{{{max(0, 7 - len(digits))},6}}", fullmatch=True)
)
LISTS = st.lists(st.sampled_from(ENTRIES), unique=True, max_size=6).map(lambda found: allowed(tuple(found)))
RATES = st.sampled_from([0, 10_000, 300_000, 980_000, 5_000_000])
HOURS = st.builds(
    lambda lines, outside: hours("America/New_York", lines, outside),
    st.lists(st.sampled_from(["mon-fri 07:00-20:00", "sat 22:00-06:00", "sun 00:00-24:00"]), min_size=1),
    st.sampled_from(Outside),
)
#: Levels that say everything, so that one more is not the first to say something.
WHOLE = st.builds(DestinationPolicy, allow=LISTS, max_rate_micro=RATES, hours=HOURS)
ANY = st.builds(
    DestinationPolicy, allow=LISTS | st.none(), max_rate_micro=RATES | st.none(), hours=HOURS | st.none()
)
TIMES = st.floats(1.7e9, 1.9e9)


def goes(
    number: str, policies: list[DestinationPolicy], at: float, table: dict[str, Destination] = TABLE
) -> bool:
    levels: DestinationPolicies = tuple(zip(Level, policies, strict=False))
    prefix, place = longest_match(table, number[1:])
    return why_not(replace(TRUNK, destinations=levels), number, f"+{prefix}", place, NODE, at) is None


def with_list(policy: DestinationPolicy, allow: Allowed) -> DestinationPolicy:
    return replace(policy, allow=allow)


@given(NUMBERS, st.lists(ANY, max_size=2), WHOLE, ANY, TIMES)
def test_a_level_more_never_opens_anything(
    number: str,
    others: list[DestinationPolicy],
    whole: DestinationPolicy,
    added: DestinationPolicy,
    at: float,
) -> None:
    before = [*others[:1], whole]
    assert not goes(number, [*before, added], at) or goes(number, before, at)


@given(NUMBERS, st.lists(WHOLE, min_size=2, max_size=3), TIMES, st.randoms())
def test_the_order_of_levels_that_say_everything_does_not_matter(
    number: str, policies: list[DestinationPolicy], at: float, chance: object
) -> None:
    shuffled = sorted(policies, key=lambda _: chance.random())  # type: ignore[attr-defined]
    assert goes(number, policies, at) is goes(number, shuffled, at)


@given(NUMBERS, st.lists(ANY, min_size=1, max_size=2), ANY, RATES | st.none(), TIMES)
def test_no_level_lifts_a_limit_for_one_above(
    number: str, above: list[DestinationPolicy], trunk: DestinationPolicy, rate: int | None, at: float
) -> None:
    """What the levels above do not open, no limit of the trunk's opens, be it written or not."""
    listed = [policy for policy in above if policy.allow is not None]
    if listed and not goes(number, above, at):
        assert not goes(number, [*above, replace(trunk, max_rate_micro=rate)], at)


@given(NUMBERS, WHOLE, st.lists(ANY, max_size=1), st.integers(0, 5), TIMES)
def test_an_entry_less_never_opens_anything(
    number: str, policy: DestinationPolicy, others: list[DestinationPolicy], at_index: int, at: float
) -> None:
    assert policy.allow is not None
    entries = policy.allow.entries
    fewer = with_list(policy, allowed(entries[:at_index] + entries[at_index + 1 :]))
    assert not goes(number, [fewer, *others], at) or goes(number, [policy, *others], at)


@given(NUMBERS, st.lists(WHOLE, min_size=1, max_size=3), st.integers(0, 2), st.integers(1, 8), TIMES)
def test_a_prefix_more_opens_no_number_but_its_own(
    number: str, policies: list[DestinationPolicy], which: int, length: int, at: float
) -> None:
    which %= len(policies)
    policy = policies[which]
    assert policy.allow is not None
    prefix = "+33899001"[: length + 1]
    if prefix in policy.allow.entries:
        return
    wider = [*policies]
    wider[which] = with_list(policy, allowed((*policy.allow.entries, prefix)))
    if goes(number, wider, at) and not goes(number, policies, at):
        assert number.startswith(prefix)


@given(NUMBERS, st.lists(ANY, max_size=3), TIMES)
def test_without_a_table_nothing_goes(number: str, policies: list[DestinationPolicy], at: float) -> None:
    assert not goes(number, policies, at, {})


@given(NUMBERS, st.lists(ANY, max_size=3), RATES, TIMES)
def test_a_dearer_or_unknown_price_never_opens_anything(
    number: str, policies: list[DestinationPolicy], dearer: int, at: float
) -> None:
    prefix, place = longest_match(TABLE, number[1:])
    if place is UNKNOWN or place.rate_micro is None:
        return
    table = TABLE | {prefix: replace(place, rate_micro=place.rate_micro + dearer)}
    assert not goes(number, policies, at, table) or goes(number, policies, at)


@given(
    NUMBERS,
    st.dictionaries(st.sampled_from(Level), ANY),
    TIMES,
    st.sampled_from(["US", "NO", "GB", "DE"]),
    st.randoms(),
)
def test_who_does_what_a_remedy_says_is_let_pass(
    number: str, said: dict[Level, DestinationPolicy], at: float, region: str, chance: object
) -> None:
    """Step by step, whichever of two ways is taken: at once, or after what only a line of the table can tell."""
    levels = tuple((level, said[level]) for level in Level if level in said)
    trunk, table, node = (
        replace(TRUNK, reseller="west", destinations=levels),
        TABLE,
        replace(NODE, region=region),
    )
    for _ in range(3):
        prefix, place = longest_match(table, number[1:])
        refused = why_not(trunk, number, f"+{prefix}" if prefix else "", place, node, at)
        if refused is None:
            return
        trunk, table = follow(refused.remedy, trunk, number, table, choose=chance.choice)  # type: ignore[attr-defined]
        if "node.destinations" not in refused.remedy:
            _, place = longest_match(table, number[1:])
            assert why_not(trunk, number, f"+{prefix}", place, node, at) is None
            return
    raise AssertionError("three times, and not let pass")


@given(NUMBERS, LISTS)
def test_a_list_opens_what_the_trade_says(number: str, allow: Allowed) -> None:
    """Once more, in the plainest words there are."""
    _, place = longest_match(TABLE, number[1:])
    named = any(
        number.startswith(entry) if entry[0] == "+" else entry == f"{place.country}/{place.kind}"
        for entry in allow.entries
    )
    ordinary = place.kind in ("geographic", "mobile", "fixed-or-mobile", "toll-free", "voip")
    country = place.country in allow.entries
    if place.kind == "toll-free" and place.country == "US" and "JM" in allow.entries:
        country = True
    expected = Opened.BY_NAME if named else Opened.BY_COUNTRY if country and ordinary else Opened.NOT
    assert allow.opens(number, kind_of(place)) is expected
