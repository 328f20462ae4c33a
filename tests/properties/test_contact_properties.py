"""Reading Contact: what was written comes out again, and nothing else is raised than is said."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from trunkward.sip.contact import Contact, MalformedContact, parse_contacts
from trunkward.sip.text import quoted

USERS = st.text("abcXYZ019-_.!~*'()&=+$,;?/", min_size=1, max_size=20)
HOSTS = st.sampled_from(["192.0.2.1", "192.0.2.1:5061", "[2001:db8::1]:5061", "pbx.example.com"])
NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@given(st.lists(st.tuples(NAMES, USERS, HOSTS, VALUES), max_size=5), st.booleans())
def test_what_is_written_by_the_grammar_is_read(
    parts: list[tuple[str, str, str, str]], together: bool
) -> None:
    uris = [f"sip:{user}@{host}" for _, user, host, _ in parts]
    lines = [
        f"{quoted(name)} <{uri}>;expires=60;+sip.instance={quoted(value)}"
        for (name, _, _, value), uri in zip(parts, uris, strict=True)
    ]
    found = parse_contacts([", ".join(lines)] if together and lines else lines)
    assert found is not None
    assert [one.uri for one in found] == uris
    assert [one.params["+sip.instance"] for one in found] == [value for *_, value in parts]


@given(st.lists(st.text(st.sampled_from('*<>"\\;,=sip:a@b.1 \t'), max_size=40), max_size=3))
def test_anything_else_is_refused_in_one_way(values: list[str]) -> None:
    with suppress(MalformedContact):
        found = parse_contacts(values)
        assert found is None or all(isinstance(one, Contact) for one in found)
