"""Contact headers: what PBXs write, and what is no contact."""

import pytest

from trunkward.sip.contact import MalformedContact, parse_contacts


@pytest.mark.parametrize(
    ("values", "uris", "params"),
    [
        (["<sip:a@192.0.2.1>"], ["sip:a@192.0.2.1"], [{}]),
        # without brackets a parameter is the header's (RFC 3261 section 20.10)
        (["sip:a@192.0.2.1;expires=60"], ["sip:a@192.0.2.1"], [{"expires": "60"}]),
        (
            ["<sip:a@192.0.2.1;transport=tls>;expires=60"],
            ["sip:a@192.0.2.1;transport=tls"],
            [{"expires": "60"}],
        ),
        (
            ['"A, \\"B\\" <x>" <sip:a@192.0.2.1>;q=0.5, <sips:b@[2001:db8::1]:5061>'],
            ["sip:a@192.0.2.1", "sips:b@[2001:db8::1]:5061"],
            [{"q": "0.5"}, {}],
        ),
        (["<sip:a@192.0.2.1>", "<sip:b@192.0.2.1>"], ["sip:a@192.0.2.1", "sip:b@192.0.2.1"], [{}, {}]),
        (
            ['<sip:a@192.0.2.1>;+sip.instance="<urn:uuid:0-1,2;3>";Reg-ID=1;ob'],
            ["sip:a@192.0.2.1"],
            [{"+sip.instance": "<urn:uuid:0-1,2;3>", "reg-id": "1", "ob": ""}],
        ),
        # a comma or a semicolon in the URI is the URI's
        (["<sip:a,b;c@192.0.2.1>"], ["sip:a,b;c@192.0.2.1"], [{}]),
        (["Alice <sip:a@192.0.2.1>"], ["sip:a@192.0.2.1"], [{}]),
    ],
)
def test_contacts_as_they_are_written(
    values: list[str], uris: list[str], params: list[dict[str, str]]
) -> None:
    found = parse_contacts(values)
    assert found is not None
    assert [one.uri for one in found] == uris
    assert [one.params for one in found] == params


def test_none_and_all() -> None:
    assert parse_contacts([]) == []
    assert parse_contacts([" * "]) is None


@pytest.mark.parametrize(
    "values",
    [
        ["*", "<sip:a@192.0.2.1>"],
        ["*, <sip:a@192.0.2.1>"],
        [""],
        ["<sip:a@192.0.2.1>,"],
        ["<sip:a@192.0.2.1"],
        ['"open <sip:a@192.0.2.1>'],
        ['"a" b <sip:a@192.0.2.1>'],
        ["<sip:a@192.0.2.1> and more"],
        ["<<sip:a@192.0.2.1>>"],
        ["<sip:a@192.0.2.1>;expires=1;Expires=2"],
        ["<sip:a@192.0.2.1>;;q=1"],
        ['<sip:a@192.0.2.1>;x="a"b'],
        ["<mailto:a@example.com>"],
        ["<sip:a b@192.0.2.1>"],
        ["<sip:a@192.0.2.1>," * 300 + "<sip:a@192.0.2.1>"],
    ],
)
def test_what_is_no_contact(values: list[str]) -> None:
    with pytest.raises(MalformedContact):
        parse_contacts(values)
