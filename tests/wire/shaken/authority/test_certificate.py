"""Property 11: a certificate by real ACME with an authority token, and what happens when something is in the way.

In each case the certificate before goes on, and a sentence says what is wrong.
"""

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509

from sipkit.certificates import ThrowawayAuthority
from sipkit.sti import SPC, Provider, new_key
from trunkward.certificates.identities import Identities
from trunkward.engines.certificate_state import IdentityState
from trunkward.shaken.authority_token import Form
from trunkward.shaken.credential import credential_of
from trunkward.shaken.published import published_at
from wire.shaken.authority.conftest import Keeper, late


def test_a_first_certificate(provider: Provider, keeper: Keeper) -> None:
    """Summary: Property 11: token, order, challenge, request, download, checks, publishing, a look from outside, use."""
    state = keeper.round()
    pem, now_s = provider.chain.read_bytes(), time.time()
    credential = credential_of(
        pem, provider.trusted_list(now_s), provider.revocations(now_s), now_s, hard=True
    )
    assert (credential.spc, credential.key) == (SPC, provider.key.public_key())
    assert credential.serial == state.serial
    # the account's key, which the token is bound to, is another
    (account,) = provider.sti.authority._accounts.values()
    assert account.key != credential.key
    # published under a name of its own, leaf first, without the root
    assert state.url == published_at(provider.sti.published_url, SPC, pem)
    assert (provider.published / state.url.rpartition("/")[2]).read_bytes() == pem
    chain = x509.load_pem_x509_certificates(pem)
    assert [one.subject for one in chain[1:]] == [one.issuer for one in chain[:-1]]
    assert provider.sti.home.root.certificate not in chain
    assert (state.revocation, state.problem, state.not_found, state.served) == ("good", "", "", "")
    assert provider.sti.asked == [state.url.rpartition("/")[2]]
    # renewed with a third of its life left, or a little earlier
    assert state.until is not None
    assert state.next_attempt is not None
    assert state.begins is not None
    share = (state.until - state.next_attempt) / (state.until - state.begins)
    assert 1 / 3 <= share <= 1 / 3 + 1 / 20


def test_a_renewal_gets_a_url_of_its_own_and_the_old_one_stays(provider: Provider, keeper: Keeper) -> None:
    """Summary: what is behind a URL never changes, because verifiers keep it for a day."""
    before = keeper.round()
    old = provider.chain.read_bytes()
    after = keeper.round(late(before))
    assert after.url != before.url
    assert provider.chain.read_bytes() != old
    assert (provider.published / before.url.rpartition("/")[2]).read_bytes() == old
    # long after its end nobody asks for it any more
    assert before.until is not None
    keeper.round(before.until + timedelta(days=29))
    assert (provider.published / before.url.rpartition("/")[2]).exists()
    keeper.round(before.until + timedelta(days=31))
    assert not (provider.published / before.url.rpartition("/")[2]).exists()


def test_what_somebody_deleted_is_published_again(provider: Provider, keeper: Keeper) -> None:
    """Summary: a chain that signatures point to does not stay away."""
    name = keeper.round().url.rpartition("/")[2]
    (provider.published / name).unlink()
    keeper.round()
    assert (provider.published / name).read_bytes() == provider.chain.read_bytes()


def token_ends(provider: Provider) -> None:
    provider.sti.administrator.token_lifetime = timedelta(seconds=-60)


def refused_by_the_authority(provider: Provider) -> None:
    provider.sti.authority.refused.add(SPC)


def administrator_down(provider: Provider) -> None:
    provider.sti.administrator.down.add("/api/v1/auth/login")


def wrong_password(provider: Provider) -> None:
    provider.password.write_text("guess\n")


def code_taken_away(provider: Provider) -> None:
    accounts = dict(provider.sti.administrator.accounts)
    accounts[SPC] = replace(accounts[SPC], codes=())
    provider.sti.administrator.accounts = accounts


def external_account_wanted(provider: Provider) -> None:
    provider.sti.authority._accounts.clear()
    provider.sti.authority.external_keys["kid-1"] = b"secret"


def one_key_for_both(provider: Provider) -> None:
    provider.account_key.write_bytes(provider.key_file.read_bytes())


def another_code_in_the_request(provider: Provider) -> None:
    provider.ask_for(provider.key, "111T")


