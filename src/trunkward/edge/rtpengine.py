"""Speaking to rtpengine: its ng protocol over UDP, in the JSON form, one request at a time.

Not Kamailio's rtpengine module: that keeps a table of calls by SIP Call-ID, which a peer chooses,
blocks a worker for its own idea of a time-out, and cannot give what a `delete` tells about a call.
Flags are written as that module writes them; rtpengine parses them itself (`rtpp-flags`).
"""

import json
import os
import socket
import time
from typing import Any

from trunkward.edge.compact import compact

_LARGEST_REPLY = 65_507
#: What it says of a call it does not know.
_UNKNOWN = "Unknown call-id"


class RtpengineUnavailable(Exception):
    """rtpengine did not answer in time, or said no."""


class RtpengineGone(RtpengineUnavailable):
    """Nobody listens on its port: it has ended, and what it knew with it."""


class Rtpengine:
    """A client for each process; a dead engine costs one deadline, then nothing for a while."""

    def __init__(self, address: tuple[str, int], deadline_s: float, rest_s: float) -> None:
        """Remembers where rtpengine listens; touches nothing yet."""
        self._address = address
        self._deadline_s = deadline_s
        self._rest_s = rest_s
        self._rests_until = 0.0
        self._pid = 0
        self._sent = 0
        self._token = ""
        self._socket: socket.socket | None = None

    def offer(self, call_id: str, from_tag: str, to_tag: str, sdp: str, flags: str, source: str = "") -> str:
        """The SDP to send on instead of this offer; `to_tag` is "" while there is no dialog.

        `source`: the address its signalling comes from, where the flags ask for it.
        """
        request = {
            "command": "offer",
            "call-id": call_id,
            "from-tag": from_tag,
            "sdp": sdp,
            "rtpp-flags": flags,
        }
        return self._sdp(request | ({"to-tag": to_tag} if to_tag else {}) | _received_from(source))

    def answer(self, call_id: str, from_tag: str, to_tag: str, sdp: str, flags: str, source: str = "") -> str:
        """The SDP to send back instead of this answer; `from_tag` is the offerer's."""
        request = {
            "command": "answer",
            "call-id": call_id,
            "from-tag": from_tag,
            "to-tag": to_tag,
            "sdp": sdp,
            "rtpp-flags": flags,
        }
        return self._sdp(request | _received_from(source))

    def delete(self, call_id: str) -> dict[str, Any]:
        """Ends a call; what was negotiated and counted, {} when rtpengine knows no such call, or rests."""
        request = {"command": "delete", "call-id": call_id}
        try:
            if time.monotonic() < self._rests_until:
                used, _ = self._send(request)  # what it did late, or is about to do, must not stay
                used.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # the next request is not to fail for it
                return {}
            return self._ask(request)
        except (RtpengineUnavailable, OSError):
            return {}

    def play(self, call_id: str, to_tag: str, file: str) -> float:
        """Plays a file to one side of a call; the seconds it lasts. It goes on by itself."""
        request = {"command": "play media", "call-id": call_id, "from-tag": to_tag, "file": file}
        lasts_ms = self._ask(request).get("duration")
        if not isinstance(lasts_ms, int) or lasts_ms <= 0:
            raise RtpengineUnavailable(f"{file}: nothing to play in it")
        return lasts_ms / 1000

    def knows(self, call_id: str) -> bool | None:
        """Whether it knows a call of this name; None when it does not say. Raises `RtpengineGone`."""
        try:
            # a tag no call has: nothing is gathered but whether there is the call
            self._ask({"command": "query", "call-id": call_id, "from-tag": "-"})
        except RtpengineGone:
            raise
        except RtpengineUnavailable as problem:
            return False if str(problem) == _UNKNOWN else None
        return True

    def _sdp(self, request: dict[str, Any]) -> str:
        reply = self._ask(request)
        if not reply.get("sdp"):
            raise RtpengineUnavailable("a reply without SDP")
        return str(reply["sdp"])

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        now = time.monotonic()
        if now < self._rests_until:
            raise RtpengineUnavailable("it did not answer a moment ago")
        deadline = now + self._deadline_s
        try:
            used, cookie = self._send(request)
            while True:
                used.settimeout(max(deadline - time.monotonic(), 0.001))
                echoed, _, body = used.recv(_LARGEST_REPLY).partition(b" ")
                if echoed.decode() == cookie:
                    break  # anything else answers a request given up before
            reply = json.loads(body)
        except (OSError, ValueError) as problem:
            self._rests_until = time.monotonic() + self._rest_s
            gone = isinstance(problem, ConnectionRefusedError)  # one that is frozen keeps its port
            raise (RtpengineGone if gone else RtpengineUnavailable)(str(problem)) from problem
        if reply.get("result") != "ok":
            raise RtpengineUnavailable(str(reply.get("error-reason", reply.get("warning", "refused"))))
        return dict(reply)

    def _send(self, request: dict[str, Any]) -> tuple[socket.socket, str]:
        """Sends it; the socket, and the cookie of its answer. Raises `OSError`."""
        if self._socket is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._token = os.urandom(8).hex()
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.connect(self._address)
        self._sent += 1
        # rtpengine answers a cookie it has seen from its memory. Process ids repeat, and in Kamailio's own
        # namespace they do so at every restart: a new process must not be given an old one's answers
        cookie = f"{self._token}_{self._sent}"
        self._socket.send(f"{cookie} {compact(request)}".encode())
        return self._socket, cookie


def _received_from(source: str) -> dict[str, list[str]]:
    # a key of its own: within the flags rtpengine 12.5 takes an IPv4 address for one of IPv6
    return {"received-from": ["IP6" if ":" in source else "IP4", source]} if source else {}
