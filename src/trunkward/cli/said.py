"""What is said to the person at the terminal: words as they are, never read as markup, never broken."""

import sys

from rich.console import Console
from rich.text import Text

#: Characters: as wide as a line can be.
_WIDE = 400


def complain(text: str) -> None:
    """An error, on standard error; red where there is a terminal."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(text, style="red"))


def in_words(problem: OSError | UnicodeDecodeError) -> str:
    """What a file's problem is, in words: with its name where the system gave one, without number."""
    if isinstance(problem, UnicodeDecodeError):
        return f"not text in UTF-8: byte {problem.start} is {problem.object[problem.start]:#04x}"
    if isinstance(problem, IsADirectoryError):
        said = "is a directory; name a file"
    else:
        said = (problem.strerror or str(problem)).lower()
    return f"{problem.filename}: {said}" if problem.filename else said


def wide() -> Console:
    """For tables: as wide as the terminal, and in a pipe as wide as they are."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def say(text: str, style: str = "", *, err: bool = False) -> None:
    """A line on standard output, flushed: whoever reads a pipe sees it at once.

    `err`: on standard error, where standard output is a document's.
    """
    Console(stderr=err, highlight=False, soft_wrap=True).print(Text(text, style=style))
    sys.stdout.flush()