def test_after_its_end_it_is_tried_as_often_as_before(provider: Provider) -> None:
    """Summary: the certificate has ended, calls go unsigned: the next try is as near as it was before the end."""
    provider.sti.authority.lifetime = timedelta(minutes=6)
    keeper = Keeper(provider)
    ends = keeper.round().until
    assert ends is not None
    administrator_down(provider)
    # a twenty-fourth of six minutes lies between two tries, as before its end: it doubles no further
    for second in range(1, 5):
        keeper.round(ends + timedelta(seconds=second))
    after = keeper.round(ends + timedelta(seconds=5))
    assert (after.until, after.ended, after.failures) == (None, ends, 5)
    assert "certificate-expired" in after.problem
    provider.sti.administrator.down.clear()
    provider.sti.authority.lifetime = timedelta(hours=1)
    renewed = keeper.round(ends + timedelta(seconds=6))
    assert renewed.url
    assert renewed.problem == ""  # what was wrong with the one before is over


def test_a_person_does_not_wait_for_the_next_try(provider: Provider, tmp_path: Path) -> None:
    """Summary: `certs renew` writes a wish: what failed is tried at once, one in use is renewed once, and it is said that it was done."""
    keeper, wish = Keeper(provider), tmp_path / "renew"
    keeper.identities = Identities(provider.task(), wish)
    administrator_down(provider)
    assert keeper.round().url == ""
    provider.sti.administrator.down.clear()
    assert keeper.round().url == ""  # it waits
    wish.write_text("1")
    first = keeper.round()
    assert first.url
    assert keeper.all.renewed == "1"
    wish.write_text("2")
    second = keeper.round()
    assert second.url
    assert second.url != first.url
    assert keeper.round().url == second.url


def test_a_person_s_try_puts_the_next_one_off_no_further(provider: Provider, tmp_path: Path) -> None:
    """Summary: `certs renew` that fails is one more try, not one of those that make the next wait longer."""
    keeper, wish = Keeper(provider), tmp_path / "renew"
    keeper.identities = Identities(provider.task(), wish)
    administrator_down(provider)
    failed = keeper.round()
    assert failed.failures == 1
    wish.write_text("1")
    again = keeper.round()
    assert keeper.all.renewed == "1"
    assert (again.failures, again.next_attempt) == (1, failed.next_attempt)


def nobody_there(provider: Provider) -> None:
    provider.sti.stop()


FAILURES: dict[str, tuple[Callable[[Provider], None], str, int]] = {
    "the token has ended": (token_ends, "look at this machine's clock first", 0),
    "the authority refuses": (refused_by_the_authority, "does not certify 000T", 0),
    "the administrator is down": (administrator_down, "503: down for maintenance", 0),
    "wrong password": (wrong_password, "401: user or password is wrong", 0),
    "the code is not ours any more": (code_taken_away, "403: service provider code 000T is not", 0),
    "an external account is wanted": (external_account_wanted, "write external_account", 0),
    "one key for account and certificate": (one_key_for_both, "the account's key is the certificate's", 0),
    "the request is for another code": (another_code_in_the_request, "not the one this order is for", 1),
    "nobody there": (nobody_there, "Connection refused", 0),
}


@pytest.mark.parametrize("case", FAILURES)
def test_what_is_in_the_way_is_said_and_the_one_before_goes_on(
    provider: Provider, keeper: Keeper, case: str
) -> None:
    """Summary: no failure of an authority touches the certificate in use."""
    break_it, said, orders = FAILURES[case]
    before, old = keeper.round(), provider.chain.read_bytes()
    placed = len(provider.sti.authority._orders)
    break_it(provider)
    after = keeper.round(late(before))
    assert said in after.problem
    assert after.failures == 1
    assert (after.url, after.serial) == (before.url, before.serial)
    assert provider.chain.read_bytes() == old
    assert len(provider.sti.authority._orders) - placed == orders
    # not at once again
    assert after.next_attempt is not None
    assert after.next_attempt > datetime.now(UTC) + timedelta(seconds=60)


def test_after_a_failure_it_is_tried_again(provider: Provider, keeper: Keeper) -> None:
    """Summary: an administrator that was down costs nothing but time."""
    before = keeper.round()
    administrator_down(provider)
    failed = keeper.round(late(before))
    provider.sti.administrator.down.clear()
    assert failed.next_attempt is not None
    again = keeper.round(late(before) + timedelta(hours=7))
    assert (again.problem, again.failures) == ("", 0)
    assert again.url != before.url


