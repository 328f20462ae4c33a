"""What a plan opens is told for every change that can open something, and only then is the past read."""

from pathlib import Path

import pytest

from trunkward.cli.changing import accepted
from trunkward.cli.opening import with_reach
from trunkward.control.configuration import Plan
from trunkward.control.difference import difference
from trunkward.control.effects import Effects

EXAMPLE = (Path(__file__).parents[3] / "examples/node.yaml").read_text()
TENANT = "  - name: acme\n"
LOOSE = "  - name: loose\n    destinations: {allow: [US, FR/premium]}\n    trunks:\n"
STRICT = "  - name: strict\n    trunks:\n"


def trunk(name: str, more: str = "") -> str:
    return (
        f"      - name: {name}\n        networks: [198.51.100.0/24]\n"
        f"        client_certificate: sha256:{name.encode().hex():0<64}\n{more}"
    )


def file(*tenants: str) -> str:
    """The example, with these tenants before its own."""
    assert EXAMPLE.count(TENANT) == 1
    return EXAMPLE.replace(TENANT, "".join((*tenants, TENANT)))


def test_what_it_does_to_money_is_told_where_nothing_opens() -> None:
    old, new = (
        accepted(
            file(TENANT.replace("acme", "loose") + "    deck: retail\n    trunks:\n" + trunk("first")),
            "node.yaml",
        ),
        accepted(file(TENANT.replace("acme", "loose") + "    trunks:\n" + trunk("first")), "node.yaml"),
    )
    changes = difference(old.objects, new.objects)
    planned = Plan(base=None, accepted=new, changes=changes, effects=Effects())
    (told,) = with_reach(planned, None, old.declared, None).warnings
    assert told.startswith("no deck for calls of tenant loose:")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        # a trunk that says nothing, new under a tenant that opens something
        (file(LOOSE + trunk("first")), file(LOOSE + trunk("first") + trunk("second")), ["second may now call FR/premium, US"]),
        # one that has moved there
        (
            file(LOOSE + trunk("first"), STRICT + trunk("moves") + trunk("stays")),
            file(LOOSE + trunk("first") + trunk("moves"), STRICT + trunk("stays")),
            ["moves may now call FR/premium"],
        ),
        (file(LOOSE + trunk("first")), file(LOOSE + trunk("first", "        enabled: false\n")), []),
    ],
)  # fmt: skip
def test_what_is_told(before: str, after: str, said: list[str]) -> None:
    old, new = accepted(before, "node.yaml"), accepted(after, "node.yaml")
    changes = difference(old.objects, new.objects)
    planned = Plan(base=None, accepted=new, changes=changes, effects=Effects())
    found = with_reach(planned, None, old.declared, None).reach.opens
    assert [line for opening in found for line in opening.lines()][: max(1, len(said))] == said
