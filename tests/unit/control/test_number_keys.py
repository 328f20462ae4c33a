"""What a node file says of numbers: what is declared by it, and what contradicts itself."""

from pathlib import Path

import pytest

from trunkward.control.node_file import NodeFileRefused, accept_node_file, read_node_file
from trunkward.numbering.plan import DialPlan
from trunkward.trunks.callers import CallerRule, Diverting, NumberRule, OtherCaller

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
RULE = '        caller: {other: replace, number: "+12025550101"}\n'
BRANCH = """\
      - name: acme-branch
        networks: [192.0.2.0/24]
        client_certificate: issued
        numbers: ["+12025550111"]
        host: 192.0.2.1:5061
        tls_names: [branch.acme.example.com]
{more}
  - name: globex
    trunks:
      - name: globex-hq
        networks: [198.51.100.0/24]
        client_certificate: issued
        host: 198.51.100.1:5061
        tls_names: [pbx.globex.example.com]

carriers:
"""


def with_branch(more: str, *, first: str = "") -> str:
    text = EXAMPLE.replace("\ncarriers:\n", BRANCH.format(more=f"        {more}" if more else ""), 1)
    return text.replace(RULE, f"{RULE}        {first}\n", 1) if first else text


def test_what_is_declared() -> None:
    text = with_branch(
        'dial_plan: {country: "39", tech_prefix: "9"}', first="failover: [acme-branch]"
    ).replace('- "+12025550102"', '- {number: "+12025550102", failover: [], calls_out: false}')
    hq, branch, _ = read_node_file(text, "node.yaml").trunks
    assert hq.numbers == ("+12025550101", "+12025550102", "+12025550103")
    assert hq.number_rules == (("+12025550102", NumberRule(failover=(), calls_out=False)),)
    assert hq.failover == ("acme-branch",)
    assert hq.caller == CallerRule(other=OtherCaller.REPLACE, number="+12025550101")
    assert (hq.dial_plan, hq.emergency_numbers, hq.diversion) == (None, (), Diverting.DROP)
    assert branch.dial_plan == DialPlan(
        country="39", region="IT", national_prefix="", international_prefix="00", tech_prefix="9"
    )
    assert "112" in branch.emergency_numbers
    assert branch.caller == CallerRule()


@pytest.mark.parametrize(
    ("plan", "emergency"),
    [
        ('{tech_prefix: "9"}', ()),
        ('{country: "1", region: US}', ()),
        ('{country: "1", region: BB}', ("211", "311", "511", "911", "933")),
        ('{country: "44"}', ("112", "999")),
        ('{country: "44", emergency: ["999"]}', ("999",)),
    ],
)
def test_emergency_numbers_of_a_plan(plan: str, emergency: tuple[str, ...]) -> None:
    declared = read_node_file(with_branch(f"dial_plan: {plan}"), "node.yaml")
    assert declared.trunks[1].emergency_numbers == emergency


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("failover: [globex-hq]", "no trunk of tenant acme has this name"),
        ("failover: [nobody]", "no trunk of tenant acme has this name"),
        ("failover: [acme-branch]", "this trunk itself"),
        ("failover: [acme-hq, acme-hq]", "stands here already"),
        ("caller: {other: replace}", "write with what"),
        ('caller: {number: "+12025550101"}', "not one of this trunk's numbers"),
        ('emergency_callback: "+12025550101"', "not one of this trunk's numbers"),
        ('dial_plan: {tech_prefix: "0"}', "cannot be told from international_prefix"),
        ('dial_plan: {tech_prefix: "11"}', "cannot be told from national_prefix"),
        ('dial_plan: {country: "39", tech_prefix: "00"}', "cannot be told from international_prefix"),
        ('dial_plan: {country: "44", region: FR}', "not of country code 44"),
        ('dial_plan: {country: "999"}', "no country's code"),
        ('dial_plan: {tech_prefix: "9#"}', "one to eight digits"),
        ("diversion: some", "must be"),
        ('caller: {other: keep, number: "+12025550111"}', "must be"),
    ],
)
def test_contradictions(more: str, said: str) -> None:
    with pytest.raises(NodeFileRefused) as refused:
        read_node_file(with_branch(more), "node.yaml")
    assert len(refused.value.problems) == 1
    assert said in str(refused.value)


def test_a_trunk_that_only_calls_out_stands_in_for_nobody() -> None:
    text = with_branch("", first="failover: [acme-branch]")
    text = text.replace("        host: 192.0.2.1:5061\n        tls_names: [branch.acme.example.com]\n", "")
    with pytest.raises(NodeFileRefused, match="only calls out"):
        read_node_file(text, "node.yaml")


def test_nobody_calls_from_the_main_number() -> None:
    text = EXAMPLE.replace('- "+12025550101"', '- {number: "+12025550101", calls_out: false}')
    with pytest.raises(NodeFileRefused, match="nobody calls from it"):
        read_node_file(text, "node.yaml")


def test_a_wrong_list_is_named_line_by_line() -> None:
    text = EXAMPLE.replace("  gates: 2\n", "  gates: 2\n  do_not_originate: /etc/never.csv\n", 1)
    with pytest.raises(NodeFileRefused) as refused:
        accept_node_file(text, "x", wrong_list=lambda file: [f"{file}: line 2: a", f"{file}: line 4: b"])
    assert [p.path for p in refused.value.problems] == ["node.do_not_originate"] * 2
    assert "/etc/never.csv: line 4: b" in str(refused.value)
    assert accept_node_file(text, "x").declared.node.do_not_originate_file == "/etc/never.csv"
