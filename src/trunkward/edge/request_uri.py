"""How a registered PBX is told which number is called."""

from typing import Any


def request_uri(binding: dict[str, Any], number: str) -> str:
    """Where a call for a number goes: the contact, with the number as its user if the PBX named no other.

    A PBX that registers with its username says nothing of numbers in its Contact, and reads the one that is
    called off the Request-URI. A contact with a user of its own making is left as it is, for its PBX knows no
    other (RFC 3261 section 16.5).
    """
    scheme, _, rest = str(binding["contact"]).partition(":")
    user, at, host = rest.partition("@")
    return f"{scheme}:{number}@{host}" if at and user == binding["user"] else f"{scheme}:{rest}"
