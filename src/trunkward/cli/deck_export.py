"""`trunkward deck export`: what a deck says, or said, as a file that `deck import` takes again."""

import os
import sys
import time

from trunkward.cli.changing import configuration_store
from trunkward.cli.said import complain, say
from trunkward.control.deck_versions import state_by_sha256
from trunkward.control.decks import DeckActRefused, in_force, state_of, unpacked
from trunkward.settings import Paths
from trunkward.spend.deck_written import as_csv


def run(paths: Paths, name: str, *, version: int | None, sha256: str, every: bool) -> int:
    """Prints it: 0 done, 2 there is no such state.

    `version`, `sha256`: an earlier state, with what held when it was taken in or later; without both the one
    in force, with what holds now or later. `every`: all it ever said.
    """
    if os.geteuid() != 0:
        complain("trunkward deck needs root: the configuration is root's. Use sudo.")
        return 2
    with configuration_store(paths, make=False) as store:
        states, at = store.decks(), time.time()
        try:
            if version is not None:
                kept = state_of(name, version, states)
            elif sha256:
                kept = state_by_sha256(name, sha256, states)
            elif (found := in_force(states).get(name)) is not None:
                kept = found
            else:
                raise DeckActRefused(
                    f"there is no deck {name} now; ./trunkward deck list --all shows those there were"
                )
        except DeckActRefused as refused:
            complain(str(refused))
            return 2
        deck = unpacked(kept, store.packed_deck(kept))
        made = store.version(kept.version)
        # as of then: what a later state has ended had not ended yet
        if kept.ended and made is not None:
            at = made.at
    lines = as_csv(deck, None if every else at)
    try:
        for line in lines:
            sys.stdout.buffer.write(line.encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # as with `| head`: whoever reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    say(f"deck {name} of version {kept.version}, in {kept.currency}, sha256 {kept.sha256}", err=True)
    return 0
