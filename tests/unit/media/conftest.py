"""Offers and answers as user agents write them; keys are arithmetic, not secrets."""

import base64
from collections.abc import Callable

import pytest

from trunkward.media.suites import KEY_BYTES

type MakeSdp = Callable[..., str]


def key(suite: str, fill: int = 7) -> str:
    """A key of the suite's length."""
    return base64.b64encode(bytes([fill]) * KEY_BYTES.get(suite, 30)).decode()


@pytest.fixture
def make_sdp() -> MakeSdp:
    """An SDP with one audio stream: protocol, suites, further lines."""

    def make(
        protocol: str = "RTP/SAVP", suites: tuple[str, ...] = (), extra: str = "", port: int = 40000
    ) -> str:
        lines = [
            "v=0",
            "o=- 1 1 IN IP4 192.0.2.10",
            "s=-",
            "c=IN IP4 192.0.2.10",
            "t=0 0",
            f"m=audio {port} {protocol} 8 0 101",
            "a=rtpmap:8 PCMA/8000",
            *(f"a=crypto:{tag} {suite} inline:{key(suite, tag)}" for tag, suite in enumerate(suites, 1)),
            *extra.splitlines(),
            "a=sendrecv",
        ]
        return "".join(line + "\r\n" for line in lines)

    return make
