"""The one error that people see, and what its sentences are made of."""

from __future__ import annotations


class InputError(Exception):
    """Something given from outside cannot be used.

    The message is one plain sentence, or two: what was found, what was expected, what to do.
    A program that meets it prints the message and exits with code 2 (`core.program`).
    """


def check_number(name: str, value: float, least: float, most: float, unit: str = "") -> None:
    """Refuse a number that is out of range, or that is none.

    Parameters
    ----------
    name : str
        What the person calls it, such as "--seed".
    value, least, most : float
    unit : str
        With a space before it, if there is one.

    Raises
    ------
    InputError
    """
    if not least <= value <= most:
        raise InputError(f"{name} is {value:g}{unit}; it must be from {least:g} to {most:g}{unit}.")


def one_line(error: object, max_chars: int = 200) -> str:
    """Return what an error or a file says, as one printable line that fits into a sentence.

    Parameters
    ----------
    error : object
        An exception, or a value from a file that may hold anything.
    max_chars : int
        Characters that are kept.
    """
    try:
        text = str(error)
    except (ValueError, RecursionError):  # a number of thousands of digits, a list a mile deep
        text = "a value too large to be written"
    wordless = type(error).__name__ if isinstance(error, BaseException) else ""
    lines = text[: 8 * max_chars].strip().splitlines() or [wordless]
    line = printable(lines[0]).strip()
    return line if len(line) <= max_chars else line[: max_chars - 1] + "…"


def printable(value: object) -> str:
    """Return what comes from outside, as text on one line that no terminal takes for a command.

    Control characters, those that turn the direction of writing, and line ends become spaces, and
    what is no Unicode question marks.

    Parameters
    ----------
    value : object
        Such as the name of a file or of a stream, or a sentence with such names in it.
    """
    return "".join(
        c if c.isprintable() else "?" if "\ud800" <= c <= "\udfff" else " " for c in str(value)
    )
