"""What a node file says of whose calls a trunk brings, who signs them, and under which name."""

from pathlib import Path

import pytest

from trunkward.control.node_file import NodeFileRefused, accept_node_file, read_node_file
from trunkward.trunks.transit import CallerName, Role, SigningIdentity
from trunkward.trunks.verification import Failed, Missing, VerificationPolicy

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
TRUNK = "      - name: acme-hq\n"
RULE = '        caller: {other: replace, number: "+12025550101"}\n'
OWN = 'identity: {spc: "567T", x5u: "https://cr.resale.example.com/shaken.pem"}'


def trunk_with(line: str, *, rule: bool = False) -> str:
    assert EXAMPLE.count(TRUNK) == EXAMPLE.count(RULE) == 1
    text = EXAMPLE if rule else EXAMPLE.replace(RULE, "")
    return text.replace(TRUNK, f"{TRUNK}        {line}\n")


def resold(line: str) -> str:
    text = EXAMPLE.replace("\ntenants:\n", f"\nresellers:\n  - name: resale\n    {line}\n\ntenants:\n", 1)
    return text.replace("  - name: acme\n", "  - name: acme\n    reseller: resale\n", 1)


def problems(text: str) -> list[str]:
    with pytest.raises(NodeFileRefused) as refused:
        accept_node_file(text, "node.yaml")
    return [f"{problem.path}: {problem.message}" for problem in refused.value.problems]


def test_where_nothing_is_said_a_trunks_calls_begin_here_without_a_name() -> None:
    trunk = read_node_file(EXAMPLE, "node.yaml").trunks[0]
    assert (trunk.role, trunk.in_transit, trunk.caller_name) == (Role.ORIGINATING, False, None)


@pytest.mark.parametrize("role", [Role.INTERMEDIATE, Role.GATEWAY])
def test_roles(role: Role) -> None:
    trunk = read_node_file(trunk_with(f"role: {role.value}"), "node.yaml").trunks[0]
    assert (trunk.role, trunk.in_transit) == (role, True)


def test_what_becomes_of_what_came_signed() -> None:
    """Unaltered, unless the trunk says something else; of a customer's own calls there is nothing to say."""
    trunk = read_node_file(trunk_with("role: intermediate"), "node.yaml").trunks[0]
    assert trunk.verification == VerificationPolicy(missing=Missing.PASS, failed=Failed.PASS, wait_ms=2500)
    said = "verification: {missing: refuse, failed: mark, wait_ms: 0}"
    trunk = read_node_file(trunk_with(f"role: gateway\n        {said}"), "node.yaml").trunks[0]
    assert trunk.verification == VerificationPolicy(missing=Missing.REFUSE, failed=Failed.MARK, wait_ms=0)
    [problem] = problems(trunk_with(said))
    assert problem.startswith("tenants[acme].trunks[acme-hq].verification: is about calls that others sign")


def test_a_name() -> None:
    text = trunk_with('rcd: {name: "Example Corp", reason: Deliveries, reviewed: 2026-11-20}')
    found = read_node_file(text, "node.yaml").trunks[0].caller_name
    assert found == CallerName(name="Example Corp", reason="Deliveries", reviewed="2026-11-20")


THIRD = OWN.replace("}", ", third_party: true}")
SWITCH = "supplies_levels: true"


def switched(of: str = THIRD, *, line: str = SWITCH, more: str = "") -> str:
    """The example's trunk as a reseller's switch, and after it other tenants."""
    text = resold(of).replace(TRUNK, f"{TRUNK}        {line}\n")
    return text.replace("\ncarriers:\n", f"{more}\ncarriers:\n", 1)


OTHER_TENANT = f"""\
  - name: end-customer
    reseller: resale
    trunks:
      - name: hotel
        networks: [127.0.0.9/32]
        client_certificate: issued
        {SWITCH}
"""


def test_the_switch_of_a_provider_whose_signature_alone_is_ours() -> None:
    assert not read_node_file(EXAMPLE, "node.yaml").trunks[0].supplies_levels
    assert read_node_file(switched(), "node.yaml").trunks[0].supplies_levels
    more = OTHER_TENANT.replace(SWITCH, "supplies_levels: false")
    assert [one.supplies_levels for one in read_node_file(switched(more=more), "node.yaml").trunks] == [
        True,
        False,
    ]


def test_a_resellers_identity() -> None:
    declared = read_node_file(resold(OWN), "node.yaml")
    one = SigningIdentity(spc="567T", x5u="https://cr.resale.example.com/shaken.pem")
    assert declared.reseller_identities == {"resale": one}
    told = read_node_file(resold(OWN.replace("}", ", third_party: true}")), "node.yaml")
    assert told.reseller_identities["resale"].third_party
    assert read_node_file(EXAMPLE, "node.yaml").reseller_identities == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (trunk_with("role: wholesale"), "must be"),
        (trunk_with("role: gateway", rule=True), "with role: gateway others' call"),
        (trunk_with("role: intermediate\n        rcd: {name: X, reviewed: 2026-11-20}"), "with role: intermediate"),
        (trunk_with("role: gateway\n        verification: {failed: refuse, wait_ms: 2200}"), "must be 2300 or more"),
        (trunk_with("role: gateway\n        verification: {failed: announce, wait_ms: 0}"), "must be 2300 or more"),
        (trunk_with("rcd: {name: Example Corp}"), "reviewed"),
        (trunk_with("rcd: {name: Example Corp, reviewed: yesterday}"), "2026-11-20"),
        (trunk_with('rcd: {name: "", reviewed: 2026-11-20}'), "1 to 64 printable"),
        (trunk_with(f'rcd: {{name: "{"x" * 65}", reviewed: 2026-11-20}}'), "1 to 64 printable"),
        (trunk_with('rcd: {name: "a\\nb", reviewed: 2026-11-20}'), "1 to 64 printable"),
        (trunk_with(SWITCH), "identity.third_party: true alone"),
        (switched(OWN), "identity.third_party: true alone"),
        (switched("deck: gold"), "identity.third_party: true alone"),
        (switched(line=f"identified_by: [network]\n        {SWITCH}"), "shows a certificate"),
        (switched(more=OTHER_TENANT), "the switch of resale is tenant acme's"),
        (trunk_with(f"role: gateway\n        {SWITCH}"), "with role: gateway others' call"),
        (resold('identity: {spc: "567T"}'), "x5u"),
        (resold(OWN).replace("resale\n", "node\n"), "the node's own identity"),
    ],
)  # fmt: skip
def test_what_is_not_taken(text: str, said: str) -> None:
    assert any(said in message for message in problems(text)), problems(text)
