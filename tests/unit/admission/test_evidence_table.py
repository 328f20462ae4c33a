"""Evidence is found by number: all that speaks for it, and nothing that does not."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipkit.places import TABLE
from sipkit.tokens import token
from trunkward.admission.evidence_table import EvidenceTable, evidence_table
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.control.blocks import runs, stretches, within
from trunkward.shaken.evidence import Kind, read_token
from trunkward.trunks.evidence import NumberBlock
from trunkward.trunks.model import Declared


def table(*tokens: str) -> EvidenceTable:
    return EvidenceTable(memoryview(evidence_table(tokens)))


def test_one_token_for_many_numbers() -> None:
    many = token("+12025550100", last="+12025550199", kind=Kind.LOA)
    found = table(many)
    assert list(found.of("12025550100").values()) == [many]
    assert list(found.of("12025550199").values()) == [many]
    assert read_token(many) in found.of("12025550142")
    for other in ("12025550099", "12025550200", "1202555014", "120255501420", "alice", "*67", ""):
        assert found.of(other) == {}


def test_none_at_all() -> None:
    assert table().of("12025550100") == {}


def test_the_first_of_several_is_that_of_our_own_inventory_then_what_lasts_longest() -> None:
    own = token("+12025550100")
    short = token("+12025550100", kind=Kind.LOA, until=1_850_000_000)
    long = token("+12025550090", last="+12025550110", kind=Kind.LOA, until=1_860_000_000)
    others = token("+12025550100", trunk="bolt-hq")
    said = list(table(short, long, others, own).of("12025550100").values())
    assert said[2:] == [long, short]
    assert set(said[:2]) == {own, others}


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(100, 160), st.integers(0, 30)), max_size=8))
def test_each_number_has_what_covers_it(ranges: list[tuple[int, int]]) -> None:
    """Beside a search that looks at every token."""
    tokens = {
        token(f"+{first}", last=f"+{first + more}", kind=Kind.PORT, until=1_900_000_000 + index)
        for index, (first, more) in enumerate(ranges)
        if first + more < 1000
    }
    found = table(*tokens)
    for number in map(str, range(95, 200)):
        assert set(found.of(number).values()) == {t for t in tokens if read_token(t).covers(number)}


def test_equal_tokens_give_equal_bytes() -> None:
    tokens = [token("+12025550100"), token("+12025550140"), token("+12025550180")]
    assert evidence_table(tokens) == evidence_table([*tokens[::-1], tokens[0]])


@pytest.mark.parametrize("numbers", [1, 100_000])
def test_100_000_numbers_in_a_row_take_no_more_room_than_one(declared: Declared, numbers: int) -> None:
    """A block is one token, whatever its size: what a snapshot grows by is less than a kilobyte."""
    block = token("+12025000000", last=f"+{12025000000 + numbers - 1}", kind=Kind.PORT)
    without = len(compile_snapshot(declared, [], 1, TABLE))
    policy = compile_snapshot(declared, [block], 1, TABLE)
    assert len(policy) - without < 1000
    assert list(Snapshot(policy).evidence(str(12025000000 + numbers - 1)).values()) == [block]


def test_scattered_numbers_take_less_than_420_bytes_each() -> None:
    tokens = [token(f"+1202{2_000_000 + 7 * number}") for number in range(1000)]
    assert len(evidence_table(tokens)) < 420 * len(tokens)


def test_100_000_scattered_numbers_find_their_blocks_among_thousands_in_two_seconds() -> None:
    """Of a processor's time, and it takes a fifth of that: looking at each block for each number takes minutes."""
    numbers = [f"+1202{2_000_000 + 7 * number}" for number in range(100_000)]
    # a thousand in a row each, and each thousand twice: the year before's document, and this year's
    blocks = [
        NumberBlock(
            record=2 * thousand + year,
            accepted=2 * thousand + year,
            identity="node",
            first=f"+1202{2000 + thousand}000",
            last=f"+1202{2000 + thousand}999",
            until=1_900_000_000.0 + year,
        )
        for thousand in range(0, 1400, 2)
        for year in (0, 1)
    ]
    began = time.process_time()
    held = stretches(blocks, "node")
    found = [(run, its.block) for run, its in within(runs(numbers), held) if its]
    took = time.process_time() - began
    assert len(held) == 700
    assert all(int(block.first) <= run.first == run.last <= int(block.last) for run, block in found)
    assert all(block.until == 1_900_000_001 for _, block in found)
    # every second thousand of seven hundred thousand
    assert len(found) == 50_000
    assert took < 2
