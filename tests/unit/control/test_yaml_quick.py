"""The quick way through a file says the same as the one that can say where and why."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.control import yaml_lines
from trunkward.control.yaml_lines import read_yaml

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


def slowly(text: str) -> object:
    document, problems = yaml_lines._explained(text)
    return (document.value if document else None), problems


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: -5\nc: +7\nd: 1.5\ne: true\nf: yes\ng: off\nh: null\ni: ~\nj:\n",
        "a: 'true'\nb: \"5061\"\nc: |\n  two\n  lines\nd: >\n  folded\n",
        "a: [1, two, [three]]\nb: {c: d, e: [f]}\n",
        "5061: port\ntrue: key\n",
        "a: 192.0.2.1\nb: 192.0.2.0/24\nc: 2001:db8::1\nd: 127.0.0.1:5061\n",
        "a: 2001-12-14\nb: 2026-01-15T10:00:00Z\n",
        "- 1\n- a\n",
        "text\n",
        EXAMPLE,
    ],
)
def test_what_is_good_is_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = slowly(text)
    with monkeypatch.context() as without:
        without.setattr(yaml_lines, "_explained", lambda _: pytest.fail("not the quick way"))
        document, problems = read_yaml(text)
    assert document is not None
    assert (document.value, problems) == slow


@pytest.mark.parametrize(
    "text",
    [
        "", "# only a comment\n", "a: 1\na: 2\n", "a: 05061\n", "a: 0x10\n", "a: 1:30\n",
        "a: &x 1\nb: *x\n", "a: !!python/name:os.system\n", "a: !!binary aGk=\n", "<<: {a: 1}\n", "? [a]\n: b\n",
        "a: =\n", "a: {\n", "a: b: c\n", "\ta: 1\n", "a: 1\n---\nb: 2\n", "a: \x01\n",
        "a: " + "[" * 20 + "]" * 20 + "\n",
    ],
)  # fmt: skip
def test_what_is_not_is_said_by_the_other(text: str) -> None:
    document, problems = read_yaml(text)
    assert ((document.value if document else None), problems) == slowly(text)
    assert problems


@given(
    st.recursive(
        st.sampled_from(["1", "x", "'q'", "true", "+1202", "1.5", "~", "05", "a b", "2001-01-01", "0", "-"]),
        lambda inner: (
            st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")
            | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3).map(
                lambda items: "{" + ", ".join(f"{k}: {v}" for k, v in items.items()) + "}"
            )
        ),
        max_leaves=8,
    )
)
def test_both_agree_on_anything(text: str) -> None:
    document, problems = read_yaml(text)
    assert ((document.value if document else None), problems) == slowly(text)


def test_where_things_stand_is_found_out_when_it_is_asked() -> None:
    document, _ = read_yaml(EXAMPLE)
    assert document is not None
    line, column = document.mark(("carriers", 1, "transport"))
    assert EXAMPLE.splitlines()[line - 1][column - 1 :].startswith("transport: udp")
    assert document.mark(("carriers", 1, "nothing")) == document.mark(("carriers", 1))
