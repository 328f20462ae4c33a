"""Properties 20 and 21, the fetching half: lists that a stranger signed, old ones, broken ones; the one before stays."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sipkit.sti import Provider
from trunkward.stiauthority.home import serial
from trunkward.stiauthority.issuing import Issuer, issue_administrator
from wire.shaken.authority.conftest import Keeper

LIST, REVOCATIONS = "/api/v1/ca-list", "/download/v1/crl"


def stranger() -> Issuer:
    """Who calls itself the same, with another key."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issue_administrator(key, serial=serial(), now=datetime.now(UTC))
    return Issuer(certificate=certificate, key=key)


def signed_by_another(provider: Provider) -> None:
    provider.sti.administrator.list_signer = stranger()


def ended(provider: Provider) -> None:
    provider.sti.administrator.list_lifetime = timedelta(seconds=-10)


def played_back(provider: Provider) -> None:
    provider.sti.administrator.edition = 1


def down(provider: Provider) -> None:
    provider.sti.administrator.down |= {LIST, REVOCATIONS}


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (signed_by_another, "list-signature"),
        (ended, "list-expired"),
        (played_back, "list-older"),
        (down, "503: down for maintenance"),
    ],
)
def test_a_bad_trusted_list_is_refused_and_the_one_before_stays(
    provider: Provider, keeper: Keeper, case: Callable[[Provider], None], said: str
) -> None:
    """Summary: Properties 11 and 20: the trusted list is the administrator's, newer than the last, and not ended; or the last one stays."""
    file = provider.identities / "trusted-list.jwt"
    before, state = file.read_bytes(), keeper.all.trusted_list
    assert (state.entries, state.problem) == (1, "")
    case(provider)
    later = datetime.now(UTC) + timedelta(hours=1, minutes=1)
    identity = keeper.round(later)
    after = keeper.all.trusted_list
    assert said in after.problem
    assert (after.at, after.entries) == (state.at, 1)
    assert file.read_bytes() == before
    # what stands on it goes on
    assert identity.url
    assert identity.problem == ""
    # asked again soon, not in an hour
    assert after.next_attempt is not None
    assert after.next_attempt <= later + timedelta(seconds=31)
    provider.sti.administrator.list_signer = None
    provider.sti.administrator.list_lifetime = timedelta(days=1)
    provider.sti.administrator.edition = 0
    provider.sti.administrator.down.clear()
    keeper.round(later + timedelta(seconds=31))
    assert keeper.all.trusted_list.problem == ""
    assert file.read_bytes() != before


def test_without_a_list_nothing_is_trusted_and_nothing_asked_for(provider: Provider) -> None:
    """Summary: Property 20: a first list that a stranger signed is no list: no certificate is ordered on its word."""
    signed_by_another(provider)
    keeper = Keeper(provider)
    state = keeper.round()
    assert (state.url, state.next_attempt) == ("", None)
    assert provider.sti.authority._orders == {}
    assert keeper.all.trusted_list.at is None
    assert not (provider.identities / "trusted-list.jwt").exists()


def test_a_list_on_the_disk_that_somebody_changed_is_not_believed(provider: Provider, keeper: Keeper) -> None:
    """Summary: what was kept is checked like what is fetched."""
    file = provider.identities / "trusted-list.jwt"
    header, payload, signature = file.read_text().split(".")
    file.write_text(f"{header}.{payload[:-2]}AA.{signature}")
    provider.sti.administrator.down.add(LIST)
    again = Keeper(provider)
    assert "list-" in again.all.trusted_list.problem
    assert again.round().url == ""


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"]
)
def test_a_revocation_list_that_cannot_be_read_is_no_list(
    provider: Provider, keeper: Keeper, content: bytes
) -> None:
    """Summary: Property 21: unreadable is never good: the list before stays, and where there is none nothing is known."""
    file = provider.identities / "crl.der"
    before = file.read_bytes()
    provider.sti.administrator.revocations_instead = content
    assert keeper.round(datetime.now(UTC) + timedelta(hours=1, minutes=1)).revocation == "good"
    assert keeper.all.revocations.problem
    assert file.read_bytes() == before
    # without one before
    file.unlink()
    state = Keeper(provider).round()
    assert (state.revocation, bool(state.url)) == ("unknown", True)
    assert not file.exists()


def test_a_revocation_list_of_a_stranger(provider: Provider, keeper: Keeper) -> None:
    """Summary: Property 21: the revocation list is signed by the administrator that was written down, and by nobody else."""
    provider.sti.administrator.revocations_signer = stranger()
    keeper.round(datetime.now(UTC) + timedelta(hours=1, minutes=1))
    assert "crl-signature" in keeper.all.revocations.problem
    assert keeper.all.revocations.entries == 0


def test_both_are_kept_over_a_restart(provider: Provider, keeper: Keeper) -> None:
    """Summary: a new process does not ask at once for what it has."""
    asked = dict(provider.sti.administrator.asked)
    again = Keeper(provider)
    assert again.round().url
    assert provider.sti.administrator.asked == asked
    now_s = time.time()
    assert provider.trusted_list(now_s).roots == (provider.sti.home.root.certificate,)
