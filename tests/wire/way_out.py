"""A way out of a test's network, which leads nowhere: for clients that hang up where there is none."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

#: RFC 5737; what is sent by it comes back, is for nobody, and is dropped.
ADDRESS = "203.0.113.200"


@contextmanager
def way_out() -> Iterator[None]:
    """linphone looks for one every five seconds, and takes itself for offline while there is none."""
    _ip("address", "add", f"{ADDRESS}/32", "dev", "lo")
    try:
        _ip("route", "add", "default", "dev", "lo", "src", ADDRESS)
        yield
    finally:
        _ip("route", "delete", "default")
        _ip("address", "delete", f"{ADDRESS}/32", "dev", "lo")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, timeout=10)
