"""Inputs nobody means: good ones, changed at random, for every parser of STIR/SHAKEN.

The same seed gives the same inputs: what was found once is found again.
"""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_crl

from stirkit import pki
from stirkit.calls import CARD, compact_form, digest, diversions, rcd
from stirkit.cases import CASES
from stirkit.der import SEQUENCE, element, encode_numbers
from stirkit.pki import NOW_S
from stirkit.tokens import CALLED, CALLER, X5U, compact, header, payload, token
from trunkward.shaken import identity_header, jose
from trunkward.shaken.causes import Refused
from trunkward.shaken.constraints import ConstraintsError, decode_constraints
from trunkward.shaken.credential import credential_of
from trunkward.shaken.crl import NO_LIST, CrlRefused, read_crl
from trunkward.shaken.number import NotANumber, canonical_tn
from trunkward.shaken.party import canonical_party
from trunkward.shaken.rcd import rcd_of
from trunkward.shaken.tnauthlist import TnAuthListError, decode, encode_spc
from trunkward.shaken.trusted_list import ListRefused, TrustedList, read_trusted_list
from trunkward.shaken.verify import CalledAs, verify
from trunkward.shaken.verstat import place, strip
from trunkward.shaken.x5u import read_url
from trunkward.sip.uri import MalformedUri

#: CPU seconds no input may take, three times in a row.
MOST_S = 0.010


@dataclass(frozen=True, kw_only=True)
class Parser:
    """One parser: what it is given, and what it may say no with."""

    act: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    refusals: tuple[type[Exception], ...]
    #: Pieces that mean something to it.
    words: tuple[bytes, ...] = ()
    #: CPU seconds an input may take: more where one is many things, each of which is read for itself.
    most_s: Callable[[bytes], float] = lambda _: MOST_S


@dataclass(kw_only=True)
class Fuzzed:
    """What came of one run."""

    inputs: int = 0
    taken: int = 0
    slowest_s: float = 0.0
    #: Inputs over that at first that were not when they were given again: the machine was busy.
    disturbed: int = 0
    slow: list[bytes] = field(default_factory=list)

    def line(self, name: str) -> str:
        return (
            f"| {name} | {self.inputs:,} | {self.taken:,} | {self.slowest_s * 1e3:.2f} ms "
            f"| {self.disturbed} | {len(self.slow)} |"
        )


HEAD = "| parser | inputs | taken | slowest | too slow once | three times |\n|---|---:|---:|---:|---:|---:|"


def fuzz(parser: Parser, inputs: int, seed: int = 1) -> Fuzzed:
    """Give a parser so many inputs. Whatever it raises that is no refusal of its own is raised here."""
    chance = random.Random(seed)
    seeds = parser.seeds()
    found = Fuzzed()
    for _ in range(inputs):
        data = changed(chance.choice(seeds), seeds, parser.words, chance)
        took, taken = _timed(parser, data)
        found.inputs += 1
        found.taken += taken
        most_s = parser.most_s(data)
        if took > most_s:
            again = min(_timed(parser, data)[0] for _ in range(3))
            if again > most_s:
                found.slow.append(data)
            else:
                found.disturbed += 1
            took = min(took, again)
        found.slowest_s = max(found.slowest_s, took)
    return found


def _timed(parser: Parser, data: bytes) -> tuple[float, bool]:
    """CPU seconds of this process, and whether the input was taken."""
    taken = True
    began = time.process_time()
    try:
        parser.act(data)
    except parser.refusals:
        taken = False
    except Exception as error:
        error.add_note(f"with {data!r}")
        raise
    return time.process_time() - began, taken


