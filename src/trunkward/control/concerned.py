"""Whom a change of the configuration concerns."""

from trunkward.control.configuration import Plan
from trunkward.control.declared import InForce


def peers_concerned(planned: Plan, before: InForce) -> frozenset[str] | None:
    """Those whose certificates a change can concern; None for all of them.

    All, where the version compared with is not the one in force, where the node's name has changed, and where
    nothing has: then it is a person's way to have what is near its end renewed.
    """
    if planned.same_text or planned.base is None or planned.base.number != before.version:
        return None
    if any(change.kind == "node" for change in planned.changes):
        return None
    # whom a number goes to, or is taken from, and all of a tenant's whose customer, or signer, is another
    trunks = {
        name
        for change in planned.changes
        for key in change.keys
        if change.kind == "numbers" and key.key == "trunk"
        for name in (key.old, key.new)
        if name
    }
    tenants = {
        change.name
        for change in planned.changes
        if change.kind == "tenants"
        and any(key.key.startswith(("customer", "reseller")) for key in change.keys)
    }
    # a token is for the signer of one identity
    resellers = {change.name for change in planned.changes if change.kind == "resellers"}
    trunks |= {
        trunk.name
        for trunk in planned.accepted.declared.trunks
        if trunk.tenant in tenants or trunk.reseller in resellers
    }
    return frozenset(trunks | {change.name for change in planned.changes})
