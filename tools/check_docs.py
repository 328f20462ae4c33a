#!/usr/bin/env python3
"""Checks the documentation: what it points to exists. Standard library only.

1. Every relative link of a page leads to a file of this repository, and its anchor to a heading (or line).
2. Every path in backticks that looks like a path of this repository exists; rooms may be named without
   `src/trunkward/` before them, and `room/module.Name` must stand in that module.
3. No page names a path of somebody's machine: only the places a node really uses are allowed.
4. No cell still says that it has yet to be measured: a warning, an error with `--strict`.

Exit code: 0 good, 1 something is wrong, 2 wrong arguments.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

PLACEHOLDER = "to be measured"
#: The package, whose rooms are named without the folders above them.
PACKAGE = "src/trunkward"
#: Top-level folders whose names begin a path of this repository.
_TOPS = frozenset({".ci", "bench", "docs", "examples", "monitoring", "requirements", "src", "tests", "tools"})
#: First folders of an absolute path on a machine.
_MACHINE = re.compile(
    r"(?<![\w./:~)\]}>-])/(?:bin|boot|build|data|dev|etc|home|lib|mnt|opt|proc|root|run|srv|sys|tmp|usr|var"
    r"|work|workspace|Users)(?:/[\w.@+-]+)+"
)
#: Where a node keeps its things, and places every Debian has.
_PLACES = (
    *("/etc/trunkward", "/opt/trunkward", "/run/trunkward", "/srv/trunkward"),
    *("/var/cache/trunkward", "/var/lib/trunkward", "/var/log/trunkward"),
    *("/dev/null", "/etc/apt", "/etc/asterisk", "/etc/os-release", "/etc/prometheus", "/etc/systemd/system"),
    *("/usr/bin", "/usr/sbin"),
    "/root/node.backup",  # nowhere near a checkout: private keys are in it
)
_FENCE = re.compile(r"^\s*(```|~~~)")
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^()\s<>]+(?:\([^()\s]*\))?)>?(?:\s+\"[^\"]*\")?\)")
_DEFINITION = re.compile(r"^\s{0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*/?")
_SYMBOL = re.compile(r"(?P<module>[\w-]+(?:/[\w-]+)+)\.(?P<name>[A-Z]\w*)")
_SUFFIX = re.compile(r"\.(?:py|md|ya?ml|toml|lock|in|cfg|json|txt|sh)$")
_LINE_ANCHOR = re.compile(r"L(\d+)(?:-L?(\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """Something wrong in one line of one page."""

    page: str
    line: int
    what: str
    warning: bool = False

    def __str__(self) -> str:
        """`page:line: what`, as editors understand it."""
        return f"{self.page}:{self.line}: {'warning: ' if self.warning else ''}{self.what}"


def pages(root: Path) -> list[Path]:
    """The pages that are checked: those at the top, and all of `docs/` and `bench/`."""
    return [
        *sorted(root.glob("*.md")),
        *(page for top in ("docs", "bench") for page in sorted((root / top).rglob("*.md"))),
    ]


def check_page(root: Path, page: Path, *, strict: bool) -> Iterator[Problem]:
    """Everything wrong with one page."""
    name = page.relative_to(root).as_posix()
    fenced = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        for what in _machine_paths(line):
            yield Problem(page=name, line=number, what=what)
        if PLACEHOLDER in line:
            yield Problem(page=name, line=number, what=f"still {PLACEHOLDER}", warning=not strict)
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            for what in [*_wrong_links(root, page, line), *_wrong_paths(root, line)]:
                yield Problem(page=name, line=number, what=what)
    if fenced:
        yield Problem(page=name, line=number, what="a code block that is never closed")


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    seen: dict[str, int] = {}
    fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
            continue
        heading = None if fenced else _HEADING.match(line)
        if heading is None:
            continue
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def _machine_paths(line: str) -> Iterator[str]:
    for found in _MACHINE.finditer(line):
        path = found[0].rstrip(".")
        if not any(path == place or path.startswith(f"{place}/") for place in _PLACES):
            yield f"a path of a machine: {path}"


def _wrong_links(root: Path, page: Path, line: str) -> Iterator[str]:
    prose = _CODE.sub(lambda code: " " * len(code[0]), line)
    # a link's text may itself be code, which the blanks above leave standing as a link
    targets = [found[1] for found in _LINK.finditer(prose)]
    if definition := _DEFINITION.match(prose):
        targets.append(definition[1])
    for target in targets:
        if not _SCHEME.match(target) and (what := _wrong_target(root, page, unquote(target))):
            yield f"link {target}: {what}"


def _wrong_target(root: Path, page: Path, target: str) -> str:
    path, _, anchor = target.partition("#")
    if path.startswith("/"):
        return "write it relative to this page"
    file = (page.parent / path).resolve() if path else page.resolve()
    if not file.is_relative_to(root.resolve()):
        return "leads out of the repository"
    if not file.exists():
        return "no such file"
    if not anchor:
        return ""
    if not file.is_file():
        return "an anchor in a folder"
    text = file.read_text(encoding="utf-8")
    if lines := _LINE_ANCHOR.fullmatch(anchor):
        last = int(lines[2] or lines[1])
        return "" if 0 < int(lines[1]) <= last <= len(text.splitlines()) else "no such line"
    return "" if file.suffix == ".md" and anchor in anchors(text) else "no such heading"


def _wrong_paths(root: Path, line: str) -> Iterator[str]:
    for code in _CODE.findall(line):
        token = code.removeprefix("./")
        if symbol := _SYMBOL.fullmatch(token):
            if _is_ours(root, symbol["module"]) and not _names(root, symbol["module"], symbol["name"]):
                yield f"`{code}`: no such name in that module"
        elif (
            _PATH.fullmatch(token)
            and "/" in token
            and (token.endswith("/") or _SUFFIX.search(token))
            and _is_ours(root, token)
            and not any((place / token).exists() for place in (root, root / PACKAGE))
        ):
            yield f"`{code}`: no such path in the repository"


def _is_ours(root: Path, path: str) -> bool:
    first = path.partition("/")[0]
    return first in _TOPS or (root / PACKAGE / first).is_dir()


def _names(root: Path, module: str, name: str) -> bool:
    file = root / PACKAGE / f"{module}.py"
    if not file.is_file():
        return False
    defined = re.compile(rf"^(?:class |def |type )?{name}\b", re.MULTILINE)
    return bool(defined.search(file.read_text(encoding="utf-8")))


def main(arguments: list[str] | None = None) -> int:
    """Checks all pages, prints what is wrong, answers with the exit code."""
    parser = argparse.ArgumentParser(description="Check links, paths and placeholders of the documentation.")
    parser.add_argument("--strict", action="store_true", help=f"'{PLACEHOLDER}' is an error")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, metavar="DIR")
    options = parser.parse_args(arguments)
    root: Path = options.root.resolve()
    checked = pages(root)
    if not checked:
        print(f"{root}: no pages to check", file=sys.stderr)
        return 1
    problems = sorted(p for page in checked for p in check_page(root, page, strict=options.strict))
    for problem in problems:
        print(problem)
    errors = sum(not problem.warning for problem in problems)
    print(f"{len(checked)} pages, {errors} errors, {len(problems) - errors} warnings")
    return int(errors > 0)


if __name__ == "__main__":
    sys.exit(main())
