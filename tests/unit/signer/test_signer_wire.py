"""Frames, whatever pieces they arrive in."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.engines.signer_wire import MAX_FRAME, Deframer, FrameTooLarge, SignRequest, frame


@given(st.lists(st.binary(max_size=40), max_size=8), st.lists(st.integers(0, 400), max_size=12))
def test_frames_come_out_as_they_went_in(payloads: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frame(payload) for payload in payloads)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    deframer = Deframer()
    out: list[bytes] = []
    for start, end in pairwise(edges):
        out += deframer.feed(stream[start:end])
    assert out == payloads


def test_largest_frame_and_one_byte_more() -> None:
    assert Deframer().feed(frame(b"x" * MAX_FRAME)) == [b"x" * MAX_FRAME]
    with pytest.raises(FrameTooLarge):
        frame(b"x" * (MAX_FRAME + 1))
    # Refused by its announcement, before a byte of it is kept.
    with pytest.raises(FrameTooLarge):
        Deframer().feed((MAX_FRAME + 1).to_bytes(4, "big"))


def test_a_request_carries_no_url_and_no_certificate() -> None:
    assert set(SignRequest.__struct_fields__) == {
        "id", "identity", "kind", "trunk", "tenant", "customer", "ingress", "orig", "dest", "level", "rule",
        "relationship", "evidence", "supplied", "div", "received_iat", "rcd", "origid", "record_id", "call_id_hash",
    }  # fmt: skip
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"trunk":"a","x5u":"https://example.com/"}', type=SignRequest)
