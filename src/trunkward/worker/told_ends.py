"""How calls of this node have ended that it died over, as another node has told (`gate.orphans`).

It is told in Valkey, whether or not the nodes have one records database, and taken down here when this node
is back. Of several ends of one call the truer stays (`calls.outcome`), whichever comes first.
"""

from collections.abc import Callable

import msgspec

from trunkward.live import nodes
from trunkward.live.ask import Valkey
from trunkward.records.model import OutcomeRecord
from trunkward.store.records import RecordStore

_decode = msgspec.json.Decoder(OutcomeRecord).decode


def take_ends(valkey: Valkey, node: str, store: RecordStore, log: Callable[..., object]) -> None:
    """Takes down what has been told `node`, by its name in the ledger. Raises `NotAnswered`."""
    found = valkey.ask(*nodes.ends(node))
    if not found:
        return
    ended = []
    for record_id, text in zip(found[::2], found[1::2], strict=True):
        try:
            ended.append(_decode(text))
        except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
            name = record_id.decode(errors="replace")
            log("the end of a call cannot be read", record_id=name, problem=str(problem))
    store.close(ended)
    valkey.ask(*nodes.heard(node, [record_id.decode() for record_id in found[::2]]))
    log("calls of this node were ended by another one while it was away", calls=len(ended))
