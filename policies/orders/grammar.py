# SPDX-License-Identifier: Apache-2.0
"""What a comment orders.

An order is a line of plain words (see `paragraphs`) that begins with `/` and one of our words, or with
`/fairway` and one of them. Other words behind a slash belong to other bots and are left, unless the comment
is nothing but one that is nearly ours. Whatever the comment holds, this ends soon and raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from policies.orders.mistakes import (
    BadValue,
    MissingArgument,
    Problem,
    RepeatedArgument,
    TooManyArguments,
    UnclosedQuote,
    UnknownArgument,
    UnknownOrder,
)
from policies.orders.paragraphs import Line, slash_lines
from policies.orders.registry import COMMANDS, PREFIX, SERVED, Argument, Command, Value, find
from policies.orders.spelling import nearest
from policies.orders.words import Unclosed, Word, split

MOST = 10  # orders that are taken from one comment
LONGEST_TEXT = 250  # characters of a value
_LONGEST_SHOWN = 200  # characters of a line that an answer repeats
_ENVIRONMENT = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SHA = re.compile(r"[0-9a-f]{7,40}")
_SCOPE = re.compile(r"version|minor|major")


@dataclass(frozen=True, slots=True)
class Written:
    """An order as it was written, with its arguments by name; `line` counts from 1."""

    command: Command
    arguments: tuple[tuple[str, str], ...]
    line: int
    text: str

    def value(self, name: str) -> str:
        """Return an argument's value, empty when it was not given."""
        return dict(self.arguments).get(name, "")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A line that is meant for us and cannot be carried out as it is."""

    problem: Problem
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class NearMiss:
    """The whole comment is a word that is nearly one of ours."""

    word: str
    meant: str
    line: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a comment says to us: at most MOST orders in their order, and how many more there were."""

    orders: tuple[Written | Mistake, ...] = ()
    left_out: int = 0
    near_miss: NearMiss | None = None

    @property
    def speaks_to_us(self) -> bool:
        """Whether somebody waits for an answer."""
        return bool(self.orders or self.near_miss)


def read(body: str) -> Reading:
    """Return what a comment says to us."""
    lines = slash_lines(body)
    addressed = [line for line in lines if _command(line) or _prefixed(line)]
    if addressed:
        taken = tuple(_order(line) for line in addressed[:MOST])
        return Reading(taken, left_out=len(addressed) - len(taken))
    if len(lines) == 1 and lines[0].text == body.strip():
        return Reading(near_miss=_near_miss(lines[0]))
    return Reading()


def _order(line: Line) -> Written | Mistake:
    command, rest = _command(line), _rest(line.text)
    shown = line.text[:_LONGEST_SHOWN]
    if command is None:
        word = _first(rest)
        command, rest = find(word) if word else find("help"), rest[len(word) :]
        if command is None:
            problem = UnknownOrder(word[:_LONGEST_SHOWN], nearest(word, _names(COMMANDS)) or "")
            return Mistake(problem, line.number, shown)
    if not command.served:
        return Written(command, (), line.number, shown)
    read = _arguments(command, rest)
    if isinstance(read, dict):
        return Written(command, tuple(read.items()), line.number, shown)
    return Mistake(read, line.number, shown)


def _arguments(command: Command, rest: str) -> dict[str, str] | Problem:
    try:
        words = split(rest)
    except Unclosed:
        return UnclosedQuote(command)
    places = [argument for argument in command.arguments if argument.positional]
    found: dict[str, str] = {}
    for word in words:
        argument = _place(command, word, places)
        if not isinstance(argument, Argument):
            return argument
        if argument.name in found:
            return RepeatedArgument(command, argument)
        value = _checked(argument, word.value)
        if value is None:
            return BadValue(command, argument, word.value[:_LONGEST_SHOWN])
        found[argument.name] = value
    missing = next((a for a in command.arguments if a.required and a.name not in found), None)
    return MissingArgument(command, missing) if missing else found


def _place(command: Command, word: Word, places: list[Argument]) -> Argument | Problem:
    """Return the argument that a word is for; a positional one uses its place up."""
    if not word.key:
        return places.pop(0) if places else TooManyArguments(command, word.value[:_LONGEST_SHOWN])
    argument = command.argument(word.key)
    if argument is None:
        names = [argument.name for argument in command.arguments]
        return UnknownArgument(command, word.key, nearest(word.key, names) or "")
    return argument


def _checked(argument: Argument, value: str) -> str | None:
    """Return a value as it counts; None when it is none."""
    match argument.value:
        case Value.TEXT:
            value = value.strip()
            return value if 0 < len(value) <= LONGEST_TEXT else None
        case Value.ENVIRONMENT:
            shape = _ENVIRONMENT
        case Value.SHA:
            shape = _SHA
        case Value.SCOPE:
            shape = _SCOPE
    # Telephones begin words with capitals. What only looks like a letter of ours is none.
    small = value.lower() if value.isascii() else value
    return small if shape.fullmatch(small) else None


def _near_miss(line: Line) -> NearMiss | None:
    word = _first(line.text[1:])
    # Other bots have `/retest` and `/release`, and where ours for images are given is a small part.
    meant = nearest(word, [*_names(one for one in SERVED if not one.images), PREFIX]) or nearest(
        word, _names(one for one in SERVED if one.images), most=1
    )
    return NearMiss(word, meant, line.number) if meant else None


def _names(commands: Iterable[Command]) -> list[str]:
    return [command.name for command in commands]


def _command(line: Line) -> Command | None:
    return find(_first(line.text[1:]))


def _prefixed(line: Line) -> bool:
    return _first(line.text[1:]).lower() == PREFIX


def _first(text: str) -> str:
    """Return what stands before the first blank."""
    return re.match(r"\S*", text)[0]  # type: ignore[index]


def _rest(text: str) -> str:
    return text[1 + len(_first(text[1:])) :].lstrip()
