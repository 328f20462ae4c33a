"""Summary: the journal's files under a real signer: a disk that is really full for a while, and segments that are over."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trunkward.engines.signer_client import SignerClient
from trunkward.journal.segments import name_of
from trunkward.signer.journal import Journal, Line
from wire.node.parties import until
from wire.records.parties import eventually
from wire.signer.conftest import lines_below

SIGNER = 64013


def gaps(journal: Path) -> list[dict[str, Any]]:
    return [line for line in lines_below(journal) if line["kind"] == "gap"]


@pytest.fixture
def small_disk(node: Any) -> Iterator[Path]:
    """A file system of 64 KiB below the signer's directory."""
    place: Path = node.home / "signer"
    options = f"size=64k,mode=755,uid={SIGNER},gid={SIGNER}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=False)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    yield place
    node.end()
    subprocess.run(["umount", place], check=True)


def test_property_9_a_disk_that_is_full_for_a_while(node: Any, small_disk: Path) -> None:
    """Property 9: calls go on signed while the disk is full; once there is room one line has their number and times, and nothing that was written is lost or broken."""
    marker = node.home / "run"
    marker.mkdir()
    os.chown(marker, SIGNER, SIGNER)
    node.start(more=["--gap", str(marker / "gap.json")])
    journal = small_disk / "journal"

    async def run() -> tuple[list[int], list[tuple[float, float]]]:
        """Numbers of the lines that were written, and between which times the others were signed."""
        client = SignerClient(node.socket)
        kept: list[int] = []
        missed: list[tuple[float, float]] = []
        while len(missed) <= 100 or time.time() - missed[0][1] < 4:  # tried anew some times
            asked = time.time()
            signed = await client.sign(node.request(), 30)
            if signed.journal is not None:
                kept.append(signed.journal)
                assert not missed  # what fits no more goes on not to
            else:
                missed.append((asked, time.time()))
                await asyncio.sleep(0.01)

        def owed() -> int:
            try:
                count: int = json.loads((marker / "gap.json").read_text())["count"]
            except FileNotFoundError:
                return 0
            return count

        def declared() -> int:
            return sum(line["count"] for line in gaps(journal))

        # a short line about them may fit where no signature's does, and may come between the two looks
        await until(lambda: owed() + declared() == len(missed), "it is kept how many are missing", 20)
        more = ["mount", "-o", "remount,size=4m", str(small_disk)]
        await asyncio.to_thread(subprocess.run, more, check=True)
        await until(lambda: declared() == len(missed), "all are declared", 30)
        kept.append((await client.sign(node.request(), 30)).journal or 0)
        await client.close()
        return kept, missed

    kept, missed = asyncio.run(run())
    found, told = lines_below(journal), gaps(journal)
    assert len(kept) > 10  # it did hold some
    kinds = ["started", *["signed"] * (len(kept) - 1), *["gap"] * len(told), "signed"]
    assert [line["kind"] for line in found] == kinds
    assert sum(gap["count"] for gap in told) == len(missed) > 100
    # a line's time has milliseconds
    assert missed[0][0] - 0.001 <= told[0]["first"] <= missed[0][1] + 0.001
    assert missed[-1][0] - 0.001 <= told[-1]["last"] <= missed[-1][1] + 0.001
    assert all("No space left" in gap["cause"] for gap in told)
    assert kept == [line["seq"] for line in found if line["kind"] == "signed"]
    report = node.report()
    assert (report.lines, report.findings) == (len(found), [])
    assert [one.partition(" lines are missing")[0] for one in report.declared] == [
        f"line {gap['seq']}: {gap['count']}" for gap in told
    ]
    assert not (marker / "gap.json").exists()


def test_property_34_a_segment_whose_time_is_over_goes_after_a_line_that_says_so(node: Any) -> None:
    """Property 34: with a time to be kept for, the oldest segment is deleted, the line about it is in the chain, and what is left verifies."""
    place = node.home / "signer"
    day = time.time() - 2000 * 86_400
    old = Journal(place / "journal")
    for kind in ("signed", "signed", "stopped"):
        old.commit([Line(facts={"kind": kind, "at": day})])
    old.close()
    for made in (place / "journal", place / "details", *(place / "journal").iterdir()):
        os.chown(made, SIGNER, SIGNER)
    # without a time to be kept for it stays
    process = node.start()
    process.terminate()
    assert process.wait(30) == 0
    names = [path.name for path in sorted((place / "journal").iterdir())]
    assert names == [name_of(1), name_of(4)]
    node.start(more=["--journal-days", "1500"])
    eventually(lambda: not (place / "journal" / name_of(1)).exists(), 20, "it is deleted")
    assert [path.name for path in sorted((place / "journal").iterdir())] == [name_of(4)]
    kinds = [line["kind"] for line in lines_below(place / "journal")]
    assert kinds == ["segment", "started", "stopped", "started", "segment-deleted"]
    report = node.report()
    assert report.findings == []
    assert report.declared == [f"line 8: {name_of(1)}, lines 1 to 3, was deleted after 1500 days"]
