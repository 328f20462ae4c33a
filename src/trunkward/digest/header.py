"""Reading a (Proxy-)Authorization header strictly by its grammar (RFC 3261 25.1, RFC 7616 3.4).

What a sender may write in two ways is read in one: a name twice, a word in quotes that has none by the
grammar, an unknown hash or no qop at all is a header that cannot be read. Sizes are bounded before anything
is looked at, and every step goes forward, so hostile text costs no more than its length.
"""

import re
from dataclasses import dataclass

from trunkward.digest.algorithm import Algorithm

#: Characters of one header, and parameters in it: a real one has about 400, and ten.
MOST_CHARACTERS = 2048
_MOST_PARAMETERS = 20

_LWS = r"[ \t]*"
#: RFC 3261 25.1: `token`, and `quoted-string` in the printable ASCII of its text.
_TOKEN = r"[A-Za-z0-9.!%*_+`'~-]+"  # noqa: S105  # the grammar's word, not a secret
_QUOTED = r'"((?:[ !#-\[\]-~]|\\[ -~])*)"'
_SCHEME = re.compile(r"[Dd][Ii][Gg][Ee][Ss][Tt][ \t]+")
_PARAMETER = re.compile(rf"({_TOKEN}){_LWS}={_LWS}(?:{_QUOTED}|({_TOKEN})){_LWS}(?:,{_LWS}(?!$)|$)")
_NC = re.compile(r"[0-9a-f]{8}")
_HEX = re.compile(r"[0-9a-f]+")
#: RFC 7616 section 3.4: these MUST be quoted, and those MUST NOT be. `response` is in quotes by RFC 3261.
_IN_QUOTES = ("username", "realm", "nonce", "uri", "response", "cnonce")
_BARE = ("nc", "qop")


#: By lower-case name: a text, and whether it stood in quotes.
type Parameters = dict[str, tuple[str, bool]]


class Unreadable(ValueError):
    """A header that is not as its grammar wants it; the message says what, and quotes nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestCredentials:
    """What a client says to prove that it knows a password. Quoted texts are as between the quotes."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: Algorithm
    cnonce: str
    #: As written, eight hexadecimal digits: it is hashed like that.
    nc: str

    @property
    def count(self) -> int:
        """How often the client has used this nonce, this time included."""
        return int(self.nc, 16)


def is_digest(value: str) -> bool:
    """Whether a header is of this scheme; others are nothing to us."""
    return _SCHEME.match(value) is not None


def read(given: Parameters) -> DigestCredentials:
    """The credentials these parameters of a header are. Raises `Unreadable`, and nothing else."""
    for name in (*_IN_QUOTES, *_BARE):
        if name not in given:
            raise Unreadable(f"no {name}")
    for name, (_, quoted) in given.items():
        if (name in _IN_QUOTES and not quoted) or (name in (*_BARE, "algorithm") and quoted):
            raise Unreadable(f"{name} {'in' if quoted else 'without'} quotes")
    # RFC 7616 section 3.4.4: asked for by the challenge only, and ours does not
    if "username*" in given or given.get("userhash", ("false", False))[0].lower() != "false":
        raise Unreadable("a hashed or encoded username, which was not asked for")
    algorithm = _algorithm(given["algorithm"][0] if "algorithm" in given else "MD5")
    response, nc = given["response"][0], given["nc"][0]
    if given["qop"][0] != "auth":
        raise Unreadable('a qop other than "auth"')
    # RFC 3261 25.1: nonce-count = "nc" EQUAL nc-value; nc-value = 8LHEX
    if not _NC.fullmatch(nc) or int(nc, 16) == 0:
        raise Unreadable("nc is not eight hexadecimal digits from 00000001 on")
    # RFC 8760 section 2.6: as many digits as the hash has
    if len(response) != algorithm.digits or not _HEX.fullmatch(response):
        raise Unreadable(f"response is not {algorithm.digits} hexadecimal digits")
    if not given["cnonce"][0]:
        raise Unreadable("cnonce is empty")
    return DigestCredentials(
        username=given["username"][0],
        realm=given["realm"][0],
        nonce=given["nonce"][0],
        uri=given["uri"][0],
        response=response,
        algorithm=algorithm,
        cnonce=given["cnonce"][0],
        nc=nc,
    )


def parameters(value: str) -> Parameters:
    """The parameters of a header's value, read whole. Raises `Unreadable`, and nothing else."""
    if len(value) > MOST_CHARACTERS:
        raise Unreadable(f"{len(value)} characters; {MOST_CHARACTERS} are read")
    scheme = _SCHEME.match(value)
    if scheme is None:
        raise Unreadable("not of the scheme Digest")
    given: Parameters = {}
    at = scheme.end()
    while at < len(value):
        found = _PARAMETER.match(value, at)
        if found is None:
            raise Unreadable(f"no parameter at character {at}")
        name, quoted, bare = found[1].lower(), found[2], found[3]
        if name in given:
            raise Unreadable(f"{name} twice" if name.isalpha() else "a parameter twice")
        if len(given) == _MOST_PARAMETERS:
            raise Unreadable(f"more than {_MOST_PARAMETERS} parameters")
        given[name] = (bare, False) if quoted is None else (quoted, True)
        at = found.end()
    return given


def _algorithm(written: str) -> Algorithm:
    for algorithm in Algorithm:
        if written.upper() == algorithm.value:
            return algorithm
    raise Unreadable("an algorithm that was not offered")
