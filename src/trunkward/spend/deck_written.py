"""A deck as a CSV file that `spend.deck_csv` reads again: the same prices, to the last digit and second."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime

from trunkward.spend.deck import Deck, Rate
from trunkward.spend.money import shown_nano

COLUMNS = ("prefix", "name", "rate", "increments", "connect fee", "effective", "end", "currency")


def as_csv(source: Deck, since: float | None) -> Iterator[str]:
    """Its lines, each with its end of line (RFC 4180), the header first.

    `since`: only what holds at that time or later, in seconds since the epoch; None: all it ever said.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def line(cells: tuple[str, ...]) -> str:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(cells)
        return buffer.getvalue()

    yield line(COLUMNS)
    for rate in source.rates:
        if since is None or rate.until is None or rate.until > since:
            yield line(_cells(rate, source.currency))


def _cells(rate: Rate, currency: str) -> tuple[str, ...]:
    tariff = rate.tariff
    return (
        *(rate.prefix, rate.name, shown_nano(tariff.rate_nano), f"{tariff.first_s}/{tariff.next_s}"),
        *(shown_nano(tariff.connect_nano), _moment(rate.since), _moment(rate.until), currency),
    )


def _moment(at: int | None) -> str:
    """In UTC; from the beginning of time on, and for good, nothing."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}" if at else ""
