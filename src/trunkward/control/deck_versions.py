"""Decks as of versions of the configuration: what no node file has, and so no rollback."""

from collections.abc import Iterable, Iterator

from trunkward.control.decks import DeckActRefused
from trunkward.control.difference import Action, Change, KeyChange
from trunkward.spend.kept import KeptDeck

#: What is told of a state of a deck.
_KEYS = ("version", "currency", "rates", "sha256")


def as_of(kept: Iterable[KeptDeck], version: int) -> dict[str, KeptDeck]:
    """By name, the decks that were in force as of a version."""
    return {
        one.name: one for one in kept if one.version <= version and (not one.ended or one.ended > version)
    }


def changes_between(kept: Iterable[KeptDeck], old: int, new: int) -> list[Change]:
    """What became of decks from one version to another, also backwards, with the states' versions."""
    states = list(kept)
    was, now = as_of(states, old), as_of(states, new)
    found = []
    for name in sorted(was.keys() | now.keys()):
        before, after = was.get(name), now.get(name)
        if before == after:
            continue
        action = Action.ADD if before is None else Action.REMOVE if after is None else Action.CHANGE
        keys = tuple(
            KeyChange(key=key, old=pair[0], new=pair[1])
            for key in _KEYS
            if (pair := (getattr(before, key, None), getattr(after, key, None)))[0] != pair[1]
        )
        found.append(Change(action=action, kind="decks", name=name, keys=keys))
    return found


def not_rolled_back(kept: Iterable[KeptDeck], version: int, newest: int) -> Iterator[str]:
    """Sentences about decks that say something else now than as of a version whose file is put in force."""
    for change in changes_between(kept, version, newest):
        match change.action:
            case Action.ADD:
                yield (
                    f"deck {change.name} stays: it was not there as of version {version}, and no rollback"
                    f" takes a deck away; where nobody is rated by it: ./trunkward deck drop {change.name}"
                )
            case _:
                yield (
                    f"deck {change.name} stays as it is now: no rollback changes a deck. What it said as of"
                    f" version {version}: ./trunkward deck restore {change.name} --version {version}"
                )


def state_by_sha256(name: str, begins: str, kept: Iterable[KeptDeck]) -> KeptDeck:
    """The newest state of a deck whose SHA-256 begins so, as bills name it. Raises `DeckActRefused`."""
    states = [one for one in kept if one.name == name]
    found = {one.sha256: one for one in reversed(states) if one.sha256.startswith(begins.lower())}
    if len(found) == 1:
        return next(iter(found.values()))
    known = ", ".join(f"{one.sha256[:12]} (version {one.version})" for one in states) or "none"
    many = "more than one state" if found else "no state"
    raise DeckActRefused(
        f"{many} of deck {name} has a SHA-256 that begins with {begins}; its states: {known}"
    )
