"""A plan, and the changes in it: as a document for programs, in lines for people."""

from dataclasses import asdict
from typing import Any

from trunkward.cli.said import say
from trunkward.control.configuration import Plan
from trunkward.control.difference import Change

#: What `plan` and `diff` end with when there is a difference.
DIFFERENT = 3
#: Objects named one by one on a terminal; a program asks for all of them with --json.
_LISTED = 200


def plan_document(planned: Plan) -> dict[str, Any]:
    """A plan for programs."""
    return {
        "base": planned.base.number if planned.base else None,
        "changed": not planned.nothing_to_do,
        "changes": [change_document(change) for change in planned.changes],
        "deletes": [f"{change.kind}/{change.name}" for change in planned.deletions],
        "opens": [asdict(opening) for opening in planned.reach.opens],
        "closes": [asdict(closing) for closing in planned.reach.closes],
        "warnings": list(planned.warnings),
        "effect": planned.effects.kind,
        "effects": asdict(planned.effects),
        "secrets": dict(planned.secrets),
        "decks": planned.decks,
        "customers": dict(planned.customers),
        "inventories": dict(planned.inventories),
        "contracts": dict(planned.contracts),
        "unsound": list(planned.unsound),
        "unproven": list(planned.unproven),
    }


def change_document(change: Change) -> dict[str, Any]:
    """One change for programs."""
    return {
        "action": change.action.value,
        "kind": change.kind,
        "name": change.name,
        "keys": [asdict(key) for key in change.keys],
    }


def change_lines(changes: list[Change]) -> list[str]:
    """Changes for people."""
    said = [line for change in changes[:_LISTED] for line in change.lines()]
    if len(changes) > _LISTED:
        said.append(f"... and {len(changes) - _LISTED} more objects (--json has them all)")
    return said


def deleted_names(planned: Plan) -> str:
    """What a plan takes away, in a line."""
    gone = [f"{change.kind.removesuffix('s')} {change.name}" for change in planned.deletions]
    return ", ".join(gone[:10]) + (f" and {len(gone) - 10} more" if len(gone) > 10 else "")


def show_plan(planned: Plan, *, err: bool = False) -> None:
    """A plan for people; `err`: on standard error."""
    if planned.same_text and planned.base:
        left = "" if planned.nothing_to_do else ", and not everywhere in force yet"
        if planned.changed_file:
            left = f", but {planned.changed_file} has changed"
        if planned.unproven:
            left = ", but not all that is in force beside it is as it was journaled"
        if planned.unsound:
            left = ", but what was issued for it is not sound any more"
        say(f"no change: version {planned.base.number} is this very file{left}", err=err)
    else:
        base = f"version {planned.base.number}" if planned.base else "nothing"
        say(f"compared with {base}: {planned.summary}", err=err)
    for line in change_lines(planned.changes):
        say(f"  {line}", {"+": "green", "-": "red", "~": "yellow"}.get(line[:1], ""), err=err)
    for record in planned.unsound:
        told = f"  - tokens of {record}, which is not as it was journaled: nothing is signed by it any more"
        say(told, "red", err=err)
    for what in planned.unproven:
        say(f"  ~ {what}, which is not in force as it was journaled: it will be", "red", err=err)
    show_reach(planned, err=err)
    for line in planned.effects.lines():
        say(f"then: {line}", err=err)
    if planned.deletions:
        say(f"deletes {deleted_names(planned)}: apply asks, or needs --delete", "yellow", err=err)


def show_reach(planned: Plan, *, err: bool = False) -> None:
    """What it opens and closes, and warns of, for people."""
    lines = [line for opening in planned.reach.opens for line in opening.lines()]
    lines += [line for closing in planned.reach.closes for line in closing.lines()]
    for line in lines + [f"warning: {warning}" for warning in planned.warnings]:
        say(line, "yellow" if line.startswith("warning") else "", err=err)


def tell_wanting(planned: Plan) -> None:
    """What is declared and does not work yet, for want of a secret or of a document, and what to do."""
    for trunk, said in planned.secrets:
        say(f"trunk {trunk}: {said}", "yellow", err=True)
    for said in planned.decks:
        say(said, "yellow", err=True)
    for tenant, said in planned.customers:
        say(f"tenant {tenant}: {said}", "yellow", err=True)
    for trunk, said in planned.inventories:
        say(f"trunk {trunk}: {said}", "yellow", err=True)
    for identity, said in planned.contracts:
        say(f"identity {identity}: {said}", "yellow", err=True)
