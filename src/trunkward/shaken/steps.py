"""What became of each numbered step of `shaken.verify.verify`, for whoever wants to follow it."""

from collections.abc import Collection
from enum import StrEnum

import msgspec

from trunkward.shaken.verify import Judged

#: Of each PASSporT alone, as docs/shaken.md numbers and names them.
ALONE = {
    2: "grammar, parameters, JOSE header",
    3: "rules for URLs",
    4: "claims, each of its type",
    5: "time",
    6: "who calls",
    7: "who is called",
    8: "credential",
    9: "signature",
    10: "rich call data",
}
#: Of all together.
TOGETHER = {1: "how many, how long", 11: "chain of diversions"}
_CREDENTIAL = 8


class Result(StrEnum):
    """Of one step."""

    PASSED = "passed"
    FAILED = "failed"
    #: It came to nothing before, or nobody had what it takes.
    NOT_TRIED = "not tried"


class Step(msgspec.Struct, frozen=True):
    """One step of one PASSporT."""

    number: int
    what: str
    result: Result


def steps_of(judged: Judged, unsought: Collection[str] = ()) -> tuple[Step, ...]:
    """The steps of one PASSporT in order, with 1 and 11 where it failed there.

    `unsought`: URLs whose certificate nobody has asked for, which is no fault of theirs.
    """
    failed_at = judged.failed_at
    tried = not is_unsought(judged, unsought)
    steps = sorted(ALONE.items()) if failed_at not in TOGETHER else sorted((ALONE | TOGETHER).items())
    return tuple(Step(number, what, _result(number, failed_at, tried=tried)) for number, what in steps)


def is_unsought(judged: Judged, unsought: Collection[str]) -> bool:
    """Whether it came as far as its certificate, and nobody has asked for that."""
    return judged.failed_at == _CREDENTIAL and judged.x5u in unsought


def _result(number: int, failed_at: int, *, tried: bool) -> Result:
    if not failed_at or number < failed_at:
        return Result.PASSED
    return Result.FAILED if number == failed_at and tried else Result.NOT_TRIED
