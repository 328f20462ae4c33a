"""`./trunkward bench decks`: decisions of a real gate while a large deck is taken in, compiled and swapped.

As `bench swap`, and each call is priced by two decks, its tenant's and its carrier's. Beside it another
process does what `deck import` and the worker do, again and again, each time with other prices: it reads the
CSV file, compares it with the deck there is and packs the new one; compiles that and the policy that names
it; turns the link. Decisions begun in that time and in the second after it are those beside a change. 1 when
one of them was delayed by more than is allowed.

After each import, for as long, a process that stands as far back only computes, and then there is nothing:
what these delay by is the machine's, and no import's.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
import zlib
from dataclasses import replace
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bench.large import certificate_of_nobody, large_declared, prefix_of, turn_to
from bench.swap import BESIDE_S, Span, decide, places, running_gate, told
from sipkit.places import place
from trunkward.admission.snapshot import compile_snapshot
from trunkward.control.decks import imported, unpacked
from trunkward.engines.behind_calls import done_behind, stand_back
from trunkward.engines.whole_file import write_whole
from trunkward.numbering.destinations import Kind
from trunkward.settings import Paths, snapshot_name
from trunkward.spend.deck import read_written
from trunkward.spend.deck_csv import Defaults, read_deck
from trunkward.spend.kept import KeptDeck
from trunkward.spend.table import compile_deck, deck_name
from trunkward.trunks.model import Declared
from trunkward.trunks.spending import NO_CAPS

#: What lies behind all numbers; the deck is what is large here.
_PLACES = {"1": place("US", Kind.FIXED_OR_MOBILE, 1_000)}


def main(arguments: list[str]) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="trunkward bench decks", description=__doc__)
    parser.add_argument("--prefixes", type=int, default=250_000)
    parser.add_argument("--rate", type=float, default=200.0, help="decisions a second")
    parser.add_argument("--imports", type=int, default=5)
    parser.add_argument(
        "--most", type=float, default=20.0, help="ms by which an import may delay a decision, the worst"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="twb-") as directory:
        return asyncio.run(_measure(Path(directory), options))


async def _measure(home: Path, options: argparse.Namespace) -> int:
    paths, certificate = places(home), certificate_of_nobody()
    (home / "pbx.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    for odd in (0, 1):
        lines = (f"{prefix_of(n)},0.0{1 + n % 9}{odd}\n" for n in range(options.prefixes))
        _file(home, odd).write_text("prefix,rate\n" + "".join(lines), encoding="ascii")
    await _beside("import", home, 1)
    await _beside("compile", home, 1)
    took: list[float] = []
    imports: list[Span] = []
    computing: list[Span] = []

    async def change() -> None:
        for number in range(2, options.imports + 2):
            await asyncio.sleep(BESIDE_S)
            began = time.perf_counter()
            await _beside("import", home, number)
            await _beside("compile", home, number)
            took.append(time.perf_counter() - began)
            await asyncio.sleep(BESIDE_S)
            imports.append((began, time.perf_counter()))
            await asyncio.sleep(BESIDE_S)
            began = time.perf_counter()
            await _beside("compute", home, took[-1] + BESIDE_S)
            computing.append((began, time.perf_counter()))
            await asyncio.sleep(took[-1] + BESIDE_S)

    async with running_gate(home, paths):
        decided = await decide(paths, certificate, options.prefixes, options.rate, change)
    size = max(path.stat().st_size for path in paths.policy.glob("*.deck"))
    print(
        f"{options.prefixes:,} prefixes, a compiled deck of {size / 1e6:.0f} MB; {options.imports} imports of"
    )
    print(
        f"{min(took):.1f} to {max(took):.1f} s, from the file to the link; {options.rate:.0f} decisions/s\n"
    )
    spans = {
        "while a deck is taken in, and a second after": imports,
        "while another process only computes": computing,
    }
    return told(decided, spans, options.most)


async def _beside(what: str, home: Path, number: float) -> None:
    """A process beside the gate, as a node has them: `_BESIDE`."""
    command = (sys.executable, "-m", "bench.decks", what, str(home), str(number))
    if await (await asyncio.create_subprocess_exec(*command)).wait():
        raise SystemExit(f"failed: {what}")


def _file(home: Path, number: int) -> Path:
    """Two files, which name another price for each prefix."""
    return home / f"deck-{number % 2}.csv"


def _import(home: Path, number: float) -> None:
    """What `deck import` does."""
    stand_back()
    raw, kept = _file(home, int(number)).read_bytes(), home / "kept"
    before = None
    if kept.exists():
        one = msgspec.json.decode(kept.read_bytes(), type=KeptDeck)
        before = (one, unpacked(one, (home / one.sha256).read_bytes()))
    said = read_deck(raw.decode("ascii"), Defaults(currency="EUR")).deck
    now = int(time.time())
    change, _ = imported("retail", before, said, raw, now, whole=True, even_so=False)
    assert change.added is not None
    write_whole(home / change.added.sha256, change.packed, 0o640)
    write_whole(kept, msgspec.json.encode(change.added), 0o640)


def _compile(home: Path, number: float) -> None:
    """What the worker does then."""
    paths = Paths(config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log")
    sha256 = msgspec.json.decode((home / "kept").read_bytes(), type=KeptDeck).sha256

    def compiled() -> bytes:
        text = zlib.decompress((home / sha256).read_bytes())
        return compile_deck(read_written(text.decode()), int(time.time()))

    write_whole(paths.policy / deck_name(sha256), done_behind(compiled), 0o640)
    snapshot = compile_snapshot(_declared(home), {}, int(number), _PLACES, decks={"retail": sha256})
    write_whole(paths.policy / snapshot_name(int(number)), snapshot, 0o640)
    turn_to(paths, int(number))


def _compute(_home: Path, seconds: float) -> None:
    """Nothing that anybody needs."""
    stand_back()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        sum(range(1000))


_BESIDE = {"import": _import, "compile": _compile, "compute": _compute}


def _declared(home: Path) -> Declared:
    """One trunk, whose money nobody counts, and carriers for every number; all by the same deck."""
    found = large_declared(10, 1, x509.load_pem_x509_certificate((home / "pbx.pem").read_bytes()))
    return replace(
        found,
        tenants=("tenant-0",),
        trunks=(replace(found.trunks[0], spending=NO_CAPS),),
        carriers=tuple(replace(one, prefixes=("+1",), deck="retail") for one in found.carriers[:2]),
        tenant_decks={"tenant-0": "retail"},
    )


if __name__ == "__main__":
    _BESIDE[sys.argv[1]](Path(sys.argv[2]), float(sys.argv[3]))
