"""`limits` of a reseller, a tenant or a trunk, as a person may write them."""

from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator, Field

from trunkward.control.keys import Part
from trunkward.numbering.destinations import Kind
from trunkward.trunks.model import NO_LIMITS, Limits

#: More than one node carries.
_MOST_CALLS = 100_000
#: One call in a hundred seconds; more than one node judges.
_LEAST_PER_SECOND, _MOST_PER_SECOND = 0.01, 10_000


def _class(text: str) -> str:
    if text not in Kind:
        close = get_close_matches(text.lower(), list(Kind), n=1)
        said = f"did you mean {close[0]}?" if close else f"choose from {', '.join(Kind)}"
        raise ValueError(f"not a class of numbers; {said}")
    return text


def _most_calls(number: int) -> int:
    if not 0 <= number <= _MOST_CALLS:
        raise ValueError(f"write a number of calls, 0 to {_MOST_CALLS}; 0 allows none")
    return number


def _most_per_second(number: float) -> float:
    if not (number == 0 or _LEAST_PER_SECOND <= number <= _MOST_PER_SECOND):
        raise ValueError(
            f"write calls a second, {_LEAST_PER_SECOND} to {_MOST_PER_SECOND}, such as 5; 0 allows none"
        )
    return number


type MostCalls = Annotated[int, AfterValidator(_most_calls)]
type MostPerSecond = Annotated[float, AfterValidator(_most_per_second)]


class NumberLimitsPart(Part):
    """`limits.number`: what each number may."""

    calls: MostCalls | None = None
    per_second: MostPerSecond | None = None


class LimitsPart(Part):
    """`limits` of a trunk, a tenant or a reseller."""

    calls: MostCalls | None = None
    international: MostCalls | None = None
    classes: dict[Annotated[str, AfterValidator(_class)], MostCalls] = Field(default_factory=dict)
    per_second: MostPerSecond | None = None
    number: NumberLimitsPart = NumberLimitsPart()


def limits_of(part: LimitsPart, default: Limits = NO_LIMITS) -> Limits:
    """The limits; `default` holds where nothing is written."""

    def said[T](value: T | None, otherwise: T | None) -> T | None:
        return otherwise if value is None else value

    return Limits(
        calls=said(part.calls, default.calls),
        international=said(part.international, default.international),
        classes=dict(part.classes),
        per_second=said(part.per_second, default.per_second),
        number_calls=part.number.calls,
        number_per_second=part.number.per_second,
    )
