"""The operator's lines over the shipped table of destinations: the file that `node.destinations` names."""

import stat
from collections.abc import Mapping
from pathlib import Path

from trunkward.engines.number_plans import shipped_destinations
from trunkward.numbering.destinations import Destination
from trunkward.numbering.overrides import OverridesRefused, overridden, read_overrides

#: A rate deck of 250,000 lines has some 10.
_MOST_BYTES = 64_000_000


class DestinationsUnreadable(Exception):
    """The file cannot be used; the message names it, and why."""


def wrong_destinations(file: str) -> list[str]:
    """Everything that is wrong with the file, each with its line; nothing for a good one."""
    try:
        _good(file)
    except DestinationsUnreadable as problem:
        return [str(problem)]
    except OverridesRefused as refused:
        return [f"{file}: {wrong}" for wrong in refused.wrong]
    return []


def destinations_text(file: str) -> str:
    """The file, found good; "" where none is named. Raises `DestinationsUnreadable`."""
    if not file:
        return ""
    try:
        return _good(file)
    except OverridesRefused as refused:
        raise DestinationsUnreadable(f"{file}: {refused.wrong[0]}") from None


def destinations_with(text: str) -> Mapping[str, Destination]:
    """The shipped table with the lines of such a text above it, which was found good."""
    shipped = shipped_destinations().prefixes
    return overridden(shipped, read_overrides(text)) if text else shipped


def _good(file: str) -> str:
    """Read once: what is found good is what is used, whoever writes to the file meanwhile."""
    text = _read(file)
    read_overrides(text)
    return text


def _read(file: str) -> str:
    try:
        path = Path(file)
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device may have no end, or nothing to say
            raise DestinationsUnreadable(f"{file}: no regular file")
        with path.open("rb") as open_file:
            content = open_file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise DestinationsUnreadable(f"{file}: larger than {_MOST_BYTES // 1_000_000} MB")
        return content.decode()
    except FileNotFoundError:
        raise DestinationsUnreadable(f"{file}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise DestinationsUnreadable(f"{file}: cannot be read: {problem}") from None
