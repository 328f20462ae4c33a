"""`trunkward export billing`: rated calls as lines, and what they add up to."""

import csv
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from hashlib import sha256

import sqlalchemy as sa

from trunkward.cli.calls import with_records_database
from trunkward.cli.said import complain, say
from trunkward.engines.in_force import read_in_force
from trunkward.records.billing import COLUMNS, Totals, line, row
from trunkward.settings import Paths
from trunkward.store.rated import RatedFilter, RatedStore
from trunkward.trunks.retention import DAY_S


def run(paths: Paths, wanted: RatedFilter, *, as_json: bool, summary: bool) -> int:
    """Prints each rated call that is wanted, by time; 2 when there are none to be read, or it is of nobody.

    `summary`: sums and the SHA-256 of all that was printed, on standard error; without it, only how many
    calls are in no period yet.
    """

    def told(engine: sa.Engine) -> int:
        store = RatedStore(engine)
        if not store.is_there():
            return none_rated()
        if nobody := unknown(paths, store, tenant=wanted.tenant, carrier=wanted.carrier):
            complain(nobody)
            return 2
        if gone := _gone(paths, wanted):
            complain(gone)
        totals, digest = Totals(), sha256()
        totals.open = store.open_calls(wanted)
        try:
            for text in _lines(store, wanted, totals, as_json=as_json):
                data = text.encode()
                digest.update(data)
                sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # as with `| head`: whoever reads has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if summary:
            print(json.dumps(totals.document() | {"sha256": digest.hexdigest()}), file=sys.stderr)
        elif totals.open:
            say(
                f"{totals.open:,} calls that began before then have no end here yet: each is in the period it"
                " ends in",
                err=True,
            )
        return 0

    return with_records_database(paths, told)


def _gone(paths: Paths, wanted: RatedFilter) -> str:
    """A sentence when calls of the period may have been deleted already: their time is over; "" otherwise."""
    in_force = read_in_force(paths.declared)
    if in_force is None:
        return ""
    declared = in_force.declared()
    tenants = declared.tenants if wanted.tenant is None else (wanted.tenant,)
    days = {tenant: declared.retention.days(tenant) for tenant in tenants}
    now = time.time()
    over = {tenant: kept for tenant, kept in days.items() if wanted.since < now - kept * DAY_S}
    if not over:
        return ""
    shortest = min(over, key=over.__getitem__)
    more = f" (and of {len(over) - 1:,} more)" if len(over) > 1 else ""
    return (
        f"calls of tenant {shortest}{more} are kept for {over[shortest]} days: what began before that is not"
        " in it any more, or not for long"
    )


def unknown(paths: Paths, store: RatedStore, *, tenant: str | None, carrier: str | None) -> str:
    """A sentence when no configuration and no record knows who is asked for; "" otherwise.

    Nothing found for a name that is misspelt looks like nobody having called.
    """
    in_force = read_in_force(paths.declared)
    declared = in_force.declared() if in_force is not None else None
    tenants = declared.tenants if declared else ()
    carriers = tuple(one.name for one in declared.carriers) if declared else ()
    if tenant is not None and tenant not in tenants and not store.has_calls(tenant=tenant):
        return _nobody("tenant", tenant, tenants)
    if carrier is not None and carrier not in carriers and not store.has_calls(carrier=carrier):
        return _nobody("carrier", carrier, carriers)
    return ""


def _nobody(kind: str, name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    return f"no {kind} {name}: {meant}./trunkward get {kind}s lists those there are"


def none_rated() -> int:
    """What is said of a database no worker of this version has been at."""
    complain("no call has been rated yet: the worker of this version makes the table when the node starts")
    return 2


def _lines(store: RatedStore, wanted: RatedFilter, totals: Totals, *, as_json: bool) -> Iterator[str]:
    """The text, a page of calls at a time: no more of it is ever held."""
    cells = _csv_text()
    if not as_json:
        yield cells(list(COLUMNS))
    for page in store.newest(wanted):
        before = store.before(page)
        for call in page:
            totals.add(call)
            made = line(call, before.get(call.record_id))
            yield f"{json.dumps(made)}\n" if as_json else cells(row(made))


def _csv_text() -> Callable[[list[str]], str]:
    """One row as RFC 4180 writes it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def text(cells: list[str]) -> str:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(cells)
        return buffer.getvalue()

    return text
