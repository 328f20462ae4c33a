"""YAML with the line of every value kept, so that a refusal can say where."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

#: Our limit; the example has 4 kB, one of 10,000 trunks 4 MB.
MAX_BYTES = 16 * 1024 * 1024
#: What values may be; no tag of PyYAML's own makes an object, a date or binary data here.
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null")}
#: The only numbers that mean what they show: YAML 1.1 reads 05061 in base 8, 0x10 in 16 and 1:30 in 60.
_PLAIN_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_PLAIN_NAME = re.compile(r"[a-z0-9-]+", re.ASCII)
#: Levels of nesting; a node's file needs five.
MAX_DEPTH = 16

type PathKey = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing wrong with a file. Lines and columns count from 1; `path` as in `tenants[acme].limits`."""

    line: int
    column: int
    path: str
    message: str


class Document:
    """A YAML document as plain values, and where each of them stands."""

    def __init__(self, value: Any, text: str, marks: dict[PathKey, tuple[int, int]] | None = None) -> None:
        """`marks`: (line, column) of a value, and of a mapping's key where it has one, if known already."""
        self.value = value
        self._text = text
        self._marks = marks

    @property
    def marks(self) -> dict[PathKey, tuple[int, int]]:
        """Where everything stands; found out when it is asked for the first time."""
        if self._marks is None:
            # the text has been read once without a fault: libyaml may go over it
            self._marks = {}
            loader = _Quick(self._text)
            try:
                _plain(loader.get_single_node(), (), self._marks, [])
            finally:
                loader.dispose()
        return self._marks

    def mark(self, path: PathKey) -> tuple[int, int]:
        """Where `path` stands, or the nearest thing above it."""
        marks = self.marks
        while path not in marks and path:
            path = path[:-1]
        return marks.get(path, (1, 1))

    def problem(self, path: PathKey, message: str, first: PathKey | None = None) -> Problem:
        """A problem at `path`; `first`: where the same stood before.

        An item of a list that has a name goes by it: `tenants[acme].trunks[acme-hq].numbers[2]`.
        """
        line, column = self.mark(path)
        said = f"{message} (first on line {self.mark(first)[0]})" if first is not None else message
        return Problem(line=line, column=column, path=written(self._named(path)), message=said)

    def _named(self, path: PathKey) -> tuple[str | int, ...]:
        found: list[str | int] = []
        value = self.value
        for part in path:
            # of a key that is wrong itself Pydantic says so behind it
            if part == "[key]":
                break
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                value = None
            name = value.get("name") if isinstance(part, int) and isinstance(value, dict) else None
            found.append(f"[{name}]" if isinstance(name, str) and _PLAIN_NAME.fullmatch(name) else part)
        return tuple(found)


def written(path: PathKey) -> str:
    """A path as people write it."""
    text = "".join(
        f"[{part}]" if isinstance(part, int) else f"{'' if part.startswith('[') else '.'}{part}"
        for part in path
    )
    return text.removeprefix(".")


