"""What Pydantic found wrong with a value of a node file, in words for who wrote it."""

from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

from trunkward.control.yaml_lines import PathKey


def explained(item: Any, model: type[BaseModel]) -> str:
    """One of `ValidationError.errors()`; `model` is the whole file's."""
    kind, path, context = item["type"], tuple(item["loc"]), item.get("ctx", {})
    match kind:
        case "value_error":
            return str(context["error"])
        case "extra_forbidden":
            known = _known_keys(model, path[:-1])
            close = get_close_matches(str(path[-1]), known, n=1)
            return (
                f"unknown key; did you mean {close[0]}?"
                if close
                else f"unknown key; known here: {', '.join(known)}"
            )
        case "missing":
            return "missing; it must be written"
        case "string_type" if isinstance(item["input"], bool):
            read, words = ("true", "yes and on") if item["input"] else ("false", "NO, no and off")
            return f"must be text; YAML reads plain {words} as {read}: put it in quotes"
        case "string_type":
            # YAML reads +1202 as a number and drops its plus
            return "must be text" + ("; put it in quotes" if isinstance(item["input"], int | float) else "")
        case "int_type":
            return "must be a whole number, without quotes"
        case "bool_type":
            return "must be true or false"
        case "list_type":
            return "must be a list: one '- ' line each, or [a, b]"
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"must be a group of keys: {', '.join(_known_keys(model, path))}"
        case "literal_error" | "enum":
            return f"must be {str(context['expected']).replace(chr(39), '')}"
        case "greater_than_equal":
            return f"must be {context['ge']} or more"
        case "less_than_equal":
            return f"must be {context['le']} or less"
        case "too_long":
            return f"must not have more than {context['max_length']}"
        case "too_short":
            return "must not be empty"
        case _:
            return str(item["msg"])


def _known_keys(model: Any, path: PathKey) -> list[str]:
    """The keys the file may have in the group at `path`."""
    for part in path:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        inner = getattr(annotation, "__args__", (annotation,))[0]
        model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
        if model is None:
            return []
    return list(model.model_fields)
