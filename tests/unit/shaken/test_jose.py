"""One JSON text has one meaning, or it is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.shaken.causes import Refused
from trunkward.shaken.jose import decode

TWICE = [
    b'{"a":1,"a":2}',
    b'{"a":1,"a":1}',
    b'{"a":1, "a":2}',
    b'{"a" :1,"a":2}',
    b'{"\\u0061":1,"a":2}',
    b'{"a":{"b":1,"b":2}}',
    b'{"a":[{"b":1,"b":2}]}',
    b'{"a":":","a":1}',
    b'{"":1,"":2}',
    b'{"a":"\\"","a":1}',
]
MALFORMED = [
    b"",
    b"{",
    b"[]",
    b"1",
    b"null",
    b'"{}"',
    b"{}{}",
    b"{'a':1}",
    b'{"a":1,}',
    b"{a:1}",
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":01}',
    b'{"a":"\x01"}',
    b'{"a":"\xff"}',
    b'{"a":"\xc0\x80"}',
    b'{"a":"\xed\xa0\x80"}',
    b'{"a":"\\ud800"}',
    b'{"a":"\\x"}',
    b"\xef\xbb\xbf{}",
    '{"a":1}'.encode("utf-16"),
    b'{"a":[[[[1]]]]}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
]


@pytest.mark.parametrize("data", TWICE)
def test_key_that_comes_twice(data: bytes) -> None:
    with pytest.raises(Refused, match="json-key-twice"):
        decode(data)


@pytest.mark.parametrize("data", MALFORMED)
def test_what_is_no_object_in_utf8(data: bytes) -> None:
    with pytest.raises(Refused, match="json-malformed"):
        decode(data)


@pytest.mark.parametrize(
    "data", [b"{}", b' {"a" : [1 , {"b":null}] }\n', b'{"a:b":":","c":"\\":"}', b'{"a":[[[1]]]}']
)
def test_good_json(data: bytes) -> None:
    assert decode(data) == json.loads(data)


def test_depth_is_counted_in_levels() -> None:
    for depth in (1, 4, 8):
        data = b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)
        assert decode(data, depth) == json.loads(data)
        with pytest.raises(Refused, match="json-malformed"):
            decode(b'{"a":' + data + b"}", depth)
    assert decode(b"{}", 1) == {}


LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
)
VALUE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), VALUE, max_size=4), st.sampled_from([None, 1]), st.booleans())
def test_reads_as_any_reader_does(value: dict[str, Any], indent: int | None, ascii_only: bool) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        assert decode(data, 50) == value
    except Refused:
        # Python writes halves of surrogate pairs, which are no characters
        assert any("\ud800" <= character <= "\udfff" for character in json.dumps(value, ensure_ascii=False))


@given(st.dictionaries(st.sampled_from("abc"), VALUE, min_size=1, max_size=3), st.data())
def test_a_key_put_in_once_more_is_seen(value: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(value)))
    text = json.dumps(value, separators=data.draw(st.sampled_from([(",", ":"), (", ", " : ")])))
    again = f'{{"{key}":{data.draw(st.sampled_from(["1", "{}", ":".join(["[]"])]))},{text[1:]}'
    with pytest.raises(Refused):
        decode(again.encode(), 50)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        assert isinstance(decode(data), dict)
    except Refused:
        return
