"""`limits` of a reseller, a tenant or a trunk: what they declare, and what is said of wrong ones."""

from pathlib import Path

import pytest

from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.trunks.model import TRUNK_LIMITS, Declared, Limits

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
TENANTS = """\
resellers:
  - name: west
    limits: {calls: 200}
  - name: east
tenants:
  - name: acme
    reseller: west
    limits: %s
    trunks:
      - name: acme-hq
        networks: [198.51.100.0/24]
        client_certificate: issued
        limits: %s
  - name: other
"""


def read(tenant: str = "{}", trunk: str = "{}") -> Declared:
    start, end = EXAMPLE.index("tenants:\n"), EXAMPLE.index("carriers:\n")
    return read_node_file(EXAMPLE[:start] + TENANTS % (tenant, trunk) + EXAMPLE[end:], "node.yaml")


def test_a_trunk_has_limits_without_a_word_and_who_is_above_it_has_none() -> None:
    declared = read()
    assert declared.trunks[0].limits == TRUNK_LIMITS
    assert declared.tenant_limits == {}
    assert declared.reseller_limits == {"west": Limits(calls=200)}


def test_what_is_written_stands_above_the_default_key_by_key() -> None:
    trunk = (
        "{calls: 0, per_second: 0.5, classes: {premium: 0, satellite: 3}, number: {calls: 5, per_second: 2}}"
    )
    assert read(trunk=trunk).trunks[0].limits == Limits(
        calls=0,
        international=TRUNK_LIMITS.international,
        per_second=0.5,
        classes={"premium": 0, "satellite": 3},
        number_calls=5,
        number_per_second=2,
    )
    assert read("{international: 10}").tenant_limits == {"acme": Limits(international=10)}


@pytest.mark.parametrize(
    ("limits", "key", "said"),
    [
        ("{calls: -1}", "calls", "0 to 100000; 0 allows none"),
        ("{calls: 100001}", "calls", "0 to 100000"),
        ("{international: 1.5}", "international", "whole number"),
        ("{per_second: 0.009}", "per_second", "0.01 to 10000"),
        ("{per_second: 10001}", "per_second", "0.01 to 10000"),
        ("{number: {calls: -1}}", "number.calls", "0 to 100000"),
        ("{number: {international: 1}}", "number.international", "known here: calls, per_second"),
        ("{clases: {}}", "clases", "did you mean classes?"),
    ],
)
def test_what_is_no_limit(limits: str, key: str, said: str) -> None:
    with pytest.raises(NodeFileRefused) as at_trunk:
        read(trunk=limits)
    (problem,) = at_trunk.value.problems
    assert problem.path == f"tenants[acme].trunks[acme-hq].limits.{key}"
    assert said in problem.message
    with pytest.raises(NodeFileRefused, match=rf"tenants\[acme\]\.limits\.{key}: "):
        read(limits)


def test_a_class_that_is_misspelt() -> None:
    with pytest.raises(NodeFileRefused) as refused:
        read("{classes: {premum: 1}}")
    (problem,) = refused.value.problems
    assert problem.path == "tenants[acme].limits.classes.premum"
    assert problem.message == "not a class of numbers; did you mean premium?"


def test_a_class_nobody_knows() -> None:
    with pytest.raises(NodeFileRefused, match=r"not a class of numbers; choose from .*premium"):
        read("{classes: {dear: 1}}")
