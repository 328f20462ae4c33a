"""Acting on what is spent: calls of an owner held and released, one cap raised for a time.

Each act is a version of the configuration with the same file: it has a number, a time, an actor and a
command, its journal entry says why, and gates judge by it as by any other. A hold stays until somebody
releases it, also over a change of the file; a raise ends by itself.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from trunkward.spend.money import MOST_MICRO, shown
from trunkward.trunks.model import Declared
from trunkward.trunks.spending import (
    Hold,
    HoldScope,
    OwnerSpending,
    Raise,
    SpendingChange,
    Window,
    with_raises,
)

#: Seconds a cap may be raised for: whoever needs it for longer writes it into the file.
MOST_S = 7 * 86_400
#: The same, and times the file's cap, where somebody says that he means more.
MORE_S = 31 * 86_400
MOST_TIMES = 10
#: Characters of the reason in words.
MOST_WHY = 500
#: By owner, what is settled in each window, in micro-units.
type Sums = Mapping[str, Mapping[Window, int]]
_HELD_KINDS = ("trunk", "tenant", "reseller")
_CAPPED_KINDS = (*_HELD_KINDS, "carrier")
_SCOPES = {
    HoldScope.INTERNATIONAL: "calls abroad",
    HoldScope.OUTBOUND: "calls out",
    HoldScope.ALL: "all calls",
}


class SpendingRefused(Exception):
    """An act that is not done; the message says why, and what to do."""


def holds_now(holds: Iterable[Hold]) -> list[Hold]:
    """Those in force, of all there ever were."""
    return [one for one in holds if not one.ended]


def raises_now(raises: Iterable[Raise], at: float) -> list[Raise]:
    """Those in force at a time, in seconds since the epoch."""
    return [one for one in raises if one.holds(at)]


def held(
    declared: Declared,
    holds: Iterable[Hold],
    *,
    owner: str,
    scope: HoldScope,
    cut: bool,
    why: str,
    nobodys: Iterable[Hold | Raise] = (),
) -> SpendingChange:
    """A new hold; it takes the place of the owner's before it. Raises `SpendingRefused`.

    `nobodys` (`control.borne_out`), here and in each act: the owner's end with it.
    """
    _check_owner(declared, owner, _HELD_KINDS)
    check_why(why)
    before = [one for one in holds_now(holds) if one.owner == owner]
    if any((one.scope, one.cut) == (scope, cut) for one in before):
        raise SpendingRefused(f"{_name(owner)} is held so already: {_in_words(before[0])}")
    added = Hold(version=0, owner=owner, scope=scope, cut=cut, why=why.strip())  # the version is the act's
    ended = tuple(one.version for one in (*before, *_holds_of(nobodys, owner)))
    return SpendingChange(act="hold", owner=owner, hold=added, ended=ended, why=added.why)


def released(
    holds: Iterable[Hold], *, owner: str, why: str, nobodys: Iterable[Hold | Raise] = ()
) -> SpendingChange:
    """The end of a hold, also of an owner that is gone. Raises `SpendingRefused`."""
    found = [*holds_now(holds), *_holds_of(nobodys, owner)]
    ended = tuple(one.version for one in found if one.owner == owner)
    if not ended:
        others = ", ".join(one.owner for one in found)
        raise SpendingRefused(
            f"{owner} is not held" + (f"; held now: {others}" if others else ", nor is anybody else")
        )
    check_why(why)
    return SpendingChange(act="release", owner=owner, ended=ended, why=why.strip())


def raised(
    declared: Declared,
    raises: Iterable[Raise],
    *,
    owner: str,
    window: Window,
    to_micro: int,
    for_s: float,
    why: str,
    more: bool,
    now: float,
    nobodys: Iterable[Hold | Raise] = (),
) -> SpendingChange:
    """One cap higher for a time; it takes the place of a raise of the same cap. Raises `SpendingRefused`.

    `now` in seconds since the epoch; `more`: beyond `MOST_S` and `MOST_TIMES`.

    1. There is a cap, and this is above it, and above what it is raised to already.
    2. It is not above what a longer window allows: it would never hold.
    3. It is not for ever, nor ten times as much by a slip of the finger.
    """
    _check_owner(declared, owner, _CAPPED_KINDS)
    check_why(why)
    theirs = [one for one in raises_now(raises, now) if one.owner == owner]
    said = declared.spending[owner]
    caps = OwnerSpending(owner=owner, spending=said, raises=tuple(theirs)).at(now)
    currency = declared.node.currency
    # 1.
    written, cap = said.cap(window), caps.cap(window)
    if written is None or cap is None:
        raise SpendingRefused(f"{_name(owner)} has no cap for {_window(window)}: there is nothing to raise")
    if to_micro <= written or to_micro < cap:
        raise SpendingRefused(
            f"the cap of {_name(owner)} for {_window(window)} is {shown(cap)} {currency} already: a raise"
            " only raises; a lower one is written into the node file, and spend raise --end ends a raise"
        )
    if to_micro > MOST_MICRO // 1000:
        raise SpendingRefused("more money than can be counted here")
    # 2.
    windows = list(Window)
    for longer in windows[windows.index(window) + 1 :]:
        most = caps.cap(longer)
        if most is not None and to_micro > most:
            raise SpendingRefused(
                f"{shown(to_micro)} is more than {_window(longer)} may cost ({shown(most)} {currency}): it"
                f" would never hold; raise that first (--window {longer})"
            )
    # 3.
    if to_micro > written * MOST_TIMES and not more:
        raise SpendingRefused(
            f"{shown(to_micro)} is more than {MOST_TIMES} times the cap ({shown(written)} {currency}):"
            " --more, if it is meant"
        )
    if not 0 < for_s <= (MORE_S if more else MOST_S):
        days = f"{MOST_S // 86_400} days, with --more for {MORE_S // 86_400}"
        raise SpendingRefused(f"a cap is raised for at most {days}; for good, write it into the node file")
    added = Raise(
        version=0, owner=owner, window=window, to_micro=to_micro, until=now + for_s, why=why.strip()
    )
    theirs += _raises_of(nobodys, owner)
    before = tuple(one.version for one in theirs if one.window is window)
    return SpendingChange(act="raise", owner=owner, raised=added, ended=before, why=added.why)


def lowered(
    raises: Iterable[Raise],
    *,
    owner: str,
    window: Window | None,
    why: str,
    now: float,
    nobodys: Iterable[Hold | Raise] = (),
) -> SpendingChange:
    """The early end of a raise; it is named where an owner has several. Raises `SpendingRefused`."""
    theirs = [one for one in raises_now(raises, now) if one.owner == owner] + _raises_of(nobodys, owner)
    good = [one for one in theirs if window in (None, one.window)]
    if not good:
        others = f" for {_window(window)}" if theirs and window else ""
        raise SpendingRefused(
            f"no cap of {owner}{others} is raised now; ./trunkward spend caps shows those that are"
        )
    if len({one.window for one in good}) > 1:
        several = ", ".join(f"--window {one.window} ({shown(one.to_micro)})" for one in good)
        raise SpendingRefused(f"several caps of {owner} are raised: say which one ends: {several}")
    check_why(why)
    ended = tuple(one.version for one in good)
    return SpendingChange(act="end", owner=owner, ended=ended, window=good[0].window, why=why.strip())


def lower_above(
    declared: Declared, raises: Iterable[Raise], holds: Iterable[Hold], raised: Raise, now: float
) -> list[str]:
    """Sentences about what still stops calls short of a raise: caps of owners above, and holds."""
    over = _above(declared, raised.owner)
    caps = {one.owner: one.at(now) for one in with_raises(declared.spending, raises_now(raises, now))}
    told = []
    for owner in over:
        cap = caps[owner].cap(raised.window) if owner in caps else None
        if cap is not None and cap < raised.to_micro:
            told.append(
                f"{_name(owner)} may spend {shown(cap)} {declared.node.currency} in {_window(raised.window)},"
                f" which holds as well: ./trunkward spend raise {owner} --window {raised.window} --to"
                f" {shown(raised.to_micro)} --for TIME --why TEXT"
            )
    told += [
        f"{_name(hold.owner)} is held ({_in_words(hold)}): ./trunkward release {hold.owner} --why TEXT"
        for hold in holds_now(holds)
        if hold.owner in (raised.owner, *over)
    ]
    return told


def _above(declared: Declared, owner: str) -> tuple[str, ...]:
    """Who pays, too, when this owner's calls cost something: a trunk's tenant, and that one's reseller."""
    kind, _, name = owner.partition(":")
    found = next(
        (one for one in declared.trunks if name == {"trunk": one.name, "tenant": one.tenant}.get(kind)), None
    )
    if found is None:
        return ()
    above = [f"reseller:{found.reseller}"] if found.reseller else []
    return (f"tenant:{found.tenant}", *above) if kind == "trunk" else tuple(above)


