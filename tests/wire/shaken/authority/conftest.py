"""A provider without a node: the process that keeps its certificate, and real authorities over HTTPS."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sipkit.sti import Provider
from trunkward.certificates.identities import Identities
from trunkward.engines.certificate_state import IdentitiesState, IdentityState


class Keeper:
    """Its rounds, at times a test chooses."""

    def __init__(self, provider: Provider, **task: object) -> None:
        self.provider = provider
        self.identities = Identities(provider.task(**task))  # type: ignore[arg-type]

    def round(self, at: datetime | None = None) -> IdentityState:
        """One of them; how the node's identity stands after it."""
        self.identities.round(at or datetime.now(UTC))
        return self.all.identities["node"]

    @property
    def all(self) -> IdentitiesState:
        """Of everything."""
        return self.identities.state(datetime.now(UTC))


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path)
    made.sti.start()
    try:
        yield made
    finally:
        made.sti.stop()


@pytest.fixture
def keeper(provider: Provider) -> Keeper:
    """With a first certificate in use."""
    found = Keeper(provider)
    state = found.round()
    assert state.problem == ""
    assert state.url
    return found


def late(state: IdentityState) -> datetime:
    """A moment at which renewal is due for sure, long before the end."""
    assert state.until is not None
    return state.until - timedelta(days=20)
