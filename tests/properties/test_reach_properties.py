"""What a change opens and closes is what its calls say: nothing is told that is not so, and nothing kept back."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sipkit.places import TABLE, place
from trunkward.control.node_file import read_node_file
from trunkward.control.opens import reach
from trunkward.control.world import World
from trunkward.numbering.destinations import Kind
from trunkward.trunks.destinations import DestinationPolicies, DestinationPolicy, Level, allowed

DECLARED = read_node_file(
    (Path(__file__).parents[2] / "examples" / "node.yaml").read_text(), "examples/node.yaml"
)
ENTRIES = ["US", "FR", "GB", "CU", "MV", "FR/premium", "FR/mobile", "US/premium", "CU/fixed-or-mobile", "+88216",
           "+33", "+3389", "+3369", "+1900", "+447", "+800"]  # fmt: skip
POLICIES = st.builds(
    DestinationPolicy,
    allow=st.none()
    | st.lists(st.sampled_from(ENTRIES), unique=True, max_size=4).map(lambda e: allowed(tuple(e))),
    max_rate_micro=st.sampled_from([None, 10_000, 980_000, 6_000_000]),
)
LEVELS = st.dictionaries(st.sampled_from(Level), POLICIES).map(
    lambda said: tuple((level, said[level]) for level in Level if level in said)
)
#: With a kind of two prices: a limit, a class and a prefix open different parts of it.
DECK = TABLE | {"3369": place("FR", Kind.MOBILE, 5_000_000)}
#: One for each row; what is unknown is called by nobody.
NUMBERS = [f"+{digits}" for digits, there in DECK.items() if there.kind is not Kind.UNKNOWN]


@given(LEVELS, LEVELS)
def test_it_is_what_calls_say(before: DestinationPolicies, after: DestinationPolicies) -> None:
    world = World(DECLARED.node, DECK)
    old, new = (
        replace(DECLARED, trunks=(replace(DECLARED.trunks[0], destinations=levels),))
        for levels in (before, after)
    )
    found = reach(old, new, DECK, DECK)
    might = {number for number in NUMBERS if world.calls(before, number)}
    may = {number for number in NUMBERS if world.calls(after, number)}
    assert bool(found.opens) is bool(may - might)
    assert bool(found.closes) is bool(might - may)
    assert any(closing.nothing for closing in found.closes) is bool(might and not may)
    # the way back closes what was opened
    back = reach(new, old, DECK, DECK)
    assert bool(back.closes) is bool(found.opens)
