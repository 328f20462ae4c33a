"""`trunkward test-authority`: a policy administrator and an authority of SHAKEN to try with."""

import secrets
from datetime import timedelta
from pathlib import Path

from trunkward.cli.said import complain, say
from trunkward.settings import Paths
from trunkward.shaken.tnauthlist import TnAuthListError, encode_spc
from trunkward.stiauthority.server import StiAuthority, Where, accounts_of

_USER = "tester"


def run(paths: Paths, *, spc: str, home: Path | None, address: str, host: str, hours: float) -> int:
    """Says how a node is told of it, and serves until it is ended; 2 when it cannot begin."""
    try:
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
            accounts=accounts_of([spc], user=_USER, password=password),
            where=Where(address=address, host=host),
            published=paths.published,
        )
    except OSError as problem:
        complain(f"{home}: {problem.strerror or problem}")
        return 2
    authority.authority.lifetime = timedelta(hours=hours)
    say("A TEST policy administrator and authority: nobody else trusts what they say. Into the node file:\n")
    say(_NODE_FILE.format(home=home, spc=spc, user=f"{_USER}-{spc}", address=address, its=authority))
    authority.run()
    return 0


def _password(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(18) + "\n", encoding="ascii")
    return file.read_text(encoding="ascii").strip()


_NODE_FILE = """\
node:
  policy_administrator:
    url: {its.administrator.url}
    certificate: {home}/administrator.pem
    ca: {home}/https-ca.pem
  identity:
    spc: "{spc}"
    x5u: {its.published_url}
    certificates: acme
    authority:
      directory: {its.directory_url}
      terms_agreed: true
      account: "{spc}"
      user: {user}
      password_file: {home}/password
      ca: {home}/https-ca.pem
    publish:
      ca: {home}/https-ca.pem
      address: {address}
"""
