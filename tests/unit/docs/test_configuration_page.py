"""Every key a node file may have is on the page, with its default; and nothing else is."""

import re
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from trunkward.control.file_keys import FilePart
from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.media.suites import ALLOWED

PAGE = "docs/configuration.md"
SECTIONS = ("node", "resellers", "tenants", "trunks", "carriers")

type Table = Callable[[str, str], list[list[str]]]


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """The keys below a part of the file: `node.media.ports`, `carriers[].hosts`."""
    for name, field in model.model_fields.items():
        parts = [*part_models(field.annotation)]
        listed = "[]" if str(field.annotation).startswith("list[") else ""
        if not parts or field.metadata:  # a group that a word may stand for, such as `local`
            yield prefix + name, field
        for part in parts:
            yield from keys(part, f"{prefix}{name}{listed}.")


def part_models(annotation: Any) -> Iterator[type[BaseModel]]:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            yield candidate


def documented(table: Table) -> dict[str, str]:
    rows = [row for section in SECTIONS for row in table(PAGE, section)]
    return {row[0]: row[1] for row in rows}


def default_of(field: FieldInfo) -> str:
    """A field's default as the page writes it; "" where the page may use words."""
    value = field.default
    if field.is_required():
        return "required"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | str) else ""


def test_every_key_is_on_the_page_and_no_other(table: Table) -> None:
    assert sorted(documented(table)) == sorted(key for key, _ in keys(FilePart))


def test_defaults_and_required_keys_are_as_in_the_schema(table: Table) -> None:
    page = documented(table)
    wrong = {
        key: (page[key], wanted)
        for key, field in keys(FilePart)
        if (wanted := default_of(field)) and page[key] != wanted
    }
    assert not wrong


def test_an_optional_key_is_never_called_required(table: Table) -> None:
    page = documented(table)
    assert not [key for key, field in keys(FilePart) if page[key] == "required" and not field.is_required()]


def test_the_suites_are_named_in_order(page: Callable[[str], str]) -> None:
    assert ", ".join(f"`{suite}`" for suite in ALLOWED) in page(PAGE)


def test_the_example_is_accepted(root: Path) -> None:
    declared = read_node_file((root / "examples/node.yaml").read_text(encoding="utf-8"), "examples/node.yaml")
    assert declared.trunks
    assert declared.carriers


