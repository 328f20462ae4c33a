"""What is written is JSON that any reader reads, and only that is read back."""

import json
from typing import Any

import pytest

from trunkward.edge.compact import compact, expand


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, 1.5, 2**60, "", "plain", 'quote " and \\ back', "line\r\nend", "\x00\x1f", "ü😀", [], {},
        [1, "a", None], {"a": {"b": [True, {"c": 1.25}]}, "": ""},
    ],
)  # fmt: skip
def test_a_value_comes_back(value: Any) -> None:
    text = compact(value)
    assert json.loads(text) == value
    assert expand(text) == value
    assert text == json.dumps(value, separators=(",", ":"))


def test_it_is_one_line_of_ascii() -> None:
    text = compact({"name": "Zoë\nO'Hara", "list": [1, 2]})
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text.replace("O'Hara", "")


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "{", '{"a":1', '{"a":1}x', "[1,]", "nothing", "'a'", "\x00"]
)
def test_what_was_not_written_here_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a value of ours|Expecting|Illegal|Unterminated"):
        expand(text)


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object()])
def test_what_is_no_json_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        compact(value)
