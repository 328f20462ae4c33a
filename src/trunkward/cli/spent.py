"""`trunkward spend`: caps, what is settled, what is held and by which calls, as the ledger has it now."""

import json
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from rich.console import Group
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from trunkward.cli.said import complain, wide
from trunkward.cli.status import read_in_force
from trunkward.live import money, nodes
from trunkward.live.ask import NotAnswered, Valkey
from trunkward.live.money import KeptLeg, Spent
from trunkward.live.spent import spent_by
from trunkward.settings import Paths
from trunkward.spend.money import shown
from trunkward.trunks.spending import OwnerSpending, Window, with_raises

#: Seconds between two looks of `--watch`.
EVERY_S = 1.0
#: Calls asked for in one question.
_MOST_LEGS = 10_000
#: Calls that are shown of one owner.
_SHOWN_LEGS = 20
_BAR = 20
_TIMES = (Window.HOUR, Window.DAY, Window.MONTH)


def run(paths: Paths, owner: str, *, watch: bool, as_json: bool) -> int:
    """Prints it: 0, 1 when Valkey does not answer, 2 when there is no such owner or node.

    Without an owner: everybody who has spent something in the last 30 days, or holds something.
    """
    in_force = read_in_force(paths)
    if in_force is None:
        return 2
    declared = in_force.declared()
    owners = [one for one in with_raises(declared.spending, in_force.raises) if owner in ("", one.owner)]
    if not owners:
        complain(f"no {owner}; write trunk:NAME, tenant:NAME, reseller:NAME or carrier:NAME")
        return 2
    holds = {hold.owner: hold for hold in in_force.holds}
    currency = declared.node.currency
    try:
        with Valkey(paths.valkey, "root", paths.valkey_secret("root")) as valkey:

            def look() -> list[dict[str, Any]]:
                now = time.time()
                legs = money.kept_legs(valkey.ask(*money.legs(_MOST_LEGS)))
                spent = spent_by(valkey, [one.account for one in owners])
                # many calls are asked for one by one only where somebody looks at one owner
                bound = [leg for leg in legs if leg.left_ms < 0 or (owner and _pays(leg, owners[0]))]
                bounds = {leg.record_id: _bound(valkey, leg, declared.node.max_call_s) for leg in bound}
                found = [
                    document(one, spent[one.account], legs, now, bounds)
                    | {"hold": _hold(holds.get(one.owner))}
                    for one in owners
                ]
                return found if owner else [one for one in found if _is_active(one)]

            if as_json:
                told = {"currency": currency, "owners": look()}
                while True:
                    print(json.dumps(told, indent=None if watch else 1), flush=True)
                    if not watch:
                        return 0
                    time.sleep(EVERY_S)
                    told["owners"] = look()
            console = wide()
            if not watch:
                console.print(page(look(), currency))
                return 0
            with Live(page(look(), currency), console=console, auto_refresh=False) as live:
                while True:
                    time.sleep(EVERY_S)
                    live.update(page(look(), currency), refresh=True)
    except NotAnswered as problem:
        complain(f"what is spent cannot be told: {problem}")
        return 1
    except KeyboardInterrupt:
        return 0


def document(
    owner: OwnerSpending,
    spent: Spent,
    legs: list[KeptLeg],
    now: float,
    bounds: Mapping[str, dict[str, Any]] = MappingProxyType({}),
) -> dict[str, Any]:
    """One owner, for a program: amounts are text, exact, in the node's currency.

    `bounds`: by record id, by when calls are over (`_bound`).
    """
    caps = owner.at(now)
    windows = []
    for window in _TIMES:
        settled: int = getattr(spent, window)
        cap = caps.cap(window)
        until = [one.until for one in owner.raises if one.window is window and one.holds(now)]
        windows.append(
            {
                "window": window.value,
                "settled": shown(settled),
                "held": shown(spent.granted),
                "cap": None if cap is None else shown(cap),
                "percent": None if not cap else round((settled + spent.granted) * 100 / cap, 1),
                "raised_until": max(until, default=None),
            }
        )
    return {
        "owner": owner.owner,
        "windows": windows,
        "call_cap": None if caps.call_micro is None else shown(caps.call_micro),
        "calls": [
            told | bounds.get(leg.record_id, _UNBOUND)
            for leg in legs
            if not leg.record_id.startswith(nodes.ESCROW)
            for told in _call(leg, owner.account)
        ],
        # what gates have leased is no call (gate.escrow)
        "escrow": [
            {"node": leg.node, "gate": int(leg.record_id.split(":")[2]), "held": shown(share.granted)}
            for leg in legs
            if leg.record_id.startswith(nodes.ESCROW)
            for share in leg.shares
            if share.owner == owner.account
        ],
    }


