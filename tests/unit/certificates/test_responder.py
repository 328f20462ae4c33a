"""The responder answers the tokens of a running order, and is not there otherwise."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import pytest

from trunkward.certificates import responder
from trunkward.certificates.responder import Responder

TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
PATH = f"/.well-known/acme-challenge/{TOKEN}"


def asked(scenario: Callable[[Responder, int], Awaitable[None]]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with socket.socket() as bound:
        # the kernel lets go of a port nobody asked for by number
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
        listens = Responder([bound], {TOKEN: b"answer"}.get)

        async def whole() -> None:
            async with asyncio.timeout(20):
                await scenario(listens, port)

        asyncio.run(whole())


async def said(port: int, request: bytes, host: str = "127.0.0.1") -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    try:
        return await reader.read()
    except ConnectionResetError:  # closed with our bytes unread
        return b""
    finally:
        writer.close()


def get(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: sbc.example.com\r\n\r\n".encode()


REQUESTS = {
    "the token": (get(PATH), b"HTTP/1.1 200 OK"),
    "another token": (get(PATH[:-1] + "B"), b"HTTP/1.1 404 Not Found"),
    "the root": (get("/"), b"HTTP/1.1 404 Not Found"),
    "a query": (get(PATH + "?a"), b"HTTP/1.1 404 Not Found"),
    "a way round": (get(f"/x/..{PATH}"), b"HTTP/1.1 404 Not Found"),
    "another method": (get(PATH, "POST"), b"HTTP/1.1 404 Not Found"),
    "a head without an end": (b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000, b""),
    "no HTTP": (b"\x16\x03\x01 hello\r\n\r\n", b"HTTP/1.1 404 Not Found"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_answered(name: str) -> None:
    request, first = REQUESTS[name]

    async def scenario(listens: Responder, port: int) -> None:
        async with listens.listening():
            answer = await said(port, request)
        assert answer.partition(b"\r\n")[0] == first
        assert answer.endswith(b"\r\n\r\nanswer") == first.endswith(b"200 OK")

    asked(scenario)


def test_nobody_listens_but_during_an_order_and_the_port_stays_ours() -> None:
    async def scenario(listens: Responder, port: int) -> None:
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                await said(port, get(PATH))
            with socket.socket() as thief, pytest.raises(OSError, match="in use"):
                thief.bind(("127.0.0.1", port))
            async with listens.listening():
                assert (await said(port, get(PATH))).endswith(b"answer")

    asked(scenario)


def test_it_is_there_on_each_address() -> None:
    with socket.socket() as one, socket.socket() as other:
        for bound, host in ((one, "127.0.0.1"), (other, "127.0.0.2")):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, 0))
        listens = Responder([one, other], {TOKEN: b"answer"}.get)

        async def asked_both() -> None:
            async with listens.listening():
                for bound in (one, other):
                    assert (await said(bound.getsockname()[1], get(PATH), bound.getsockname()[0])).endswith(
                        b"answer"
                    )

        asyncio.run(asked_both())


def test_who_says_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responder, "PATIENCE_S", 0.05)

    async def scenario(listens: Responder, port: int) -> None:
        async with listens.listening():
            assert await said(port, b"GET / HT") == b""

    asked(scenario)


def test_many_at_once_do_not_keep_it_from_answering_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responder, "MAX_CONNECTIONS", 2)

    async def scenario(listens: Responder, port: int) -> None:
        async with listens.listening():
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            assert await said(port, get(PATH)) == b""
            for _, writer in held:
                writer.close()
            while not (await said(port, get(PATH))).endswith(b"answer"):  # noqa: ASYNC110  # each asks anew
                await asyncio.sleep(0.01)

    asked(scenario)


@pytest.mark.skipif(os.geteuid() != 0, reason="a port below 1024")
def test_a_process_without_privilege_gets_a_port_below_1024() -> None:
    unprivileged = [
        "/usr/bin/setpriv",
        "--reuid=65534",
        "--clear-groups",
        "--bounding-set=-all",
        "--inh-caps=-all",
        "--",
    ]
    code = (
        "import os, socket\n"
        "taken = [socket.socket(fileno=3 + number) for number in range(int(os.environ['LISTEN_FDS']))]\n"
        "for each in taken: each.listen()\n"
        "for each in taken: each.accept()[0].send(str(os.geteuid()).encode())"
    )
    taken = subprocess.Popen(
        [
            sys.executable,
            "-I",
            "-m",
            "trunkward.certificates.bind",
            "127.0.0.1,127.0.0.2",
            "83",
            *unprivileged,
            sys.executable,
            "-c",
            code,
        ]
    )
    try:
        for host in ("127.0.0.1", "127.0.0.2"):
            for _ in range(1000):
                try:
                    with socket.create_connection((host, 83), 5) as there:
                        assert there.recv(10) == b"65534"
                    break
                except ConnectionRefusedError:
                    assert taken.poll() is None
                    time.sleep(0.02)
            else:
                pytest.fail("nobody listens")
        assert taken.wait(20) == 0
    finally:
        taken.kill()
        taken.wait()
