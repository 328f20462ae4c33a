"""What the groups of a node file's keys share: their form, and values that stand in several of them.

Each group has its file here, `..._keys.py`: what may be written, what does not go together, what it declares.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from trunkward.control.yaml_lines import PathKey
from trunkward.media.suites import ALLOWED
from trunkward.trunks.model import MAX_CALL_S

#: Ten years.
_MOST_DAYS = 3650
#: Seconds; topos keeps the rows of a call for 24 hours from its start (`engines.kamailio.LONGEST_CALL_S`).
_LONGEST_CALL_S = 82_800
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)

#: What only shows when values are compared: where it stands, and what is wrong with it; of what stands there
#: for the second time also where it stood first.
type Wrong = Iterator[tuple[PathKey, str] | tuple[PathKey, str, PathKey]]


class Part(BaseModel):
    """Strict: no quiet change of "5061" to 5061 or 1 to true, and no unknown keys.

    A default that is a list is made by a factory: Pydantic would copy one deeply for each of 10,000 trunks.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def twice(values: Iterable[tuple[PathKey, str]], message: str) -> Wrong:
    """`message` for each value that stands at an earlier path, too."""
    first: dict[str, PathKey] = {}
    for path, value in values:
        if value in first:
            yield path, message, first[value]
        first.setdefault(value, path)


def twice_in(path: PathKey, values: Iterable[str], message: str) -> Wrong:
    """The same for the list at `path`."""
    return twice((((*path, index), value) for index, value in enumerate(values)), message)


def is_path(text: str) -> bool:
    """Whether it is an absolute path that may stand in the engines' configurations."""
    return text.startswith("/") and text.isprintable() and '"' not in text and " " not in text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("a name is lower-case letters, digits and hyphens, 1 to 63 of them, such as acme-hq")
    return text


def _file(text: str) -> str:
    if not is_path(text):
        raise ValueError("write the absolute path of a file; it begins with /")
    return text


def _days(number: int) -> int:
    if not 1 <= number <= _MOST_DAYS:
        raise ValueError(f"write a number of days, 1 to {_MOST_DAYS}")
    return number


def _max_call(seconds: int) -> int:
    if not 1 <= seconds <= _LONGEST_CALL_S:
        raise ValueError(
            f"write the seconds a call may last, 1 to {_LONGEST_CALL_S} (23 hours), such as {MAX_CALL_S}"
        )
    return seconds


def _suite(text: str) -> str:
    if text not in ALLOWED:
        raise ValueError(f"not an SRTP suite this node speaks; choose from {', '.join(ALLOWED)}")
    return text


type Name = Annotated[str, AfterValidator(_name)]
type File = Annotated[str, AfterValidator(_file)]
type Days = Annotated[int, AfterValidator(_days)]
type MaxCall = Annotated[int, AfterValidator(_max_call)]
type Suites = Annotated[list[Annotated[str, AfterValidator(_suite)]], Field(min_length=1)]
