"""A thousand attempts: a wrong password and a username nobody has are answered alike, and as fast.

The node keeps its records in memory: how long a disk takes is no matter of who calls, and would hide what is.

What is measured is from the last byte of the INVITE to the 403, on one TLS connection, one attempt after the
other in an order of chance. The two kinds are compared by ranks (Mann and Whitney's U), which a few slow ones
do not disturb. The test is refused a difference it could not see: the same numbers with 200 µs added to one
kind must be told apart. What is seen, or could not have been, is looked at again: it has to be so each time.
"""

import hashlib
import math
import random
import re
import secrets
import socket
import ssl
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from wire.conftest import Node, start_node_in
from wire.identification.conftest import Site, number_of, running
from wire.node.parties import NORTH_NUMBER, SBC

pytestmark = pytest.mark.alone

ATTEMPTS = 1000
#: Below it a difference is no accident: one run in a thousand fails by chance alone.
THRESHOLD = 0.001
#: Rounds in which a difference that is there would show each time; noise, or chance, does not.
ROUNDS = 3
#: Seconds that would have to be seen.
SEEN_S = 200e-6
#: Usernames of a kind: one that is somebody's, and nobody's.
KINDS = ["west-digest", "west-nobody"]
URI = f"sip:{NORTH_NUMBER}@sbc.example.com"
#: What differs from one message to the next whatever is in it: who, and which one.
_RANDOM = re.compile(rb"(?im)^(?:via|from|to|call-id|cseq):.*\r\n")


def in_memory(text: str) -> Node:
    """Starts a node whose home is no disk."""
    home = Path(tempfile.mkdtemp(prefix="tw-", dir="/dev/shm"))
    home.chmod(0o755)
    (home / "node.yaml").write_text(
        text.replace("  gates: 2\n", "  gates: 2\n  probes: {every_s: 0}\n", 1), encoding="utf-8"
    )
    return start_node_in(home)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from running(tmp_path_factory.mktemp("west"), in_memory)


class Caller:
    """One connection, and the nonce in use."""

    def __init__(self, site: Site) -> None:
        context = ssl.create_default_context(cafile=str(site.node.authority))
        context.check_hostname = False
        plain = socket.create_connection((SBC.host, SBC.port), source_address=("127.0.9.5", 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tls = context.wrap_socket(plain, server_hostname="sbc.example.com")
        self._buffer = b""
        self._sender = number_of("by-digest")
        self._nonce, self._count = "", 0

    def challenged(self) -> None:
        """Fetches a nonce."""
        reply, _ = self._attempt("")
        assert reply.startswith(b"SIP/2.0 407 ")
        self._nonce = re.findall(rb'nonce="([^"]+)"', reply)[0].decode()
        self._count = 0

    def refused(self, username: str) -> tuple[bytes, float]:
        """An attempt with a password of nobody's: the answer without what is random in it, and its seconds."""
        self._count += 1
        nc, cnonce = f"{self._count:08x}", secrets.token_hex(8)
        ha1 = _hash(f"{username}:sbc.example.com:{secrets.token_hex(12)}")
        response = _hash(f"{ha1}:{self._nonce}:{nc}:{cnonce}:auth:{_hash(f'INVITE:{URI}')}")
        reply, took_s = self._attempt(
            f'Proxy-Authorization: Digest username="{username}", realm="sbc.example.com", '
            f'nonce="{self._nonce}", uri="{URI}", response="{response}", algorithm=SHA-256, '
            f'cnonce="{cnonce}", qop=auth, nc={nc}\r\n'
        )
        return _RANDOM.sub(b"", reply), took_s

    def close(self) -> None:
        self._tls.close()

    def _attempt(self, shown: str) -> tuple[bytes, float]:
        branch = f"z9hG4bK{secrets.token_hex(8)}"
        common = (
            f"Via: SIP/2.0/TLS 127.0.9.5:5099;branch={branch};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{self._sender}@a.example.com>;tag={secrets.token_hex(6)}\r\n"
        )
        rest = f"Call-ID: {secrets.token_hex(8)}\r\n"
        invite = (
            f"INVITE {URI} SIP/2.0\r\n{common}To: <{URI}>\r\n{rest}CSeq: 1 INVITE\r\n"
            f"Contact: <sip:pbx@127.0.9.5:5099;transport=tls>\r\n{shown}Content-Length: 0\r\n\r\n"
        )
        began = time.perf_counter()
        self._tls.sendall(invite.encode())
        while (reply := self._message()).startswith(b"SIP/2.0 1"):
            pass
        took_s = time.perf_counter() - began
        to = re.findall(rb"(?im)^to:(.*)\r\n", reply)[0].decode()
        ack = f"ACK {URI} SIP/2.0\r\n{common}To:{to}\r\n{rest}CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
        self._tls.sendall(ack.encode())
        return reply, took_s

    def _message(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            received = self._tls.recv(65_536)
            assert received, "the node has closed the connection"
            self._buffer += received
        message, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return message + b"\r\n"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def p_value(some: Iterable[float], others: Iterable[float]) -> float:
    """How likely ranks like these are if both are of one kind: two-sided, by the normal approximation."""
    first, second = list(some), list(others)
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    ranks = sum(place for place, (_, kind) in enumerate(ranked, 1) if kind == 0)
    n, m = len(first), len(second)
    u = ranks - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


def test_a_thousand_attempts_are_answered_alike_and_as_fast(site: Site) -> None:
    """Summary: 1,000 calls with a wrong password or an unknown username, mixed: one answer byte for byte, and no difference in time that a rank test sees, though it would see 200 µs."""
    assert len({len(kind) for kind in KINDS}) == 1
    caller = Caller(site)
    caller.challenged()
    for kind in KINDS * 50:  # both gates have seen both
        caller.refused(kind)
    p, shifted = 0.0, 1.0
    for _ in range(ROUNDS):
        p, shifted = compared(caller)
        if shifted < THRESHOLD < p:
            break
    caller.close()
    assert shifted < THRESHOLD, "this run could not have seen a difference"
    assert p > THRESHOLD


def compared(caller: Caller) -> tuple[float, float]:
    """How likely the two kinds' times are if they are of one, as they are and with `SEEN_S` added to one."""
    order = KINDS * (ATTEMPTS // 2)
    random.SystemRandom().shuffle(order)
    answers: dict[str, set[bytes]] = {kind: set() for kind in KINDS}
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number, kind in enumerate(order):
        if number % 250 == 0:
            caller.challenged()
        answer, took_s = caller.refused(kind)
        answers[kind].add(answer)
        took[kind].append(took_s)
    assert answers[KINDS[0]] == answers[KINDS[1]]
    (said,) = answers[KINDS[0]]
    assert said.startswith(b"SIP/2.0 403 Forbidden\r\n")
    known, unknown = took[KINDS[0]], took[KINDS[1]]
    p = p_value(known, unknown)
    shifted = p_value(known, [value + SEEN_S for value in unknown])
    print(
        f"medians {statistics.median(known) * 1e6:.0f} and {statistics.median(unknown) * 1e6:.0f} µs, p = {p:.3f};"
        f" with {SEEN_S * 1e6:.0f} µs more p = {shifted:.2g}"
    )
    return p, shifted
