"""TLS to a Valkey that several nodes share: its chain is checked, and its name."""

import ssl
from pathlib import Path


def trusting(authorities: Path) -> ssl.SSLContext:
    """For a connection to whoever one of these (PEM) vouches for. Raises `OSError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which checks both
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(authorities)
    return context
