"""The difference between two configurations: what comes, what goes, what changes from what to what."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trunkward.control.objects import KINDS, NODE, Fields, Objects
from trunkward.control.unwritten import DEFAULT_LIMITS, unwritten

#: Longest value written out in a line for people, in characters.
_WIDE = 100


class Action(StrEnum):
    """What happens to an object; the value is how it is written."""

    ADD = "+"
    REMOVE = "-"
    CHANGE = "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """One key of an object; None where it is not there."""

    key: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens to one object."""

    action: Action
    #: One of `objects.KINDS`; between two versions also `decks`, which no node file has.
    kind: str
    name: str
    #: Every key of an object that comes or goes; of one that changes, those that do.
    keys: tuple[KeyChange, ...]

    def lines(self) -> Iterator[str]:
        """For people: a line for the object, one for each key that says something."""
        noun = "" if self.kind == NODE else f"{self.kind.removesuffix('s')} "
        yield f"{self.action} {noun}{self.name}"
        for key in self.keys:
            match self.action:
                case Action.ADD if self._says_something(key):
                    yield f"    {key.key}: {self._said(key, key.new)}"
                case Action.CHANGE:
                    yield f"    {key.key}: {self._said(key, key.old)} -> {self._said(key, key.new)}"
                case _:
                    pass

    def _says_something(self, key: KeyChange) -> bool:
        """Of a new object: what is written, and what limits a trunk without a word; no exception not made."""
        if self.kind == "trunks" and key.key in DEFAULT_LIMITS:
            return True
        return key.new not in (None, [], {}) and not (key.new is False and "unsafe_" in key.key)

    def _said(self, key: KeyChange, value: Any) -> str:
        return unwritten(self.kind, key.key) if value is None else _short(value)


def difference(old: Objects, new: Objects) -> list[Change]:
    """Every change from `old` to `new`, kind by kind; {} for `old` when there was nothing."""
    found: list[Change] = []
    for kind in KINDS:
        before, after = old.get(kind, {}), new.get(kind, {})
        found += [_whole(Action.REMOVE, kind, name, before[name]) for name in before if name not in after]
        for name, fields in after.items():
            was = before.get(name)
            if was is None:
                found.append(_whole(Action.ADD, kind, name, fields))
            elif was != fields and (keys := _keys(was, fields)):
                found.append(Change(action=Action.CHANGE, kind=kind, name=name, keys=keys))
    return found + _order(old, new)


def deletions(changes: list[Change]) -> list[Change]:
    """Those that take a thing away; a number that goes with its trunk is not named twice."""
    trunks = {c.name for c in changes if c.kind == "trunks" and c.action is Action.REMOVE}
    return [
        change
        for change in changes
        if change.action is Action.REMOVE
        and not (change.kind == "numbers" and any(key.old in trunks for key in change.keys))
    ]


def summary(changes: list[Change]) -> str:
    """One line for a history: `+1 trunk, ~1 carrier (north)`."""
    said = []
    for kind in KINDS:
        for action in Action:
            names = [c.name for c in changes if (c.kind, c.action) == (kind, action)]
            if kind == NODE and names:
                keys = ", ".join(k.key for c in changes if c.kind == NODE for k in c.keys)
                said.append("+node" if action is Action.ADD else f"~node ({_cut(keys, 60)})")
            elif names:
                noun = kind.removesuffix("s") if len(names) == 1 else kind
                named = f" ({', '.join(names)})" if len(names) <= 3 else ""
                said.append(f"{action}{len(names)} {noun}{named}")
    return ", ".join(said)


def _whole(action: Action, kind: str, name: str, fields: Fields) -> Change:
    gone = action is Action.REMOVE
    keys = tuple(
        KeyChange(key=key, old=value if gone else None, new=None if gone else value)
        for key, value in fields.items()
    )
    return Change(action=action, kind=kind, name=name, keys=keys)


def _keys(was: Fields, now: Fields) -> tuple[KeyChange, ...]:
    return tuple(
        KeyChange(key=key, old=was.get(key), new=now.get(key))
        for key in dict.fromkeys((*was, *now))
        if was.get(key) != now.get(key)
    )


def _order(old: Objects, new: Objects) -> list[Change]:
    """Of carriers with the same prefix the one that stands first is taken: their order means something."""
    before, after = old.get("carriers", {}), new.get("carriers", {})
    was, now = [n for n in before if n in after], [n for n in after if n in before]
    if was == now:
        return []
    keys = (KeyChange(key="order", old=was, new=now),)
    return [Change(action=Action.CHANGE, kind="carriers", name="in another order", keys=keys)]


def _short(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return _cut("[" + ", ".join(map(_short, value)) + "]", _WIDE)
    if isinstance(value, dict):
        return _cut("{" + ", ".join(f"{name}: {_short(its)}" for name, its in value.items()) + "}", _WIDE)
    return _cut(str(value), _WIDE)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
