"""The configuration in force: what of an earlier one goes on."""

from dataclasses import replace
from pathlib import Path

from trunkward.control.declared import InForce, retention_of
from trunkward.control.node_file import read_node_file
from trunkward.trunks.retention import RetentionPolicy

TEXT = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


def in_force(text: str = TEXT, **retention: int) -> InForce:
    return InForce(
        version=1, node_file=text, certificates={"acme-hq": ["ab" * 32]}, evidence={}, retention=retention
    )


def test_calls_of_a_tenant_that_is_gone_are_kept_as_it_was_told() -> None:
    kept = in_force(gone=30).declared().retention
    assert (kept.days("gone"), kept.days("acme"), kept.days("")) == (30, 365, 365)


def test_the_file_has_the_last_word_on_tenants_it_has() -> None:
    before, declared = in_force(gone=30, acme=7), read_node_file(TEXT, "node.yaml")
    assert retention_of(declared, None) == {}
    # acme is there, and has the node's
    assert retention_of(declared, before) == {"gone": 30}
    other = replace(declared, tenants=("new",), retention=RetentionPolicy(tenants={"new": 3}))
    assert retention_of(other, before) == {"gone": 30, "acme": 7, "new": 3}
    assert retention_of(replace(other, tenants=("new", "gone")), before) == {"acme": 7, "new": 3}
