"""A compiled policy answers as a plain dictionary would."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sipkit.places import TABLE
from trunkward.admission.snapshot import Snapshot, SnapshotRefused, compile_snapshot
from trunkward.admission.table import Table, build_table
from trunkward.control.node_file import read_node_file

DECLARED = read_node_file(
    (Path(__file__).parents[2] / "examples" / "node.yaml").read_text(), "examples/node.yaml"
)
KEYS = st.binary(max_size=12)
PREFIXES = st.from_regex(r"\+[1-9][0-9]{0,7}", fullmatch=True)
NUMBERS = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)


@given(st.dictionaries(KEYS, st.binary(max_size=20), max_size=40), st.lists(KEYS, max_size=20))
def test_table_is_a_dictionary(items: dict[bytes, bytes], others: list[bytes]) -> None:
    table = Table(memoryview(build_table(items)))
    assert table.count == len(items)
    for key in [*items, *others]:
        assert table.get(key) == items.get(key)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.lists(PREFIXES, max_size=5, unique=True), st.booleans()), max_size=5),
    st.lists(NUMBERS, max_size=10),
)
def test_longest_prefix(carriers: list[tuple[list[str], bool]], numbers: list[str]) -> None:
    made = tuple(
        replace(DECLARED.carriers[0], name=f"c{index}", prefixes=tuple(prefixes), enabled=enabled)
        for index, (prefixes, enabled) in enumerate(carriers)
    )
    policy = Snapshot(compile_snapshot(replace(DECLARED, carriers=made), {}, 1, TABLE))
    for number in numbers:
        matching = [(p, c.name) for c in made if c.enabled for p in c.prefixes if number.startswith(p)]
        longest = max((len(p) for p, _ in matching), default=0)
        expected = [name for p, name in matching if len(p) == longest]
        assert [carrier.name for carrier in policy.longest_prefix(number)] == expected


@given(st.binary(max_size=400))
def test_noise_is_refused(noise: bytes) -> None:
    for buffer in (noise, b"TWPOLICY" + noise):
        try:
            Snapshot(buffer)
        except SnapshotRefused:
            continue
        raise AssertionError(buffer)
