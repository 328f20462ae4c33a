"""Asking a part of the node whether it works, each in its own language. Every question has its time.

A process that stands still must look like one that is gone: the kernel takes connections and packets for it,
so each part has to say something. All of them raise `OSError` with the reason.
"""

import json
import os
import socket
import ssl
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trunkward.settings import Place

#: Seconds a part on this machine may take to answer.
ANSWERS_S = 0.3
#: The same for one that is asked over HTTP, by a thread beside its work.
HTTP_S = 1.0
#: The same for TLS handshakes, which others may be having at the same time.
HANDSHAKE_S = 1.0
#: Seconds after which a part that writes a file each second is taken for dead.
LIVES_S = 5.0
#: Bytes of an answer of rtpengine: a UDP packet.
_NG_ANSWER = 65_535
#: Bytes of an answer over HTTP; a part's metrics are a few thousand.
_ANSWER = 1 << 20
#: Valkey's function library (`live.library.NAME`; rooms on one floor do not know each other).
FUNCTIONS = "trunkward_5"
#: What gate, signer and fetcher answer with the same.
_EMPTY_FRAME = bytes(4)


def ng(port: int, command: str) -> dict[str, Any]:
    """What rtpengine answers to a command without arguments."""
    # it answers a cookie it has seen from its memory, so each question needs one of its own
    cookie = os.urandom(8).hex()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(ANSWERS_S)
            asking.connect(("127.0.0.1", port))
            asking.send(f'{cookie} {{"command":"{command}"}}'.encode())
            echoed, _, body = asking.recv(_NG_ANSWER).partition(b" ")
        found = json.loads(body) if echoed == cookie.encode() else None
    except ValueError as problem:
        raise OSError(f"rtpengine answers, but not in JSON: {problem}") from None
    if not isinstance(found, dict):
        raise OSError("rtpengine answers somebody else")
    return found


def ng_pongs(port: int) -> None:
    """Rtpengine answers a ping."""
    if ng(port, "ping").get("result") != "pong":
        raise OSError("rtpengine answers, but not with pong")


def answers(path: Path) -> None:
    """A gate, the signer or the fetcher answers an empty frame on its socket."""
    # the kernel takes connections for a process that stands still, so it must say something
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as part:
        part.settimeout(ANSWERS_S)
        try:
            part.connect(str(path))
            part.sendall(_EMPTY_FRAME)
            answer = part.recv(len(_EMPTY_FRAME))
        except OSError as problem:
            raise OSError(f"{path}: {problem.strerror or problem}") from None
        if answer != _EMPTY_FRAME:
            raise OSError(f"{path}: closed without an answer")


def valkey(place: Place, secret: Path, *, functions: bool = True) -> dict[str, str]:
    """What Valkey says of itself (`INFO`), to the user that may ask for no more.

    `secret`: the file with its password; a node's own Valkey wants none. `functions`: our functions must be
    there, too.
    """
    try:
        password = secret.read_text(encoding="ascii") if secret.exists() else "-"
        with _valkey(place) as part:
            part.sendall(f"AUTH look {password}\r\nFUNCTION LIST\r\nINFO\r\nPING\r\n".encode())
            said = b""
            while not (said.endswith(b"+PONG\r\n") or (said.startswith(b"-") and b"\r\n" in said)):
                if not (data := part.recv(1 << 16)):
                    raise OSError("closed without an answer")
                said += data
    except OSError as problem:
        raise OSError(f"{place.where}: {problem.strerror or problem}") from None
    text = said.decode(errors="replace")
    if not text.startswith("+OK\r\n*"):
        raise OSError(f"{place.where}: {text.partition('\r')[0]}")
    if functions and f"{FUNCTIONS}\r\n" not in text:
        raise OSError("our functions are not loaded: the worker does that, within seconds")
    lines = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name: value for name, _, value in lines}


def _valkey(place: Place) -> socket.socket:
    if place.is_socket:
        part = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        part.settimeout(ANSWERS_S)
        try:
            part.connect(place.where)
        except OSError:
            part.close()
            raise
        return part
    until = time.monotonic() + HANDSHAKE_S
    plain = socket.create_connection(place.host, HANDSHAKE_S)
    try:
        context = ssl.create_default_context(cafile=str(place.authorities))
        return context.wrap_socket(_within(plain, until), server_hostname=place.host[0])
    except OSError:
        plain.close()
        raise


def lives(state: Path) -> None:
    """A process that sees to certificates writes its state each second."""
    try:
        silent_s = abs(time.time() - state.stat().st_mtime)
    except FileNotFoundError:
        raise OSError(f"has not written {state} yet") from None
    if silent_s > LIVES_S:
        raise OSError(f"its last sign of life is {silent_s:.0f} s old")


def tls_pongs(hosts: Iterable[str], port: int) -> None:
    """Kamailio answers a keep-alive over TLS on each of its addresses."""
    # only whether somebody is there: whose certificate that is, peers find out
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    until = time.monotonic() + HANDSHAKE_S
    for host in hosts:
        with (
            socket.create_connection((host, port), timeout=_left(until)) as plain,
            context.wrap_socket(_within(plain, until)) as tls,
        ):
            _within(tls, until)
            # the keep-alive of RFC 5626 section 4.4.1, which SIP's own workers answer
            tls.sendall(b"\r\n\r\n")
            if tls.recv(2) != b"\r\n":
                raise OSError("Kamailio ends the connection instead of answering")


def get(port: int, path: str) -> str:
    """What a Python part answers over HTTP on 127.0.0.1."""
    until = time.monotonic() + HTTP_S
    answer = bytearray()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=HTTP_S) as part:
            part.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            # one deadline for the whole of it: what comes byte by byte must not keep anybody
            while data := _within(part, until).recv(1 << 16):
                answer += data
                if len(answer) > _ANSWER:
                    raise OSError(f"more than {_ANSWER} bytes")
    except OSError as problem:
        raise OSError(f"127.0.0.1:{port}: {problem.strerror or problem}") from None
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise OSError(f"127.0.0.1:{port}: answers, but not with 200")
    return body.decode(errors="replace")


def _within[S: socket.socket](asked: S, until: float) -> S:
    """The same socket, with what is left of its time. Raises `TimeoutError` when none is."""
    asked.settimeout(_left(until))
    return asked


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
