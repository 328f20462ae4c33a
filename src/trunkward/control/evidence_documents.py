"""Documents of evidence as they lie in the database: whether each is the one that was entered."""

import zlib
from collections.abc import Iterable
from hashlib import sha256

from trunkward.control.configuration import ConfigurationStore
from trunkward.control.evidence import unpacked
from trunkward.trunks.evidence import EvidenceRecord


def as_entered(packed: bytes, record: EvidenceRecord) -> bytes | None:
    """The document out of what is kept of it; None: it is not the one that was entered, or is gone."""
    try:
        document = unpacked(packed)
    except zlib.error:
        return None
    return document if sha256(document).hexdigest() == record.file_sha256 else None


def exchanged(store: ConfigurationStore, records: Iterable[EvidenceRecord]) -> dict[int, str]:
    """By number, those of `records` whose document is not the one that was entered, and what to do.

    Several rest on one document, which is looked at once.
    """
    is_it: dict[str, bool] = {}
    found = {}
    for one in records:
        if one.file_sha256 not in is_it:
            is_it[one.file_sha256] = as_entered(store.document(one), one) is not None
        if not is_it[one.file_sha256]:
            found[one.version] = why_not(one)
    return found


def why_not(record: EvidenceRecord) -> str:
    """What to say of one that was exchanged."""
    return (
        f"the document of record {record.version} in the database is not the one that was entered: find out "
        "who wrote to the database, bring it back from a backup, or revoke the record and enter it anew"
    )
