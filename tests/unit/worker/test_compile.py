"""The snapshot in force: compiled when the configuration changes, switched to in one step, old ones cleared away."""

import os
import threading
import time
import zlib
from pathlib import Path

import msgspec
import pytest

from sipkit.tokens import token, whose
from trunkward.admission.snapshot import Snapshot
from trunkward.control.declared import InForce
from trunkward.control.node_file import read_node_file
from trunkward.engines.behind_calls import NICE
from trunkward.shaken.evidence import Kind
from trunkward.shaken.number import canonical_tn
from trunkward.spend.deck import Rate, deck, written
from trunkward.spend.table import DeckTable, deck_name
from trunkward.spend.tariff import Tariff
from trunkward.trunks.evidence import NumberBlock
from trunkward.worker import compile
from trunkward.worker.compile import CURRENT, PolicyCompiler

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
PBX = "ab" * 32
FOREIGN, UNTIL = "+12025550150", 1_890_000_000
NUMBER = "+12025550101"
BLOCK = NumberBlock(
    record=17, accepted=18, identity="node", first="+12025550100", last="+12025550199", until=UNTIL + 1.0
)


class Place:
    """A configuration in force, and where its snapshots go."""

    def __init__(self, home: Path) -> None:
        self.declared = home / "declared.json"
        self.policy = home / "policy"
        self.policy.mkdir()
        self.decks = home / "decks"
        self.compiler = PolicyCompiler(self.declared, self.policy)

    def put_in_force(
        self, version: int, node_file: str = EXAMPLE, decks: dict[str, str] | None = None, bare: str = ""
    ) -> None:
        in_force = InForce(
            version=version,
            node_file=node_file,
            certificates={"acme-hq": [PBX]},
            evidence={"acme-hq": [bare or token(NUMBER), token(FOREIGN, kind=Kind.DELEGATE, until=UNTIL)]},
            relationships=whose(read_node_file(EXAMPLE, "node.yaml")),
            delegates={"evidence-17": "a chain"},
            blocks=[BLOCK],
            decks=decks or {},
        )
        part = self.declared.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(in_force))
        part.rename(self.declared)  # as `up` writes it: another file, so another inode

    @property
    def current(self) -> Snapshot:
        return Snapshot((self.policy / CURRENT).read_bytes())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_is_declared_is_in_force(place: Place) -> None:
    place.put_in_force(1)
    assert place.compiler.round()
    trunk = place.current.trunk_by_certificate(PBX)
    assert trunk is not None
    assert trunk.name == "acme-hq"
    related = place.current.relationship("acme-hq")
    assert related is not None
    assert related[0].customer == "KYC-2026-17"
    assert place.compiler.version == place.current.version == 1
    # what the worker looks at again, and tells of
    assert place.compiler.delegates == {"evidence-17": "a chain"}
    assert place.compiler.records_until == {"delegate": UNTIL, "block": UNTIL + 1}


def test_a_token_the_signer_would_refuse_is_left_out(place: Place) -> None:
    """Of an inventory without a block, under a certificate that needs one: the gate asks for B, not for A."""
    bare = token(NUMBER, name="inventory-acme-hq")
    files = "    certificates: files\n    files: {chain: /etc/trunkward/s.pem, key: /etc/trunkward/s.key}\n"
    administrator = "  policy_administrator: {url: https://sti-pa.example.net/, certificate: /etc/a.pem}\n"
    real = EXAMPLE.replace("  identity:\n", f"{administrator}  identity:\n{files}", 1)
    for node_file, there in ((EXAMPLE, {"inventory-acme-hq"}), (real, set())):
        place.put_in_force(1, node_file, bare=bare)
        assert place.compiler.round()
        assert {said.id for said in place.current.evidence(canonical_tn(NUMBER))} == there
        # what has a record behind it is there whatever the certificate is
        assert place.current.evidence(canonical_tn(FOREIGN))


def test_nothing_is_done_until_it_changes(place: Place) -> None:
    place.put_in_force(1)
    assert place.compiler.round()
    before = (place.policy / CURRENT).stat()
    assert not place.compiler.round()
    assert (place.policy / CURRENT).stat() == before
    place.put_in_force(2)
    assert place.compiler.round()
    assert place.current.version == 2


def test_a_gate_may_still_hold_the_one_before(place: Place) -> None:
    for version in (8, 9, 10, 11):
        place.put_in_force(version)
        place.compiler.round()
    kept = sorted(Snapshot(path.read_bytes()).version for path in place.policy.glob("*.snapshot"))
    assert kept == [9, 10, 11]
    assert not list(place.policy.glob("*.part"))


