"""An rtpengine that does not answer is left alone for a while; what it did late is deleted all the same."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from trunkward.edge.rtpengine import Rtpengine, RtpengineGone, RtpengineUnavailable


class Engine:
    """Somebody on a port of its own, who says nothing by himself."""

    def __init__(self) -> None:
        self.listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.listening.bind(("127.0.0.1", 0))
        self.listening.settimeout(1)
        self.address: tuple[str, int] = self.listening.getsockname()

    def asked(self) -> dict[str, Any]:
        """The next request."""
        data = self.listening.recv(65_535)
        request: dict[str, Any] = json.loads(data.partition(b" ")[2])
        return request


@contextmanager
def client(address: tuple[str, int], rest_s: float) -> Iterator[Rtpengine]:
    made = Rtpengine(address, 0.02, rest_s)
    yield made
    if made._socket is not None:
        made._socket.close()


def test_what_it_may_do_late_is_deleted_though_it_rests() -> None:
    engine = Engine()
    with engine.listening, client(engine.address, rest_s=60.0) as asking:
        for problem in ("timed out", "a moment ago"):
            with pytest.raises(RtpengineUnavailable, match=problem):
                asking.offer("call", "from", "", "v=0", "")
        assert asking.delete("call") == {}
        assert engine.asked()["command"] == "offer"
        assert engine.asked() == {"command": "delete", "call-id": "call"}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("", None),
        ("203.0.113.5", ["IP4", "203.0.113.5"]),
        ("2001:db8::5", ["IP6", "2001:db8::5"]),
    ],
)
def test_where_a_description_comes_from(source: str, told: list[str] | None) -> None:
    engine = Engine()
    with engine.listening, client(engine.address, rest_s=0.0) as asking:
        for ask in (asking.offer, asking.answer):
            with pytest.raises(RtpengineUnavailable):
                ask("call", "from", "to", "v=0", "flags", source)
            assert engine.asked().get("received-from") == told


def test_a_delete_nobody_took_does_not_fail_the_next_request() -> None:
    gone = Engine()
    gone.listening.close()
    with client(gone.address, rest_s=0.2) as asking:
        with pytest.raises(RtpengineGone):
            asking.knows("call")
        assert asking.delete("call") == {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
            back.bind(gone.address)
            back.settimeout(1)
            time.sleep(0.2)
            with pytest.raises(RtpengineUnavailable, match="timed out"):
                asking.offer("call", "from", "", "v=0", "")
            assert b'"offer"' in back.recv(65_535)
