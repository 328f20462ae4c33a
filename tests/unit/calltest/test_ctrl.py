import pytest

from trunkward.calltest.ctrl import CtrlDecoder, CtrlEvent, CtrlFramingError, CtrlResponse, encode_command

EVENT = b'60:{"event":true,"type":"CALL_MENC","param":"0,audio,AES_CM_1"},'


def test_messages_split_and_joined_anywhere_come_out_whole() -> None:
    answer = b'50:{"response":true,"ok":false,"data":"","token":"t"},'
    stream = EVENT + answer
    for cut in range(len(stream)):
        decoder = CtrlDecoder()
        messages = decoder.feed(stream[:cut], 1.0) + decoder.feed(stream[cut:], 1.0)
        assert messages == [
            CtrlEvent(type="CALL_MENC", param="0,audio,AES_CM_1", at_s=1.0),
            CtrlResponse(token="t", ok=False, data=""),
        ]


@pytest.mark.parametrize("garbage", [b"x:{}", b"2:{}x", b"99999999:", b"2:{x,"])
def test_anything_else_is_an_error(garbage: bytes) -> None:
    with pytest.raises(CtrlFramingError):
        CtrlDecoder().feed(garbage, 1.0)


def test_a_command_is_a_netstring() -> None:
    framed = encode_command("dial", "sip:+12025550142@127.0.0.10", "c1")
    length, _, body = framed.partition(b":")
    assert int(length) == len(body) - 1
    assert body.endswith(b"},")
