"""The Call-ID mask, against what Kamailio itself made of Call-IDs."""

import base64
import re
import string

import pytest

from trunkward.engines.call_id_mask import _crc, mask_alphabet, mask_prefix

#: The key of a laboratory node that lived for one test run.
KEY = "b1ef1de4d20d49cece32c67da00ebeb3"
BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"


@pytest.mark.parametrize(
    ("call_id", "masked"),
    [
        # as sent to the node, and as topoh of Kamailio 6.0.1 passed it on with this key
        ("9240585f09fed42f", "!!:QVUnT1YNxRXqQRDHD1WED3**"),
        ("911b115a3eecc268", "!!:QVSgXvSgxRS5DRZvX5UKQ0**"),
        ("9fd3c0a2a4168b45", "!!:QRD7TKTqXVoIx1SKQbUnxW**"),
    ],
)
def test_the_alphabet_is_kamailios(call_id: str, masked: str) -> None:
    ours = str.maketrans(BASE64 + "=", mask_alphabet(KEY) + "*")
    assert "!!:" + base64.b64encode(call_id.encode()).decode().translate(ours) == masked


@pytest.mark.parametrize("key", [KEY, "k", "another key", "x" * 64])
def test_nothing_is_lost_from_the_alphabet(key: str) -> None:
    assert sorted(mask_alphabet(key)) == sorted(string.ascii_letters + string.digits + ".-")


def test_no_node_takes_the_mask_of_another_off() -> None:
    prefixes = {mask_prefix(key) for key in (KEY, "another key", "x" * 32)}
    assert len(prefixes) == 3
    # all of one length, so that none is the beginning of another; a word of RFC 3261 25.1
    assert all(re.fullmatch("!![0-9a-f]{8}:", prefix) for prefix in prefixes)
    assert mask_prefix(KEY) == mask_prefix(KEY)


def test_the_checksum_is_crc_16_x25() -> None:
    # the check value of the catalogue of CRC algorithms for CRC-16/IBM-SDLC, also called X-25
    assert _crc(b"123456789") == 0x906E
