"""Session timers as messages say them (RFC 4028 sections 4, 7 and 8): what is asked for, and agreed to."""

import pytest

from trunkward.edge.lines import Lines
from trunkward.edge.session_expires import agreed_s, offered, refreshes


def head(*lines: str) -> Lines:
    return Lines("\r\n".join(["INVITE sip:a@example.com SIP/2.0", "CSeq: 1 INVITE", *lines, "", ""]))


@pytest.mark.parametrize(
    ("lines", "most_s", "asked", "instead"),
    [
        # a proxy offers it where the caller does not
        ((), 1800, 1800, "1800"),
        (("Supported: timer",), 1800, 1800, "1800"),
        # what is asked for and shorter stays as it is, in either form
        (("Session-Expires: 600;refresher=uac",), 1800, 600, ""),
        (("x: 1800",), 1800, 1800, ""),
        # longer is lowered, who refreshes stays
        (("Session-Expires: 86400;refresher=uac",), 1800, 1800, "1800;refresher=uac"),
        (("x: 1801",), 1800, 1800, "1800"),
        # not below the least its sender, or the RFC, allows
        (("Session-Expires: 86400", "Min-SE: 2400"), 1800, 2400, "2400"),
        (("Session-Expires: 2400", "Min-SE: 2400"), 1800, 2400, ""),
        (("Session-Expires: 300",), 60, 90, "90"),
        ((), 60, 90, "90"),
        # nothing one could go by
        (("Session-Expires: soon",), 1800, 1800, "1800"),
        (("Session-Expires: 0",), 1800, 1800, "1800"),
        (("Session-Expires: 99999999999",), 1800, 1800, "1800"),
        # it is not ours to offer
        ((), 0, 0, ""),
        (("Session-Expires: 86400",), 0, 86400, ""),
    ],
)
def test_what_is_asked_for(lines: tuple[str, ...], most_s: int, asked: int, instead: str) -> None:
    assert offered(head(*lines), most_s) == (asked, instead)


@pytest.mark.parametrize(
    ("lines", "can"),
    [
        ((), False),
        (("Supported: 100rel, timer",), True),
        (("k: Timer",), True),
        (("Supported: 100rel", "Supported: timer"), True),
        (("Supported: timers, xtimer",), False),
    ],
)
def test_who_can_refresh(lines: tuple[str, ...], can: bool) -> None:
    assert refreshes(head(*lines)) is can


@pytest.mark.parametrize(
    ("lines", "agreed"),
    [
        (("Session-Expires: 900;refresher=uas",), 900),
        (("x:   900 ; refresher=uac",), 900),
        # 7.2: a 2xx without it ends the timer
        ((), 0),
        (("Session-Expires: never",), 0),
    ],
)
def test_what_a_2xx_agrees_to(lines: tuple[str, ...], agreed: int) -> None:
    assert agreed_s(head(*lines)) == agreed
