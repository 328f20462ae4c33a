"""One text for one content: nothing else decodes."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.shaken import base64url


@given(st.binary(max_size=100))
def test_as_the_standard_library_writes_it_without_padding(data: bytes) -> None:
    text = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert base64url.encode(data) == text
    assert base64url.decode(text) == data


@pytest.mark.parametrize(
    "text", ["YQ==", "YR", "YWJ", "Y Q", "Y", "YWJjZ", "Y+Q", "Y/Q", "YQ\n", "é", "YQ.", "YW\0j", "="]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64url|ascii"):
        base64url.decode(text)


@given(st.text(alphabet="AQgw-_+/=8 \n", max_size=12))
def test_what_decodes_is_what_would_be_written(text: str) -> None:
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(data) == text