def page(found: list[dict[str, Any]], currency: str) -> Group:
    """The same for a person."""
    if not found:
        return Group(Text("nobody has spent anything in the last 30 days, and nothing is held"))
    parts: list[Any] = []
    for one in found:
        held = f"   HELD: {one['hold']['scope']} calls" if one["hold"] else ""
        parts.append(Text(f"{one['owner']} ({currency}){held}", style="red" if held else "bold"))
        bar = Column(no_wrap=True)
        table = Table("", "settled", "held", "cap", bar, "", box=None, pad_edge=False)
        for row in one["windows"]:
            table.add_row(*_cells(row))
        parts.append(table)
        calls = one["calls"]
        parts += [Text(f"  {_line(call)}") for call in calls[:_SHOWN_LEGS]]
        if len(calls) > _SHOWN_LEGS:
            parts.append(Text(f"  and {len(calls) - _SHOWN_LEGS} more calls: --json has them all"))
        parts += [
            Text(
                f"  in escrow: {its['held']} with gate {its['gate']} of {its['node']}, should Valkey be lost"
            )
            for its in one["escrow"]
        ]
        parts.append(Text(""))
    return Group(*parts[:-1])


def _cells(row: dict[str, Any]) -> Iterator[Text]:
    percent = row["percent"]
    style = "" if percent is None or percent < 80 else "red" if percent >= 100 else "yellow"
    full = 0 if percent is None else min(round(percent * _BAR / 100), _BAR)
    bar = "" if percent is None else "[" + "#" * full + "." * (_BAR - full) + "]"
    until = row["raised_until"]
    note = f"raised until {time.strftime('%Y-%m-%d %H:%M', time.gmtime(until))} UTC" if until else ""
    said = "" if percent is None else f"{percent:g} %"
    for cell in (
        *(row["window"], row["settled"], row["held"], row["cap"] or "none"),
        *(f"{bar} {said}".strip(), note),
    ):
        yield Text(cell, style=style)


def _line(call: dict[str, Any]) -> str:
    """One call for a person; of a dead node's, how long it can cost money yet."""
    answered = call["lasted_s"] is not None
    state = f"{call['lasted_s']:.0f} s" if answered else "rings"
    said = f"{call['record_id']} on {call['node']}, {state}: settled {call['settled']}, held {call['held']}"
    if call["forced"] != "0.00":
        said += f", {call['forced']} of it beyond what was granted"
    if call["damaged"]:
        said += f"; {call['damaged']}"
    timed = call["session_s"] or not answered
    if call["over_in_s"] is not None:
        by = time.strftime("%H:%M:%S", time.localtime(time.time() + call["over_in_s"]))
        how = "at the latest" if timed else "a guess: no session timer was agreed"
        return f"{said}; its node is lost, it is over by {by}, {how}"
    return said if timed or call["session_s"] is None else f"{said}; no session timer was agreed"


#: Of a call nobody was asked about.
_UNBOUND = {"session_s": None, "over_in_s": None, "damaged": None}


def _bound(valkey: Valkey, leg: KeptLeg, max_call_s: int) -> dict[str, Any]:
    """Its carrier's session timer in seconds, 0 for none; and in how many it is over, if its node is lost.

    What it has left for other nodes may be damaged: that is told, and the rest of it goes by what is known.
    """
    if leg.record_id.startswith(nodes.ESCROW):
        return _UNBOUND
    key, left, damaged = f"left:{leg.record_id}", None, None
    try:
        left = nodes.left_of(valkey.ask("GET", key))
    except msgspec.MsgspecError as problem:
        damaged = f"{key} in Valkey is damaged, no other node can end this call: {problem}"
    session_s = left.session_s if left is not None else None
    over_in_s = nodes.over_in_s(leg, session_s or 0, max_call_s) if leg.left_ms < 0 else None
    return {"session_s": session_s, "over_in_s": over_in_s, "damaged": damaged}


def _pays(leg: KeptLeg, owner: OwnerSpending) -> bool:
    return any(share.owner == owner.account for share in leg.shares)


def _call(leg: KeptLeg, account: str) -> Iterator[dict[str, Any]]:
    for share in leg.shares:
        if share.owner == account:
            yield {
                "record_id": leg.record_id,
                "node": leg.node,
                "lasted_s": None if leg.lasted_ms is None else leg.lasted_ms / 1000,
                "settled": shown(share.settled),
                "held": shown(share.granted),
                "forced": shown(share.forced),
                # its node has not been heard of since
                "overdue_s": max(-leg.left_ms, 0) / 1000,
                "tariff": share.tariff,
            }


def _is_active(one: dict[str, Any]) -> bool:
    month = one["windows"][-1]
    return bool(one["hold"]) or month["settled"] != "0.00" or month["held"] != "0.00"


def _hold(hold: Any) -> dict[str, Any] | None:
    return {"scope": hold.scope.value, "cut": hold.cut, "why": hold.why} if hold else None
