"""`tools/check_docs.py` finds what it says it finds, each in a small repository made for it."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).parents[3] / "tools/check_docs.py"

type Check = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_docs", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def check(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    """Writes `text` as docs/page.md of a repository with one room, and runs the tool on it."""
    room = tmp_path / "src/trunkward/calls"
    room.mkdir(parents=True)
    (room / "verdict.py").write_text("class Reason:\n    pass\n\n\nMOST = 3\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/other.md").write_text("# Other\n\n## Two words, `code`\n\n## Twice\n\n## Twice\n")

    def run(text: str, *options: str) -> tuple[int, str]:
        (tmp_path / "docs/page.md").write_text(text)
        code = tool.main(["--root", str(tmp_path), *options])
        return code, capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    "text",
    [
        "[a file](../src/trunkward/calls/verdict.py)",
        "[`verdict.py`](../src/trunkward/calls/verdict.py#L1)",
        "[a folder](../src/trunkward/calls/)",
        "[a heading](other.md#two-words-code)",
        "[the second of two](other.md#twice-1)",
        "# Here\n\n[down](#here)",
        "[elsewhere](https://example.com/no#such)",
        "[named][1]\n\n[1]: other.md",
        "`src/trunkward/calls/verdict.py`, `calls/verdict.py`, `calls/`, `calls/verdict.Reason`",
        "`calls/verdict.MOST`",
        "`application/sdp`, `RTP/SAVP`, `192.0.2.0/24`, `https://cert.example.com/a/b.pem`",
        "`/var/lib/trunkward/pki/node.key` and /usr/bin/python3 or 50/50 and and/or",
        "```\n[not a link](nowhere.md) `calls/nothing.py`\n```",
    ],
)
def test_what_is_good_passes(check: Check, text: str) -> None:
    assert check(text) == (0, "2 pages, 0 errors, 0 warnings\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a](nowhere.md)", "no such file"),
        ("[`a`](nowhere.md)", "no such file"),
        ("[named][1]\n\n[1]: nowhere.md", "docs/page.md:3: link nowhere.md: no such file"),
        ("[a](other.md#nothing)", "no such heading"),
        ("[a](#nothing)", "no such heading"),
        ("[a](../src/trunkward/calls/verdict.py#L99)", "no such line"),
        ("[a](../../outside.md)", "leads out of the repository"),
        ("[a](/docs/other.md)", "write it relative"),
        ("`src/trunkward/calls/nothing.py`", "no such path"),
        ("`calls/nothing.py`", "no such path"),
        ("`docs/nothing.md`", "no such path"),
        ("`tests/wire/nothing/`", "no such path"),
        ("`calls/verdict.Nothing`", "no such name"),
        ("`calls/nothing.Reason`", "no such name"),
        ("run /home/someone/x", "a path of a machine: /home/someone/x"),
        ("```\ncd /work/here\n```", "docs/page.md:2: a path of a machine: /work/here"),
        ("see `/var/lib/somebody`", "a path of a machine"),
        ("```\nnever closed", "never closed"),
    ],
)
def test_what_is_wrong_is_found(check: Check, text: str, said: str) -> None:
    code, out = check(text)
    assert code == 1
    assert said in out
    assert out.endswith("2 pages, 1 errors, 0 warnings\n")


def test_a_missing_number_is_a_warning_and_an_error_when_strict(check: Check) -> None:
    text = "| first run | to be measured |"
    assert check(text)[0] == 0
    assert "warning: still to be measured" in check(text)[1]
    assert check(text, "--strict")[0] == 1


def test_a_repository_without_pages_is_not_called_good(tool: ModuleType, tmp_path: Path) -> None:
    assert tool.main(["--root", str(tmp_path)]) == 1


def test_the_bench_has_its_page_checked(tool: ModuleType, root: Path) -> None:
    assert root / "bench/README.md" in tool.pages(root)
