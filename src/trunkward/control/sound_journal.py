"""Whether the journal of acts may be believed: levels rest on it, and others could have written it."""

from trunkward.control.configuration import ConfigurationStore, HistoryBroken, with_entries
from trunkward.control.restored import Foreign
from trunkward.journal.chain import ChainBroken, Entry
from trunkward.journal.own import end_of


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


def foreign_of(store: ConfigurationStore, entries: list[Entry]) -> Foreign | None:
    """Of a whole journal, which holds, what root has not written.

    Of one that root's last entry is not in, all: what lies before that entry root does not keep.
    """
    if not store.not_own(entries):
        return None
    return Foreign(first=store.borne_out(entries) + 1, last=end_of(entries[-1]))
