"""The compiled policy: one immutable file that every gate maps and looks things up in.

Layout, little-endian: magic, format, policy version, length of the file, BLAKE2b-256 over everything
after this header, then offset and length of each section (`_SECTIONS`), then the sections. Node and
carriers are msgpack and decoded once; everything that can be many is a hash table (`table`).
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType

import msgspec

from trunkward.admission.ceilings import Ceilings, ceilings_of
from trunkward.admission.destination_rows import places_of, places_rows, policies_of, policies_row
from trunkward.admission.evidence_table import EvidenceTable, evidence_table
from trunkward.admission.network_table import NetworkTable, Purpose, build_network_table
from trunkward.admission.never_calls import NeverCallsTable, never_calls_table
from trunkward.admission.rows import (
    CarrierRow,
    DecksRow,
    HoldRow,
    LimitsRow,
    NodeRow,
    NumberRow,
    SecretRow,
    SpendingRow,
    TrunkRow,
    authority_id,
    carrier_of,
    carrier_row,
    decks_row,
    hold_of,
    hold_row,
    limits_of,
    limits_rows,
    node_of,
    node_row,
    spending_of_row,
    spending_rows,
    trunk_of,
    trunk_row,
)
from trunkward.admission.table import PrefixTable, Table, build_prefixes, build_table
from trunkward.numbering.destinations import UNKNOWN, Destination
from trunkward.shaken import contract as contract_tokens
from trunkward.shaken.contract import Contract
from trunkward.shaken.evidence import Evidence
from trunkward.shaken.relationship import Relationship, read_token
from trunkward.sip.transport import Transport
from trunkward.spend.table import DeckRefused, DeckTable
from trunkward.trunks.callers import NeverCalls, VerifiedNumber
from trunkward.trunks.destinations import DestinationPolicies
from trunkward.trunks.model import Address, Carrier, Declared, NodeSettings, Trunk
from trunkward.trunks.signing import Certificates
from trunkward.trunks.spending import TRUNK_CAPS, Hold, OwnerSpending, Raise, with_raises
from trunkward.trunks.transit import OF_NODE

MAGIC = b"TWPOLICY"
#: Goes up with every change of the layout or of a row; a gate reads its own only.
FORMAT = 10
_HEAD = struct.Struct("<8sIQQ32s")
_SECTIONS = (
    "node",
    "carriers",
    "trunks",
    "numbers",
    "certificates",
    "prefixes",
    "evidence",
    "relationships",
    "permits",
    "places",
    "destinations",
    "limits",
    # who is calling: by certificate of an authority, by username, by network
    *("subjects", "authorities", "usernames", "secrets", "networks"),
    "verified",
    "never",
    "decks",
    "spending",
    "holds",
    "identities",
)
_DIRECTORY = struct.Struct(f"<{2 * len(_SECTIONS)}Q")
#: Of a number in an inventory that nobody calls from.
OWN_NEVER_CALLS = "one of our own, declared with calls_out: false"
#: Numbers kept decoded in each gate, and whether they are anybody's here.
_DECODED_NUMBERS = 16_384
#: Trunks kept decoded in each gate.
_DECODED_TRUNKS = 4096
#: Lists of carriers that take a prefix, kept likewise; there are few different ones.
_DECODED_TAKERS = 1024
#: Nobody's username: it has a zero byte.
_ANYBODY = b"\0"
#: Sources whose trunks are kept found, likewise.
_KNOWN_SOURCES = 16_384


class SignsAs(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs a trunk's calls."""

    #: `transit.OF_NODE`, or a reseller.
    name: str
    #: He alone says at which level.
    third_party: bool = False
    #: Its certificate is of this node's own TEST authority, and nobody's who is called.
    test: bool = False
    #: Token of the contract with its provider; "": there is none, or it needs none.
    contract: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode_trunk = msgspec.msgpack.Decoder(TrunkRow).decode
