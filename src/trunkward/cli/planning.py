"""What a node file would change of what is in force here; nothing is changed by finding it out."""

import time
from dataclasses import replace
from functools import cached_property

from trunkward.cli.opening import new_destinations, of_version, with_reach
from trunkward.control import configuration, contracts
from trunkward.control.blocks import wanting_by
from trunkward.control.borne_out import borne_out
from trunkward.control.configuration import Plan, Version
from trunkward.control.customers import wanting as customers_wanting
from trunkward.control.decks import wanting as decks_wanting
from trunkward.control.declared import InForce
from trunkward.control.difference import difference
from trunkward.control.do_not_originate import ListRefused
from trunkward.control.effects import Effects
from trunkward.control.node_file import Accepted, NodeFileRefused, declared_of
from trunkward.control.reviews import waiting
from trunkward.control.secrets import by_trunk, wanting
from trunkward.control.silent import silent
from trunkward.control.unsound import unproven, unsound
from trunkward.engines.alert_secrets import unreadable
from trunkward.engines.digest_key import digest_key_id
from trunkward.engines.identity_task import codes_without
from trunkward.engines.in_force import read_in_force
from trunkward.engines.live import effects_of, is_running, unfinished
from trunkward.engines.number_lists import never_calls
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration
from trunkward.trunks.model import Declared, NodeSettings


class Held:
    """What is in force here, read once: to read 10,000 trunks takes tenths of a second."""

    def __init__(self, paths: Paths) -> None:
        """Looks whether a node runs."""
        self._paths = paths
        self.running = is_running(paths)

    @cached_property
    def in_force(self) -> InForce | None:
        """The document of what is in force; None when there is none that can be read."""
        return read_in_force(self._paths.declared)

    @cached_property
    def declared(self) -> Declared | None:
        """What it declares, without what was issued; None when it cannot be read, or is another release's."""
        if self.in_force is None or self.in_force.values is None:
            return None
        try:
            return declared_of(self.in_force.values)
        except NodeFileRefused:
            return None


def first_plan(paths: Paths, read: Accepted, held: Held) -> Plan:
    """What a file would make where there is no store yet: all it declares is new."""
    planned = Plan(
        base=None,
        accepted=read,
        changes=difference({}, read.objects),
        effects=_effects(paths, read, held, None),
        secrets=_secrets_wanting(paths, read, None),
        decks=decks_wanting(read.declared, []),
        customers=customers_wanting(read.declared, time.time()),
        inventories=wanting_by(read.declared, [], time.time()),
        contracts=contracts.wanting_by(read.declared, [], time.time()),
    )
    planned = with_reach(planned, None, None, None)
    said = (*unreadable(read.declared.node.alerts), *silent(None, read.declared))
    return replace(planned, warnings=(*planned.warnings, *said))


def planned_change(paths: Paths, read: Accepted, held: Held, store: SqlConfiguration) -> Plan:
    """What a file would change, compared with the newest version. Raises `TextDamaged`."""
    kept = borne_out(store, held.in_force, time.time())
    records = kept.records
    stale = tuple(unsound(held.in_force, kept)) if held.running and held.in_force else ()
    alone = tuple(unproven(held.in_force, kept, time.time())) if held.running and held.in_force else ()
    effects = _effects(paths, read, held, store.head())
    planned = configuration.plan(store, read, replace(effects, reload=effects.reload or bool(stale or alone)))
    reached = with_reach(planned, store, held.declared, held.in_force)
    return replace(
        reached,
        warnings=(
            *reached.warnings,
            *unreadable(read.declared.node.alerts),
            *codes_without(read.declared, paths),
            *kept.problems,
            *(f"{record}: {said}" for record, said in waiting(records, time.time())),
            *(silent(held.declared or of_version(store, planned), read.declared) if planned.changes else ()),
        ),
        secrets=_secrets_wanting(paths, read, store),
        decks=decks_wanting(read.declared, store.decks()),
        customers=customers_wanting(read.declared, time.time()),
        inventories=wanting_by(read.declared, records, time.time()),
        contracts=contracts.wanting_by(read.declared, records, time.time()),
        changed_file=_changed_file(read, held),
        unsound=stale,
        unproven=alone,
    )


def _secrets_wanting(paths: Paths, read: Accepted, store: SqlConfiguration | None) -> list[tuple[str, str]]:
    now = time.time()
    held = by_trunk(store.secrets(), now) if store else {}
    return wanting(read.declared, held, digest_key_id(paths), now)


def _changed_file(read: Accepted, held: Held) -> str:
    """A file the node file names that says something else than what is in force here; "" when none does."""
    node, in_force = read.declared.node, held.in_force
    if in_force is None:
        return ""
    if new_destinations(read.declared) != in_force.destinations:
        return node.destinations_file
    return node.do_not_originate_file if _other_list(node, in_force) else ""


def _other_list(node: NodeSettings, in_force: InForce) -> bool:
    try:
        return list(never_calls(node.do_not_originate_file)) != in_force.do_not_originate
    except ListRefused:  # read before, and changed meanwhile: whoever puts it in force says what is wrong
        return True


def _effects(paths: Paths, read: Accepted, held: Held, newest: Version | None) -> Effects:
    if not held.running:
        return Effects(running=False)
    left = unfinished(paths)
    declared, in_force = held.declared, held.in_force
    if declared is None or in_force is None:
        return Effects(reload=True, restart=tuple(left or ()))
    found = effects_of(declared, read.declared, paths)
    restart = tuple(dict.fromkeys((*found.restart, *(left or ()))))
    # what was decided on, and broken off before it was in force, may be no more than a comment
    behind = left is not None or (newest is not None and newest.number != in_force.version)
    reload = found.reload or behind or bool(_changed_file(read, held))
    return Effects(reload=reload, restart=restart, start=found.start, stop=found.stop)
