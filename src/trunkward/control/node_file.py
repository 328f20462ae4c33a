"""Reading a node's file: good as a whole, or refused as a whole with everything that is wrong with it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from trunkward.control.explained import explained
from trunkward.control.file_keys import FilePart, authority_files, declared_by, wrong_in_file
from trunkward.control.objects import Objects, objects_of
from trunkward.control.yaml_lines import Problem, read_yaml, written
from trunkward.trunks.model import Declared


class NodeFileRefused(Exception):
    """The file was not accepted; `problems` are in the order of their lines."""

    def __init__(self, problems: list[Problem], source: str = "node.yaml") -> None:
        """The message is one line for each problem, `source:line:column: path: what is wrong`."""
        self.problems = sorted(problems)
        super().__init__(
            "\n".join(
                f"{source}:{p.line}:{p.column}: {p.path + ': ' if p.path else ''}{p.message}"
                for p in self.problems
            )
        )


@dataclass(frozen=True)
class Accepted:
    """A node file that was found good."""

    #: Word for word.
    text: str
    #: The same as plain values, as YAML gave them: from these it is read again without YAML.
    values: Any
    parts: FilePart

    @cached_property
    def declared(self) -> Declared:
        """What it declares."""
        return declared_by(self.parts)

    @cached_property
    def objects(self) -> Objects:
        """The same, object by object in the file's own words."""
        return objects_of(self.parts)

    @cached_property
    def sha256(self) -> str:
        """Of its text."""
        return sha256(self.text.encode()).hexdigest()


def read_node_file(
    text: str,
    source: str,
    why_no_authority: Callable[[str], str] = lambda _: "",
) -> Declared:
    """What the file declares; the arguments and what it raises are those of `accept_node_file`."""
    return accept_node_file(text, source, why_no_authority).declared


def declared_of(values: Any) -> Declared:
    """What a file declared that was accepted before, from its `Accepted.values`.

    Raises `NodeFileRefused` when this software does not understand it.
    """
    try:
        return declared_by(FilePart.model_validate(values))
    except ValidationError as error:
        problems = [
            Problem(line=1, column=1, path=written(tuple(item["loc"])), message=explained(item, FilePart))
            for item in error.errors(include_url=False)
        ]
        raise NodeFileRefused(problems, "the configuration in force") from None


def accept_node_file(
    text: str,
    source: str,
    why_no_authority: Callable[[str], str] = lambda _: "",
    wrong_destinations: Callable[[str], Iterable[str]] = lambda _: (),
    *,
    wrong_announcements: Callable[[str], Iterable[str]] = lambda _: (),
    wrong_list: Callable[[str], Iterable[str]] = lambda _: (),
) -> Accepted:
    """The file, found good; `source` is its name in messages. Raises `NodeFileRefused`.

    `why_no_authority` is asked for each file that a carrier's `ca` names: what is wrong with it, or "".
    `wrong_destinations` is asked for the file of `node.destinations`: everything that is wrong with it.
    `wrong_announcements` is asked for the directory of `node.announcements`, `wrong_list` for the file of
    `node.do_not_originate`: all that is wrong with them.
    """
    document, problems = read_yaml(text)
    if document is None:
        raise NodeFileRefused(problems, source)
    try:
        parts = FilePart.model_validate(document.value)
    except ValidationError as error:
        problems += [
            document.problem(tuple(item["loc"]), explained(item, FilePart))
            for item in error.errors(include_url=False)
        ]
        raise NodeFileRefused(problems, source) from None
    problems += [document.problem(*wrong) for wrong in wrong_in_file(parts)]
    found = [(path, why) for path, file in authority_files(parts) if (why := why_no_authority(file))]
    if parts.node.destinations is not None:
        found += [(("node", "destinations"), wrong) for wrong in wrong_destinations(parts.node.destinations)]
    if (place := parts.node.announcements) is not None:
        found += [(("node", "announcements"), wrong) for wrong in wrong_announcements(place)]
    if parts.node.do_not_originate is not None:
        found += [(("node", "do_not_originate"), wrong) for wrong in wrong_list(parts.node.do_not_originate)]
    problems += [document.problem(path, message) for path, message in found]
    if problems:
        raise NodeFileRefused(problems, source)
    return Accepted(text=text, values=document.value, parts=parts)
