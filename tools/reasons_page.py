#!/usr/bin/env python3
"""Makes the tables of docs/reasons.md of `calls/reasons.py`: says whether they are its, or writes them.

Exit code: 0 good or written, 1 the page says something else.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from trunkward.calls.reasons import REASONS, ReasonRow
from trunkward.calls.verdict import Reason
from trunkward.sip.reason import Q850

PAGE = Path(__file__).parents[1] / "docs/reasons.md"


def page(written: str) -> str:
    """A page with the tables made anew; everything else in it stays."""
    used = {cause for row in REASONS.values() for cause in row.answers.values() if cause}
    written = _table(written, "code", [cells(reason, row) for reason, row in REASONS.items()])
    return _table(written, "Q.850 cause", [iter((str(cause), Q850[cause])) for cause in sorted(used)])


def cells(reason: Reason, row: ReasonRow) -> Iterator[str]:
    """One row of the codes."""
    answers = (f"{status}{f' / {cause}' if cause else ''}" for status, cause in row.answers.items())
    yield f"`{reason.value}`"
    yield ", ".join(answers) or "none"
    yield ", ".join(f"{one} ({row.together[one]})" if one in row.together else one for one in row.blames)
    said = "; said by the edge" if row.by_edge else "; may be announced" if row.announced else ""
    yield f"{row.means}{said}"
    yield row.do


def _table(written: str, head: str, rows: list[Iterator[str]]) -> str:
    """Everything below the two first lines of the table whose first column has this head."""
    made = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    heading = rf"(?m)^(\| {re.escape(head)} \|.*\n\|[-|]+\n)(?:\|.*\n)*"
    found, times = re.subn(heading, lambda match: match[1] + made, written)
    assert times == 1, f"{PAGE.name}: no table, or more than one, begins with {head}"
    return found


def main() -> int:
    """Compares, or writes with `--write`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--write", action="store_true", help="write the page")
    written = PAGE.read_text(encoding="utf-8")
    if parser.parse_args().write:
        PAGE.write_text(page(written), encoding="utf-8")
        return 0
    if written == page(written):
        return 0
    print(f"{PAGE.name} is not what calls/reasons.py says: python tools/reasons_page.py --write")
    return 1


if __name__ == "__main__":
    sys.exit(main())
