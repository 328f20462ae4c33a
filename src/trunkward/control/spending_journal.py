"""Holds and raises, read off the journal of acts: a row of theirs that says otherwise is nobody's act.

The journal says all of each, so nothing in force rests on a row: one that was put in raises no cap, and one
that was taken out releases nobody.
"""

from collections.abc import Iterable
from contextlib import suppress

import msgspec

from trunkward.control.spending import holds_now, raises_now
from trunkward.journal.chain import UNREADABLE, Entry
from trunkward.trunks.spending import Hold, HoldScope, Raise, Window


class _Act(msgspec.Struct, frozen=True):
    act: str
    owner: str
    why: str
    ended: tuple[int, ...]
    scope: HoldScope | None = None
    cut: bool | None = None
    window: Window | None = None
    to_micro: int | None = None
    until: float | None = None


class _Entry(msgspec.Struct, frozen=True):
    version: int
    spending: _Act | None = None
    #: Of owners who left the file.
    raises_ended: tuple[int, ...] = ()


_decode = msgspec.json.Decoder(_Entry).decode


def journaled_now(entries: Iterable[Entry], at: float) -> tuple[list[Hold], list[Raise]]:
    """Those in force at a time by a whole journal, the newest first. `at` in seconds since the epoch."""
    found: dict[int, Hold | Raise] = {}
    for entry in entries:
        with suppress(*UNREADABLE):  # of a journal that is sound none is
            _follow(found, _decode(entry.text))
    newest = sorted(found.values(), key=lambda one: one.version, reverse=True)
    holds = [one for one in newest if isinstance(one, Hold)]
    return holds, raises_now((one for one in newest if isinstance(one, Raise)), at)


def _follow(found: dict[int, Hold | Raise], entry: _Entry) -> None:
    act, number = entry.spending, entry.version
    for ended in (*entry.raises_ended, *(act.ended if act else ())):
        found.pop(ended, None)
    match act:
        case _Act(act="hold", scope=HoldScope() as scope, cut=bool(cut)):
            found[number] = Hold(version=number, owner=act.owner, scope=scope, cut=cut, why=act.why)
        case _Act(act="raise", window=Window() as window, to_micro=int(micro), until=float(until)):
            found[number] = Raise(
                version=number, owner=act.owner, window=window, to_micro=micro, until=until, why=act.why
            )


def nobodys[One: (Hold, Raise)](rows: Iterable[One], journaled: Iterable[One]) -> list[One]:
    """Rows in force that nobody has made: an act on their owner ends them, too."""
    known = {one.version for one in journaled}
    return [one for one in rows if one.version not in known]


def unlike_journal(
    rows: tuple[Iterable[Hold], Iterable[Raise]], journaled: tuple[list[Hold], list[Raise]], at: float
) -> list[str]:
    """What rows say otherwise than the journal of their acts: who could write one could lift a cap alone."""
    holds, raises = holds_now(rows[0]), raises_now(rows[1], at)
    return [
        *(_told(one, "a hold", "is in force, as it was made") for one in journaled[0] if one not in holds),
        *(_told(one, "a hold", "is not in force") for one in nobodys(holds, journaled[0])),
        *(_told(one, "a raise", "holds as it was made") for one in journaled[1] if one not in raises),
        *(_told(one, "a raise", "does not hold") for one in nobodys(raises, journaled[1])),
    ]


def _told(one: Hold | Raise, what: str, does: str) -> str:
    if isinstance(one, Hold):
        ends = f"./trunkward release {one.owner}"
    else:
        ends = f"./trunkward spend raise {one.owner} --window {one.window} --end"
    return (
        f"{what} of {one.owner} (version {one.version}) is not in the database as it was journaled,"
        f" and {does}: find out who wrote to the database, then {ends}, and decide anew"
    )
