"""Calls in rtpengine are deleted together: all are asked for, each is answered, or it is said that not."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from trunkward.engines.ng import MediaEngine, MediaEngineSilent

NAMES = [f"callx{n}" for n in range(27)]


@contextmanager
def engine(answers: Callable[[list[bytes]], list[bytes]]) -> Iterator[tuple[int, list[str]]]:
    """An engine that reads as many requests as there are names before it answers any; its port, what it was asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        asked: list[str] = []

        def serve() -> None:
            came = [listening.recvfrom(65_535) for _ in NAMES]
            for data, _ in came:
                told = json.loads(data.partition(b" ")[2])
                assert told["command"] == "delete"
                asked.append(told["call-id"])
            cookies, client = [data.partition(b" ")[0] for data, _ in came], came[0][1]
            for cookie in answers(cookies):
                listening.sendto(cookie + b' {"result":"ok"}', client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1], asked
        finally:
            thread.join()


def test_all_are_asked_for_before_any_is_answered() -> None:
    with engine(lambda cookies: [b"of-before", *cookies[::-1]]) as (port, asked), MediaEngine(port) as ng:
        ng.delete(NAMES)
        assert asked == NAMES


def test_one_that_is_not_answered_is_told() -> None:
    with (
        engine(lambda cookies: cookies[1:]) as (port, _),
        MediaEngine(port) as ng,
        pytest.raises(MediaEngineSilent),
    ):
        ng.delete(NAMES)


def test_where_nobody_listens_nothing_is_left() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    with MediaEngine(port) as ng:
        ng.delete(NAMES)
