"""Which TLS connections a gate has recognised, and as whom.

What tells some trunks cannot be seen again in a request of a running call: credentials are for requests that
start something (RFC 3261 22.1 lets every request be challenged; a BYE that has to come twice is a call that
goes on), and a chain to a trunk's own authority only a gate can follow. Their connection tells them instead.
Kamailio counts connections up and uses no number again, so what was a connection's ends with it: a PBX that
opens one for each call would fill the memory of all.
"""

from trunkward.edge import ksr

TABLE = "identified"
#: Seconds after the last time; the longest call (`engines.kamailio.LONGEST_CALL_S`).
_FOR_S = 86_400


def note(connection: int, peer: str) -> None:
    """Remembers that a connection is this peer's (`trunk:NAME`); one may be several trunks'."""
    key = str(connection)
    with ksr.table_locked(TABLE, key):
        peers = dict.fromkeys([*ksr.table_get(TABLE, key).split(), peer])
        ksr.table_set(TABLE, key, " ".join(peers), _FOR_S)
    if not ksr.tell_when_closed(connection):
        forget(connection)


def peers_of(connection: int) -> frozenset[str]:
    """The peers a connection was recognised as."""
    return frozenset(ksr.table_get(TABLE, str(connection)).split())


def is_of(connection: int, peer: str) -> bool:
    """Whether a connection was recognised as this peer's."""
    return peer in peers_of(connection)


def forget(connection: int) -> None:
    """A connection is gone."""
    ksr.table_remove(TABLE, str(connection))
