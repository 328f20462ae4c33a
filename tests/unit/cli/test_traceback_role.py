"""Property 31: "our customer" or "the provider before us" is said by the journaled node file, or not at all."""

import time
import zlib
from pathlib import Path

import pytest

from trunkward.cli.configured import configured
from trunkward.store.configuration_schema import node_files
from unit.cli.evidence_node import EvidenceNode


@pytest.fixture
def node(tmp_path: Path) -> EvidenceNode:
    return EvidenceNode(tmp_path, time.time())


def role(node: EvidenceNode, *, version: int = 1, trunk: str = "acme-hq") -> str:
    with configured(node.paths) as of:
        return of.role(version, trunk)


def test_property_31_a_trunk_has_the_role_of_its_calls_version(node: EvidenceNode) -> None:
    assert role(node) == "originating"
    assert role(node, version=9) == ""
    assert role(node, trunk="beta") == ""


def test_property_31_objects_beside_the_node_file_say_nothing(node: EvidenceNode) -> None:
    objects = zlib.compress(b'{"trunks": {"acme-hq": {"role": "intermediate"}}}')
    node.changed(node_files.update().values(objects=objects))
    assert role(node) == "originating"


def test_property_31_a_journal_that_root_has_not_written_proves_nothing(node: EvidenceNode) -> None:
    node.forged("+12125550151")
    assert role(node) == ""


def test_property_31_a_node_file_that_is_not_the_journaled_one_proves_nothing(node: EvidenceNode) -> None:
    node.changed(node_files.update().values(text=zlib.compress(b"node: {}")))
    assert role(node) == ""
