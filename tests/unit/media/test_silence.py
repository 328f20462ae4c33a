"""The answer of a far end that is nobody: it lets be heard, and gets nothing."""

import pytest

from trunkward.media.sdp import MalformedSdp, parse_sdp
from trunkward.media.silence import silent_answer

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=video 30000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"
    "m=audio 30002 RTP/AVP 111 8 101\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-15\r\na=ssrc:1 cname:x\r\na=sendrecv\r\n"
    "m=audio 30004 RTP/AVP 8\r\n"
)


def test_the_first_audio_stream_and_no_other() -> None:
    answer = silent_answer(OFFER)
    video, audio, second = parse_sdp(answer).media
    assert (video.rejected, audio.rejected, second.rejected) == (True, False, True)
    assert "m=audio 65534 RTP/AVP 111 8 101\r\na=rtpmap:111 opus/48000/2\r\n" in answer
    assert answer.count("a=sendonly") == 1
    assert "ssrc" not in answer
    assert "sendrecv" not in answer
    # nowhere: a caller's voice is sent to nobody
    assert "c=IN IP4 0.0.0.0" in answer


def test_an_audio_stream_that_is_not_wanted_is_not_taken() -> None:
    answer = silent_answer(OFFER.replace("m=audio 30002", "m=audio 0"))
    assert [media.rejected for media in parse_sdp(answer).media] == [True, True, False]


def test_no_offer_no_answer() -> None:
    with pytest.raises(MalformedSdp):
        silent_answer("nonsense")
