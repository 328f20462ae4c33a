"""`trunkward limits TRUNK`: what is in use of each limit a trunk's calls count for, on all nodes."""

import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from trunkward.admission.ceilings import Ceilings, ceilings_of, limit_name, rate
from trunkward.admission.ports import Counter, Rate
from trunkward.cli.said import complain
from trunkward.cli.status import read_in_force
from trunkward.live import library
from trunkward.live.ask import NotAnswered, Valkey
from trunkward.settings import Paths
from trunkward.trunks.model import Declared, Trunk

console = Console(highlight=False, soft_wrap=True)
#: Keys looked at in one step of a search (SCAN).
_STEP = 1000


def run(paths: Paths, name: str, *, as_json: bool) -> int:
    """Prints them: 0, 1 when Valkey does not answer, 2 when there is no such trunk or node."""
    in_force = read_in_force(paths)
    if in_force is None:
        return 2
    declared = in_force.declared()
    trunk = next((trunk for trunk in declared.trunks if trunk.name == name), None)
    if trunk is None:
        complain(f"no trunk {name}; there are {', '.join(trunk.name for trunk in declared.trunks[:20])}")
        return 2
    ceilings = ceilings_of(_levels(trunk, declared))
    try:
        with Valkey(paths.valkey, "root", paths.valkey_secret("root")) as valkey:
            asked = [*_always(ceilings), *_numbers(ceilings, valkey)]
            found = [
                _row(one, taken) for one, taken in zip(asked, valkey.ask(*library.count(asked)), strict=True)
            ]
    except NotAnswered as problem:
        complain(f"what is in use cannot be told: {problem}")
        return 1
    if as_json:
        print(json.dumps({"trunk": name, "limits": found}, indent=1))
    else:
        _print(found)
    return 0


def _levels(trunk: Trunk, declared: Declared) -> Iterator[tuple[str, str, Any]]:
    yield "trunk", trunk.name, trunk.limits
    for level, name, limits in (
        ("tenant", trunk.tenant, declared.tenant_limits),
        ("reseller", trunk.reseller, declared.reseller_limits),
    ):
        if name in limits:
            yield level, name, limits[name]


def _always(ceilings: Ceilings) -> Iterator[Counter | Rate]:
    yield from ceilings.calls
    yield from ceilings.international
    for counters in ceilings.classes.values():
        yield from counters
    yield from ceilings.rates
    yield from ceilings.rates_in


def _numbers(ceilings: Ceilings, valkey: Valkey) -> Iterator[Counter | Rate]:
    """Those of numbers that have calls, or had some within the last moments."""
    for one in ceilings.numbers:
        if one.calls is not None:
            for key in _keys(valkey, f"calls:{one.of}:number:*"):
                yield Counter(key=key, most=one.calls)
        if one.per_second is not None:
            for key in _keys(valkey, f"rate*:{one.of}:number:*"):
                yield rate(key, one.per_second)


def _keys(valkey: Valkey, pattern: str) -> list[str]:
    found, cursor = set[str](), "0"
    while True:
        answer = valkey.ask("SCAN", cursor, "MATCH", pattern, "COUNT", str(_STEP))
        cursor = answer[0].decode()
        found |= {key.decode() for key in answer[1]}
        if cursor == "0":
            return sorted(found)


def _row(one: Counter | Rate, taken: int) -> dict[str, Any]:
    limit = limit_name(one.key)
    number = one.key.partition(":number:")[2]
    most = one.per_second if isinstance(one, Rate) else one.most
    return {
        "whose": limit.whose,
        "what": limit.what,
        "number": number or None,
        "key": limit.key,
        "in_use": taken,
        "most": most,
    }


def _print(found: list[dict[str, Any]]) -> None:
    table = Table("whose", "what", "in use", "of", box=None, pad_edge=False)
    for row in found:
        what = f"{row['what']}: {row['number']}" if row["number"] else row["what"]
        style = "yellow" if row["in_use"] >= row["most"] else ""
        table.add_row(row["whose"], what, f"{row['in_use']}", f"{row['most']:g}", style=style)
    console.print(table)
