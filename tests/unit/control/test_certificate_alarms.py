"""Who is woken by a certificate, and who is not."""

from datetime import UTC, datetime, timedelta

import pytest

from trunkward.control.certificate_alarms import PATIENCE_S, Level, alarms, event
from trunkward.control.health_facts import CertificateFacts, CertificateOf

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SOON, LONG = NOW + timedelta(days=5), NOW + timedelta(days=60)


def level(until: datetime | None, problem: str = "", *, late: bool = False, wrong_for_s: float = 0) -> Level:
    one = CertificateFacts(
        name="signing certificate of node", of=CertificateOf.SIGNING, until=until, problem=problem, late=late
    )
    (found,) = alarms([one], {one.name: wrong_for_s}, NOW)
    return found.level


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (level(LONG), Level.FINE),
        (level(SOON, late=True), Level.SOON),
        (level(NOW), Level.GONE),
        # one failure mends itself, or does not
        (level(LONG, "down"), Level.FINE),
        # the last quarter waits for no patience: of a short life it may be shorter
        (level(SOON, "down", late=True), Level.SOON),
        (level(LONG, "down", wrong_for_s=PATIENCE_S), Level.SOON),
        # one that was never there is waited for
        (level(None, "none yet"), Level.FINE),
        (level(None, "none yet", wrong_for_s=PATIENCE_S), Level.GONE),
    ],
)
def test_levels(found: Level, expected: Level) -> None:
    assert found is expected


def test_what_is_told_says_what_it_means_for_calls() -> None:
    one = CertificateFacts(
        name="trusted list", of=CertificateOf.TRUSTED_LIST, until=NOW, problem="list-signature"
    )
    (found,) = alarms([one], {}, NOW)
    assert found.text == (
        "trusted list ended 2026-11-26 12:00 UTC: list-signature: no signing certificate is trusted, ours or a caller's"
    )
    assert event(found, "sbc.example.com", "2026-11-26T12:00:00Z") == {
        "type": "certificate.alarm",
        "timestamp": "2026-11-26T12:00:00Z",
        "data": {
            "node": "sbc.example.com",
            "certificate": "trusted list",
            "level": "gone",
            "text": found.text,
        },
    }
