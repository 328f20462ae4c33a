"""When a certificate, or what ends in the same way, is a trouble, and what its end means for calls."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trunkward.control.health import health
from trunkward.control.health_facts import CertificateFacts, CertificateOf
from unit.control.seen import NOW, facts


def _certificate(of: CertificateOf, days: float | None, name: str = "x.pem") -> CertificateFacts:
    until = None if days is None else datetime.fromtimestamp(NOW, UTC) + timedelta(days=days)
    return CertificateFacts(name=name, of=of, until=until)


@pytest.mark.parametrize(
    ("days", "late", "problem", "said"),
    [
        # six days in all: what is left says nothing, its lifetime does
        (4, False, "", None),
        (1, True, "", "ends "),
        (40, True, "asked for twice in vain: no", "asked for twice in vain: no"),
        (None, True, "none yet", "none yet"),
        (-1, True, "", "ended 2"),
    ],
)
def test_a_certificate_from_elsewhere(days: float | None, late: bool, problem: str, said: str | None) -> None:
    certificate = replace(_certificate(CertificateOf.SHOWN, days), late=late, problem=problem)
    found = health(facts(certificates=(certificate,)))
    assert found.ready
    assert [trouble.problem.startswith(said or "-") for trouble in found.troubles] == ([True] if said else [])


@pytest.mark.parametrize("of", list(CertificateOf))
@pytest.mark.parametrize(
    ("days", "problem", "words"),
    [(16, None, ""), (14, "ends ", "from then on: "), (-1, "ended ", ""), (None, "cannot be read", "")],
)
def test_certificates_that_end(
    of: CertificateOf, days: float | None, problem: str | None, words: str
) -> None:
    found = health(facts(certificates=(_certificate(of, days),)))
    assert found.ready
    if problem is None:
        assert not found.troubles
    else:
        (trouble,) = found.troubles
        assert trouble.problem.startswith(problem)
        assert trouble.means.startswith(words)


def test_an_end_on_this_very_day_has_its_time() -> None:
    ends = datetime.fromtimestamp(NOW, UTC).replace(hour=23, minute=59)
    one = CertificateFacts(
        name="signing certificate of node", of=CertificateOf.SIGNING, until=ends, problem="down", late=False
    )
    (trouble,) = health(facts(certificates=(one,))).troubles
    assert trouble.means.startswith(f"from {ends:%Y-%m-%d} 23:59 UTC on: ")


def test_a_thousand_certificates_that_end_together_are_one_trouble() -> None:
    ending = tuple(_certificate(CertificateOf.PEER, 3, f"peers/{index}.pem") for index in range(1000))
    (trouble,) = health(facts(certificates=ending)).troubles
    assert trouble.what == "peers/0.pem and 999 more"


def test_one_that_has_ended_says_why_there_is_no_other() -> None:
    certificate = replace(_certificate(CertificateOf.SIGNING, -1), problem="Connection refused")
    (trouble,) = health(facts(certificates=(certificate,))).troubles
    assert trouble.problem.startswith("ended ")
    assert trouble.problem.endswith("; Connection refused")
