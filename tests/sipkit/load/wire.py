"""Finding the few things load needs in a raw SIP message, without parsing it."""

from __future__ import annotations

import base64
import re
import secrets

_FOLD = re.IGNORECASE | re.MULTILINE

#: The header lines a response copies from its request, in order (RFC 3261 sections 8.2.6.2 and 12.1.1).
COPIED = re.compile(rb"^(?:v|via|f|from|i|call-id|cseq|record-route)[ \t]*:[^\r]*\r\n", _FOLD)
TO = re.compile(rb"^(?:t|to)[ \t]*:[ \t]*([^\r]*)\r\n", _FOLD)
CALL_ID = re.compile(rb"^(?:i|call-id)[ \t]*:[ \t]*([^\r]*)\r\n", _FOLD)
CSEQ_METHOD = re.compile(rb"^cseq[ \t]*:[ \t]*\d+[ \t]+([A-Z]+)", _FOLD)
CONTACT = re.compile(rb"^(?:m|contact)[ \t]*:[^\r]*?<([^>\r]+)>", _FOLD)
RECORD_ROUTE = re.compile(rb"^record-route[ \t]*:[ \t]*([^\r]*)\r\n", _FOLD)
CRYPTO = re.compile(rb"^a=crypto:(\d+) (\S+) ", _FOLD)
AUDIO = re.compile(rb"^m=audio \d+ (\S+) ", _FOLD)

#: The carrier writes the INVITE's arrival into its To tag, nanoseconds; tags go end to end (RFC 3261
#: section 12).
ARRIVAL_TAG = re.compile(rb"tag=a[0-9a-f]+-(\d+)")

_KEY_BYTES = {b"AEAD_AES_256_GCM": 44, b"AEAD_AES_128_GCM": 28}
_USUAL_KEY_BYTES = 30
_OFFERED = b"AES_CM_128_HMAC_SHA1_80"


def one(pattern: re.Pattern[bytes], message: bytes) -> bytes:
    """Return the pattern's first group, b"" when it is not there."""
    found = pattern.search(message)
    return found[1] if found else b""


def fresh_key(suite: bytes) -> bytes:
    """Return a random SRTP master key and salt of the suite's length, base64."""
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES.get(suite, _USUAL_KEY_BYTES)))


def route_lines(reply: bytes) -> bytes:
    """Return the Route header lines of the caller: Record-Route reversed (RFC 3261 section 12.1.2)."""
    values = RECORD_ROUTE.findall(reply)
    if not values:
        return b""
    hops = [hop.strip() for value in values for hop in value.split(b",")]
    return b"".join(b"Route: %b\r\n" % hop for hop in reversed(hops))


def offer(address: str, port: int) -> bytes:
    """Return an SDES offer of the one suite every PBX speaks, with a fresh key."""
    host = address.encode()
    return (
        b"v=0\r\no=- %d 1 IN IP4 %b\r\ns=-\r\nc=IN IP4 %b\r\nt=0 0\r\nm=audio %d RTP/SAVP 8 101\r\n"
        b"a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
        b"a=crypto:1 %b inline:%b\r\n"
        % (secrets.randbits(31), host, host, port, _OFFERED, fresh_key(_OFFERED))
    )


def answer(invite: bytes, address: str, port: int) -> bytes:
    """Return the answer to the offer in an INVITE: same profile, the first suite offered, a fresh key."""
    profile = one(AUDIO, invite) or b"RTP/AVP"
    crypto = b""
    if found := CRYPTO.search(invite):
        crypto = b"a=crypto:%b %b inline:%b\r\n" % (found[1], found[2], fresh_key(found[2]))
    host = address.encode()
    return (
        b"v=0\r\no=- %d 1 IN IP4 %b\r\ns=-\r\nc=IN IP4 %b\r\nt=0 0\r\nm=audio %d %b 8 101\r\n"
        b"a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n%b"
        % (secrets.randbits(31), host, host, port, profile, crypto)
    )
