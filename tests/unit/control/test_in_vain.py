"""What a change writes in vain is told once, when it is written; and what only reads so is not."""

from pathlib import Path

import pytest

from sipkit.places import TABLE
from trunkward.control.difference import difference
from trunkward.control.in_vain import in_vain
from trunkward.control.node_file import Accepted, accept_node_file

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
CU_CLOSED = (
    "CU stays closed to trunk acme-hq: 0.98 a minute, more than 0.30, which holds for tenant acme where nobody"
    " writes another"
)
TENANT, TRUNK = "  - name: acme\n", "      - name: acme-hq\n"


def file(*, tenant: str = "", trunk: str = "") -> Accepted:
    """The example, with keys more of its tenant and its trunk."""
    assert (EXAMPLE.count(TENANT), EXAMPLE.count(TRUNK)) == (1, 1)
    text = EXAMPLE.replace(TENANT, f"{TENANT}    {tenant}\n" if tenant else TENANT)
    return accept_node_file(text.replace(TRUNK, f"{TRUNK}        {trunk}\n" if trunk else TRUNK), "node.yaml")


def said(new: Accepted, old: Accepted | None = None) -> tuple[str, ...]:
    before = old or file()
    changes = difference(before.objects, new.objects)
    return in_vain(before.declared, new.declared, changes, new.objects, TABLE)


@pytest.mark.parametrize(
    ("tenant", "trunk", "told"),
    [
        ("destinations: {allow: [US]}", "", ()),
        ("destinations: {allow: [US, FR]}", "destinations: {allow: [US]}", ("FR stays closed to trunk acme-hq: FR is not opened by trunk acme-hq",)),
        (
            "destinations: {allow: [US, CU]}", "",
            (CU_CLOSED,),
        ),
        ("destinations: {allow: [US, CU/fixed-or-mobile]}", "", ()),
        # no such numbers: nobody is refused
        ("", "destinations: {allow: [US, IT]}", ()),
        ("limits: {calls: 3, international: 5}", "", ("limits.international of tenant acme is 5, and limits.calls allows 3 in all",)),
        ("limits: {international: 5}", "", ()),
        ("", "limits: {classes: {premium: 31}}", ("limits.classes.premium of trunk acme-hq is 31, and limits.calls allows 30 in all",)),
        # the two abroad of a trunk are nobody's words
        ("", "limits: {calls: 1}", ()),
        ("", "limits: {calls: 3, number: {calls: 4}}", ("limits.number.calls of trunk acme-hq is 4, and limits.calls allows 3 in all",)),
        (
            "", 'dial_plan: {country: "44"}',
            ("trunk acme-hq dials as in GB, and at home is US: without destinations.allow it calls US alone",),
        ),
        ("destinations: {allow: [GB]}", 'dial_plan: {country: "44"}', ()),
        (
            "destinations: {allow: [GB], hours: {zone: Europe/London, open: [mon-fri 08:00-18:00], outside: domestic}}",
            'dial_plan: {country: "44"}',
            ("trunk acme-hq dials as in GB, and at home is US: outside: domestic lets it call US",),
        ),
        ("", 'dial_plan: {tech_prefix: "77"}', ()),
    ],
)  # fmt: skip
def test_what_is_told(tenant: str, trunk: str, told: tuple[str, ...]) -> None:
    assert said(file(tenant=tenant, trunk=trunk)) == told


def test_it_is_told_once() -> None:
    before = file(tenant="destinations: {allow: [US, CU]}", trunk='dial_plan: {country: "44"}')
    assert len(said(before)) == 1
    assert said(before, before) == ()
    after = file(tenant="destinations: {allow: [US, CU, MV]}", trunk='dial_plan: {country: "44"}')
    assert [line.split()[0] for line in said(after, before)] == ["MV"]


def test_of_many_some_are_told() -> None:
    many = ", ".join(f'"+{number}"' for number in range(201, 221))
    told = said(file(trunk=f"destinations: {{allow: [{many}]}}"))
    assert len(told) == 13
    assert told[-1] == "8 more stay closed: ./trunkward destinations --trunk says what and why"
