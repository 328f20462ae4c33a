"""What is said of identities: the certificates calls are signed under, and the lists they stand on."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.text import Text

from trunkward.control.shown_certificate import WARN_AT
from trunkward.engines.certificate_state import IdentitiesState, IdentityState, ListState, read_state
from trunkward.engines.certificates import lifetime_of
from trunkward.engines.identity_task import identities_of, signing_files
from trunkward.engines.live import is_running
from trunkward.engines.signer_wire import CERTIFICATE_AWAITED
from trunkward.engines.signing_now import SigningNow, signing_now
from trunkward.settings import Paths
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates

#: What puts a certificate for another key right, by where it comes from.
_FOR_THIS_KEY = {
    Certificates.TEST: "./trunkward apply issues one for this key",
    Certificates.ACME: "./trunkward apply has one for this key asked for",
    Certificates.FILES: "put the two that belong together there",
}
#: Widest name in front of what is said.
_WIDE = 28


def asked(declared: Declared, paths: Paths) -> dict[str, SigningNow]:
    """What the signer of each identity says of itself; {} where no node runs."""
    return signing_now(paths, identities_of(declared)) if is_running(paths) else {}


def document(declared: Declared, paths: Paths, signers: Mapping[str, SigningNow]) -> dict[str, Any]:
    """For programs: identities, and the lists. `signers`: what was `asked`."""
    state = identities_state(declared, paths)
    return {
        "identities": {
            name: {
                "spc": spc,
                "certificates": source.certificates.value,
                **(_test_document(declared, paths, name) if source.certificates is Certificates.TEST else {}),
                **(_signer_document(signers[name]) if name in signers else {}),
                **(_identity_document(state.identities[name]) if state and name in state.identities else {}),
            }
            for name, (spc, _, source) in identities_of(declared).items()
        },
        "trusted_list": _list_document(state.trusted_list) if state else None,
        "revocations": _list_document(state.revocations) if state else None,
    }


def lines(
    declared: Declared, paths: Paths, now: datetime, signers: Mapping[str, SigningNow]
) -> Iterator[Text]:
    """For people. `signers`: what was `asked`."""
    state = identities_state(declared, paths)
    for name, (spc, x5u, source) in identities_of(declared).items():
        if source.certificates is Certificates.TEST:
            resold = declared.reseller_identities.get(name)
            undocumented = (
                "what is supplied is signed without a contract"
                if resold is not None and resold.third_party
                else "numbers of inventories are signed A without a block"
            )
            ends = lifetime_of(signing_files(declared, paths, name)[0])
            until = f"{_left(ends.ends - now)}, until {_at(ends.ends)}; " if ends else ""
            words = (
                f"{spc}, of this node's TEST authority, which no carrier trusts; {until}"
                f"published (by you) at {x5u}; {undocumented}"
            )
            yield Text(f"  {f'signs as {name}':<{_WIDE}} {words}")
        elif state is not None and name in state.identities:
            yield from _identity_lines(name, state.identities[name], now)
        else:
            yield _line(f"signs as {name}", f"{spc}: nobody says yet how it stands", "yellow")
        if (signer := signers.get(name)) is not None:
            yield from _signer_lines(signer, source.certificates, *signing_files(declared, paths, name))
    if state is not None:
        yield from _list_lines("trusted list", "authorities", state.trusted_list, now)
        yield from _list_lines("revocation list", "revoked", state.revocations, now)


def _identity_lines(name: str, one: IdentityState, now: datetime) -> Iterator[Text]:
    who, lifetime = f"signs as {name}", one.lifetime
    if lifetime is None:
        why = f"its certificate ended {_at(one.ended)}" if one.ended else "no certificate"
        yield _line(who, f"{one.spc}, {one.source}: {why}: calls go unsigned", "red")
    else:
        left = lifetime.ends - now
        style = "red" if left <= timedelta() else "yellow" if lifetime.left(now) < WARN_AT else ""
        yield _line(who, f"{one.spc}, {one.source}: {_left(left)}, until {_at(lifetime.ends)}", style)
        yield Text(f"    serial {one.serial}, issued by {one.issuer}; revocation: {one.revocation}")
        found = f"last found there {_at(one.found)}" if one.found else "not looked for yet"
        served = (
            f", served as {one.served} instead of application/pem-certificate-chain" if one.served else ""
        )
        yield Text(f"    published at {one.url}; {found}{served}")
    if one.waiting_url:
        yield Text(f"    the next one waits until it is found at {one.waiting_url}", "yellow")
    if one.next_attempt is not None:
        what = "renewal" if lifetime else "tried again" if one.failures else "will be asked for"
        yield Text(f"    {what} at {_at(one.next_attempt)}")
    if one.problem:
        yield Text(f"    {_plain(one.problem)}", "red")


def _signer_lines(one: SigningNow, source: Certificates, chain: Path, key: str) -> Iterator[Text]:
    if not one.problem:
        yield Text(f"    its signer signs, with serial {one.serial}")
        return
    yield Text(f"    its signer {_plain(one.problem)}", "red")
    if one.why_not != CERTIFICATE_AWAITED:
        do = _FOR_THIS_KEY[source] if one.why_not.startswith("certificate-key-mismatch") else ""
        yield Text(_plain(f"    its files: {chain} and {key}{f'; {do}' if do else ''}"), "red")


def _list_lines(name: str, what: str, one: ListState, now: datetime) -> Iterator[Text]:
    if one.at is None:
        yield _line(name, "none yet", "red")
    else:
        until = f", good until {_at(one.until)}" if one.until else ""
        style = "red" if one.until is not None and one.until <= now else ""
        yield _line(name, f"{one.entries} {what}, {_age(now - one.at)} old{until}", style)
    if one.problem:
        again = f"; tried again at {_at(one.next_attempt)}" if one.next_attempt else ""
        yield Text(f"    {_plain(one.problem)}{again}", "red")


def _test_document(declared: Declared, paths: Paths, name: str) -> dict[str, Any]:
    ends = lifetime_of(signing_files(declared, paths, name)[0])
    return {"until": _iso(ends.ends)} if ends else {}


def _signer_document(one: SigningNow) -> dict[str, Any]:
    return {"signs": not one.why_not, "signs_with": one.serial, "signs_nothing_because": one.why_not}


def _identity_document(one: IdentityState) -> dict[str, Any]:
    return {
        "source": one.source,
        "until": _iso(one.until),
        "ended": _iso(one.ended),
        "serial": one.serial,
        "issuer": one.issuer,
        "url": one.url,
        "found": _iso(one.found),
        "served_as": one.served,
        "revocation": one.revocation,
        "next_attempt": _iso(one.next_attempt),
        "waiting_url": one.waiting_url,
        "failures": one.failures,
        "problem": one.problem,
    }


def _list_document(one: ListState) -> dict[str, Any]:
    return {
        "fetched": _iso(one.at),
        "until": _iso(one.until),
        "entries": one.entries,
        "next_attempt": _iso(one.next_attempt),
        "problem": one.problem,
    }


def identities_state(declared: Declared, paths: Paths) -> IdentitiesState | None:
    """What the process that speaks with the authorities says; None where there is none."""
    if declared.node.policy_administrator is None:
        return None
    return read_state(paths.identities_state, IdentitiesState) or IdentitiesState(at=datetime.now(UTC))


def is_wrong(state: IdentitiesState) -> bool:
    """Whether a person should look."""
    lists = (state.trusted_list, state.revocations)
    return any(one.at is None or one.problem for one in lists) or any(
        one.problem or one.lifetime is None for one in state.identities.values()
    )


def _line(who: str, said: str, style: str) -> Text:
    return Text.assemble(f"  {who:<{_WIDE}} ", (_plain(said), style))


def _left(left: timedelta) -> str:
    return "ended" if left <= timedelta() else f"{_age(left)} left"


def _age(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} hours" if minutes < 72 * 60 else f"{span.days} days"


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
