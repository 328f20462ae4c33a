"""A PBX that answers challenges. Written for these tests alone: nothing of the node's own code is in it."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field, replace

from sipkit.call import Call
from sipkit.message import Message
from sipkit.transport import Flow
from wire.node.parties import Party, invite

_HASHES = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}


@dataclass(kw_only=True)
class Answering:
    """Username and password, and the nonce in use."""

    username: str
    password: str
    algorithm: str = "SHA-256"
    nonce: str = ""
    realm: str = ""
    count: int = 0
    #: What is written otherwise, to see that it is refused.
    altered: dict[str, str] = field(default_factory=dict)

    def take(self, challenge: str) -> None:
        """Notes what it was asked."""
        self.nonce = re.findall(r'nonce="([^"]+)"', challenge)[0]
        self.realm = re.findall(r'realm="([^"]+)"', challenge)[0]
        self.count = 0

    def header(self, method: str, uri: str) -> str:
        """The next answer."""
        self.count += 1
        said = {
            "username": self.username,
            "realm": self.realm,
            "nonce": self.nonce,
            "uri": uri,
            "cnonce": secrets.token_hex(8),
            "nc": f"{self.count:08x}",
        } | self.altered

        def hashed(*parts: str) -> str:
            return _HASHES[self.algorithm](":".join(parts).encode()).hexdigest()

        ha1 = hashed(said["username"], said["realm"], self.password)
        ha2 = hashed(method, said["uri"])
        response = hashed(ha1, said["nonce"], said["nc"], said["cnonce"], "auth", ha2)
        return (
            f'Digest username="{said["username"]}", realm="{said["realm"]}", nonce="{said["nonce"]}", '
            f'uri="{said["uri"]}", response="{response}", algorithm={self.algorithm}, '
            f'cnonce="{said["cnonce"]}", qop=auth, nc={said["nc"]}'
        )


async def final(party: Party, flow: Flow, message: Message) -> tuple[Call, Message]:
    """Places a call, and waits for what is said to it."""
    call = party.place(message, flow, session=party.session)
    return call, await call.final()


async def digest_call(
    party: Party, flow: Flow, number: str, answering: Answering, *, sender: str = ""
) -> tuple[Call, Message]:
    """Calls; asked for credentials, calls again with them, as the same call (RFC 3261 section 22.2)."""
    first = invite(party, flow, number, sender=sender)
    if answering.nonce:
        first = _with(first, answering)
    call, reply = await final(party, flow, first)
    if reply.status != 407:
        return call, reply
    wanted = f"algorithm={answering.algorithm},"
    answering.take(next(value for value in reply.get_all("Proxy-Authenticate") if wanted in value))
    tag = first.get("From").partition(";tag=")[2]
    again = invite(party, flow, number, sender=sender, call_id=first.call_id, from_tag=tag)
    return await final(party, flow, _with(again, answering, cseq=2))


def _with(message: Message, answering: Answering, cseq: int = 1) -> Message:
    lines = [(name, f"{cseq} INVITE" if name == "CSeq" else value) for name, value in message.headers]
    shown = ("Proxy-Authorization", answering.header("INVITE", message.uri))
    return replace(message, headers=(*lines, shown))
