"""What is not as it was journaled: said, and written down for whoever watches."""

from contextlib import suppress

from trunkward.cli.said import complain
from trunkward.engines.unsound_state import write_unsound
from trunkward.settings import Paths


def tell_unsound(paths: Paths, problems: list[str]) -> None:
    """`problems` as of `control.borne_out`."""
    for problem in problems:
        complain(problem)
    note_unsound(paths, problems)


def note_unsound(paths: Paths, problems: list[str]) -> None:
    """The same without a word to whoever is here."""
    with suppress(OSError):  # what is to be put in force waits for no note; the next look writes it
        write_unsound(paths, problems)