_decode_carriers = msgspec.msgpack.Decoder(list[CarrierRow]).decode
_decode_node = msgspec.msgpack.Decoder(NodeRow).decode
_decode_limits = msgspec.msgpack.Decoder(list[LimitsRow]).decode
_decode_secrets = msgspec.msgpack.Decoder(list[SecretRow]).decode
_decode_names = msgspec.msgpack.Decoder(list[str]).decode
_decode_decks = msgspec.msgpack.Decoder(DecksRow).decode
_decode_spending = msgspec.msgpack.Decoder(SpendingRow).decode
_decode_identities = msgspec.msgpack.Decoder(dict[str, SignsAs]).decode
_decode_holds = msgspec.msgpack.Decoder(list[HoldRow]).decode
_decode_number = msgspec.msgpack.Decoder(NumberRow).decode
_UNTIL = struct.Struct("<d")
_decode_indexes = msgspec.msgpack.Decoder(list[int]).decode


class SnapshotRefused(ValueError):
    """Not a policy snapshot this gate can use; the message says why."""


def compile_snapshot(
    declared: Declared,
    evidence: Iterable[str],
    version: int,
    destinations: Mapping[str, Destination],
    secrets: Mapping[str, Sequence[SecretRow]] = MappingProxyType({}),
    *,
    relationships: Mapping[str, str] = MappingProxyType({}),
    contracts: Mapping[str, str] = MappingProxyType({}),
    verified: Iterable[VerifiedNumber] = (),
    never: Iterable[NeverCalls] = (),
    decks: Mapping[str, str] = MappingProxyType({}),
    holds: Iterable[Hold] = (),
    raises: Iterable[Raise] = (),
) -> bytes:
    """The snapshot of a declared world.

    `evidence` are the tokens of inventories and of accepted records, `relationships` those that say whose a
    trunk is, by its name, `contracts` those of contracts, by identity; `version` is the policy's own number
    and stands in every record. `destinations` says what lies behind the first digits of numbers (without
    `+`); what is not in it is not called.
    `secrets` are those of trunks with digest, by trunk; `verified` numbers trunks may show though they are
    not theirs; `never` the do-not-originate list;
    `decks` the SHA-256 of each deck by its name; `holds` and `raises` those in force (`trunks.spending`).
    Disabled carriers take no prefixes. Equal arguments give equal bytes.
    """
    prefixes: dict[str, list[int]] = {}
    for index, carrier in enumerate(declared.carriers):
        if carrier.enabled:
            for prefix in carrier.prefixes:
                prefixes.setdefault(prefix, []).append(index)
    trunks = declared.trunks
    permits: dict[bytes, int] = {}
    trunk_rows = {
        t.name.encode(): _encode(trunk_row(t, permits.setdefault(policies_row(t.destinations), len(permits))))
        for t in trunks
    }
    places, leads = places_rows(destinations)
    subjects: dict[str, list[str]] = {}
    for trunk in trunks:
        if trunk.certified_by is not None:
            subjects.setdefault(trunk.certified_by.subject, []).append(trunk.name)
    sections = {
        "node": _encode(node_row(declared.node)),
        "carriers": _encode([carrier_row(carrier) for carrier in declared.carriers]),
        "trunks": build_table(trunk_rows),
        "numbers": build_table(
            {number.encode(): row for t in trunks for number, row in _number_rows(t).items()}
        ),
        "certificates": build_table(
            {
                shown.encode(): t.name.encode()
                for t in trunks
                for shown in (t.certificate_sha256, *t.older_certificates)
                if shown
            }
        ),
        "prefixes": build_prefixes(
            {prefix.encode(): _encode(indexes) for prefix, indexes in prefixes.items()}
        ),
        "evidence": evidence_table(evidence),
        "relationships": build_table({name.encode(): said.encode() for name, said in relationships.items()}),
        "permits": build_table({_index(number): row for row, number in permits.items()}),
        "places": places,
        "destinations": leads,
        "limits": build_table({t.name.encode(): _encode(limits_rows(t, declared)) for t in trunks}),
        "subjects": build_table({subject.encode(): _encode(names) for subject, names in subjects.items()}),
        "authorities": build_table(
            {
                authority_id(pem).encode(): pem.encode()
                for pem in (*(t.authority for t in trunks), *(c.authority for c in declared.carriers))
                if pem
            }
        ),
        "usernames": build_table(_usernames(trunks)),
        "secrets": build_table(
            {t.name.encode(): _encode(secrets[t.name]) for t in trunks if t.name in secrets}
        ),
        "networks": build_network_table(trunks),
        "verified": build_table({_pair(v.trunk, v.number): _UNTIL.pack(v.until) for v in verified}),
        "never": never_calls_table(never),
        "decks": _encode(decks_row(declared, decks)),
        "spending": build_table(
            {
                owner.encode(): _encode(row)
                for owner, row in spending_rows(with_raises(declared.spending, raises)).items()
            }
        ),
        "holds": _encode([hold_row(hold) for hold in holds]),
        # the certificates are the signers' alone
        "identities": _encode(_identities(declared, contracts)),
    }
    at = _HEAD.size + _DIRECTORY.size
    directory: list[int] = []
    for name in _SECTIONS:
        directory += [at, len(sections[name])]
        at += len(sections[name])
    rest = b"".join([_DIRECTORY.pack(*directory), *(sections[name] for name in _SECTIONS)])
    return _HEAD.pack(MAGIC, FORMAT, version, at, _digest(rest)) + rest


