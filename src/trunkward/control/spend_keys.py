"""`spend` and `deck`: caps on money and what calls are rated by, as a person may write them."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from trunkward.control.keys import Part, Wrong, twice_in
from trunkward.control.yaml_lines import PathKey
from trunkward.spend.money import CURRENCY, MOST_MICRO, NoAmount, micro
from trunkward.trunks.spending import ALERTS, NO_CAPS, AtCap, Spending, Window

#: Instead of an amount: the cap a trunk has by itself is lifted.
NONE = "none"


def _amount(value: Any) -> Any:
    """Whole numbers as they are; with decimals in quotes, because YAML's numbers are not exact."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError('write an amount in quotes, such as "12.50"')
    return str(value)


def _money(text: str) -> str:
    try:
        amount = micro(text)
    except NoAmount as problem:
        raise ValueError(str(problem)) from None
    if amount > MOST_MICRO // 1000:
        raise ValueError("more money than can be counted here")
    return text


def _cap(text: str) -> str:
    return text if text == NONE else _money(text)


def _currency(text: str) -> str:
    if not CURRENCY.fullmatch(text):
        raise ValueError("write a currency as ISO 4217 does, such as EUR")
    return text


def _percent(number: int) -> int:
    if not 1 <= number <= 100:
        raise ValueError("write percent of a cap, 1 to 100")
    return number


def _at_cap(text: str) -> str:
    if text not in AtCap:
        raise ValueError(f"choose from {', '.join(AtCap)}")
    return text


type Money = Annotated[str, BeforeValidator(_amount), AfterValidator(_money)]
type Cap = Annotated[str, BeforeValidator(_amount), AfterValidator(_cap)]
type Currency = Annotated[str, AfterValidator(_currency)]


class SpendPart(Part):
    """`spend` of a trunk, a tenant, a reseller or a carrier."""

    call: Cap | None = None
    hour: Cap | None = None
    day: Cap | None = None
    month: Cap | None = None
    escrow: Money = "0"
    alerts: list[Annotated[int, AfterValidator(_percent)]] = Field(default_factory=lambda: list(ALERTS))
    at_cap: Annotated[str, AfterValidator(_at_cap)] = AtCap.GRANT.value


def wrong_in_spend(path: PathKey, spend: SpendPart) -> Wrong:
    """Caps that never hold because a longer window has a smaller one, and alerts that stand there twice."""
    yield from twice_in((*path, "alerts"), [str(one) for one in spend.alerts], "this stands here already")
    told = [(window, getattr(spend, window)) for window in Window]
    caps = [(window, micro(text)) for window, text in told if text not in (None, NONE)]
    for place, (longer, most) in enumerate(caps):
        for shorter, more in caps[:place]:
            if more > most:
                yield (*path, shorter.value), f"more than the {longer} may cost: it would never hold"
                break


def spending_of(part: SpendPart, default: Spending = NO_CAPS) -> Spending:
    """The caps; `default` holds where nothing is written."""

    def said(text: str | None, otherwise: int | None) -> int | None:
        if text is None:
            return otherwise
        return None if text == NONE else micro(text)

    return Spending(
        call_micro=said(part.call, default.call_micro),
        hour_micro=said(part.hour, default.hour_micro),
        day_micro=said(part.day, default.day_micro),
        month_micro=said(part.month, default.month_micro),
        escrow_micro=micro(part.escrow),
        alerts=tuple(sorted(part.alerts)),
        at_cap=AtCap(part.at_cap),
    )
