"""The checks of one call as a numbered list: what each saw, and which were not reached or not asked."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from trunkward.admission.checks import CHECKS
from trunkward.sip.text import shown

PASSED, REFUSED, NOT_REACHED, NOT_ASKED = "passed", "refused", "not reached", "not asked"


class Found(Protocol):
    """What a check found, by the judgement itself or on record."""

    @property
    def check(self) -> str:
        """Its name."""

    @property
    def detail(self) -> str:
        """What it saw."""

    @property
    def refused(self) -> bool:
        """Whether the call ended there."""

    @property
    def remedy(self) -> str:
        """Then, what would have let it pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One line of the list."""

    number: int
    check: str
    state: str
    detail: str = ""
    remedy: str = ""


def check_list(findings: Sequence[Found], not_asked: Collection[str] = ()) -> list[Checked]:
    """Every check in its order. What a record names and this version does not know stands where it stood."""
    if not findings:
        return []
    last = findings[-1]
    after = CHECKS[CHECKS.index(last.check) + 1 :] if last.check in CHECKS else ()
    told = [
        Checked(
            number=number,
            check=found.check,
            state=REFUSED if found.refused else NOT_ASKED if found.check in not_asked else PASSED,
            detail="" if found.check in not_asked and not found.refused else found.detail,
            remedy=found.remedy,
        )
        for number, found in enumerate(findings, 1)
    ]
    return told + [
        Checked(number=number, check=check, state=NOT_REACHED)
        for number, check in enumerate(after, len(told) + 1)
    ]


def check_lines(told: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The list for a terminal, of `Checked` as plain values; under it what would have let the call pass."""
    names, states = max((len(line["check"]) for line in told), default=0), len(NOT_REACHED)
    for line in told:
        said = shown(line["detail"], 300)
        yield f"  {line['number']:>2} {line['check']:<{names}}  {line['state']:<{states}}  {said}".rstrip()
    for line in told:
        if line["remedy"]:
            yield ""
            yield f"  to let it pass: {shown(line['remedy'], 300)}"
