"""What status says of the certificates peers see."""

from datetime import UTC, datetime, timedelta

import pytest

from trunkward.cli.certificate_lines import shown_lines
from trunkward.control.shown_certificate import Lifetime
from trunkward.engines.certificates import Shown

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ACME = "acme https://ca.example.net/directory"


def lasting(left: timedelta, lifetime: timedelta = timedelta(days=90)) -> Lifetime:
    return Lifetime(begins=NOW + left - lifetime, ends=NOW + left)


@pytest.mark.parametrize(
    ("left", "said", "style"),
    [
        (timedelta(days=60), "60 days left, until 2027-01-24 12:00 UTC", ""),
        (timedelta(days=20), "20 days left, until 2026-12-15 12:00 UTC", "yellow"),
        (timedelta(hours=50), "50 hours left, until 2026-11-27 14:00 UTC", "yellow"),
        (timedelta(minutes=5), "5 min left, until 2026-11-25 12:05 UTC", "yellow"),
        (timedelta(0), "ended, until 2026-11-25 12:00 UTC", "red"),
    ],
)
def test_how_long_it_lasts(left: timedelta, said: str, style: str) -> None:
    (line,) = shown_lines(Shown(name="server", source=ACME, lifetime=lasting(left)), NOW)
    assert line.plain == f"  certificate shown            {ACME}: {said}"
    assert [span.style for span in line.spans] == ([style] if style else [])


def test_what_is_wrong_and_what_comes_next() -> None:
    one = Shown(
        name="server", source=ACME, lifetime=lasting(timedelta(days=40)), next_attempt=NOW, problem="asked in vain"
    )  # fmt: skip
    assert [line.plain for line in shown_lines(one, NOW)][1:] == [
        "    asked in vain",
        "    asked for again at 2026-11-25 12:00:00 UTC",
    ]


def test_none_yet() -> None:
    lines = shown_lines(Shown(name="client-north", source="files /c.pem", lifetime=None), NOW)
    assert lines[0].plain.endswith("files /c.pem: none yet; the own authority's is shown meanwhile")
    assert lines[0].plain.startswith("  shown to north ")
