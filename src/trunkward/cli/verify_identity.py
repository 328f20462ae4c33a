"""`trunkward verify-identity`: a call's Identity headers, step by step, held against whom this node trusts.

The same functions that judge a call at a gate; here a person gives them what they ask for. Nobody is
asked for a certificate unless that is wished, and then by the fetcher, which alone goes where strangers say.
"""

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from trunkward.cli.host_paths import hint
from trunkward.cli.said import complain, in_words
from trunkward.cli.status import read_in_force
from trunkward.control.node_file import NodeFileRefused
from trunkward.engines.fetcher_client import FetcherClient, FetcherLost
from trunkward.engines.fetcher_wire import NoChain
from trunkward.engines.trust import Trust, TrustFiles
from trunkward.settings import Paths
from trunkward.shaken.causes import Cause, CredentialFault
from trunkward.shaken.credential import MAX_PEM, Credential, credential_of
from trunkward.shaken.party import canonical_party
from trunkward.shaken.steps import Result, is_unsought, steps_of
from trunkward.shaken.stir_reason import PHRASES
from trunkward.shaken.verify import CalledAs, Verification, Verstat, urls_of, verify
from trunkward.sip.address import read_addresses
from trunkward.sip.pasted import Pasted, read_pasted
from trunkward.sip.uri import MalformedUri
from trunkward.trunks.signing import Revocation

#: Most bytes read; a SIP message has a few thousand.
_MOST_BYTES = 256 * 1024
#: Whose share of what is fetched this is (`fetcher_wire.ChainAsked`).
_SENDER = "verify-identity"
#: Seconds; longer than the fetcher's own deadline.
_FETCH_S = 5.0


class NotTried(ValueError):
    """Nothing can be said of the signatures; the message says what is wanting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a person gives. Numbers are canonical; "": as the INVITE says. `at`: seconds since the epoch."""

    file: str
    calling: str
    called: str
    at: float
    certificate: Path | None
    fetch: bool


def run(paths: Paths, given: Given, *, as_json: bool) -> int:
    """Says what each step found: 0 verified, 1 not, 2 not tried."""
    try:
        found = _tried(paths, given)
    except NotTried as why:
        complain(str(why))
        return 2
    if as_json:
        print(json.dumps(found))
    else:
        for line in lines(found):
            Console(highlight=False).print(Text(line), soft_wrap=True)
    if found["outcome"] == Verstat.PASSED:
        return 0
    return 2 if found["wanting"] else 1


def _tried(paths: Paths, given: Given) -> dict[str, Any]:
    pasted = read_pasted(_read(given.file), alone="identity")
    values = pasted.values("identity")
    if not values:
        raise NotTried(f"{given.file}: no Identity header in it")
    trust = _trust(paths)
    call = _call(pasted, given)
    urls = urls_of(values)
    credentials = {url: _worth(chain, trust, given.at) for url, chain in _chains(paths, urls, given).items()}
    found = verify(values, call=call, credentials=credentials, now_s=given.at)
    unsought = frozenset(urls) - credentials.keys()
    return document(found, call, given.at, unsought, credentials, is_test=trust.is_test)


def _read(name: str) -> str:
    try:
        if name == "-":
            content = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
    except OSError as problem:
        raise NotTried(f"{in_words(problem)}{hint(Path(name))}") from None
    if len(content) > _MOST_BYTES:
        raise NotTried(f"{name}: more than {_MOST_BYTES} bytes: cut the INVITE out of it")
    return content.decode("utf-8", "replace")


def _trust(paths: Paths) -> Trust:
    """Whom the node's gates trust now."""
    in_force = read_in_force(paths)
    if in_force is None:
        raise NotTried("so nobody has said whose certificates may sign calls")
    try:
        node = in_force.declared().node
    except NodeFileRefused as refused:
        raise NotTried(f"{paths.declared}: this version does not understand it: {refused}") from None
    files = TrustFiles(
        paths,
        administered=node.policy_administrator is not None,
        hard=node.verification.revocation is Revocation.HARD,
        only_reads=True,
    )
    files.refresh()
    if files.trust is None:
        raise NotTried("there is no list of trusted authorities: ./trunkward status, ./trunkward certs")
    return files.trust


def _call(pasted: Pasted, given: Given) -> CalledAs:
    """What the request says, or in its place the person."""
    if not pasted.uri and not (given.calling and given.called):
        raise NotTried(
            f"{given.file}: no INVITE, so who called whom is yours to say: --from NUMBER --to NUMBER"
        )
    asserted = [_party(one.uri) for one in read_addresses(pasted.values("p-asserted-identity"))]
    origs = [one for one in (*asserted, _first(pasted, "from")) if one]
    dates = pasted.values("date")
    return CalledAs(
        orig=(given.calling,) if given.calling else tuple(dict.fromkeys(origs)),
        to=given.called or _first(pasted, "to"),
        request_uri=given.called or _party(pasted.uri),
        date_s=_date_s(dates[0]) if dates else None,
        call_id="",
    )


def _first(pasted: Pasted, name: str) -> str:
    found = read_addresses(pasted.values(name))
    return _party(found[0].uri) if found else ""


def _party(uri: str) -> str:
    try:
        return canonical_party(uri)
    except MalformedUri:
        return ""