EXAMPLE = (Path(__file__).parents[3] / "examples/node.yaml").read_text(encoding="utf-8")
_FIRST_TRUNK = "      - name: acme-hq\n"
#: From the end of the node to the name of its first trunk.
TO_TRUNK = EXAMPLE[EXAMPLE.index("\ntenants:\n") : EXAMPLE.index(_FIRST_TRUNK) + len(_FIRST_TRUNK)]
#: For each row of the table of contradictions: what is changed in the example.
CONTRADICTIONS = {
    "node.plain_port": ("plain_port: 5060", "plain_port: 5061"),
    "node.certificate.files": ("  tls_port: 5061", "{both}  tls_port: 5061"),
    "node.certificate.acme.http_port": ("  tls_port: 5061", "{acme}      http_port: 5060\n  tls_port: 5061"),
    "node.tls12_port": (
        f"  gates: 2\n{TO_TRUNK}",
        f"  gates: 2\n  tls12_port: 5060\n{TO_TRUNK}        unsafe_tls12: true\n",
    ),
    "node.media.address": ("    address: 127.0.0.10", '    address: "::1"'),
    "node.contact_host": ("contact_host: 127.0.0.10", "contact_host: [127.0.0.10, '2001:db8::10']"),
    "node.identity.certificates": ('spc: "000T"', 'spc: "000T"\n    certificates: files{identity_files}'),
    "node.identity.authority": ('spc: "000T"', 'spc: "000T"\n    authority: {authority}'),
    "node.identity.files": ('spc: "000T"', 'spc: "000T"{identity_files}'),
    "node.identity.x5u": ("trunkward/test.pem", "trunkward/"),
    "node.live": ("  gates: 2\n", "  gates: 2\n  live: {secrets: /etc/trunkward/live}\n"),
    "node.live.ca": (
        "  gates: 2\n",
        "  gates: 2\n  live: {socket: /run/v.sock, ca: /etc/v.pem, secrets: /etc/trunkward/live}\n",
    ),
    "node.live.nodes": (
        "  tls_port: 5061\n",
        "  tls_port: 5061\n  live: {socket: /run/valkey.sock, secrets: /etc/trunkward/live, nodes: [sbc-1]}\n",
    ),
    "tenants[].trunks[].networks": (
        "        networks: [127.0.0.1/32, 127.0.0.21/32]\n",
        "        identified_by: [certificate]\n        networks: [127.0.0.1]\n",
    ),
    "tenants[].trunks[].client_certificate": ("        client_certificate: issued\n", ""),
    "tenants[].trunks[].username": (
        "client_certificate: issued",
        "client_certificate: issued\n        username: acme",
    ),
    "tenants[].trunks[].unsafe_md5": (
        "client_certificate: issued",
        "client_certificate: issued\n        unsafe_md5: true",
    ),
    "node.number_plan.region": ('    country: "1"', '    country: "1"\n    region: GB'),
    "tenants[].reseller": ("  - name: acme\n", "  - name: acme\n    reseller: west\n"),
    "tenants[].trunks[].host": ("        tls_names: [pbx.acme.example.com]\n", ""),
    "tenants[].trunks[].tls_names": ("        host: 127.0.0.21:15061\n", ""),
    "tenants[].trunks[].numbers": ('- "+12025550102"', '- "+12025550101"'),
    "tenants[].trunks[].failover": (TO_TRUNK, f"{TO_TRUNK}        failover: [acme-hq]\n"),
    "tenants[].trunks[].caller.number": (
        '{other: replace, number: "+12025550101"}',
        '{number: "+12025550104"}',
    ),
    "tenants[].trunks[].emergency_callback": (
        TO_TRUNK,
        f'{TO_TRUNK}        emergency_callback: "+12025550104"\n',
    ),
    "tenants[].trunks[].caller.other": ('{other: replace, number: "+12025550101"}', "{other: replace}"),
    "tenants[].trunks[].caller": (
        "        client_certificate: issued\n",
        "        client_certificate: issued\n        role: gateway\n",
    ),
    "tenants[].trunks[].rcd": (
        'caller: {other: replace, number: "+12025550101"}',
        "role: gateway\n        rcd: {name: Example Corp, reviewed: 2026-11-20}",
    ),
    "resellers[].name": (
        "\ntenants:\n",
        '\nresellers:\n  - name: node\n    identity: {spc: "567T", x5u: https://example.com/c.pem}\n\ntenants:\n',
    ),
    "tenants[].trunks[].dial_plan.region": (TO_TRUNK, f"{TO_TRUNK}        dial_plan: {{region: GB}}\n"),
    "tenants[].trunks[].dial_plan.tech_prefix": (
        TO_TRUNK,
        f'{TO_TRUNK}        dial_plan: {{tech_prefix: "01"}}\n',
    ),
    "tenants[].trunks[].supplies_levels": (TO_TRUNK, f"{TO_TRUNK}        supplies_levels: true\n"),
    "carriers[].hosts": ("hosts: [127.0.0.31:25061]", "hosts: ['[2001:db8::31]:25061']"),
    "carriers[].name": ("- name: south", "- name: acme-hq"),
    "carriers[].media": ("media: rtp", "media: srtp"),
    "carriers[].networks": ("networks: [127.0.0.41/32]", "networks: [127.0.0.41/32]\n{east}"),
    "carriers[].tls_names": ("networks: [127.0.0.41/32]", "networks: [127.0.0.41/32]\n{north2}"),
    "carriers[].ca": ("media: rtp", "media: rtp\n    ca: /etc/trunkward/ca.pem"),
    "carriers[].client_certificate": (
        "media: rtp",
        "media: rtp\n    client_certificate: {files: {chain: /etc/c.pem, key: /etc/c.key}}",
    ),
    "carriers[].srtp": ("media: rtp", "media: rtp\n    srtp: [AEAD_AES_256_GCM]"),
}
ACME = """\
  certificate:
    acme:
      directory: https://ca.example.net/directory
      terms_agreed: true
"""
IDENTITY_FILES = "\n    files: {chain: /etc/trunkward/sti.pem, key: /etc/trunkward/sti.key}"
AUTHORITY = """{directory: https://ca.example.net/dir, terms_agreed: true, account: a, user: u,
      password_file: /etc/trunkward/password}"""
BOTH = ACME + "    files: {chain: /etc/trunkward/sbc.pem, key: /etc/trunkward/sbc.key}\n"
EAST = """\
  - name: east
    hosts: [127.0.0.51:5060]
    transport: udp
    media: rtp
    prefixes: ["+1404"]
    networks: [127.0.0.0/24]"""
NORTH2 = """\
  - name: north-2
    hosts: [127.0.0.51:5061]
    transport: tls
    prefixes: ["+1404"]
    networks: [127.0.0.51]
    tls_names: [north.example.net]
    ca: /etc/trunkward/north.pem"""


def test_every_contradiction_on_the_page_is_refused_there(root: Path, table: Table) -> None:
    example = (root / "examples/node.yaml").read_text(encoding="utf-8")
    assert [row[0] for row in table(PAGE, "What does not go together")] == list(CONTRADICTIONS)
    for key, (old, new) in CONTRADICTIONS.items():
        assert example.count(old) == 1, key
        text = example.replace(
            old,
            new.replace("{east}", EAST)
            .replace("{north2}", NORTH2)
            .replace("{acme}", ACME)
            .replace("{both}", BOTH)
            .replace("{identity_files}", IDENTITY_FILES)
            .replace("{authority}", AUTHORITY),
        )
        with pytest.raises(NodeFileRefused) as refused:
            read_node_file(text, "node.yaml")
        (problem,) = refused.value.problems
        assert re.sub(r"\[[a-z0-9-]+\]", "[]", problem.path).removesuffix("[]") == key
