"""Identifiers that never repeat, not even between two runs with the same process id.

A Call-ID, tag or branch of an earlier run that turns up again meets the dead calls of that run inside the
system under test. Every identifier therefore starts with a token drawn once per process.
"""

from __future__ import annotations

import itertools
import secrets

#: 48 random bits, drawn when the toolkit is imported.
RUN_TOKEN = secrets.token_hex(6)

#: RFC 3261 section 8.1.1.7: every branch made by an RFC 3261 element starts with this.
MAGIC_COOKIE = "z9hG4bK"

_counter = itertools.count(1)


def fresh_id(kind: str) -> str:
    """Return a new identifier, unique over runs and within this one; `kind` only helps whoever reads a
    trace."""
    return f"{kind}-{RUN_TOKEN}-{next(_counter)}"


def fresh_branch() -> str:
    """Return a new Via branch (RFC 3261 section 8.1.1.7)."""
    return f"{MAGIC_COOKIE}-{fresh_id('b')}"