def _date_s(text: str) -> float:
    """RFC 3261 section 20.17; one that cannot be read is of no time near ours."""
    try:
        read = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()


def _chains(paths: Paths, urls: tuple[str, ...], given: Given) -> dict[str, bytes | NoChain]:
    """By URL, what is behind it; only of those that were given or asked for."""
    if given.certificate is not None:
        try:
            with given.certificate.open("rb") as file:
                chain = file.read(MAX_PEM + 1)
        except OSError as problem:
            raise NotTried(f"{in_words(problem)}{hint(given.certificate)}") from None
        return dict.fromkeys(urls, chain)
    return asyncio.run(_fetched(paths, urls)) if given.fetch else {}


async def _fetched(paths: Paths, urls: tuple[str, ...]) -> dict[str, bytes | NoChain]:
    client = FetcherClient(paths.fetcher_socket)
    found: dict[str, bytes | NoChain] = {}
    try:
        async with asyncio.timeout(_FETCH_S):
            for url in urls:
                answer = await client.ask(url, _SENDER)
                found[url] = answer if isinstance(answer, NoChain) else answer.chain.encode()
    except (FetcherLost, TimeoutError) as lost:
        why = str(lost) or "no answer in time"
        raise NotTried(
            f"the node's fetcher does not answer ({why}): start the node, or give the chain: --certificate"
        ) from None
    finally:
        await client.close()
    return found


def _worth(chain: bytes | NoChain, trust: Trust, at: float) -> Credential | CredentialFault:
    if isinstance(chain, NoChain):
        return CredentialFault(Cause.CERTIFICATE_UNAVAILABLE, f"{chain.why}: {chain.detail}".rstrip(": "))
    try:
        return credential_of(chain, trust.authorities, trust.revocations, at, hard=trust.hard)
    except CredentialFault as fault:
        return fault


def document(
    found: Verification,
    call: CalledAs,
    at: float,
    unsought: frozenset[str],
    credentials: Mapping[str, Credential | CredentialFault],
    *,
    is_test: bool,
) -> dict[str, Any]:
    """All of it for programs; `wanting`: URLs of certificates that were neither given nor asked for."""
    passports = []
    for judged in found.passports:
        error, held = judged.error, credentials.get(judged.x5u)
        told = {
            "code": error.code,
            "phrase": PHRASES[error.code],
            "cause": error.cause.value,
            "clause": error.cause.clause,
            "text": error.text,
        } if error is not None and not is_unsought(judged, unsought) else None  # fmt: skip
        passports.append(
            {
                "ppt": judged.ppt,
                "x5u": judged.x5u,
                "steps": [msgspec.to_builtins(step) for step in steps_of(judged, unsought)],
                "error": told,
                "revocation_known": held.revocation_known if isinstance(held, Credential) else None,
                "noted": list(held.noted) if isinstance(held, Credential) else [],
            }
        )
    only_wanting = all(
        one.error is None or is_unsought(one, unsought) for one in found.passports
    )  # what is wrong otherwise stands, whatever the certificate would say
    return {
        "at": at,
        "calling": list(call.orig),
        "to": call.to,
        "request_uri": call.request_uri,
        "test_authority": is_test,
        "passports": passports,
        "diverted": list(found.diverted),
        "outcome": found.outcome.value,
        "level": found.attest.value if found.attest is not None else "",
        "origid": found.origid or "",
        "spc": found.spc or "",
        "wanting": sorted(unsought) if only_wanting and found.passports else [],
    }


def lines(told: dict[str, Any]) -> Iterator[str]:
    """The same for a person."""
    when = datetime.fromtimestamp(told["at"], UTC)
    calling = " or ".join(told["calling"]) or "?"
    yield f"from {calling} to {told['to']}, judged as of {when:%Y-%m-%d %H:%M:%S} UTC"
    if told["test_authority"]:
        yield "  no policy administrator is named: only what this node's own TEST authority certified is good"
    for number, one in enumerate(told["passports"], 1):
        yield f"PASSporT {number}: {one['ppt'] or 'base'}, certificate {one['x5u'] or '?'}"
        for step in one["steps"]:
            yield f"  {step['number']:>2} {step['what']:<32} {_mark(step['result'])}"
            if step["result"] == Result.FAILED:
                wrong = one["error"]
                code = f"{wrong['code']} {wrong['phrase']}, {wrong['cause']}"
                yield f"     {code}: {wrong['text']} ({wrong['clause']})"
        if one["revocation_known"] is False:
            yield "     no fresh revocation list speaks for its certificate"
        if one["noted"]:
            yield f"     its certificate breaks rules that bind no verifier: {', '.join(one['noted'])}"
    if not told["passports"]:
        yield "no PASSporT of a kind that is known"
    if told["diverted"]:
        yield f"  11 diverted, first to last: {', '.join(told['diverted'])}"
    by = f": level {told['level'] or 'none'}, signed by {told['spc'] or 'a delegate'}"
    yield f"  12 {told['outcome']}{by if told['outcome'] == Verstat.PASSED else ''}"
    for url in told["wanting"]:
        yield f"not tried further: nobody has asked for {url}; give it (--certificate FILE), or --fetch"


def _mark(result: str) -> str:
    return result.upper() if result == Result.FAILED else result