def changed(data: bytes, seeds: list[bytes], words: tuple[bytes, ...], chance: random.Random) -> bytes:
    """One to six changes: a byte, a bit, a piece out, twice, moved, of another seed, of words that mean something."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(found))
        end = min(len(found), at + chance.choice((1, 2, 4, 16, 64)))
        match chance.randint(0, 7):
            case 0 if found:
                found[at % len(found)] = chance.randint(0, 255)
            case 1 if found:
                found[at % len(found)] ^= 1 << chance.randint(0, 7)
            case 2:
                del found[at:end]
            case 3:
                found[at:at] = found[at:end] * chance.choice((1, 1, 1, 50))
            case 4:
                other = chance.choice(seeds)
                start = chance.randint(0, len(other))
                found[at:end] = other[start : start + chance.randint(1, 64)]
            case 5:
                found[at:at] = chance.choice(words or (b"\0",)) * chance.choice((1, 1, 1, 100))
            case 6:
                del found[at:]
            case _:
                found[at:at] = chance.randbytes(chance.randint(1, 8))
    return bytes(found[:20_000])


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _signed(content: bytes, key: pki.Key) -> bytes:
    """A certificate or revocation list of this content, whatever it is, with a signature that holds."""
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256
    signature = element(0x03, b"\0" + key.sign(content, ec.ECDSA(SHA256())))
    return element(SEQUENCE, content + algorithm + signature)


def _credential(content: bytes) -> None:
    lines = base64.encodebytes(_signed(content, pki.intermediate().key))
    pem = b"-----BEGIN CERTIFICATE-----\n" + lines + b"-----END CERTIFICATE-----\n"
    credential_of(pem + pki.pem(pki.intermediate()), TRUSTED, NO_LIST, NOW_S)


def _list(content: bytes) -> None:
    found = read_crl(_signed(content, pki.administrator().key), (pki.administrator().x509,), NOW_S)
    found.status(pki.provider().x509, NOW_S)


def _trusted(content: bytes) -> None:
    head = {"alg": "ES256", "typ": "JWT", "x5u": X5U}
    text = token(pki.administrator().key, head, content)
    read_trusted_list(text.encode(), [pki.administrator().x509], NOW_S)


TRUSTED = TrustedList.of(pki.root().x509)
CALL = CalledAs(orig=(CALLER,), to=CALLED, request_uri=CALLED, date_s=float(NOW_S), call_id="x")


def _verify(data: bytes) -> None:
    values = _text(data).split("\n")
    credentials = {X5U: _CREDENTIAL}
    verify(values, call=CALL, credentials=credentials, now_s=NOW_S)


_CREDENTIAL = credential_of(pki.pem(pki.provider(), pki.intermediate()), TRUSTED, NO_LIST, NOW_S)


def _place(data: bytes) -> None:
    value = _text(data)
    strip(value)
    place(value, "TN-Validation-Passed")


def _parameters(data: bytes) -> None:
    identity_header.read_parameters(identity_header.read(_text(data))[3])


def _constraints(data: bytes) -> None:
    decode_constraints(data[1:], enhanced=bool(data[:1] > b"\x7f"))


def _all_values() -> list[bytes]:
    values = [value for case in CASES.values() for value in case.values() if len(value) < 3000]
    return ["\n".join(diversions(3)).encode(), *(value.encode("latin-1", "replace") for value in values)]


def _claims() -> list[bytes]:
    body = payload(rcd={"nam": "Q", "jcd": CARD, "apn": CALLER}, rcdi={"/jcd": digest(CARD)}, crn="x")
    return [compact(body), compact(payload()), compact(header())]


def _lists() -> list[bytes]:
    root = base64.b64encode(pki.root().x509.public_bytes(Encoding.DER)).decode()
    return [compact({"version": 1, "sequence": 5, "exp": NOW_S + 3600, "trustList": [root]})]


_SIP = (
    b";",
    b'"',
    b"<",
    b">",
    b"=",
    b"\\",
    b"@",
    b":",
    b",",
    b" ",
    b"%3b",
    b"%76",
    b"verstat",
    b"sip:",
    b"tel:",
)
_JSON = (
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b":",
    b",",
    b"\\u0061",
    b"\\ud800",
    b"NaN",
    b"1e999",
    b"null",
    b'{"a":',
)
_DER = (
    b"\x30\x80",
    b"\x30\x82\xff\xff",
    b"\x02\x01",
    b"\x16",
    b"\xa0",
    b"\xa1",
    b"\xa2",
    b"\x00" * 4,
    b"\x7f\xff",
)
_URL = (
    b"https://",
    b"@",
    b":",
    b"//",
    b"?",
    b"#",
    b".",
    b"[::1]",
    b"127.0.0.1",
    b"%2e",
    b"0x7f",
    b"localhost",
)

PARSERS: dict[str, Parser] = {
    "Identity header": Parser(
        act=_parameters,
        seeds=lambda: [value for value in _all_values() if b"\n" not in value],
        refusals=(Refused,),
        words=_SIP,
    ),
    "JOSE": Parser(act=jose.decode, seeds=_claims, refusals=(Refused,), words=_JSON),
    "verification": Parser(
        act=_verify,
        seeds=lambda: [*_all_values(), compact_form().encode(), rcd().encode()],
        refusals=(),
        words=_SIP + _JSON,
    ),
    "rich call data": Parser(
        act=lambda data: rcd_of(json.loads(data), required=False),
        seeds=_claims,
        # what is no JSON, or no object, never gets here
        refusals=(Refused, ValueError, AttributeError, RecursionError, TypeError),
        words=_JSON,
    ),
    "TNAuthList": Parser(
        act=decode,
        seeds=lambda: [
            encode_spc("709J"),
            encode_numbers(("12025550100", 1), ("12025550110", 20)),
            encode_numbers(*((str(12025550100 + n), 1) for n in range(50))),
        ],
        refusals=(TnAuthListError,),
        words=_DER,
    ),
    "claim constraints": Parser(
        act=_constraints,
        seeds=lambda: [
            b"\xff" + bytes.fromhex("3009a00730051603726364"),
            b"\0" + bytes.fromhex("3022a120301e301c160a636f6e666964656e6365300e0c04686967680c066d656469756d"),
        ],
        refusals=(ConstraintsError,),
        words=_DER,
    ),
    # with signatures that hold, or nothing behind them would ever be looked at
    "certificate": Parser(
        act=_credential,
        seeds=lambda: [
            pki.provider().x509.tbs_certificate_bytes,
            pki.delegate(pki.delegating(), CALLER).issue().x509.tbs_certificate_bytes,
        ],
        refusals=(Refused,),
        words=_DER,
    ),
    "revocation list": Parser(
        act=_list,
        seeds=lambda: [
            load_der_x509_crl(pki.crl(revoked)).tbs_certlist_bytes
            for revoked in ([pki.provider(), pki.intermediate()], [])
        ],
        refusals=(CrlRefused,),
        words=_DER,
    ),
    "trusted list": Parser(act=_trusted, seeds=_lists, refusals=(ListRefused,), words=_JSON),
    "certificate URL": Parser(
        act=lambda data: read_url(_text(data)),
        seeds=lambda: [X5U.encode(), b"https://cert.example.com:8443/a/b.pem"],
        refusals=(Refused,),
        words=_URL,
    ),
    "verstat": Parser(
        act=_place,
        seeds=lambda: [
            b'"A" <sip:+12025550100;verstat=x@example.com;user=phone>;tag=1',
            b"<tel:+12025550100;npdi>, <sip:+1@example.com>",
            b"sip:+1:pw@example.com;tag=1",
        ],
        refusals=(ValueError,),
        words=_SIP,
    ),
    "party": Parser(
        act=lambda data: canonical_party(_text(data)),
        seeds=lambda: [
            b"sip:+1-202-555-0100;npdi@example.com",
            b"tel:+12025550100",
            b"sips:a@[2001:db8::1]:5061",
        ],
        refusals=(MalformedUri,),
        words=_SIP,
    ),
    "number": Parser(
        act=lambda data: canonical_tn(_text(data)),
        seeds=lambda: [b"+12025550100", b"+1(202)555-0100;rn=1", b"*67"],
        refusals=(NotANumber,),
        words=_SIP,
    ),
}