def _identities(declared: Declared, contracts: Mapping[str, str]) -> dict[str, SignsAs]:
    """By reseller, of those that have one, and the node's own."""
    node = SignsAs(name=OF_NODE, test=declared.node.signing.certificates is Certificates.TEST)
    return {OF_NODE: node} | {
        name: SignsAs(
            name=name,
            third_party=its.third_party,
            test=its.signing.certificates is Certificates.TEST,
            contract=contracts.get(name, ""),
        )
        for name, its in declared.reseller_identities.items()
    }


def _no_deck(sha256: str) -> DeckTable:
    raise DeckRefused(f"deck {sha256} is not at hand")


class Snapshot:
    """A compiled policy in a buffer (bytes, or a mapped file that stays mapped as long as this lives)."""

    def __init__(
        self,
        buffer: bytes | memoryview,
        open_deck: Callable[[str], DeckTable] = _no_deck,
        denied: Callable[[], frozenset[str] | None] = frozenset,
    ) -> None:
        """Checks the whole buffer once. Raises `SnapshotRefused`.

        `open_deck` gives a compiled deck by the SHA-256 of its text, and may raise `DeckRefused`. `denied`
        gives the ids of evidence that was revoked, which this policy may not have heard of; None: nobody
        knows them.
        """
        view = memoryview(buffer)
        if len(view) < _HEAD.size + _DIRECTORY.size:
            raise SnapshotRefused(f"{len(view)} bytes are too short for a policy snapshot")
        magic, layout, self.version, length, digest = _HEAD.unpack_from(view)
        if magic != MAGIC:
            raise SnapshotRefused("this is no policy snapshot")
        if layout != FORMAT:
            raise SnapshotRefused(
                f"policy snapshot of format {layout}, this gate reads {FORMAT}: compile it anew"
            )
        if length != len(view):
            raise SnapshotRefused(f"policy snapshot cut or grown: {len(view)} bytes of {length}")
        if _digest(view[_HEAD.size :]) != digest:
            raise SnapshotRefused("policy snapshot with a wrong checksum: damaged after it was written")
        places = _DIRECTORY.unpack_from(view, _HEAD.size)
        parts = {
            name: view[places[2 * index] : places[2 * index] + places[2 * index + 1]]
            for index, name in enumerate(_SECTIONS)
        }
        self.node: NodeSettings = node_of(_decode_node(parts["node"]))
        #: In the file's order, disabled ones too; their `prefixes` are empty, ask `longest_prefix`.
        self.carriers: tuple[Carrier, ...] = tuple(
            carrier_of(row) for row in _decode_carriers(parts["carriers"])
        )
        #: The enabled ones that speak TLS, by each lower-case name their certificate may carry.
        self.carriers_by_name: dict[str, tuple[Carrier, ...]] = {}
        for carrier in self.carriers:
            if carrier.enabled and carrier.transport is Transport.TLS:
                for name in dict.fromkeys(name.lower() for name in carrier.tls_names):
                    self.carriers_by_name[name] = (*self.carriers_by_name.get(name, ()), carrier)
        self._trunks = Table(parts["trunks"])
        self._numbers = Table(parts["numbers"])
        self._certificates = Table(parts["certificates"])
        self._prefixes = PrefixTable(parts["prefixes"])
        self._denied = denied
        self._evidence = lru_cache(maxsize=_DECODED_NUMBERS)(EvidenceTable(parts["evidence"]).of)
        self._relationships = Table(parts["relationships"])
        #: Whose a trunk is, by its name, with the token that says so; None: nobody has said.
        self.relationship = lru_cache(maxsize=_DECODED_TRUNKS)(self._relationship)
        self._permits = Table(parts["permits"])
        self._places = places_of(parts["places"])
        self._destinations = PrefixTable(parts["destinations"])
        self._taking = lru_cache(maxsize=_DECODED_TAKERS)(self._decode_taking)
        self._decoded_permit = lru_cache(maxsize=_DECODED_TRUNKS)(self._decode_permit)
        self._limits = Table(parts["limits"])
        #: What counts for a trunk, by its name; nothing for one that is not declared.
        self.ceilings = lru_cache(maxsize=_DECODED_TRUNKS)(self._ceilings)
        self._subjects = Table(parts["subjects"])
        self._authorities = Table(parts["authorities"])
        self._usernames = Table(parts["usernames"])
        self._secrets = Table(parts["secrets"])
        self._networks = NetworkTable(parts["networks"])
        self.trunks_around = lru_cache(maxsize=_KNOWN_SOURCES)(self._trunks_around)
        self._verified = Table(parts["verified"])
        self._never = NeverCallsTable(parts["never"])
        rated: DecksRow = _decode_decks(parts["decks"])
        tables = {name: open_deck(sha256) for name, sha256 in rated.decks.items()}
        #: By name; all of them, and by whom calls are rated by them.
        self._selling = {name: tables[deck] for name, deck in rated.tenants.items() if deck in tables}
        self._buying = {name: tables[deck] for name, deck in rated.carriers.items() if deck in tables}
        self._rated = rated
        self._spending = Table(parts["spending"])
        self._spent_by = lru_cache(maxsize=_DECODED_TRUNKS)(self._decode_spending)
        self._identities: dict[str, SignsAs] = _decode_identities(parts["identities"])
        self._contracts = {
            name: (contract_tokens.read_token(its.contract), its.contract)
            for name, its in self._identities.items()
            if its.contract
        }
        found = [hold_of(row) for row in _decode_holds(parts["holds"])]
        self._holds = {hold.owner: hold for hold in found}
        #: The newest hold that ends running calls, by its version; 0: there is none.
        self.cuts = max((hold.version for hold in found if hold.cut), default=0)
        # asked for several times in a call, and by one call after the other
        self._number = lru_cache(maxsize=_DECODED_NUMBERS)(self._decode_of_number)
        self._decoded = lru_cache(maxsize=_DECODED_TRUNKS)(self._decode)

    def selling(self, trunk: Trunk) -> DeckTable | None:
        """By what the calls of a trunk are sold; None: there is no deck for them."""
        return self._selling.get(trunk.tenant)

    def buying(self, carrier: Carrier) -> DeckTable | None:
        """By what a carrier sells to us; None: that is not known."""
        return self._buying.get(carrier.name)

    def sold_by(self, trunk: Trunk) -> tuple[str, str]:
        """Name and SHA-256 of the deck for a trunk's calls, "" and "" where there is none."""
        name = self._rated.tenants.get(trunk.tenant, "")
        return name, self._rated.decks.get(name, "")

    def bought_by(self, carrier: Carrier) -> tuple[str, str]:
        """The same of the deck a carrier sells by."""
        name = self._rated.carriers.get(carrier.name, "")
        return name, self._rated.decks.get(name, "")

    def spends(self, owner: str) -> OwnerSpending | None:
        """What one owner may spend, by his name (`tenant:acme`); None: he has no cap."""
        return self._spent_by(owner)

    def with_escrow(self) -> list[str]:
        """Owners for whom money may be leased ahead."""
        owners = (key.decode() for key in self._spending)
        return [one for one in owners if (row := self._decode_spending(one)) and row.spending.escrow_micro]

    def spending(self, trunk: Trunk) -> tuple[OwnerSpending, ...]:
        """Who pays for the calls of a trunk, and what they may cost: itself, its tenant, its reseller.

        Those without any cap are left out. What is raised for a time is told with its end
        (`OwnerSpending.at`).
        """
        owners = (f"trunk:{trunk.name}", f"tenant:{trunk.tenant}", f"reseller:{trunk.reseller}")
        return tuple(one for owner in owners if (one := self._spent_by(owner)) is not None)

    def spending_with(self, carrier: Carrier) -> OwnerSpending | None:
        """What a carrier's calls may cost us, in its prices; None: there is no cap."""
        return self._spent_by(f"carrier:{carrier.name}")

    def holds(self, trunk: Trunk) -> tuple[Hold, ...]:
        """What holds calls of a trunk: of itself, its tenant, its reseller."""
        if not self._holds:
            return ()
        owners = (f"trunk:{trunk.name}", f"tenant:{trunk.tenant}", f"reseller:{trunk.reseller}")
        return tuple(self._holds[owner] for owner in owners if owner in self._holds)

    def identity_of(self, trunk: Trunk) -> SignsAs:
        """Whose certificate signs a trunk's calls: its reseller's, where he has one, or else the node's."""
        return self._identities.get(trunk.reseller) or self._identities[OF_NODE]

    def contract(self, identity: str) -> tuple[Contract, str] | None:
        """The contract by which an identity signs what is supplied, with its token; not one revoked since."""
        found, denied = self._contracts.get(identity), self._denied()
        return found if found is not None and denied is not None and found[0].id not in denied else None

    def trunk(self, name: str) -> Trunk | None:
        """A trunk by its name, its `numbers` empty: ask `number_owner`."""
        return self._decoded(name)

    def number_owner(self, number: str) -> Trunk | None:
        """The trunk in whose inventory an E.164 number with `+` is."""
        found = self._number(number)
        return found[0] if found is not None else None

    def evidence(self, number: str) -> dict[Evidence, str]:
        """What speaks for a canonical number, with its token; nothing of what was revoked since."""
        found, denied = self._evidence(number), self._denied()
        if denied is None:
            return {said: token for said, token in found.items() if not said.is_recorded}
        return {said: token for said, token in found.items() if said.id not in denied} if denied else found

    def inbound_trunks(self, number: str) -> tuple[Trunk, ...]:
        """Where calls to an E.164 number go, in order: its own trunk, and those that stand in for that one.

        Disabled ones and such as only call out are among them; () for a number of nobody's.
        """
        found = self._number(number)
        if found is None:
            return ()
        owner, row = found
        others = owner.failover if row.failover is None else row.failover
        return owner, *(trunk for name in others if (trunk := self._decoded(name)) is not None)

    def verified_until(self, trunk: str, number: str) -> float:
        """Until when a trunk may show a number that is not its own (seconds since the epoch); 0: never."""
        found = self._verified.get(_pair(trunk, number))
        until: float = _UNTIL.unpack(found)[0] if found is not None else 0.0
        return until

    def never_calls(self, number: str) -> str:
        """Why nobody calls from an E.164 number, "" for all others."""
        found = self._number(number)
        if found is not None and not found[1].calls_out:
            return OWN_NEVER_CALLS
        return self._never.why(number)

    def trunk_by_certificate(self, sha256: str) -> Trunk | None:
        """The trunk that shows this client certificate (SHA-256 of its DER, lower-case hex)."""
        name = self._certificates.get(sha256.encode()) if sha256 else None
        return self._decoded(name.decode()) if name is not None else None

    @property
    def uses_digest(self) -> bool:
        """Whether some trunk is recognised by digest credentials, so that strangers are asked for them."""
        return self._usernames.count > 0

    def trunk_by_username(self, username: str) -> Trunk | None:
        """The trunk whose digest credentials have this username."""
        name = self._usernames.get(username.encode())
        return self._decoded(name.decode()) if name is not None else None

    def stand_in(self) -> Trunk | None:
        """Some trunk with digest: for a username nobody has, the same is done with its secrets."""
        name = self._usernames.get(_ANYBODY)
        return self._decoded(name.decode()) if name is not None else None

    def secrets(self, trunk: str) -> list[SecretRow]:
        """The secrets of a trunk, sealed."""
        found = self._secrets.get(trunk.encode())
        return _decode_secrets(found) if found is not None else []

    def trunks_by_subject(self, subject: str) -> list[Trunk]:
        """The trunks whose certificate some authority has issued to this lower-case subject."""
        found = self._subjects.get(subject.encode())
        names = _decode_names(found) if found is not None else []
        return [trunk for name in names if (trunk := self._decoded(name)) is not None]

    def authority(self, name: str) -> str:
        """An authority's certificates (PEM) by their name (`rows.authority_id`); "" for none."""
        pem = self._authorities.get(name.encode())
        return pem.decode() if pem is not None else ""

    def _trunks_around(self, purpose: Purpose, source: Address) -> tuple[Trunk, ...]:
        """The trunks with the longest network around a source, in the file's order."""
        found = (self._decoded(name) for name in self._networks.around(purpose, source))
        return tuple(trunk for trunk in found if trunk is not None)

    def longest_prefix(self, number: str) -> tuple[Carrier, ...]:
        """The enabled carriers with the longest prefix of an E.164 number with `+`, in the file's order."""
        found = self._prefixes.longest(number.encode())
        return self._taking(found[1]) if found is not None else ()

    def place(self, number: str) -> tuple[str, Destination]:
        """The longest known prefix of an E.164 number with `+`, and what lies behind it."""
        found = self._destinations.longest(number.encode())
        if found is None:
            return "", UNKNOWN
        length, index = found
        return number[:length], self._places[int.from_bytes(index, "little")].of_digits(len(number) - 1)

    def _decode_spending(self, owner: str) -> OwnerSpending | None:
        row = self._spending.get(owner.encode())
        if row is not None:
            found = spending_of_row(owner, _decode_spending(row))
            return found if found.spending.has_caps else None
        return OwnerSpending(owner=owner, spending=TRUNK_CAPS) if owner.startswith("trunk:") else None

    def _relationship(self, trunk: str) -> tuple[Relationship, str] | None:
        found = self._relationships.get(trunk.encode())
        if found is None:
            return None
        token = found.decode("ascii")
        return read_token(token), token

    def _ceilings(self, trunk: str) -> Ceilings:
        rows = self._limits.get(trunk.encode())
        return ceilings_of(limits_of(row) for row in (_decode_limits(rows) if rows is not None else ()))

    def _decode_of_number(self, number: str) -> tuple[Trunk, NumberRow] | None:
        found = self._numbers.get(number.encode())
        row = _decode_number(found) if found is not None else None
        owner = self._decoded(row.trunk) if row is not None else None
        return (owner, row) if owner is not None and row is not None else None

    def _decode(self, name: str) -> Trunk | None:
        row = self._trunks.get(name.encode())
        if row is None:
            return None
        decoded = _decode_trunk(row)
        return trunk_of(decoded, self._decoded_permit(decoded.permit))

    def _decode_taking(self, indexes: bytes) -> tuple[Carrier, ...]:
        return tuple(self.carriers[index] for index in _decode_indexes(indexes))

    def _decode_permit(self, number: int) -> DestinationPolicies:
        row = self._permits.get(_index(number))
        assert row is not None
        return policies_of(row)


def _index(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _usernames(trunks: Iterable[Trunk]) -> dict[bytes, bytes]:
    found = {t.username.encode(): t.name.encode() for t in trunks if t.username}
    return found | ({_ANYBODY: next(iter(found.values()))} if found else {})


def _number_rows(trunk: Trunk) -> dict[str, bytes]:
    plain = _encode(NumberRow(trunk.name))
    rows = dict.fromkeys(trunk.numbers, plain)
    for number, rule in trunk.number_rules:
        rows[number] = _encode(NumberRow(trunk.name, rule.failover, rule.calls_out))
    return rows


def _pair(trunk: str, number: str) -> bytes:
    # no name has a zero byte in it
    return f"{trunk}\0{number}".encode()


def _digest(data: bytes | memoryview) -> bytes:
    return blake2b(data, digest_size=32).digest()
