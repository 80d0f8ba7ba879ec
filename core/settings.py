"""Settings that people write: a frozen pydantic model, a YAML file, and changes from flags."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import InputError, one_line
from core.machine.files import open_regular

_LARGEST = 64 * 1024  # bytes of a settings file: a hundred times what one needs
_FANCY = {yaml.AnchorToken: "an anchor", yaml.AliasToken: "an alias", yaml.TagToken: "a tag"}
_DEEPEST = 8  # levels of nesting
_MOST = 10_000  # tokens; the parser is slow enough to be held up by many
_OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
_WORDS = {
    "bool_type": "true or false",
    "tuple_type": "a list",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
}  # what pydantic calls by other names


class Settings(BaseModel):
    """Base of every model that is read from YAML: frozen, strict, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


S = TypeVar("S", bound=Settings)


def load_settings(
    model: type[S], path: Path | None = None, changes: Mapping[str, Any] | None = None
) -> S:
    """Return settings: defaults, then what a file says, then changes.

    Parameters
    ----------
    model : type
        A `Settings`.
    path : Path, optional
        YAML file with a mapping from names to values; what it leaves out keeps its default.
    changes : mapping, optional
        Values that win over the file's, as from the command line; None changes nothing.

    Raises
    ------
    InputError
        If the file cannot be read or is no plain YAML, a name is unknown, or a value is out of
        range: one sentence about the first of them.
    """
    given = {} if path is None else load_yaml(path)
    given |= {name: value for name, value in (changes or {}).items() if value is not None}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        where = "" if path is None else f"{path}: "
        raise InputError(where + in_a_sentence(model, error)) from error


def as_yaml(settings: Settings) -> str:
    """Return settings as a YAML file that `load_settings` reads."""
    text: str = yaml.safe_dump(
        settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True
    )
    return text


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping from plain YAML: no anchors, aliases, tags or repeated names."""
    try:
        with open_regular(path) as file:  # a FIFO would be waited for
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read: {text}.") from error
    if len(content) > _LARGEST:
        raise InputError(f"{path} is no settings file: it is larger than {_LARGEST // 1024} KiB.")
    try:
        text = content.decode("utf-8-sig")
        _refuse_tricks(path, text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise InputError(f'{path} holds no settings: lines such as "cross: 2.0" were expected.')
        names = [key.value for key, _ in node.value]
        twice = [name for name, times in Counter(map(str, names)).items() if times > 1]
        if twice:
            raise InputError(f'{path} says "{one_line(twice[0], 60)}" more than once.')
        loaded = yaml.SafeLoader("").construct_document(node)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8.") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{path}{line}: this is not YAML ({one_line(error.problem)}).") from error
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise InputError(f"{path} is not YAML that can be read.") from error
    return {str(name): value for name, value in loaded.items()}


def _refuse_tricks(path: Path, text: str) -> None:
    """Refuse what settings never need and an attack would use, before anything is built."""
    depth = 0
    for count, token in enumerate(yaml.scan(text)):
        if count == _MOST:
            raise InputError(f"{path} is no settings file: it holds thousands of values.")
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        kind = _FANCY.get(type(token)) or ("nesting this deep" if depth > _DEEPEST else None)
        if isinstance(token, yaml.ScalarToken) and any(map(_is_half, token.value)):
            kind = "a lone surrogate (invalid Unicode)"
        if kind is not None:
            line = token.start_mark.line + 1
            raise InputError(f"{path}, line {line}: {kind} is not allowed in settings.")


def _is_half(character: str) -> bool:
    """Whether it is a surrogate, which YAML can spell and no text can hold."""
    return "\ud800" <= character <= "\udfff"


def in_a_sentence(model: type[Settings], error: ValidationError) -> str:
    """Say the first thing that is wrong with a model's values, in words."""
    first = error.errors(include_url=False)[0]
    kind, place, context = first["type"], first["loc"], first.get("ctx", {})
    name = ".".join(one_line(part, 60) for part in place)
    if kind == "extra_forbidden":
        fields = _fields(model, place[:-1])
        near = difflib.get_close_matches(one_line(place[-1], 60), fields, 1, 0.5)
        hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(fields)}."
        return f'"{name}" is no setting; {hint}'
    if kind == "value_error":  # of a validator of our own: a sentence already
        return one_line(context.get("error", first["msg"]), 400)
    value = first["input"]
    shown = f'"{one_line(value, 60)}"' if isinstance(value, str) else one_line(value, 60)
    expected = (
        _range(model, place)
        or _WORDS.get(kind, "").format(**context)
        or first["msg"].removeprefix("Input should be ").rstrip(".")
    )
    return f"{name} is {shown}; {expected} was expected."


def _fields(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    for part in place:
        annotation = model.model_fields[str(part)].annotation
        assert isinstance(annotation, type)
        model = annotation
    return list(model.model_fields)


def _range(model: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """Return what a number may be, in words; empty where the field has no bounds."""
    if not all(isinstance(part, str) for part in place):
        return ""
    *outer, last = place
    for part in outer:
        annotation = model.model_fields[str(part)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return ""
        model = annotation
    field = model.model_fields.get(str(last))
    if field is None:
        return ""
    low = next((m.ge for m in field.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in field.metadata if hasattr(m, "le")), None)
    if low is None or high is None:
        return ""
    if field.annotation is int:
        return f"a whole number from {low} to {high}"
    return f"a number from {low:g} to {high:g}"
