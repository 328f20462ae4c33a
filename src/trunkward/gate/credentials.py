"""Digest credentials, as the line sees them: what those of a request are worth, and how others are asked for.

Whoever sends wrong ones learns nothing by what is done, or by how long: for a username nobody has, the same
is done with the secrets of some trunk, and what comes of it does not count. An attempt has at most `_SECRETS`
secrets to be compared with, and always that many comparisons.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from hmac import compare_digest

import structlog

from trunkward.admission.ports import Credentials, Proven, Stale, Wrong
from trunkward.admission.registration import Registration
from trunkward.admission.screen import Case
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.registration import RegisterAttempt
from trunkward.calls.verdict import Challenge, Reason
from trunkward.digest.algorithm import Algorithm, response_of
from trunkward.digest.challenge import challenges
from trunkward.digest.header import DigestCredentials, Unreadable, is_digest, parameters, read
from trunkward.digest.nonce import CHANCE_BYTES, NonceRefused, Nonces
from trunkward.digest.secret import SealBroken, derive, unseal
from trunkward.sip.uri import MalformedUri, parse_uri
from trunkward.trunks.model import Trunk

#: A secret and the one before it (`trunkward secret rotate`).
_SECRETS = 2
#: Sealed secrets that are kept opened.
_OPENED = 32_768
#: Characters of a username nobody has that go on record.
_SHOWN = 64

_log = structlog.get_logger("gate")


class Verifier:
    """Checks credentials and makes challenges, with the node's key."""

    def __init__(
        self, master: bytes, epoch: Callable[[], int], chance: Callable[[int], bytes] = os.urandom
    ) -> None:
        """`master`: the node's digest key; `chance(n)`: n bytes nobody can guess.

        `epoch`: what new nonces are to name (`digest.nonce`).
        """
        self._epoch = epoch
        self._nonce_key = derive(master, "nonces")
        self._secret_key = derive(master, "secrets")
        self._chance = chance
        self._opened = lru_cache(maxsize=_OPENED)(self._open)
        #: H(A1) of a secret nobody has.
        self._nobodys = chance(32).hex()

    def credentials(
        self, attempt: CallAttempt | RegisterAttempt, policy: Snapshot, now: float
    ) -> Credentials:
        """What the credentials of a request are worth, None when it has none for our realm.

        1. Its header can be read, and is the only one for our realm.
        2. The nonce is one of ours, and not too old.
        3. They are for what the request is for.
        4. They are right by a secret of the trunk with that username.
        """
        if not policy.uses_digest:
            return None
        # 1.
        try:
            given = _for_realm(attempt, policy.node.realm)
            if given is None:
                return None
        except Unreadable as problem:
            why = f"credentials that cannot be read: {problem}"
            return Wrong(username="", why=why, remedy="have the PBX send one header for our realm (RFC 7616)")
        # 2.
        try:
            told = Nonces(key=self._nonce_key, realm=given.realm).check(given.nonce, now)
        except NonceRefused as problem:
            return Stale(why=f"nonce: {problem}")
        # 3. and 4., none before the other is known
        trunk = policy.trunk_by_username(given.username)
        judged_by = trunk or policy.stand_in()
        assert judged_by is not None  # `uses_digest`
        secret = self._secret_of(given, attempt.method, judged_by, policy, now)
        if not _is_for(given.uri, attempt.ruri):
            remedy = "have the PBX write its Request-URI into uri of the credentials (RFC 7616 section 3.4)"
            return _wrong(given, "for another Request-URI", remedy, trunk)
        if trunk is None:
            remedy = "enter the username of its trunk in the PBX, as ./trunkward secret list shows it"
            return _wrong(given, "nobody has this username", remedy)
        if secret is None:
            remedy = f"enter the secret in the PBX anew; for another: ./trunkward secret rotate {trunk.name}"
            return _wrong(given, f"not the secret of trunk {trunk.name}", remedy, trunk)
        if given.algorithm is Algorithm.MD5 and not trunk.unsafe_md5:
            remedy = f"have the PBX answer with SHA-256, or set unsafe_md5: true for trunk {trunk.name}"
            return _wrong(given, f"MD5, and trunk {trunk.name} has no unsafe_md5", remedy, trunk)
        return Proven(
            trunk=trunk.name,
            username=given.username,
            nonce=given.nonce,
            nc=given.count,
            until=told.until,
            epoch=told.epoch,
            secret=secret,
            algorithm=given.algorithm,
        )

    def asked(self, challenge: Challenge, case: Case | Registration, now: float) -> list[tuple[str, str]]:
        """The headers of a challenge: SHA-256, and MD5 after it where it is allowed."""
        nonce = Nonces(key=self._nonce_key, realm=case.node.realm).make(
            now, self._chance(CHANCE_BYTES), self._epoch()
        )
        algorithms = [Algorithm.SHA256, *([Algorithm.MD5] if case.offers_md5 else [])]
        stale = challenge.reason is not Reason.CREDENTIALS_REQUIRED
        # RFC 3261 sections 22.2 and 22.3
        name = "WWW-Authenticate" if challenge.status == 401 else "Proxy-Authenticate"
        return [(name, value) for value in challenges(case.node.realm, nonce, algorithms, stale=stale)]

    def _secret_of(
        self, given: DigestCredentials, method: str, trunk: Trunk, policy: Snapshot, now: float
    ) -> int | None:
        """The number of the secret they were made with, None: with none of the trunk's."""
        algorithm = given.algorithm
        held = [row for row in policy.secrets(trunk.name) if row.until is None or row.until > now][:_SECRETS]
        ha1s = [
            (row.id, self._opened(sealed, trunk.name, trunk.username, given.realm, algorithm))
            for row in held
            if (sealed := row.sha256 if algorithm is Algorithm.SHA256 else row.md5)
        ]
        right = None
        for number, ha1 in (*ha1s, *[(0, self._nobodys)] * (_SECRETS - len(ha1s))):
            computed = response_of(
                *(algorithm, ha1),
                method=method,
                uri=given.uri,
                nonce=given.nonce,
                nc=given.nc,
                cnonce=given.cnonce,
            )
            right = number if compare_digest(computed, given.response) else right
        return right

    def _open(self, sealed: bytes, trunk: str, username: str, realm: str, algorithm: Algorithm) -> str:
        try:
            return unseal(
                self._secret_key, sealed, trunk=trunk, username=username, realm=realm, algorithm=algorithm
            )
        except SealBroken as problem:
            _log.error("nobody can use this secret: make a new one", problem=str(problem))
            return self._nobodys


