"""Header lines as Kamailio sees them, and heads it would read otherwise."""

import pytest

from trunkward.edge.lines import Lines

START = "INVITE sip:+12025550199@sbc.example.com SIP/2.0\r\n"
USUAL = "Via: SIP/2.0/TLS pbx.example.com;branch=z9hG4bK1\r\nFrom: <sip:1@example.com>;tag=1\r\n"


def test_values_in_order_under_both_names() -> None:
    head = Lines(f"{START}{USUAL}v: two\r\nVIA : three\r\nSubject: a\r\n b\r\n\r\nX-Body: none\r\n")
    assert head.is_clear
    assert head.values("via") == ["SIP/2.0/TLS pbx.example.com;branch=z9hG4bK1", "two", "three"]
    assert head.values("subject") == ["a b"]
    assert head.names == {"via", "v", "from", "subject"}


@pytest.mark.parametrize("before", ["\r\n", "\r\n\r\n", "\0", " \t\r\n\n\r"])
def test_what_kamailio_passes_over_ends_no_head(before: str) -> None:
    assert "from" in Lines(f"{before}{START}{USUAL}\r\nv=0\r\n").names


def test_what_stands_in_a_body_is_nobodys_business() -> None:
    assert Lines(f"{START}{USUAL}\r\nv=0\ra\nb\0c\n\n").is_clear


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("X-A: 1\r\r\nX-B: 2\r\n", id="CR CR LF, an end to some and none to Kamailio"),
        pytest.param("X-A: 1\rX-B: 2\r\n", id="a bare CR"),
        pytest.param("X-A: 1\nX-B: 2\r\n", id="a bare LF"),
        pytest.param("X-A: 1\n\nX-B: 2\r\n", id="a blank line without CR"),
        pytest.param("X-A: 1\0\r\n", id="NUL"),
        pytest.param(f"{'x' * 125}: 1\r\n", id="a name KSR.hdr.remove refuses"),
        pytest.param("X A: 1\r\n", id="a blank in a name"),
        pytest.param("X-A\x0b: 1\r\n", id="white space that is none of SIP's"),
        pytest.param("X-Ä: 1\r\n", id="a name that is not ASCII"),
        pytest.param(": 1\r\n", id="no name"),
        pytest.param("X-A: 1\r\n" * 300, id="more lines than any message has"),
    ],
)
def test_a_head_that_can_be_read_in_two_ways(line: str) -> None:
    assert not Lines(f"{START}{USUAL}{line}\r\n").is_clear


def test_a_bare_lf_in_the_first_line() -> None:
    # Kamailio ends a status line at CR: what stands behind the LF would go on as part of the phrase
    assert not Lines(f"SIP/2.0 200 OK\nX-A: 1\r\n{USUAL}\r\n").is_clear


def test_the_longest_name_that_can_be_removed() -> None:
    assert Lines(f"{START}{USUAL}{'x' * 124}: 1\r\n\r\n").is_clear
