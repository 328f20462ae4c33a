"""`trunkward reconcile`: a carrier's own call records beside ours."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trunkward.cli.billing import none_rated, unknown
from trunkward.cli.calls import with_records_database
from trunkward.cli.csv_file import read_csv, tell_problems
from trunkward.cli.said import complain
from trunkward.numbering.country_codes import REGIONS_OF_CODES
from trunkward.records.rated import RatedCall
from trunkward.settings import Paths
from trunkward.spend.cdr_csv import CdrCsvRefused, Cdrs, read_cdrs
from trunkward.spend.money import shown_nano
from trunkward.spend.rating import Charged
from trunkward.spend.reconcile import Found, Kind, OurCall, Reconciled, reconcile
from trunkward.store.rated import RatedFilter, RatedStore

_MOST_BYTES = 1 << 30
#: Differences of each kind that are listed where nobody asks for all of them.
_LISTED = 20
#: Seconds around the period in which a line at its edge may have its call.
_AROUND_S = 3600.0
_CHARGED = (Charged.YES, Charged.EMERGENCY, Charged.END_UNKNOWN)


def run(
    paths: Paths,
    carrier: str,
    file: Path,
    *,
    since: float,
    until: float,
    zone: str,
    dates: str,
    country: str,
    window_s: float,
    every: bool,
    as_json: bool,
) -> int:
    """Compares and tells.

    0 the same, but for what is rounded; 1 different, and all of it is explained; 2 it could not be
    compared; 3 some of it is not explained, and listed.
    """
    theirs = _read(file, zone, dates, country)
    if theirs is None:
        return 2

    def told(engine: sa.Engine) -> int:
        store = RatedStore(engine)
        if not store.is_there():
            return none_rated()
        if nobody := unknown(paths, store, tenant=None, carrier=carrier):
            complain(f"{nobody}; nothing was compared")
            return 2
        wanted = RatedFilter(
            since=since - _AROUND_S, until=until + _AROUND_S, carrier=carrier, charged=_CHARGED
        )
        ours = [_ours(call, since, until) for page in store.newest(wanted) for call in page]
        currencies = {currency for currency, _ in ours if currency}
        if len(currencies | {theirs.currency} - {""}) > 1:
            names = ", ".join(sorted(currencies | {theirs.currency} - {""}))
            complain(f"{file}: amounts in different currencies ({names}) have no sum: nothing was compared")
            return 2
        found = reconcile(
            theirs,
            [call for _, call in ours],
            since_ms=round(since * 1000),
            until_ms=round(until * 1000),
            window_ms=round(window_s * 1000),
        )
        currency = next(iter(currencies), theirs.currency)
        if as_json:
            print(json.dumps(_document(carrier, found, theirs, currency)))
        else:
            _tell(carrier, found, theirs, currency, every=every)
        return _code(found)

    return with_records_database(paths, told)


def _code(found: Reconciled) -> int:
    if found.open:
        return 3
    return 0 if found.kinds().keys() <= {Kind.ROUNDING, Kind.OUTSIDE} else 1


def _read(file: Path, zone: str, dates: str, country: str) -> Cdrs | None:
    """The calls in a file; None when it is refused, and why has been said."""
    if country not in ("", *REGIONS_OF_CODES):
        raise typer.BadParameter(f"{country!r}: write a country code, as 44")
    try:
        its_zone = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"{zone!r}: write a time zone as Europe/Berlin, or UTC") from None
    found = read_csv(file, most_bytes=_MOST_BYTES, too_large="cut it by days")
    if found is None:
        return None
    try:
        return read_cdrs(found[0], its_zone, dates, country)
    except CdrCsvRefused as refused:
        tell_problems(file, refused.problems, refused.more, "nothing was compared")
        return None


def _ours(call: RatedCall, since: float, until: float) -> tuple[str, OurCall]:
    """Currency of its cost, and the call as it is compared."""
    terms = call.cost.terms
    started_ms = round(call.at * 1000)
    return call.currency if terms else "", OurCall(
        record_id=call.record_id,
        called=call.called_number.lstrip("+"),
        started_ms=started_ms,
        answered_ms=round(call.answered_at * 1000) if call.answered_at else started_ms,
        lasted_ms=call.lasted_ms,
        cost_micro=call.cost.micro,
        tariff=terms.tariff if terms else None,
        prefix=terms.prefix if terms else "",
        emergency=call.charged is Charged.EMERGENCY,
        within=since <= call.at < until,
    )


# ---- telling ---------------------------------------------------------------------------------------


def _tell(carrier: str, found: Reconciled, theirs: Cdrs, currency: str, *, every: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    print(f"{carrier}: {found.lines:,} lines, {found.calls:,} calls of ours, {found.matched:,} pairs")
    print(_clock(found))
    if theirs.ignored:
        print(f"not read: {', '.join(theirs.ignored)}")
    table = Table("", "how many", currency, box=None)
    table.add_row("theirs", f"{found.lines:,}", shown_nano(found.theirs))
    table.add_row("ours", f"{found.calls:,}", shown_nano(found.ours))
    table.add_row("difference", "", shown_nano(found.difference))
    for kind, (count, nano) in found.kinds().items():
        table.add_row(Text(f"  {kind}"), f"{count:,}", shown_nano(nano))
    console.print(table)
    for kind in found.kinds():
        if kind in (Kind.ROUNDING, Kind.OUTSIDE) and not every:
            continue
        of_kind = [one for one in found.found if any(part.kind is kind for part in one.parts)]
        print(f"{kind}:")
        for one in of_kind if every else of_kind[:_LISTED]:
            print(f"  {_line(one, kind)}")
        if not every and len(of_kind) > _LISTED:
            print(f"  {len(of_kind) - _LISTED:,} more: --all lists them")


def _clock(found: Reconciled) -> str:
    compared = "answer" if found.answered else "start"
    if not found.offset_ms:
        return f"its times are those of the {compared}, by the same clock as ours"
    seconds = found.offset_ms / 1000
    hours = round(seconds / 900) * 900
    zone = ", which looks like another time zone (--zone)" if hours and abs(seconds - hours) < 120 else ""
    return (
        f"its times are those of the {compared}, {seconds:+.1f} s from our clock{zone}: pairs are looked for"
        " with that taken off, and it is no difference"
    )


def _line(one: Found, kind: Kind) -> str:
    nano = sum(part.nano for part in one.parts if part.kind is kind)
    text = "; ".join(part.text for part in one.parts if part.kind is kind)
    line, call = one.line, one.call
    where = [f"line {line.line}"] if line else []
    where += [f"call {call.record_id[:8]}"] if call else []
    called = line.called if line else call.called if call else ""
    at = line.at_ms if line else call.started_ms if call else 0
    return f"{shown_nano(nano)}  +{called} {_moment(at)} ({', '.join(where)}): {text}"


def _moment(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _document(carrier: str, found: Reconciled, theirs: Cdrs, currency: str) -> dict[str, object]:
    return {
        "carrier": carrier,
        "currency": currency,
        "lines": found.lines,
        "calls": found.calls,
        "matched": found.matched,
        "clock_offset_s": found.offset_ms / 1000,
        "times_of": "answer" if found.answered else "start",
        "not_read": list(theirs.ignored),
        "theirs": shown_nano(found.theirs),
        "ours": shown_nano(found.ours),
        "difference": shown_nano(found.difference),
        "kinds": {
            kind.value: {"count": count, "amount": shown_nano(nano)}
            for kind, (count, nano) in found.kinds().items()
        },
        "differences": _differences(found.found),
    }


def _differences(found: Sequence[Found]) -> list[dict[str, object]]:
    return [
        {
            "line": one.line.line if one.line else None,
            "record_id": one.call.record_id if one.call else None,
            "called": f"+{one.line.called if one.line else one.call.called if one.call else ''}",
            "theirs": shown_nano(one.line.charge_nano) if one.line else None,
            "ours": None
            if one.call is None or one.call.cost_micro is None
            else shown_nano(one.call.cost_micro * 1000),
            "amount": shown_nano(one.nano),
            "parts": [
                {"kind": part.kind.value, "amount": shown_nano(part.nano), "text": part.text}
                for part in one.parts
            ],
        }
        for one in found
    ]
