"""Which TLS connections a gate has recognised, and as whom.

What tells some trunks cannot be seen again in a request of a running call: credentials are for requests that
start something (RFC 3261 22.1 lets every request be challenged; a BYE that has to come twice is a call that
goes on), and a chain to a trunk's own authority only a gate can follow. Their connection tells them instead.
Kamailio counts connections up and uses no number again.
"""

from trunkward.edge import ksr

TABLE = "identified"
#: Seconds after the last time; the longest call (`engines.kamailio.LONGEST_CALL_S`).
_FOR_S = 86_400


def note(connection: int, peer: str) -> None:
    """Remembers that a connection is this peer's (`trunk:NAME`); one may be several trunks'."""
    ksr.table_set(TABLE, _key(connection, peer), "1", _FOR_S)


def is_of(connection: int, peer: str) -> bool:
    """Whether a connection was recognised as this peer's."""
    return ksr.table_get(TABLE, _key(connection, peer)) != ""


def _key(connection: int, peer: str) -> str:
    return f"{connection} {peer}"