def test_a_number_below_those_there_were_is_in_force_all_the_same(place: Place) -> None:
    for second, version in enumerate((10, 11, 12, 5, 6)):  # a backup was restored after the third
        place.put_in_force(version)
        place.compiler.round()
        assert place.current.version == version
        os.utime(place.policy / CURRENT, (second, second))
    kept = sorted(Snapshot(path.read_bytes()).version for path in place.policy.glob("*.snapshot"))
    assert kept == [5, 6, 12]


def test_a_configuration_that_cannot_be_read_leaves_the_last_one_in_force(place: Place) -> None:
    place.put_in_force(1)
    place.compiler.round()
    place.declared.write_bytes(b"{")
    with pytest.raises(msgspec.DecodeError):
        place.compiler.round()
    assert place.current.version == 1
    # and is tried again, not taken for done
    with pytest.raises(msgspec.DecodeError):
        place.compiler.round()


def test_what_could_not_be_told_is_told_without_compiling_again(place: Place) -> None:
    told: list[int] = []

    def tell(in_force: InForce, _declared: object, _since: float) -> None:
        told.append(in_force.version)
        if len(told) == 1:
            raise OSError(28, "No space left on device")

    place.compiler = PolicyCompiler(place.declared, place.policy, tell)
    place.put_in_force(1)
    with pytest.raises(OSError, match="No space"):
        place.compiler.round()
    snapshot = (place.policy / CURRENT).resolve().stat()
    assert place.compiler.round()
    assert told == [1, 1]
    assert (place.policy / CURRENT).resolve().stat() == snapshot
    assert not place.compiler.round()


def test_rounds_in_vain_are_counted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile, "AGAIN_S", 0.05)
    monkeypatch.setattr(compile, "LOOK_S", 0.05)
    place.declared.write_bytes(b"{")
    stopped = threading.Event()
    said: list[str] = []
    follower = threading.Thread(target=place.compiler.follow, args=(stopped, said.append))
    follower.start()
    until = time.monotonic() + 40
    while place.compiler.failed < 2 and time.monotonic() < until:
        time.sleep(0.01)
    place.put_in_force(1)
    while place.compiler.version != 1 and time.monotonic() < until:
        time.sleep(0.01)
    stopped.set()
    follower.join()
    assert place.compiler.failed >= 2
    assert ["not compiled" in line for line in said] == [True, False]  # once, not at each look


def test_a_snapshot_broken_off_is_written_anew(place: Place) -> None:
    place.put_in_force(1)
    (place.policy / f"{CURRENT}.part").symlink_to("nowhere")
    assert place.compiler.round()
    assert place.current.version == 1


def test_decks_are_compiled_behind_calls_and_snapshots_are_not(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    stood: dict[str, int] = {}

    def spied(name: str) -> None:
        really = getattr(compile, name)

        def spy(*arguments: object, **named: object) -> object:
            stood[name] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            return really(*arguments, **named)

        monkeypatch.setattr(compile, name, spy)

    spied("compile_deck")
    spied("compile_snapshot")
    place.decks.mkdir()
    text = written(deck("EUR", [Rate(prefix="44", tariff=Tariff(rate_nano=5))]))
    (place.decks / "aa").write_bytes(zlib.compress(text.encode()))
    place.put_in_force(1, decks={"retail": "aa"})
    assert place.compiler.round()
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    assert stood == {"compile_deck": min(mine + NICE, 19), "compile_snapshot": mine}


def test_decks_are_compiled_once_and_before_the_snapshot_that_names_them(place: Place) -> None:
    text = written(deck("EUR", [Rate(prefix="44", tariff=Tariff(rate_nano=5))]))
    place.decks.mkdir()
    rated = EXAMPLE.replace("- name: acme\n", "- name: acme\n    deck: retail\n", 1)
    place.put_in_force(1, rated, decks={"retail": "aa"})
    with pytest.raises(FileNotFoundError):
        place.compiler.round()
    assert not (place.policy / CURRENT).exists()
    (place.decks / "aa").write_bytes(zlib.compress(text.encode()))
    assert place.compiler.round()
    compiled = place.policy / deck_name("aa")
    before = compiled.stat()
    assert DeckTable(compiled.read_bytes()).find("442079460000", time.time()) == ("44", Tariff(rate_nano=5))
    (place.decks / "aa").unlink()
    place.put_in_force(2, rated, decks={"retail": "aa"})
    assert place.compiler.round()
    assert (compiled.stat().st_ino, compiled.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    # one that is in force no more stays until gates have had time for the snapshot after it
    place.put_in_force(3)
    assert place.compiler.round()
    assert compiled.exists()
    os.utime(compiled, (0, 0))
    place.put_in_force(4)
    assert place.compiler.round()
    assert not compiled.exists()