def test_a_chain_that_nobody_can_fetch_is_not_used(provider: Provider, keeper: Keeper) -> None:
    """Summary: Property 11: no switch before the new URL was found from outside, with exactly this chain."""
    before, old = keeper.round(), provider.chain.read_bytes()
    known = set(provider.sti.asked)
    provider.sti.keeps_back = lambda name: name not in known
    at = late(before)
    waiting = keeper.round(at)
    assert waiting.waiting_url not in ("", before.url)
    assert "answers 404 instead of the chain" in waiting.problem
    assert (waiting.url, provider.chain.read_bytes()) == (before.url, old)
    # a new process goes on with what was issued, and orders nothing
    placed = len(provider.sti.authority._orders)
    another = Keeper(provider)
    assert another.round(at).waiting_url == waiting.waiting_url
    # something else stands there
    file = provider.published / waiting.waiting_url.rpartition("/")[2]
    provider.sti.keeps_back = lambda _name: False
    new = file.read_bytes()
    provider.sti.published = provider.published.parent / "elsewhere"
    provider.sti.stop()
    provider.sti.published.mkdir()
    (provider.sti.published / file.name).write_bytes(old)
    provider.sti.start()
    assert "something else than this chain" in another.round(at + timedelta(hours=2)).problem
    assert provider.chain.read_bytes() == old
    # and at last it is there
    (provider.sti.published / file.name).write_bytes(new)
    done = another.round(at + timedelta(hours=4))
    assert (done.url, done.waiting_url, done.problem) == (waiting.waiting_url, "", "")
    assert provider.chain.read_bytes() == new
    assert len(provider.sti.authority._orders) == placed


def test_a_chain_that_disappears_from_its_url_is_told(provider: Provider, keeper: Keeper) -> None:
    """Summary: the certificate in use is looked for from outside, hour by hour."""
    found = keeper.round()
    provider.sti.keeps_back = lambda _name: True
    assert keeper.round().problem == ""
    gone = keeper.round(datetime.now(UTC) + timedelta(hours=1, minutes=1))
    assert "answers 404" in gone.problem
    assert gone.url == found.url


def test_an_unknown_server_at_the_url_is_refused(provider: Provider, keeper: Keeper) -> None:
    """Summary: the look from outside checks whose HTTPS it is."""
    before = keeper.round()
    other = ThrowawayAuthority(provider.directory / "other")
    task = provider.task()
    (its,) = task.identities
    its = msgspec.structs.replace(its, published_trusted=str(other.trust))
    stranger = Identities(msgspec.structs.replace(task, identities=[its]))
    stranger.round(late(before))
    state = stranger.state(datetime.now(UTC)).identities["node"]
    assert "certificate verify failed" in state.problem
    assert state.url == before.url


def test_a_clock_that_is_behind_is_named(provider: Provider, keeper: Keeper) -> None:
    """Summary: a certificate that begins tomorrow is not put into use, and the sentence says when it begins."""
    before, old = keeper.round(), provider.chain.read_bytes()
    provider.sti.authority.now = lambda: datetime.now(UTC) + timedelta(hours=12)
    behind = keeper.round(late(before))
    assert "certificate-not-yet-valid: from 20" in behind.problem
    assert (behind.url, behind.waiting_url) == (before.url, "")
    assert provider.chain.read_bytes() == old


@pytest.mark.parametrize(
    ("wants", "sends", "works"), [("tkauth", "tkauth", True), ("atc", "atc", True), ("atc", "tkauth", False)]
)
def test_what_the_token_is_called(provider: Provider, wants: str, sends: str, works: bool) -> None:
    """Summary: RFC 9447 says tkauth, the field says atc: a key of the node file says which."""
    provider.sti.authority.challenge_keys = (wants,)
    state = Keeper(provider, token_key=sends).round()
    assert bool(state.url) is works
    if not works:
        assert "the response has no atc" in state.problem


@pytest.mark.parametrize("sends", list(Form))
def test_how_the_account_s_key_is_named(provider: Provider, sends: Form) -> None:
    """Summary: RFC 9448 hashes its DER, some authorities its JSON Web Key: a key of the node file says which."""
    provider.sti.authority.fingerprint = Form.JWK
    state = Keeper(provider, fingerprint=sends).round()
    assert bool(state.url) is (sends is Form.JWK)
    if sends is not Form.JWK:
        assert "fingerprint is " in state.problem


