"""Command lines from dataclasses: one way to write flags, and a help without Python in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import tyro
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)

_CONFIG = (tyro.conf.FlagCreatePairsOff,)


@dataclass(frozen=True, kw_only=True)
class ProgramOptions:
    """What every program can be asked for."""

    verbose: bool = False
    """Show on stderr, with the time, what the log in the programs' folder notes."""


def parse(options: Any, program: str, given: Sequence[str], default: Any = None) -> Any:
    """Return the options that a command line gives, and begin the program's log.

    Parameters
    ----------
    options : type
        A dataclass, one of `ProgramOptions`; its docstrings are the help.
    program : str
        As it is called.
    given : sequence of str
        Arguments after the program's name.
    default : object, optional
        Options that flags change.

    Raises
    ------
    SystemExit
        After ``--help``, and with code 2 if the arguments cannot be understood.
    """
    more = {} if default is None else {"default": default}
    parsed = tyro.cli(
        options, prog=program, args=list(given), config=_CONFIG, registry=_registry(), **more
    )
    _begin_log(program, given, parsed)
    return parsed


def parse_command(
    commands: Mapping[str, Any], program: str, given: Sequence[str], description: str
) -> Any:
    """Return the options of the subcommand that a command line names, as `parse` does."""
    parsed = tyro.extras.subcommand_cli_from_dict(
        dict(commands),
        prog=program,
        description=description,
        args=list(given),
        config=_CONFIG,
        registry=_registry(),
    )
    _begin_log(program, given, parsed)
    return parsed


def _begin_log(program: str, given: Sequence[str], options: Any) -> None:
    """Begin the log in the folder that the options name, unless they ask for a word only."""
    if getattr(options, "version", False) or getattr(options, "list", False):
        return
    from core.machine.home import home_folder
    from core.machine.log import begin_log

    verbose = getattr(options, "verbose", False)
    homes = [getattr(part, "home", None) for part in (options, *vars(options).values())]
    home = next((home for home in homes if isinstance(home, Path)), None)
    # A folder that was named and is not there is nobody's but the program's to make.
    begin_log(program, given, home_folder(home), make=home is None, verbose=verbose)


def _registry() -> ConstructorRegistry:
    """Return our rules: no None, False or empty default in help, one value of a list at least."""
    registry = ConstructorRegistry()
    looking = False

    def of_tyro(ask: Callable[[Any], Any], info: Any) -> Any:
        """Return what the rules that come with tyro say; None where they ask ours in turn."""
        nonlocal looking
        if looking:
            return None
        looking = True
        try:
            return ask(info)
        finally:
            looking = False

    @registry.struct_rule
    def struct_rule(info: StructTypeInfo) -> Any:  # a spec, None, or tyro's message why not
        spec = of_tyro(ConstructorRegistry.get_struct_spec, info)
        if not isinstance(spec, StructConstructorSpec):
            return spec  # what is no struct, or why it cannot be one
        return replace(spec, fields=tuple(sorted(map(_plain, spec.fields), key=_last)))

    @registry.primitive_rule
    def list_rule(info: PrimitiveTypeInfo) -> Any:  # likewise
        several = get_origin(info.type) is tuple and get_args(info.type)[-1:] == (Ellipsis,)
        if not several or tyro.conf.Positional in info.markers:
            return None
        spec = of_tyro(ConstructorRegistry.get_primitive_spec, info)
        if not isinstance(spec, PrimitiveConstructorSpec):
            return spec

        def some(words: list[str]) -> Any:
            if not words:
                raise ValueError("it was given without a value; name at least one")
            return spec.instance_from_str(words)

        metavar = spec.metavar.removeprefix("[").removesuffix("]")
        return replace(spec, metavar=metavar, instance_from_str=some)

    @registry.primitive_rule
    def optional_rule(info: PrimitiveTypeInfo) -> Any:  # likewise
        kinds = get_args(info.type)
        if get_origin(info.type) not in (Union, UnionType) or NoneType not in kinds:
            return None
        others = tuple(other for other in kinds if other is not NoneType)
        kind: Any = Union[others]  # noqa: UP007 - as many as there are
        spec: Any = ConstructorRegistry.get_primitive_spec(
            PrimitiveTypeInfo.make(kind, info.markers)
        )
        if not isinstance(spec, PrimitiveConstructorSpec):
            return spec
        return replace(
            spec,
            is_instance=lambda value: value is None or spec.is_instance(value),
            str_from_instance=lambda value: [] if value is None else spec.str_from_instance(value),
        )

    return registry


def _plain(field: StructFieldSpec) -> StructFieldSpec:
    """Return a field whose help is one paragraph, without a default that says nothing."""
    kind: Any = field.type
    default = field.default
    missing = type(default).__module__.startswith("tyro.")
    if missing or default is None or isinstance(default, bool) or default in ("", ()):
        kind = Annotated[kind, tyro.conf.arg(help_behavior_hint="")]
    # Read from the source when it is shown: that takes its time.
    return replace(field, type=kind, helptext=partial(_paragraph, field.helptext))


def _last(field: StructFieldSpec) -> bool:
    return field.name == "verbose"


def _paragraph(words: str | Callable[[], str | None] | None) -> str | None:
    text = words() if callable(words) else words
    return None if text is None else " ".join(text.split())
