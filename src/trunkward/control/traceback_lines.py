"""What an answer to a traceback request tells by the signers' journals: the line about a call, and its proof.

Also of a call that has no record (any more): who may write to the database of records may not write to them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from trunkward.control.signer_line import numbers_of

#: Values a signer's line commits to that are about the call: its numbers, retargets, the hash of its Call-ID.
_OPENED = ("call", "orig", "dest", "div")

#: Of a line, how a call was signed.
_ATTESTED = ("level", "rule", "serial", "evidence_id", "evidence_version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The signer's line about a call, and what speaks for it."""

    #: Whose journal, and the number of the line; None: none is known.
    journal: str
    line: int | None
    #: The line and the first signed head after it, word for word; "": there is none.
    text: str = ""
    head: str = ""
    #: Salt (hex) and value of what the line commits to.
    values: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    #: Whether the chain leads from one to the other; "" for yes.
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrecorded:
    """A signature that fits by its signer's line, and for which no call on record does."""

    record_id: str
    #: Seconds since the epoch.
    at: float
    #: What there is in the place of its record, in words.
    record: str
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What the signers' journals have of the time that was asked about."""

    #: Lines about the numbers; lines whose numbers are not kept any more; why not all could be read, or "".
    about: int = 0
    numberless: int = 0
    problem: str = ""
    #: Of the former those without a record, and whether there are more.
    unrecorded: Sequence[Unrecorded] = ()
    more: bool = False


NO_LINES = Lines()


def proved(proof: Proof) -> dict[str, Any]:
    """For programs; of a line that stands alone."""
    return {
        "journal": proof.journal,
        "line": proof.line,
        "text": proof.text,
        "values": {name: list(proof.values[name]) for name in _OPENED if name in proof.values},
        "head": proof.head,
        # there is no record
        "agrees_with_record": None,
        "problem": proof.problem,
    }


def unrecorded(one: Unrecorded) -> dict[str, Any]:
    """One for programs: all of it by the line alone."""
    said: Mapping[str, Any] = msgspec.json.decode(one.proof.text) if one.proof.text else {}
    caller, called = numbers_of({name: value for name, (_, value) in one.proof.values.items()})
    return {
        "record_id": one.record_id,
        "signed_at": iso(one.at),
        "record": one.record,
        "calling_number": caller or None,
        "called_number": called or None,
        "from": {
            "name": said.get("trunk") or None,
            "tenant": said.get("tenant") or None,
            "customer_reference": said.get("customer"),
        },
        "attestation": {name: said.get(name) for name in _ATTESTED},
        "proof": proved(one.proof),
    }


def iso(at: float | None) -> str | None:
    """A time in seconds since the epoch as ISO 8601, UTC."""
    return None if not at else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