def test_an_external_account(provider: Provider) -> None:
    """Summary: external account binding (RFC 8555 section 7.3.4), with the right key and with a wrong one."""
    provider.sti.authority.external_keys["kid-1"] = b"0123456789abcdef0123456789abcdef"
    key = provider.directory / "mac"
    task = provider.task()
    (its,) = task.identities
    assert its.ordering is not None
    ordering = msgspec.structs.replace(its.ordering, external_key_id="kid-1", external_key=str(key))
    task = msgspec.structs.replace(task, identities=[msgspec.structs.replace(its, ordering=ordering)])
    for secret, works in ((b"another", False), (b"0123456789abcdef0123456789abcdef", True)):
        key.write_bytes(urlsafe_b64encode(secret).rstrip(b"="))
        identities = Identities(task)
        identities.round(datetime.now(UTC))
        state = identities.state(datetime.now(UTC)).identities["node"]
        assert bool(state.url) is works, state.problem


def test_a_revoked_certificate_is_not_replaced_behind_a_person_s_back(
    provider: Provider, keeper: Keeper
) -> None:
    """Summary: Property 19, the signing side: refused with the next revocation list, and no new one for a lost key."""
    leaf = x509.load_pem_x509_certificate(provider.chain.read_bytes())
    provider.sti.home.revoke(leaf, datetime.now(UTC))
    assert keeper.round().revocation == "good"
    hour = datetime.now(UTC) + timedelta(hours=1, minutes=1)
    placed = len(provider.sti.authority._orders)
    state = keeper.round(hour)
    assert state.revocation == "revoked"
    assert "certificate-revoked" in state.problem
    (its,) = provider.task().identities
    assert its.ordering is not None
    assert f"delete {its.ordering.request.removesuffix('.csr')}.key, start it" in state.problem
    # as its signer sees it, which reads the same two files
    now_s = time.time()
    with pytest.raises(ValueError, match="certificate-revoked"):
        credential_of(
            provider.chain.read_bytes(), provider.trusted_list(now_s), provider.revocations(now_s), now_s
        )
    assert len(provider.sti.authority._orders) == placed
    # a person made another key
    provider.ask_for(new_key(provider.key_file))
    assert keeper.round(hour).serial not in ("", f"{leaf.serial_number:x}")


def test_a_certificate_that_a_person_keeps_is_looked_at(provider: Provider, keeper: Keeper) -> None:
    """Summary: with files nothing is ordered; the chain is judged, and looked for at its URL, all the same."""
    pem, placed = provider.chain.read_bytes(), len(provider.sti.authority._orders)
    theirs = provider.directory / "theirs.pem"
    theirs.write_bytes(pem)
    task = provider.task()
    (its,) = task.identities
    its = msgspec.structs.replace(
        its, chain=str(theirs), x5u=f"{provider.sti.published_url}theirs.pem", ordering=None, publish=""
    )
    identities = Identities(msgspec.structs.replace(task, identities=[its]))

    def round_at(at: datetime) -> IdentityState:
        identities.round(at)
        return identities.state(at).identities["node"]

    missing = round_at(datetime.now(UTC))
    assert (missing.source, missing.next_attempt) == (f"files {theirs}", None)
    assert "answers 404" in missing.problem
    (provider.published / "theirs.pem").write_bytes(pem)
    found = round_at(datetime.now(UTC) + timedelta(minutes=1))
    assert (found.problem, found.url, found.revocation) == ("", its.x5u, "good")
    assert found.until is not None
    ended = round_at(found.until + timedelta(days=1))
    assert "certificate-expired" in ended.problem
    theirs.write_bytes(pem.replace(b"M", b"N", 1))
    unreadable = round_at(datetime.now(UTC))
    assert "certificate-unreadable" in unreadable.problem
    assert unreadable.until is None
    theirs.write_bytes(pem)
    provider.sti.home.revoke(x509.load_pem_x509_certificate(pem), datetime.now(UTC))
    identities = Identities(msgspec.structs.replace(task, identities=[its]))
    revoked = round_at(datetime.now(UTC) + timedelta(minutes=61))
    assert (revoked.revocation, revoked.until) == ("revoked", None)
    assert "delete" not in revoked.problem
    assert len(provider.sti.authority._orders) == placed
