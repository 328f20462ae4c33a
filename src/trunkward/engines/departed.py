"""The edge's settings beside what they were: peers that a running call may still have.

A change of configuration does not touch running calls. A request in a dialog is taken from the peer its leg
belongs to. So the edge goes on knowing a peer that has been taken out of the file, or told otherwise (other
networks, another certificate), until the last of its calls is over.
"""

from pathlib import Path
from typing import Any

import msgspec

from trunkward.engines.kamailio import LONGEST_CALL_S

#: Former tellings of one peer that are kept, the newest ones.
_MOST = 8

_encode = msgspec.json.Encoder().encode


def edge_settings(text: str, held: Path, *, version: int, authorities: dict[str, str], now_s: int) -> str:
    """`text` (`engines.kamailio.render_edge_json`) with its version, and the peers that were before.

    `held`: the file in force, where there is one. `authorities`: SHA-256 of each file of authorities, by
    which the edge sees that one has changed.
    """
    new: dict[str, Any] = msgspec.json.decode(text)
    old = _read(held)
    new["version"] = version
    new["tls_authorities"] = {
        name: authorities.get(file, file) for name, file in new["tls_authorities"].items()
    }
    new["departed"] = departed = _departed(old, new, now_s)
    new["plain_networks"] = sorted(
        {*new["plain_networks"], *(n for peers in departed.values() for _, p in peers for n in _plain(p))}
    )
    return _encode(new).decode()


def _departed(old: dict[str, Any], new: dict[str, Any], now_s: int) -> dict[str, list[list[Any]]]:
    """By peer, until when (seconds since the epoch) and how it was told before; newest first."""
    kept: dict[str, list[list[Any]]] = {
        name: [entry for entry in entries if entry[0] > now_s]
        for name, entries in old.get("departed", {}).items()
    }
    for name, peer in old.get("peers", {}).items():
        if new["peers"].get(name) != peer:
            before = [entry for entry in kept.get(name, []) if entry[1] != peer]
            kept[name] = [[now_s + LONGEST_CALL_S, peer], *before][:_MOST]
    for name, entries in kept.items():
        kept[name] = [entry for entry in entries if entry[1] != new["peers"].get(name)]
    return {name: entries for name, entries in kept.items() if entries}


def _plain(peer: dict[str, Any]) -> list[str]:
    networks: list[str] = peer["networks"] if peer["transport"] != "tls" else []
    return networks


def _read(held: Path) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(held.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return found if isinstance(found, dict) else {}
