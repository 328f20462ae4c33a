"""The texts of decks, from the database to where the worker compiles them."""

import time

from trunkward.control.configuration import ConfigurationStore
from trunkward.control.decks import in_force, rated_by
from trunkward.engines.whole_file import write_private
from trunkward.settings import Paths
from trunkward.trunks.model import Declared

#: Seconds a text that is in force no more stays: the worker may be about to read it.
_KEPT_S = 3600


def put_decks(paths: Paths, store: ConfigurationStore, declared: Declared) -> dict[str, str]:
    """Writes the texts of the decks in force that are not there yet; by name, their SHA-256. Needs root."""
    kept = store.decks()
    wanted = rated_by(declared, kept)
    for name, deck in in_force(kept).items():
        if name in wanted and not (paths.decks / deck.sha256).exists():
            write_private(paths.decks / deck.sha256, store.packed_deck(deck), "root", "tw-worker")
    for path in paths.decks.iterdir():
        if path.name not in wanted.values() and path.stat().st_mtime < time.time() - _KEPT_S:
            path.unlink()
    return wanted
