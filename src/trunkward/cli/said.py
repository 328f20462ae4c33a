"""What is said to the person at the terminal: words as they are, never read as markup, never broken."""

import sys

from rich.console import Console
from rich.text import Text


def complain(text: str) -> None:
    """An error, on standard error; red where there is a terminal."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(text, style="red"))


def say(text: str, style: str = "", *, err: bool = False) -> None:
    """A line on standard output, flushed: whoever reads a pipe sees it at once.

    `err`: on standard error, where standard output is a document's.
    """
    Console(stderr=err, highlight=False, soft_wrap=True).print(Text(text, style=style))
    sys.stdout.flush()
