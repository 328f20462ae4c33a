"""`trunkward hold`, `release`, `spend raise`, `spend caps`: acting on what is spent."""

import json
import os
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from trunkward.admission.money import ACCOUNT
from trunkward.cli.acting import act
from trunkward.cli.actor import current_actor
from trunkward.cli.changing import configuration_store
from trunkward.cli.said import complain, say, wide
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.borne_out import BorneOut, borne_out
from trunkward.control.configuration import NoSuchVersion, Version
from trunkward.control.node_file import read_node_file
from trunkward.control.spending import (
    SpendingRefused,
    check_forgettable,
    check_why,
    forgotten,
    held,
    lower_above,
    lowered,
    raised,
    released,
)
from trunkward.engines.in_force import read_in_force
from trunkward.live import money
from trunkward.live.ask import NotAnswered, Valkey
from trunkward.settings import Paths
from trunkward.spend.money import NoAmount, micro, shown
from trunkward.store.configuration import SqlConfiguration
from trunkward.trunks.model import Declared, NodeSettings
from trunkward.trunks.spending import TRUNK_CAPS, HoldScope, SpendingChange, Window, with_raises

_TIME = re.compile(r"([1-9][0-9]{0,5})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
#: Owners asked for in one question.
_AT_ONCE = 1000
#: Characters of a command in the history.
_COMMAND = 64

type Do = Callable[[BorneOut, Declared, float], SpendingChange]


def run_hold(paths: Paths, owner: str, *, scope: HoldScope, cut: bool, why: str) -> int:
    """Has calls refused from now on: 0 done, 1 not everywhere in force, 2 nothing was changed."""
    return act_on_spending(
        paths,
        f"hold {owner}",
        lambda kept, declared, _: held(
            declared, kept.holds, owner=owner, scope=scope, cut=cut, why=why, nobodys=kept.nobodys
        ),
    )


def run_release(paths: Paths, owner: str, *, why: str) -> int:
    """Ends a hold; exit codes as of `run_hold`."""
    return act_on_spending(
        paths,
        f"release {owner}",
        lambda kept, _, __: released(kept.holds, owner=owner, why=why, nobodys=kept.nobodys),
    )


def run_raise(
    paths: Paths, owner: str, *, window: Window, to: str, for_text: str, why: str, more: bool
) -> int:
    """Has one cap be higher for a time; exit codes as of `run_hold`."""
    try:
        to_micro = micro(to)
    except NoAmount as problem:
        raise typer.BadParameter(str(problem)) from None
    found = _TIME.fullmatch(for_text)
    if found is None:
        raise typer.BadParameter(f"{for_text!r}: write a time such as 90m, 2h or 3d")
    for_s, short = int(found[1]) * _SECONDS[found[2]], list[str]()

    def decide(kept: BorneOut, declared: Declared, now: float) -> SpendingChange:
        change = raised(
            *(declared, kept.raises),
            owner=owner,
            window=window,
            to_micro=to_micro,
            for_s=for_s,
            why=why,
            more=more,
            now=now,
            nobodys=kept.nobodys,
        )
        if change.raised is not None:
            short.extend(lower_above(declared, kept.raises, kept.holds, change.raised, now))
        return change

    code = act_on_spending(paths, f"spend raise {owner}", decide)
    for told in short if code != 2 else ():
        say(f"but: {told}", "yellow", err=True)
    return code


def run_lower(paths: Paths, owner: str, *, window: Window | None, why: str) -> int:
    """Ends a raise before its time; exit codes as of `run_hold`."""
    return act_on_spending(
        paths,
        f"spend raise {owner} --end",
        lambda kept, _, now: lowered(
            kept.raises, owner=owner, window=window, why=why, now=now, nobodys=kept.nobodys
        ),
    )


def run_forget(paths: Paths, *, why: str, even_so: bool) -> int:
    """Has all that was spent forgotten, and counted anew in `node.currency`; exit codes as of `run_hold`.

    `even_so`: also where it is counted in that already. Prints what is forgotten.
    """

    def forget(_: BorneOut, declared: Declared, __: float) -> SpendingChange:
        check_why(why)
        try:
            with Valkey(paths.valkey, "root", paths.valkey_secret("root")) as valkey:
                counted_in = (valkey.ask(*money.currency()) or b"").decode()
                owners = _accounts(valkey)
                sums = _sums(valkey, owners)
            check_forgettable(counted_in, declared.node.currency, sums, even_so=even_so)
            with Valkey(paths.valkey, "worker", paths.valkey_secret("worker")) as valkey:
                hindering = int(valkey.ask(*money.forget(owners, declared.node.currency)))
        except NotAnswered as problem:
            raise SpendingRefused(f"Valkey has to be there for it: {problem}") from None
        change = forgotten(hindering, counted_in, sums, why=why)
        # it is gone from Valkey now, whatever becomes of the version
        for owner, windows in sums.items():
            amounts = ", ".join(f"{window} {shown(micro)}" for window, micro in windows.items())
            print(f"forgotten: {owner}: {amounts} {counted_in}".rstrip())
        return change

    return act_on_spending(paths, "spend forget", forget)


def run_caps(paths: Paths, *, every: bool, as_json: bool) -> int:
    """All caps, what is raised and what is held: 0 shown, 2 there is no configuration.

    `every`: also those of trunks that have what every trunk has.
    """
    if not _root():
        return 2
    try:
        with configuration_store(paths, make=False) as store:
            head = configuration.get_version(store, None)
            declared = read_node_file(store.text(head), f"version {head.number}")
            kept = borne_out(store, read_in_force(paths.declared), time.time())
            versions = {version.number: version for version in store.versions()}
    except NoSuchVersion as why:
        complain(str(why))
        return 2
    owners = [
        one
        for one in with_raises(declared.spending, kept.raises)
        if one.raises or (one.spending.has_caps and (every or one.spending != TRUNK_CAPS))
    ]
    documents: list[dict[str, Any]] = [
        {
            "owner": one.owner,
            "currency": declared.node.currency,
            "caps": {window.value: _amount(one.spending.cap(window)) for window in Window},
            "raises": [
                {
                    "window": each.window.value,
                    "to": shown(each.to_micro),
                    "until": each.until,
                    "why": each.why,
                    **_made(versions.get(each.version)),
                }
                for each in one.raises
            ],
            "alerts": list(one.spending.alerts),
            "at_cap": one.spending.at_cap.value,
        }
        for one in owners
    ]
    held_now: list[dict[str, Any]] = [
        {
            "owner": hold.owner,
            "scope": hold.scope.value,
            "cut": hold.cut,
            "why": hold.why,
            **_made(versions.get(hold.version)),
        }
        for hold in kept.holds
    ]
    if as_json:
        print(json.dumps({"caps": documents, "holds": held_now}, indent=1))
        return 0
    _print(documents, held_now, declared.node.currency)
    return 0


def _print(documents: list[dict[str, Any]], held_now: list[dict[str, Any]], currency: str) -> None:
    console = wide()
    table = Table(f"whose ({currency})", *(window.value for window in Window), "", box=None, pad_edge=False)
    for told in documents:
        caps, to = told["caps"], {one["window"]: one for one in told["raises"]}
        cells = []
        for window in Window:
            cap = caps[window.value] or "none"
            cells.append(f"{cap} -> {to[window.value]['to']}" if window.value in to else cap)
        notes = [
            f"{window} until {_moment(one['until'])} by {one['by']}: {one['why']}"
            for window, one in to.items()
        ]
        table.add_row(*(Text(cell) for cell in (told["owner"], *cells, "; ".join(notes))))
    console.print(table)
    print("a trunk of which nothing is said here has the caps of every trunk: --all shows them")
    for hold in held_now:
        cut = ", running ones ended" if hold["cut"] else ""
        at = _moment(hold["at"])
        print(f"held: {hold['owner']}, {hold['scope']} calls{cut}, since {at} by {hold['by']}: {hold['why']}")


def act_on_spending(paths: Paths, command: str, do: Do) -> int:
    """One act by its name in the history: 0 done, 1 not everywhere in force, 2 nothing was changed."""
    if not _root():
        return 2
    command, others = command[:_COMMAND], list[str]()

    def decide(store: SqlConfiguration, declared: Declared, now: float, beyond: int) -> Version:
        change = do(borne_out(store, read_in_force(paths.declared), now), declared, now)
        if change.act != "forget":  # what is spent is all nodes'; holds and raises are each one's own
            others.extend(_others(declared.node))
        return put_down(store, change, actor=current_actor(), command=command, at=now, beyond=beyond)

    code = act(paths, command, decide)
    if others and code != 2:
        say(f"on this node alone: the same is to be done on {', '.join(others)}", "yellow", err=True)
    return code


def _others(node: NodeSettings) -> list[str]:
    """The other nodes that count in the Valkey of this one."""
    named = [one for one in node.ledger_nodes if one != node.ledger_name]
    return named if named or node.live is None else ["every other node of its Valkey"]


def _accounts(valkey: Valkey) -> list[str]:
    """All owners the ledger knows, also those no file names any more. Raises `NotAnswered`."""
    found, at = set[str](), "0"
    while True:
        cursor, keys = valkey.ask("SCAN", at, "MATCH", f"{ACCOUNT}*", "COUNT", "1000")
        found |= {key.decode() for key in keys}
        at = cursor.decode()
        if at == "0":
            return sorted(found)


def _sums(valkey: Valkey, accounts: list[str]) -> dict[str, dict[Window, int]]:
    """By owner what is settled, of those who have spent something. Raises `NotAnswered`."""
    found: dict[str, dict[Window, int]] = {}
    for at in range(0, len(accounts), _AT_ONCE):
        some = accounts[at : at + _AT_ONCE]
        for account, spent in zip(some, money.windows_of(valkey.ask(*money.spent(some))), strict=True):
            windows = {Window.HOUR: spent.hour, Window.DAY: spent.day, Window.MONTH: spent.month}
            if any(windows.values()):
                found[account.removeprefix(ACCOUNT)] = windows
    return found


def _made(version: Version | None) -> dict[str, object]:
    if version is None:  # of a journal that is not sound
        return {"version": None, "at": 0.0, "by": "nobody who is known"}
    return {"version": version.number, "at": version.at, "by": version.actor.name}


def _amount(cap: int | None) -> str | None:
    return None if cap is None else shown(cap)


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _root() -> bool:
    if os.geteuid() == 0:
        return True
    complain("this needs root: the configuration is root's. Use sudo.")
    return False
