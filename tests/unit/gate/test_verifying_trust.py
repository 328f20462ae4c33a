"""What a gate's verification keeps, and for how long: chains, lists of revoked certificates, whose authority."""

from copy import replace

import pytest

from sipkit.carrier_call import CALLED, CALLING, NOW, call_in
from sipkit.provider import Provider
from trunkward.engines.fetcher_wire import ChainGiven
from trunkward.gate.verifying import RECHECK_S
from trunkward.shaken.causes import Cause
from trunkward.shaken.crl import NO_LIST, Revocations
from trunkward.shaken.trusted_list import TrustedList
from trunkward.shaken.verify import Verstat
from unit.gate.verifying_world import DAY, NOBODY_TRUSTED, THEN, World, errors, run


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider(now=THEN)


def test_a_chain_is_asked_for_again_when_its_time_is_over(provider: Provider) -> None:
    async def scenario(world: World) -> None:
        world.fetcher.answers[provider.url] = world.given(until=NOW + 50)
        await world.look(world.case())
        await world.look(world.case(), NOW + 49)
        assert len(world.fetcher.asked) == 1
        await world.look(world.case(), NOW + 50)
        assert len(world.fetcher.asked) == 2

    run(provider, scenario)


def fresh_list(provider: Provider, until: float) -> Revocations:
    issuer = provider.certificate.issuer.public_bytes()
    return replace(NO_LIST, issuer=issuer, this_update_s=NOW - 60, next_update_s=until)


def revoking(provider: Provider) -> Revocations:
    name = provider.certificate.issuer.public_bytes()
    return replace(
        fresh_list(provider, NOW + DAY), revoked=frozenset({(name, provider.certificate.serial_number)})
    )


def test_a_revoked_certificate_is_refused_with_the_next_list(provider: Provider) -> None:
    """Property 19: within one refresh of the list, whatever is kept of its chain."""

    async def scenario(world: World) -> None:
        assert (await world.look(world.case())).outcome is Verstat.PASSED
        old = world.trust.trust
        world.trust.trust = replace(old, revocations=revoking(provider), edition=2)
        found = await world.look(world.case())
        assert (found.outcome, found.passports[0].error.cause) == (Verstat.FAILED, Cause.CERTIFICATE_REVOKED)
        # and one that is taken off the list of authorities
        world.trust.trust = replace(
            old, authorities=TrustedList.of(Provider("666X", now=THEN).root), edition=3
        )
        found = await world.look(world.case())
        assert found.passports[0].error.cause is Cause.CHAIN_NOT_TRUSTED
        assert world.fetcher.asked == [provider.url]

    run(provider, scenario)


def test_what_a_list_says_ends_with_the_list(provider: Provider) -> None:
    """Property 21: with the hard policy, a list that is too old speaks for nobody; it is looked at each minute."""

    async def scenario(world: World) -> None:
        world.trust.trust = replace(world.trust.trust, revocations=fresh_list(provider, NOW + 30), hard=True)
        world.fetcher.answers[provider.url] = world.given(until=NOW + 30 * DAY)
        assert (await world.look(world.case())).outcome is Verstat.PASSED
        later = NOW + 30 + DAY + RECHECK_S
        late = call_in([provider.identity(CALLING, CALLED, iat=later)])
        found = await world.look(late, later)
        assert found.passports[0].error.cause is Cause.REVOCATION_UNKNOWN
        assert world.fetcher.asked == [provider.url], "the chain itself is good for longer"
        world.trust.trust = replace(world.trust.trust, revocations=NO_LIST, hard=False, edition=2)
        assert (await world.look(late, later)).outcome is Verstat.PASSED, "soft: counted, and let through"

    run(provider, scenario)


def test_a_poisoned_cache_proves_nothing(provider: Provider) -> None:
    """Whatever another process or node hands out as a chain, it must lead to the list."""

    async def scenario(world: World) -> None:
        forger = Provider(url=provider.url, now=THEN)
        world.fetcher.answers[provider.url] = ChainGiven(id=1, chain=forger.chain.decode(), until=NOW + DAY)
        forged = call_in([forger.identity(CALLING, CALLED, iat=NOW)])
        found = await world.look(forged)
        assert (found.outcome, found.passports[0].error.cause) == (Verstat.FAILED, Cause.CHAIN_NOT_TRUSTED)
        world.fetcher.answers["https://certificates.example.net/x.pem"] = ChainGiven(
            id=1, chain="rubbish \u2028", until=NOW + DAY
        )
        other = Provider(url="https://certificates.example.net/x.pem", now=THEN)
        found = await world.look(call_in([other.identity(CALLING, CALLED, iat=NOW)]))
        assert found.passports[0].error.cause is Cause.CERTIFICATE_UNREADABLE

    run(provider, scenario)


def test_a_laboratorys_own_authority_speaks_for_nobody_else(provider: Provider) -> None:
    """Without a list a real carrier's signature is not called bad: nobody has told us whom to trust."""

    async def scenario(world: World) -> None:
        world.trust.trust = replace(world.trust.trust, is_test=True)
        assert (await world.look(world.case())).outcome is Verstat.PASSED
        other = Provider(url="https://certificates.example.net/other.pem", now=THEN)
        world.fetcher.answers[other.url] = ChainGiven(id=1, chain=other.chain.decode(), until=NOW + DAY)
        found = await world.look(call_in([other.identity(CALLING, CALLED, iat=NOW)]))
        assert found == NOBODY_TRUSTED
        # what is wrong with another signature is wrong by whichever list
        forger = Provider(url=provider.url, now=THEN, authority=(provider.authority_key, provider.root))
        both = [one.identity(CALLING, CALLED, iat=NOW) for one in (other, forger)]
        assert [error.cause for error in errors(await world.look(call_in(both)))] == [Cause.SIGNATURE]

    run(provider, scenario)
