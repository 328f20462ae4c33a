"""`destinations` in a node file: what it declares, and that every wrong value is told with what was meant."""

from pathlib import Path

import pytest

from trunkward.control.node_file import NodeFileRefused, accept_node_file, read_node_file
from trunkward.control.yaml_lines import Problem
from trunkward.trunks.destinations import Level, Outside
from trunkward.trunks.model import Declared

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
TENANT, TRUNK = "  - name: acme\n", "      - name: acme-hq\n"


def file(trunk: str = "", tenant: str = "", reseller: str = "") -> str:
    text = EXAMPLE
    if trunk:
        text = text.replace(TRUNK, f"{TRUNK}        destinations: {trunk}\n")
    if tenant:
        text = text.replace(TENANT, f"{TENANT}    destinations: {tenant}\n")
    if reseller:
        text = text.replace(TENANT, f"{TENANT}    reseller: west\n")
        text = text.replace(
            "\ntenants:\n", f"\nresellers: [{{name: west, destinations: {reseller}}}]\ntenants:\n"
        )
    return text


def declared(**levels: str) -> Declared:
    return read_node_file(file(**levels), "node.yaml")


def refused(trunk: str) -> Problem:
    with pytest.raises(NodeFileRefused) as problem:
        declared(trunk=trunk)
    (one,) = problem.value.problems
    return one


def test_levels_that_say_something_from_the_outside_in() -> None:
    assert declared().trunks[0].destinations == ()
    assert declared(trunk="{}", tenant="{allow: null}").trunks[0].destinations == ()
    found = declared(
        reseller="{allow: [US, FR/premium]}",
        tenant='{max_rate: "0.30"}',
        trunk='{allow: ["+1202"], hours: {zone: Europe/Rome, open: [mon-fri 07:00-20:00], outside: domestic}}',
    ).trunks[0].destinations  # fmt: skip
    assert [level for level, _ in found] == [Level.RESELLER, Level.TENANT, Level.TRUNK]
    reseller, tenant, trunk = (policy for _, policy in found)
    assert reseller.allow is not None
    assert reseller.allow.entries == ("US", "FR/premium")
    assert (tenant.allow, tenant.max_rate_micro) == (None, 300_000)
    assert trunk.hours is not None
    assert (trunk.hours.zone, trunk.hours.outside) == ("Europe/Rome", Outside.DOMESTIC)


def test_another_reseller_s_levels_are_not_theirs() -> None:
    text = EXAMPLE.replace(
        "\ntenants:\n", "\nresellers: [{name: west, destinations: {allow: [FR]}}]\ntenants:\n"
    )
    assert read_node_file(text, "x").trunks[0].destinations == ()


def test_equal_policies_are_one_value() -> None:
    second = EXAMPLE.replace(
        TRUNK,
        "      - {name: other, networks: [192.0.2.0/24], client_certificate: issued, destinations: {allow: [US]}}\n"
        f"{TRUNK}        destinations: {{allow: [US]}}\n",
    )
    one, other = read_node_file(second, "x").trunks
    assert one.destinations[0][1] is other.destinations[0][1]


@pytest.mark.parametrize(
    ("written", "path", "said"),
    [
        ("{allow: [UK]}", "allow[0]", "UK: no country of ISO 3166 with numbers; did you mean GB?"),
        ("{allow: [US, us]}", "allow[1]", "did you mean US?"),
        ("{allow: [USA]}", "allow[0]", "did you mean US?"),
        ("{allow: [UX]}", "allow[0]", "did you mean"),
        ("{allow: ['12']}", "allow[0]", 'write a country (US), a class of one (FR/premium), or a prefix in quotes'),
        ("{allow: [FR/premiun]}", "allow[0]", "FR/premiun: no class of numbers; did you mean FR/premium?"),
        ("{allow: [FR/xyzzy]}", "allow[0]", "no class of numbers; there are geographic, mobile,"),
        ("{allow: [FR/]}", "allow[0]", "no class of numbers"),
        ("{allow: [FR/unknown]}", "allow[0]", "no class of numbers"),
        ("{allow: [XX/premium]}", "allow[0]", "no country of ISO 3166"),
        ('{allow: ["+0"]}', "allow[0]", "a prefix is '+' and the first digits"),
        ('{allow: ["+1202-555"]}', "allow[0]", "a prefix is '+' and the first digits"),
        ("{allow: [+1202]}", "allow[0]", "must be text; put it in quotes"),
        ("{allow: [NO]}", "allow[0]", "YAML reads plain NO, no and off as false: put it in quotes"),
        ("{allow: US}", "allow", "must be a list"),
        ("{allow: [US, US]}", "allow[1]", "this stands here already"),
        ("{alow: [US]}", "alow", "did you mean allow?"),
        ("{max_rate: 0.30}", "max_rate", "must be text; put it in quotes"),
        ('{max_rate: "0,30"}', "max_rate", 'in euro and in quotes, such as "0.30"'),
        ('{max_rate: "-1"}', "max_rate", 'such as "0.30"'),
        ('{max_rate: "0.1234567"}', "max_rate", 'such as "0.30"'),
        ("{hours: {open: [mon 07:00-20:00]}}", "hours.zone", "missing"),
        ("{hours: {zone: Europe/Rom, open: [mon 07:00-20:00]}}", "hours.zone", "did you mean Europe/Rome?"),
        ("{hours: {zone: ../../etc/passwd, open: [mon 07:00-20:00]}}", "hours.zone", "no time zone"),
        ("{hours: {zone: UTC, open: []}}", "hours.open", "must not be empty"),
        ("{hours: {zone: UTC, open: [mon 7-20]}}", "hours.open[0]", "such as mon-fri 07:00-20:00"),
        ("{hours: {zone: UTC, open: [mon 07:00-20:00], outside: all}}", "hours.outside", "domestic or nothing"),
        ("[US]", "", "must be a group of keys: allow, max_rate, hours"),
    ],
)  # fmt: skip
def test_wrong_values(written: str, path: str, said: str) -> None:
    problem = refused(written)
    assert problem.path == "tenants[acme].trunks[acme-hq].destinations" + (f".{path}" if path else "")
    assert said in problem.message


def test_the_file_of_node_destinations_is_asked_about_and_each_problem_stands_at_its_key() -> None:
    text = EXAMPLE.replace("  gates: 2\n", "  gates: 2\n  destinations: /etc/trunkward/destinations.csv\n")
    assert read_node_file(text, "x").node.destinations_file == "/etc/trunkward/destinations.csv"
    with pytest.raises(NodeFileRefused) as problem:
        accept_node_file(text, "x", wrong_destinations=lambda file: [f"{file}: line 2", f"{file}: line 9"])
    assert [(p.path, p.message) for p in problem.value.problems] == [
        ("node.destinations", "/etc/trunkward/destinations.csv: line 2"),
        ("node.destinations", "/etc/trunkward/destinations.csv: line 9"),
    ]
