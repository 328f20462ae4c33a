"""Whose calls a trunk brings, and the name that is signed of its users, as a person may write it."""

from collections.abc import Set
from datetime import date
from typing import Annotated

from pydantic import AfterValidator

from trunkward.control.keys import Part, Wrong
from trunkward.control.yaml_lines import PathKey
from trunkward.shaken.caller_name import MAX_TEXT, is_caller_name
from trunkward.trunks.transit import CallerName, Role

#: What says which of its own numbers a customer's users show.
_OF_CUSTOMERS = ("caller", "rcd", "supplies_levels")

# ---- what may be written -------------------------------------------------------------------------


def _text(text: str) -> str:
    if not is_caller_name(text, ""):
        raise ValueError(f"write 1 to {MAX_TEXT} printable characters, such as Example Corp")
    return text


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("a date is written as 2026-11-20") from None


type Told = Annotated[str, AfterValidator(_text)]


class CallerNamePart(Part):
    """`rcd` of a trunk."""

    name: Told
    reason: Told | None = None
    reviewed: Annotated[str, AfterValidator(_day)]


# ---- what does not go together -------------------------------------------------------------------


def wrong_in_transit(path: PathKey, role: Role, written: Set[str]) -> Wrong:
    """`written`: the trunk's keys that stand in the file."""
    if role == Role.ORIGINATING:
        if "verification" in written:
            yield (
                (*path, "verification"),
                "is about calls that others sign: write role: intermediate or gateway, or leave it out",
            )
        return
    for key in _OF_CUSTOMERS:
        if key in written:
            said = (
                f"is about users of the trunk's own; with role: {Role(role).value} others' call, leave it out"
            )
            yield (*path, key), said


# ---- what is declared ----------------------------------------------------------------------------


def caller_name_of(part: CallerNamePart) -> CallerName:
    """The name signed of a trunk's users."""
    return CallerName(name=part.name, reason=part.reason or "", reviewed=part.reviewed)
