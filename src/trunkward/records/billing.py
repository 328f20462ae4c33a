"""Rated calls as lines for billing: CSV (RFC 4180) or JSON Lines, amounts as exact decimals.

The header is stable: columns are added at its end, and none changes its meaning (docs/billing.md). Cells
that a spreadsheet would take for a formula are guarded as those of `records.export` are.
"""

from datetime import UTC, datetime

from trunkward.records.export import guarded
from trunkward.records.rated import RatedCall
from trunkward.spend.money import MICRO, shown_nano
from trunkward.spend.rating import Side

COLUMNS = (
    *("record_id", "revision", "started_at", "answered_at", "tenant", "trunk", "reseller", "carrier"),
    *("calling_number", "called_number", "charged", "lasted_s", "currency"),
    *("price", "price_basis", "price_billed_s", "price_rate", "price_connect", "price_increments"),
    *("price_prefix", "price_deck", "price_deck_sha256"),
    *("cost", "cost_basis", "cost_billed_s", "cost_rate", "cost_connect", "cost_increments"),
    *("cost_prefix", "cost_deck", "cost_deck_sha256", "margin"),
    *("price_before", "cost_before", "revised_at", "revised_by", "revision_version", "revision_reason"),
    "ended_at",
)
_NUMBERS = ("calling_number", "called_number")


def amount(micro: int | None) -> str:
    """Micro-units with all six decimals; empty: not known."""
    if micro is None:
        return ""
    whole, fraction = divmod(abs(micro), MICRO)
    return f"{'-' if micro < 0 else ''}{whole}.{fraction:06}"


def line(call: RatedCall, before: RatedCall | None) -> dict[str, str]:
    """A call as `COLUMNS` name it; what is not known is empty. `before`: the revision before, if any."""
    cells = [
        *(call.record_id, str(call.revision), _time(call.at), _time(call.answered_at)),
        *(call.tenant, call.trunk, call.reseller, call.carrier, call.calling_number, call.called_number),
        *(call.charged.value, _seconds(call.lasted_ms), call.currency),
        *_side(call.sale),
        *_side(call.cost),
        amount(call.margin_micro),
        *((amount(before.sale.micro), amount(before.cost.micro)) if before else ("", "")),
        *(_time(call.revised_at), call.actor, str(call.version or ""), call.why),
        _time(call.ended_at),
    ]
    return dict(zip(COLUMNS, cells, strict=True))


def row(line: dict[str, str]) -> list[str]:
    """The same as cells of a CSV file; amounts below zero are numbers, and no formulas."""
    return [
        text if name in _AMOUNTS else guarded(text, number=name in _NUMBERS) for name, text in line.items()
    ]


_AMOUNTS = frozenset({"price", "cost", "margin", "price_before", "cost_before"})


def _side(side: Side) -> list[str]:
    terms = side.terms
    if terms is None:
        return [amount(side.micro), side.basis.value, str(side.billed_s), *([""] * 6)]
    tariff = terms.tariff
    return [
        *(amount(side.micro), side.basis.value, str(side.billed_s)),
        *(shown_nano(tariff.rate_nano), shown_nano(tariff.connect_nano), f"{tariff.first_s}/{tariff.next_s}"),
        *(terms.prefix, terms.deck, terms.deck_sha256),
    ]


def _time(at: float | None) -> str:
    if not at:
        return ""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(ms: int | None) -> str:
    return "" if ms is None else f"{ms // 1000}.{ms % 1000:03}"


class Totals:
    """What a file of such lines adds up to."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.calls = 0
        self.billed_s = 0
        self.sold: dict[str, int] = {}
        self.cost: dict[str, int] = {}
        #: Calls whose price, or cost, is not known: they are in no sum.
        self.no_price = 0
        self.no_cost = 0
        self.revised = 0
        #: Calls that began before the end of the period and have no end here: they are in no sum.
        self.open = 0

    def add(self, call: RatedCall) -> None:
        """One call more."""
        self.calls += 1
        self.billed_s += call.sale.billed_s
        self.revised += call.revision > 1
        for side, sums in ((call.sale, self.sold), (call.cost, self.cost)):
            if side.micro:
                sums[call.currency] = sums.get(call.currency, 0) + side.micro
        self.no_price += call.sale.micro is None
        self.no_cost += call.cost.micro is None

    def document(self) -> dict[str, object]:
        """For programs; amounts by currency."""
        return {
            "calls": self.calls,
            "billed_s": self.billed_s,
            "price": {currency: amount(micro) for currency, micro in sorted(self.sold.items())},
            "cost": {currency: amount(micro) for currency, micro in sorted(self.cost.items())},
            "without_price": self.no_price,
            "without_cost": self.no_cost,
            "revised": self.revised,
            "open": self.open,
        }