#: What a plain scalar may be besides text; a day such as 2026-01-15 is text here.
_IMPLICIT: dict[str | None, list[tuple[str, Any]]] = {
    first: [(tag, pattern) for tag, pattern in rules if not tag.endswith(":timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, without anchors: a few lines of them can stand for gigabytes."""

    yaml_implicit_resolvers = _IMPLICIT

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuses aliases, anchors and deep nesting before anything is built."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.MarkedYAMLError(
                problem="anchors and aliases (& and *) are not accepted; write the value out",
                problem_mark=event.start_mark,
            )
        self.depth = getattr(self, "depth", 0) + 1
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def read_yaml(text: str) -> tuple[Document | None, list[Problem]]:
    """The document and everything wrong with it as YAML: syntax, duplicate keys, keys that are no text.

    A good text, which nearly every one is, is read by libyaml, without a note of where things stand: twenty
    times as fast. Only one that is not as it should be is read again, by PyYAML, which can say why.
    """
    if len(text.encode("utf-8", errors="replace")) > MAX_BYTES:
        return None, [
            _problem(1, 1, f"larger than {MAX_BYTES // (1024 * 1024)} MiB; a node's file is far smaller")
        ]
    loader = None
    try:
        loader = _Quick(text)
        return Document(_document(loader.get_event), text), []
    except (yaml.YAMLError, _Unusual):
        return _explained(text)
    finally:
        if loader is not None:
            loader.dispose()


# ---- the quick way -------------------------------------------------------------------------------

_Quick: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Unusual(Exception):
    """Something in the text needs a closer look."""


def _document(next_event: Callable[[], Any]) -> Any:
    next_event()  # the stream's start
    if type(next_event()) is not yaml.DocumentStartEvent:
        raise _Unusual  # empty
    known: dict[str, Any] = {}
    value = _value(next_event(), next_event, known, 1)
    next_event()  # the document's end
    if type(next_event()) is not yaml.StreamEndEvent:
        raise _Unusual  # a second document
    return value


def _value(event: Any, next_event: Callable[[], Any], known: dict[str, Any], depth: int) -> Any:
    kind = type(event)
    if kind is yaml.AliasEvent or event.anchor is not None or event.tag is not None or depth > MAX_DEPTH:
        raise _Unusual
    if kind is yaml.ScalarEvent:
        if not event.implicit[0]:
            return event.value  # in quotes
        text = event.value
        if text not in known:
            known[text] = _scalar(text)
        return known[text]
    if kind is yaml.SequenceStartEvent:
        items = []
        while type(event := next_event()) is not yaml.SequenceEndEvent:
            items.append(_value(event, next_event, known, depth + 1))
        return items
    values: dict[str, Any] = {}
    while type(event := next_event()) is not yaml.MappingEndEvent:
        if type(event) is not yaml.ScalarEvent or event.anchor is not None or event.tag is not None:
            raise _Unusual
        key = event.value
        if key in values or key == "<<":
            raise _Unusual
        values[key] = _value(next_event(), next_event, known, depth + 1)
    return values


def _scalar(text: str) -> Any:
    """What a plain scalar means (the rules of PyYAML's `resolver`)."""
    tag = next((tag for tag, pattern in _IMPLICIT.get(text[:1], []) if pattern.match(text)), None)
    if tag is None:
        return text
    if tag not in _TAGS or (tag.endswith(":int") and not _PLAIN_NUMBER.fullmatch(text)):
        raise _Unusual
    try:
        return _constructed(yaml.ScalarNode(tag, text))
    except (yaml.YAMLError, ValueError):
        raise _Unusual from None


_SCALARS: Any = yaml.SafeLoader("")


def _constructed(node: yaml.Node) -> Any:
    try:
        return _SCALARS.construct_object(node)
    finally:
        _SCALARS.constructed_objects.clear()  # it would keep each of them


# ---- the way that says where and why -------------------------------------------------------------


def _explained(text: str) -> tuple[Document | None, list[Problem]]:
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark, said = _in_words(error)
        return None, [_problem(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, said)]
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return None, [_problem(line, 1, f"a character that YAML does not allow (U+{error.character:04X})")]
    if node is None:
        return None, [_problem(1, 1, "empty; start from examples/node.yaml")]
    marks: dict[PathKey, tuple[int, int]] = {}
    problems: list[Problem] = []
    return Document(_plain(node, (), marks, problems), text, marks), problems


def _in_words(error: yaml.MarkedYAMLError) -> tuple[yaml.Mark | None, str]:
    """Where to look, and what to do there: the commonest slips in our words, the others in PyYAML's."""
    context, problem = error.context or "", error.problem or ""
    if context in _BEGUN and error.context_mark is not None:
        # where it began: where its end was missed may be far below
        return error.context_mark, _BEGUN[context]
    for part, said in _SLIPS.items():
        if part in problem or part in context:
            return error.problem_mark or error.context_mark, said
    said = "; ".join(part for part in (context, problem) if part)
    return error.problem_mark or error.context_mark, f"not YAML: {said}"


#: By PyYAML's words for what it was reading when its end was missed.
_BEGUN = {
    "while parsing a flow sequence": "the list that begins here is not closed; write its ]",
    "while parsing a flow mapping": "the group that begins here is not closed; write its }",
    "while scanning a quoted scalar": "the text that begins here is not closed; write its quotation mark",
    "while scanning a simple key": "this key lacks its ':'",
}
#: By a part of its words for what it found.
_SLIPS = {
    "'\\t'": "a tab; YAML indents with blanks",
    "mapping values are not allowed": (
        "no ':' may stand here; perhaps the line above lacks its own, "
        "or a text with a colon its quotation marks"
    ),
    "while parsing a block mapping": (
        "not as far to the right as the keys it belongs to; begin it in the same column"
    ),
    "while parsing a block collection": (
        "not as far to the right as the list it belongs to; begin each '- ' in the same column"
    ),
    "cannot start any token": "a text cannot begin with this character; put it in quotation marks",
}


def _problem(line: int, column: int, message: str) -> Problem:
    return Problem(line=line, column=column, path="", message=message)


def _plain(
    node: yaml.Node, path: PathKey, marks: dict[PathKey, tuple[int, int]], problems: list[Problem]
) -> Any:
    mark = node.start_mark
    marks.setdefault(path, (mark.line + 1, mark.column + 1))
    if node.tag not in _TAGS:
        said = f"{node.tag} is nothing a node's file needs; write plain text, numbers, true or false"
        problems.append(Problem(line=mark.line + 1, column=mark.column + 1, path=written(path), message=said))
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, marks, problems)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, index), marks, problems) for index, item in enumerate(node.value)]
    if node.tag.endswith(":int") and not _PLAIN_NUMBER.fullmatch(node.value):
        said = f"{node.value} would be read as another number; write plain digits without leading zeros"
        problems.append(Problem(line=mark.line + 1, column=mark.column + 1, path=written(path), message=said))
    try:
        return _constructed(node)
    except (yaml.YAMLError, ValueError):
        problems.append(
            Problem(
                line=mark.line + 1,
                column=mark.column + 1,
                path=written(path),
                message="a value YAML cannot read",
            )
        )
        return None


def _mapping(
    node: yaml.MappingNode, path: PathKey, marks: dict[PathKey, tuple[int, int]], problems: list[Problem]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    first: dict[str, int] = {}
    for key_node, value_node in node.value:
        line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
            problems.append(
                Problem(line=line, column=column, path=written(path), message="a key must be a plain word")
            )
            continue
        key = key_node.value
        if key in first:
            said = f"{key} stands here a second time (first on line {first[key]}); keep one"
            problems.append(Problem(line=line, column=column, path=written((*path, key)), message=said))
            continue
        first[key] = line
        marks[(*path, key)] = (line, column)
        values[key] = _plain(value_node, (*path, key), marks, problems)
    return values
