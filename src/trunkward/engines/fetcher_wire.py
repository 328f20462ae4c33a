"""What gate and fetcher say to each other: JSON in frames over a unix stream socket.

A frame is a length of 4 bytes, big-endian, and that many bytes of JSON. Many questions may be on their way in
one connection; an answer carries its question's id, and comes when there is one.
"""

import asyncio

import msgspec

#: Bytes of a frame: a chain of 16 KiB as JSON, and what stands beside it. A question has a URL in it.
MAX_FRAME = 64 * 1024
MAX_QUESTION = 4096
_LENGTH_BYTES = 4


#: Why there is none, which says nothing of the URL (`fetch.chains.Why.BUSY`): its sender wants too many.
TOO_MANY = "too-many-fetches"

#: Seconds, at most, for which a host is not asked again that had no chain.
MOST_REST_S = 120.0


class ChainAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The chain behind this URL is wanted."""

    id: int
    url: str
    #: The carrier or trunk whose call has it: each has a share of what is fetched.
    sender: str


class ChainGiven(msgspec.Struct, frozen=True, kw_only=True, tag="chain", tag_field="is"):
    """A chain: bytes of a stranger's, in PEM. Who signed it is for the gate to look at."""

    id: int
    chain: str
    #: Seconds since the epoch.
    until: float


class NoChain(msgspec.Struct, frozen=True, kw_only=True, tag="none", tag_field="is"):
    """There is none, and nobody asks its host again before `until` (seconds since the epoch)."""

    id: int
    #: One of `fetch.chains.Why`.
    why: str
    detail: str
    until: float


type ChainAnswer = ChainGiven | NoChain


def holds(answer: ChainAnswer, now_s: float) -> bool:
    """Whether nobody has to ask again yet, at a time in seconds since the epoch.

    A host that is left alone for longer than any ever is was asked by a clock that was ahead.
    """
    left_s = answer.until - now_s
    return left_s > 0 and (isinstance(answer, ChainGiven) or left_s <= MOST_REST_S)


encode = msgspec.json.Encoder().encode
decode_asked = msgspec.json.Decoder(ChainAsked).decode
decode_answer = msgspec.json.Decoder(ChainAnswer).decode


class Garbled(ValueError):
    """The other side does not speak this."""


async def read_frame(reader: asyncio.StreamReader, most: int) -> bytes | None:
    """The next frame, b"" for the question whether anybody is alive; None when the other side has closed.

    Raises `Garbled` for one of more than `most` bytes.
    """
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
        if length > most:
            raise Garbled(f"a frame of {length} bytes, at most {most} are taken")
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def frame(payload: bytes) -> bytes:
    """One frame."""
    return len(payload).to_bytes(_LENGTH_BYTES, "big") + payload
