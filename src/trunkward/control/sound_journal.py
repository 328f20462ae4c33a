"""Whether the journal of acts may be believed: levels rest on it, and others could have written it."""

from trunkward.control.configuration import ConfigurationStore, HistoryBroken, with_entries
from trunkward.journal.chain import ChainBroken, Entry


def sound_journal(store: ConfigurationStore) -> list[Entry]:
    """The journal of acts from its first entry, which holds, fits the versions, and was written by root.

    Raises `HistoryBroken`; the message says what to do.
    """
    try:
        entries = [entry for _, entry in reversed(with_entries(store))]
    except (ChainBroken, HistoryBroken) as broken:
        raise HistoryBroken(
            f"{broken}; somebody has changed the configuration's database: change who may write to it, and "
            "bring it back from a backup"
        ) from None
    if foreign := store.not_own(entries):
        raise HistoryBroken(
            f"{foreign}; if you have brought the database back from a backup yourself, look through "
            "./trunkward history and ./trunkward evidence list, then ./trunkward evidence confirm; else "
            "somebody has written to it: change who may, and bring it back from a backup"
        )
    return entries
