# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with an order before anybody asks who gave it."""

from __future__ import annotations

from dataclasses import dataclass

from policies.orders.registry import Argument, Command


@dataclass(frozen=True, slots=True)
class UnknownOrder:
    """`/fairway` with a word that is no order; `meant` is the order it may stand for, or empty."""

    word: str
    meant: str


@dataclass(frozen=True, slots=True)
class UnclosedQuote:
    """A quoted text does not end on its line."""

    command: Command


@dataclass(frozen=True, slots=True)
class UnknownArgument:
    """`name=` is no argument of the order; `meant` is the argument it may stand for, or empty."""

    command: Command
    name: str
    meant: str


@dataclass(frozen=True, slots=True)
class MissingArgument:
    """The order cannot do without an argument."""

    command: Command
    argument: Argument


@dataclass(frozen=True, slots=True)
class RepeatedArgument:
    """An argument is given twice."""

    command: Command
    argument: Argument


@dataclass(frozen=True, slots=True)
class BadValue:
    """An argument's value cannot be one."""

    command: Command
    argument: Argument
    value: str


@dataclass(frozen=True, slots=True)
class TooManyArguments:
    """There is a word more than the order has places for."""

    command: Command
    value: str


Problem = (
    UnknownOrder
    | UnclosedQuote
    | UnknownArgument
    | MissingArgument
    | RepeatedArgument
    | BadValue
    | TooManyArguments
)
