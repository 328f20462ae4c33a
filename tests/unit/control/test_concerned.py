"""Whose certificates and evidence are looked at when the configuration changes."""

from pathlib import Path

import pytest

from trunkward.access.actor import Actor
from trunkward.control.concerned import peers_concerned
from trunkward.control.configuration import Plan, Version
from trunkward.control.declared import InForce
from trunkward.control.difference import difference
from trunkward.control.effects import Effects
from trunkward.control.node_file import accept_node_file

ACME = "\ntenants:\n  - name: acme\n"
TEXT = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "looked_at"),
    [
        ("verified: 2026-01-15", "verified: 2026-02-15", {"acme", "acme-hq"}),
        ('          - "+12025550103"\n', "", {"+12025550103", "acme-hq"}),
        ("        host: 127.0.0.21:15061\n", "        host: 127.0.0.22:15061\n", {"acme-hq"}),
        # another signs its calls
        (
            ACME,
            f"\nresellers: [{{name: resale}}]\n{ACME}    reseller: resale\n",
            {"acme", "acme-hq", "resale"},
        ),
        # nothing that evidence or a certificate says is another's
        ("  - name: acme\n", "  - name: acme\n    limits: {calls: 7}\n", {"acme"}),
    ],
)
def test_evidence_and_certificates_are_looked_at_for_whom_a_change_concerns(
    old: str, new: str, looked_at: set[str]
) -> None:
    assert TEXT.count(old) == 1
    assert looked_at_for(TEXT, TEXT.replace(old, new)) == frozenset(looked_at)


def test_evidence_is_looked_at_for_whose_calls_another_signs() -> None:
    """A token is for the signer of one identity."""
    sold = TEXT.replace(ACME, f"\nresellers: [{{name: resale}}]\n{ACME}    reseller: resale\n")
    identity = '{spc: "567T", x5u: "https://cr.resale.example.com/c.pem"}'
    own = sold.replace("{name: resale}", f"{{name: resale, identity: {identity}}}")
    assert looked_at_for(sold, own) == looked_at_for(own, sold) == frozenset({"acme-hq", "resale"})


def looked_at_for(old: str, new: str) -> frozenset[str] | None:
    """Whom a change from one text to another concerns."""
    before, after = accept_node_file(old, "old"), accept_node_file(new, "new")
    base = Version(
        number=1, at=1.0, actor=Actor(name="a", uid=0), command="c", summary="s", text_sha256=before.sha256
    )
    planned = Plan(
        base=base, accepted=after, changes=difference(before.objects, after.objects), effects=Effects()
    )
    return peers_concerned(planned, InForce(version=1, node_file=old, certificates={}, evidence={}))
