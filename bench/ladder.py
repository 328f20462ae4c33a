"""`python -m bench ladder`: what it costs the edge to note a message, in CPU.

As callbacks do it: a request noted as it comes and as it goes, a reply the same way, each pair in one write.
The body is an offer of usual length. CPU is this process' own, kernel included.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from trunkward.edge import ladder

_HEAD = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/SAVP 8 0\r\n"
)
_LINES = "a=rtpmap:8 PCMA/8000\r\na=crypto:1 AEAD_AES_256_GCM inline:" + "B" * 59 + "=\r\n"
_BODY = _HEAD + _LINES * 4
_REASON = 'Q.850;cause=16;text="normal call clearing"'


def main(arguments: list[str] | None = None) -> int:
    """Notes messages and prints what one took."""
    parser = argparse.ArgumentParser(prog="python -m bench ladder", description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--directory", type=Path, help="where they are written")
    options = parser.parse_args(arguments)
    name = os.urandom(16).hex()

    @ladder.flushed
    def request() -> None:
        ladder.got(name, "caller", "INVITE", body=_BODY, reason="")
        ladder.sent(name, "callee", "INVITE", body=_BODY, why="north")

    @ladder.flushed
    def reply() -> None:
        ladder.passed(name, "callee", "200", "BYE", "", _REASON)

    @ladder.flushed
    def alone() -> None:
        ladder.got(name, "callee", "100", "INVITE")

    print("| callback | CPU a message | a callback |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        ladder.keep_in(directory, print)
        for what, callback, messages in (
            ("request, in and out", request, 2),
            ("reply, in and out", reply, 2),
            ("one message", alone, 1),
        ):
            rounds = options.messages // messages
            began = time.process_time()
            for _ in range(rounds):
                callback()
            took_us = (time.process_time() - began) / rounds * 1e6
            print(f"| {what} | {took_us / messages:.1f} µs | {took_us:.1f} µs |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