def check_forgettable(counted_in: str, currency: str, sums: Sums, *, even_so: bool) -> None:
    """Raises `SpendingRefused` where caps would begin anew, and nothing else would change.

    `counted_in` is the ledger's currency ("": nobody has counted yet), `currency` the node's.
    """
    if counted_in == currency and not even_so:
        raise SpendingRefused(
            f"what is spent is counted in {currency} already, as node.currency says: {len(sums):,} owners"
            " could spend all of their caps again, and nothing else would change. If that is meant: --even-so"
        )


def forgotten(hindering: int, counted_in: str, sums: Sums, *, why: str) -> SpendingChange:
    """That all that was spent is counted anew, in another currency. Raises `SpendingRefused`.

    `hindering`: how many calls what was spent is still needed for. The change keeps the `sums`: nothing else
    does.
    """
    if hindering:
        raise SpendingRefused(
            f"{hindering:,} calls that cost money are not over, or not known to be (./trunkward spend): again"
            " when they are"
        )
    return SpendingChange(act="forget", owner="", why=why.strip(), forgotten=sums, currency=counted_in)


def settled(
    record_id: str, node: str, lasted_s: float, micro: Mapping[str, int], currency: str, *, why: str
) -> SpendingChange:
    """That a person has said how long a call of a lost `node` lasted; `micro`: what that has cost whom."""
    return SpendingChange(
        act="settle",
        owner="",
        why=why.strip(),
        record_id=record_id,
        node=node,
        lasted_s=lasted_s,
        settled=micro,
        currency=currency,
    )


