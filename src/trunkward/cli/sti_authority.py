"""`trunkward test-authority`: a policy administrator and an authority of SHAKEN to try with."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent, indent

from trunkward.cli.said import complain, say
from trunkward.settings import Paths
from trunkward.shaken.tnauthlist import TnAuthListError, encode_spc
from trunkward.stiauthority.home import revoke_in
from trunkward.stiauthority.policy import Account
from trunkward.stiauthority.server import StiAuthority, Where

#: One account, whichever codes are assigned to it.
_ACCOUNT, _USER = "test", "tester"


def run(
    paths: Paths,
    *,
    codes: list[str],
    refused: list[str],
    home: Path | None,
    address: str,
    host: str,
    hours: float,
) -> int:
    """Says how a node is told of it, and serves until it is ended; 2 when it cannot begin.

    `codes`: the service provider codes it certifies, the node's own first;
    `refused`: those it has tokens for, and certifies not.
    """
    try:
        for spc in codes:
            encode_spc(spc)
    except TnAuthListError as wrong:
        complain(str(wrong))
        return 2
    home = home or paths.state / "test-authority"
    try:
        home.mkdir(parents=True, exist_ok=True)
        password = _password(home / "password")
        authority = StiAuthority.at(
            home,
            accounts={_ACCOUNT: Account(user=_USER, password=password, codes=tuple(codes))},
            where=Where(address=address, host=host),
            published=paths.published,
        )
    except OSError as problem:
        complain(f"{home}: {problem.strerror or problem}")
        return 2
    authority.authority.lifetime = timedelta(hours=hours)
    authority.authority.refused |= set(refused)
    say("A TEST policy administrator and authority: nobody else trusts what they say. Into the node file:\n")
    said = {"home": home, "account": _ACCOUNT, "user": _USER, "address": address, "its": authority}
    own, *others = codes
    say(_ADMINISTRATOR.format(**said) + _IDENTITY.format(spc=own, **said))
    for spc in others:
        text = indent(dedent(_IDENTITY.format(spc=spc, **said)), "    ")
        say(f"Into the reseller whose code is {spc}:\n\n{text}")
    authority.run()
    return 0


def revoke(paths: Paths, *, number: str, home: Path | None) -> int:
    """Puts a certificate of the authority's on the revocation list; one that runs serves it at once."""
    home = home or paths.state / "test-authority"
    try:
        serial = int(number, 16)
    except ValueError:
        complain(f"{number}: a serial number is hexadecimal, as trunkward certs shows it")
        return 2
    try:
        revoke_in(home, serial, datetime.now(UTC))
    except OSError as problem:
        complain(f"{home}: no test authority of ours: {problem.strerror}")
        return 2
    say(f"{serial:x} is revoked: nodes know it with their next look at the list (trunkward certs renew: now)")
    return 0


def _password(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(18) + "\n", encoding="ascii")
    return file.read_text(encoding="ascii").strip()


_ADMINISTRATOR = """\
node:
  policy_administrator:
    url: {its.administrator.url}
    certificate: {home}/administrator.pem
    ca: {home}/https-ca.pem
"""
_IDENTITY = """\
  identity:
    spc: "{spc}"
    x5u: {its.published_url}
    certificates: acme
    authority:
      directory: {its.directory_url}
      terms_agreed: true
      account: {account}
      user: {user}
      password_file: {home}/password
      ca: {home}/https-ca.pem
    publish:
      ca: {home}/https-ca.pem
      address: {address}
"""
