"""What comes, goes and changes, object by object, in the file's own words."""

from pathlib import Path

import pytest

from trunkward.control.difference import Action, deletions, difference, summary
from trunkward.control.node_file import accept_node_file
from trunkward.control.objects import KINDS, Objects, objects_of, schema_id

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


def objects(text: str) -> Objects:
    return objects_of(accept_node_file(text, "node.yaml").parts)


def lines(old: str, new: str) -> list[str]:
    return [line.strip() for change in difference(objects(old), objects(new)) for line in change.lines()]


def test_every_kind_is_there_with_defaults_filled_in() -> None:
    found = objects(EXAMPLE)
    assert tuple(found) == KINDS
    assert found["node"]["node"]["media.ports"] == [30000, 39999]
    assert found["trunks"]["acme-hq"]["tenant"] == "acme"
    assert found["trunks"]["acme-hq"]["enabled"] is True
    assert "numbers" not in found["trunks"]["acme-hq"]
    assert found["numbers"]["+12025550101"] == {"trunk": "acme-hq", "failover": None, "calls_out": True}
    assert found["carriers"]["north"]["hosts"] == ["127.0.0.31:25061"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# One Trunkward node.", "# another comment"),
        ("    transport: tls\n", '    transport: "tls"\n'),
        ("  tls_port: 5061\n", ""),
        ("    media: srtp\n", ""),
        ("networks: [127.0.0.41/32]", "networks: [127.0.0.41]"),
        ("    ca: local\n", ""),
    ],
)
def test_what_means_the_same_is_no_change(old: str, new: str) -> None:
    assert EXAMPLE.count(old) == 1
    assert lines(EXAMPLE, EXAMPLE.replace(old, new)) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gates: 2", "gates: 3", ["~ node", "gates: 2 -> 3"]),
        ('ports: "30000-39999"', 'ports: "30000-30999"', ["~ node", "media.ports: [30000, 39999] -> [30000, 30999]"]),
        ("  unsafe_trusted_clock: true\n", "", ["~ node", "unsafe_trusted_clock: true -> false"]),
        ('prefixes: ["+1303"]', 'prefixes: ["+1303", "+44"]', ["~ carrier south", "prefixes: [+1303] -> [+1303, +44]"]),
        ('          - "+12025550103"\n', '          - "+12025550104"\n',
         ["- number +12025550103", "+ number +12025550104", "trunk: acme-hq"]),
        ("tenants:\n", "tenants:\n  - name: empty\n", ["+ tenant empty"]),
        # what was not written held all the same
        ("      - name: acme-hq\n", "      - name: acme-hq\n        limits: {calls: 2}\n", ["~ trunk acme-hq", "limits.calls: 30 (default) -> 2"]),
        ('    emergency: ["911", "933"]\n', "", ["~ node", "number_plan.emergency: [911, 933] -> what the country at home has"]),
        (
            "      - name: acme-hq\n", "      - name: acme-hq\n        destinations: {allow: [CU/mobile]}\n",
            ["~ trunk acme-hq", "destinations.allow: no list (without any, the ordinary numbers at home) -> [CU/mobile]"],
        ),
        ("      - name: acme-hq", "      - name: acme-main",
         ["- trunk acme-hq", "+ trunk acme-main", "tenant: acme", "..."]),
    ],
)  # fmt: skip
def test_a_change_is_said(old: str, new: str, said: list[str]) -> None:
    assert EXAMPLE.count(old) == 1
    found = lines(EXAMPLE, EXAMPLE.replace(old, new))
    assert found[: len(said) - 1] == said[:-1]
    assert said[-1] in ("...", found[len(said) - 1])


def test_of_a_new_trunk_its_limits_are_said_and_no_exception_it_does_not_make() -> None:
    found = lines(EXAMPLE, EXAMPLE.replace("      - name: acme-hq", "      - name: acme-main"))
    assert {
        "limits.calls: 30 (default)",
        "limits.international: 2 (default)",
        "spend.day: 30.00 (default)",
    } <= set(found)
    assert not [line for line in found if line.startswith("unsafe_")]


def test_the_order_of_carriers_is_a_change_where_it_means_something() -> None:
    north, south = EXAMPLE.index("  - name: north"), EXAMPLE.index("  - name: south")
    turned = EXAMPLE[:north] + EXAMPLE[south:].rstrip() + "\n" + EXAMPLE[north:south]
    assert lines(EXAMPLE, turned) == ["~ carrier in another order", "order: [north, south] -> [south, north]"]
    only_north = EXAMPLE[:south]
    assert "order" not in " ".join(lines(EXAMPLE, only_north))


def test_deletions_name_a_number_only_when_its_trunk_stays() -> None:
    south = EXAMPLE.index("  - name: south")
    gone = deletions(difference(objects(EXAMPLE), objects(EXAMPLE[:south])))
    assert [(change.kind, change.name) for change in gone] == [("carriers", "south")]
    other = EXAMPLE.replace("- name: acme-hq", "- name: acme-main")
    gone = deletions(difference(objects(EXAMPLE), objects(other)))
    assert [(change.kind, change.name) for change in gone] == [("trunks", "acme-hq")]
    fewer = EXAMPLE.replace('          - "+12025550103"\n', "")
    gone = deletions(difference(objects(EXAMPLE), objects(fewer)))
    assert [(change.kind, change.name) for change in gone] == [("numbers", "+12025550103")]


def test_a_first_file_is_all_new() -> None:
    changes = difference({}, objects(EXAMPLE))
    assert {change.action for change in changes} == {Action.ADD}
    assert summary(changes).startswith("+node, +1 tenant (acme), +1 trunk (acme-hq), +3 numbers")


def test_a_summary_is_one_short_line() -> None:
    many = EXAMPLE.replace(
        '          - "+12025550103"\n', "".join(f'          - "+1303555{n:04d}"\n' for n in range(100))
    )
    changes = difference(objects(EXAMPLE), objects(many))
    assert summary(changes) == "+100 numbers, -1 number (+12025550103)"


def test_the_schema_has_an_id() -> None:
    assert schema_id() == schema_id()
    assert len(schema_id()) == 16
