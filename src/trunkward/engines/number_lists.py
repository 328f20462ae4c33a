"""The do-not-originate list that a node file names: read by root, whose it may be alone."""

from pathlib import Path

from trunkward.control.do_not_originate import ListRefused, read_never_calls
from trunkward.trunks.callers import NeverCalls

#: The industry's whole list has less than one million.
_MOST_BYTES = 64_000_000


def never_calls(file: str) -> tuple[NeverCalls, ...]:
    """The lines of the file, () where none is named. Raises `ListRefused` with the file's name."""
    if not file:
        return ()
    path = Path(file)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ListRefused([f"larger than {_MOST_BYTES // 1_000_000} MB"])
        return read_never_calls(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ListRefused([f"{file}: there is no such file"]) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise ListRefused([f"{file}: cannot be read: {problem}"]) from None
    except ListRefused as refused:
        raise ListRefused([f"{file}: {wrong}" for wrong in refused.wrong]) from None


def wrong_list(file: str) -> list[str]:
    """Everything that is wrong with the file, each with its line; nothing for a good one."""
    try:
        never_calls(file)
    except ListRefused as refused:
        return refused.wrong
    return []
