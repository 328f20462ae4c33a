"""A byte stream is cut into messages however the network cut it."""

import pytest

from sipkit.framing import MAX_HEAD_BYTES, Framer, UnframeableStreamError

ONE = b"MESSAGE sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\n\r\n\r\n"  # its body is two empty lines
TWO = b"OPTIONS sip:b SIP/2.0\r\nl:0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_any_cut_gives_the_same_messages(size: int) -> None:
    framer = Framer()
    stream = ONE + TWO + TWO + ONE
    found = [m for at in range(0, len(stream), size) for m in framer.feed(stream[at : at + size])]
    assert found == [ONE, TWO, TWO, ONE]


def test_keep_alives_between_messages_are_counted_and_dropped() -> None:
    framer = Framer()
    assert framer.feed(TWO + b"\r\n\r\n" + ONE) == [TWO, ONE]
    assert framer.pings == 1


def test_headers_without_end_are_given_up() -> None:
    with pytest.raises(UnframeableStreamError):
        Framer().feed(b"x" * (MAX_HEAD_BYTES + 1))