def _for_realm(attempt: CallAttempt | RegisterAttempt, realm: str) -> DigestCredentials | None:
    """The credentials for our realm; those for others are not for us (RFC 3261 section 22.3)."""
    name = "authorization" if attempt.method == "REGISTER" else "proxy-authorization"
    ours = []
    for value in filter(is_digest, attempt.headers.get(name, ())):
        try:
            given = parameters(value)
        except Unreadable:
            if realm in value:  # it may be for us
                raise
            continue
        if given.get("realm") == (realm, True):
            ours.append(given)
    if len(ours) > 1:
        raise Unreadable("two of them")
    return read(ours[0]) if ours else None


def _is_for(uri: str, ruri: str) -> bool:
    """Whether credentials for `uri` are for a request to `ruri`: the same number, at whatever host.

    RFC 7616 section 3.4.6 wants both to name one resource, and RFC 3261 section 22.4 (its point 7) that hosts
    may differ where something between has changed the Request-URI; the number may not.
    """
    try:
        return parse_uri(uri).user == parse_uri(ruri).user
    except MalformedUri:
        return False


def _wrong(given: DigestCredentials, why: str, remedy: str, trunk: Trunk | None = None) -> Wrong:
    said = f'username "{given.username[:_SHOWN]}": {why}'
    return Wrong(username=given.username, why=said, remedy=remedy, trunk=trunk.name if trunk else "")