def check_why(why: str) -> None:
    """Raises `SpendingRefused` where it does not say why."""
    if not why.strip() or len(why) > MOST_WHY or not why.isprintable():
        raise SpendingRefused(f"say why in one line of at most {MOST_WHY} characters: --why TEXT")


def said(change: SpendingChange) -> str:
    """One line for the history."""
    match change:
        case SpendingChange(hold=Hold() as hold):
            return f"{change.owner} held: {_in_words(hold)} ({change.why})"
        case SpendingChange(raised=Raise() as raised):
            until = datetime.fromtimestamp(raised.until, UTC)
            return (
                f"{change.owner} may spend {shown(raised.to_micro)} {_per(raised.window)} until"
                f" {until:%Y-%m-%d %H:%M} UTC ({change.why})"
            )
        case SpendingChange(act="release"):
            return f"{change.owner} released ({change.why})"
        case SpendingChange(act="forget"):
            return f"what was spent is forgotten ({change.why})"
        case SpendingChange(act="settle"):
            how = f"lasted {change.lasted_s:g} s" if change.lasted_s else "was not answered"
            return f"call {change.record_id} of {change.node} {how} ({change.why})"
    return f"{change.owner}: the raise for {_window(change.window or Window.DAY)} ended early ({change.why})"


def journaled(change: SpendingChange) -> dict[str, object]:
    """What the journal says of an act besides its version."""
    hold, raised = change.hold, change.raised
    facts: dict[str, object] = {
        "act": change.act,
        "owner": change.owner,
        "scope": hold.scope.value if hold else None,
        "cut": hold.cut if hold else None,
        "window": raised.window.value if raised else change.window.value if change.window else None,
        "to_micro": raised.to_micro if raised else None,
        "until": raised.until if raised else None,
        "why": change.why,
        "ended": list(change.ended),
    }
    if change.act == "forget":
        facts["currency"] = change.currency
        facts["forgotten_micro"] = {
            owner: {window.value: micro for window, micro in windows.items()}
            for owner, windows in change.forgotten.items()
        }
    if change.act == "settle":
        facts |= {"record_id": change.record_id, "node": change.node, "lasted_s": change.lasted_s}
        facts |= {"currency": change.currency, "settled_micro": dict(change.settled)}
    return facts


def _holds_of(found: Iterable[Hold | Raise], owner: str) -> list[Hold]:
    return [one for one in found if isinstance(one, Hold) and one.owner == owner]


def _raises_of(found: Iterable[Hold | Raise], owner: str) -> list[Raise]:
    return [one for one in found if isinstance(one, Raise) and one.owner == owner]


def _check_owner(declared: Declared, owner: str, kinds: tuple[str, ...]) -> None:
    kind, _, name = owner.partition(":")
    if kind not in kinds or not name:
        written = ", ".join(f"{one}:NAME" for one in kinds)
        raise SpendingRefused(f"{owner!r}: write whose it is as one of {written}")
    if owner not in declared.spending:
        raise SpendingRefused(
            f"no {kind} {name} in the newest version; ./trunkward get {kind}s lists those there are"
        )


def _in_words(hold: Hold) -> str:
    return f"{_SCOPES[hold.scope]}{', running ones ended' if hold.cut else ''}"


def _name(owner: str) -> str:
    return owner.replace(":", " ", 1)


def _window(window: Window) -> str:
    return {Window.CALL: "a call", Window.HOUR: "an hour", Window.DAY: "a day", Window.MONTH: "a month"}[
        window
    ]


def _per(window: Window) -> str:
    return f"a {window}" if window is not Window.HOUR else "an hour"
