"""What is a stranger's own and what leads to the trusted list: a quota, so whatever cannot be read is a stranger's."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from sipkit.provider import Provider
from trunkward.engines.trust import Trust
from trunkward.fetcher.leading import Leading
from trunkward.shaken.trusted_list import TrustedList

NOW = 1_790_000_000.0


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider(now=datetime.fromtimestamp(NOW, UTC))


def leading(trust: Trust | None) -> Leading:
    return Leading(SimpleNamespace(trust=trust))  # type: ignore[arg-type]


def test_only_what_leads_to_the_list(provider: Provider) -> None:
    stranger = Provider(now=datetime.fromtimestamp(NOW, UTC))
    asks = leading(Trust(authorities=TrustedList.of(provider.root)))
    assert asks(provider.chain.decode(), NOW)
    assert not asks(stranger.chain.decode(), NOW)
    assert not asks(provider.chain.decode(), NOW + 366 * 86_400), "its time is over"
    assert not asks("rubbish \u2028", NOW)


def test_without_a_list_nothing_does(provider: Provider) -> None:
    assert not leading(None)(provider.chain.decode(), NOW)


def test_a_library_that_stumbles_is_no_yes(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbles(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("trunkward.fetcher.leading.credential_of", stumbles)
    assert not leading(Trust(authorities=TrustedList.of(provider.root)))(provider.chain.decode(), NOW)
