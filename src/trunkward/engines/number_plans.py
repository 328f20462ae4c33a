"""The table of destinations that comes with the program."""

from functools import cache
from pathlib import Path

from trunkward.numbering.destinations import Destinations, read_destinations

_FILE = Path(__file__).parents[1] / "number_plans" / "destinations.txt"


@cache
def shipped_destinations() -> Destinations:
    """The table, read once; about ten milliseconds. Raises `TableDamaged`."""
    return read_destinations(_FILE.read_text(encoding="utf-8"))
