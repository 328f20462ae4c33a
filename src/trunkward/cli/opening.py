"""What a plan opens and closes: compared with what runs here, or with the newest version."""

from dataclasses import replace

from trunkward.control.about_money import about_money
from trunkward.control.configuration import Plan
from trunkward.control.declared import InForce
from trunkward.control.difference import Action
from trunkward.control.in_vain import in_vain
from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.control.opens import reach
from trunkward.engines.destinations_file import DestinationsUnreadable, destinations_text, destinations_with
from trunkward.store.configuration import SqlConfiguration
from trunkward.trunks.model import Declared

#: Beginnings of the keys that may open or close something, or be written in vain; and of those about money.
_OPENING = ("destinations", "number_plan", "reseller", "tenant", "limits", "dial_plan")
_MONEY = ("currency", "deck", "live", "reseller", "retention", "spend", "tenant")


def with_reach(
    planned: Plan, store: SqlConfiguration | None, declared: Declared | None, in_force: InForce | None
) -> Plan:
    """The plan with what it opens, closes and says in vain, and what it does to money.

    `declared` and `in_force`: of a node that runs here.
    """
    new = planned.accepted.declared
    before = in_force.destinations if in_force else ""
    now = new_destinations(new)
    opens, costs = now != before or _may_matter(planned, _OPENING), _may_matter(planned, _MONEY)
    if not opens and not costs:
        return planned
    if declared is None and store is not None:
        declared = of_version(store, planned)
    money = about_money(declared, new) if costs else ()
    if not opens:
        return replace(planned, warnings=money)
    table = destinations_with(now)
    table_before = table if now == before else destinations_with(before)
    return replace(
        planned,
        reach=reach(declared, new, table_before, table),
        warnings=in_vain(declared, new, planned.changes, planned.accepted.objects, table) + money,
    )


def new_destinations(declared: Declared) -> str:
    """The text of the file of `node.destinations`; what cannot be read has been told of before."""
    try:
        return destinations_text(declared.node.destinations_file)
    except DestinationsUnreadable:
        return ""


def _may_matter(planned: Plan, keys: tuple[str, ...]) -> bool:
    """Reading what was before takes seconds where trunks are many.

    A trunk that moves to another tenant has what that one and its reseller open.
    """
    return any(
        change.action is not Action.REMOVE and any(key.key.startswith(keys) for key in change.keys)
        for change in planned.changes
    )


def of_version(store: SqlConfiguration, planned: Plan) -> Declared | None:
    """What the version declares that a plan is compared with; None for none that can be read."""
    if planned.base is None:
        return None
    try:
        return read_node_file(store.text(planned.base), f"version {planned.base.number}")
    except NodeFileRefused:  # of another release's schema
        return None
