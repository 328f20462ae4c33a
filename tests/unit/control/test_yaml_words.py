"""The commonest slips in YAML: said in words that say what to do, at the place where it is to be done."""

import pytest

from trunkward.control.yaml_lines import read_yaml


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("a: [1, 2\nb: 3\n", 1, 4, "write its ]"),
        ("a: {b: 1\nc: 2\n", 1, 4, "write its }"),
        ('a: "x\nb: 3\n', 1, 4, "quotation mark"),
        ("tenants\n  - name: a\nb: 3\n", 2, 9, "the line above lacks its own"),
        ("b: 1\ntenants\nc: 3\n", 2, 1, "this key lacks its ':'"),
        ("node:\n  name: a\n tls: 3\n", 3, 2, "begin it in the same column"),
        ("a:\n  - b\n  c: 1\n", 3, 3, "begin each '- '"),
        ("node:\n\tname: x\n", 2, 1, "a tab"),
        ("a: @x\n", 1, 4, "put it in quotation marks"),
        ("a: b: c\n", 1, 5, "a text with a colon"),
    ],
)
def test_slips(text: str, line: int, column: int, said: str) -> None:
    document, (problem,) = read_yaml(text)
    assert document is None
    assert said in problem.message
    assert (problem.line, problem.column) == (line, column)
    assert "while" not in problem.message
