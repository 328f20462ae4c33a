"""A CSV file of somebody else's, as text; and its problems, line by line."""

from collections.abc import Sequence
from pathlib import Path

from trunkward.cli.host_paths import hint
from trunkward.cli.said import complain, in_words


def read_csv(file: Path, *, most_bytes: int, too_large: str, before: str = "") -> tuple[str, bytes] | None:
    """Its text and its bytes; None when it cannot be read, and why has been said.

    `too_large`: what to do about one with more than `most_bytes`; `before`: what begins each complaint.
    """
    try:
        if file.stat().st_size > most_bytes:
            complain(f"{before}{file}: more than {most_bytes >> 20} MB: {too_large}")
            return None
        raw = file.read_bytes()
    except OSError as problem:
        complain(f"{before}{in_words(problem)}{hint(file)}")
        return None
    try:
        return raw.decode("utf-8"), raw
    except UnicodeDecodeError:
        # a spreadsheet's: names alone have such letters, no number or time
        return raw.decode("cp1252", errors="replace"), raw


def tell_problems(file: Path, problems: Sequence[object], more: int, undone: str) -> None:
    """Each of them, how many more there are, and what was not done for them."""
    for wrong in problems:
        complain(f"{file}: {wrong}")
    rest = f", and {more:,} more" if more else ""
    complain(f"{undone}: {len(problems)} problems{rest}")
