# SPDX-License-Identifier: Apache-2.0
"""What is wrong with an order as it is written, and how it is written instead."""

from __future__ import annotations

from typing import assert_never

from policies.orders.grammar import MOST, Mistake, NearMiss
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
from policies.orders.registry import Command
from policies.surface.markdown import code

_SHOWN = 80  # characters of what somebody wrote


def mistake(found: Mistake) -> str:
    """Answer an order that cannot be read."""
    return f"{code(found.text, _SHOWN)} was not carried out: {_problem(found.problem)}."


def near_miss(found: NearMiss) -> str:
    """Answer a comment that is nothing but a word that is nearly ours."""
    return f"{code(f'/{found.word}')} is no order here; {code(f'/{found.meant}')} is one."


def left_out(number: int) -> str:
    """Say that a comment held more orders than are taken from one."""
    rest = "1 order was" if number == 1 else f"{number} orders were"
    return (
        f"Of one comment {MOST} orders are taken; {rest} left out. Write what is still wanted in another one."
    )


def _problem(problem: Problem) -> str:
    match problem:
        case UnknownOrder(word, meant):
            help_ = f"; {code(f'/{meant}')} is one" if meant else f"; {code('/help')} lists those that are"
            return f"{_quoted(word)} is no order{help_}"
        case UnclosedQuote(command):
            return f"a quoted text does not end on its line; {_usage(command)}"
        case UnknownArgument(command, name, meant):
            better = f"; {code(f'{meant}=')} may be meant" if meant else ""
            return f"it has no argument {code(f'{name}=')}{better}; {_usage(command)}"
        case MissingArgument(command, argument):
            return f"it needs {argument.value.value}; {_usage(command)}"
        case RepeatedArgument(command, argument):
            return f"{code(argument.name)} is given twice; {_usage(command)}"
        case BadValue(_, argument, value):
            return f"{_quoted(value)} cannot be {code(argument.name)}, which is {argument.value.value}"
        case TooManyArguments(command, value):
            return f"{_quoted(value)} is one word too many; {_usage(command)}"
        case _:
            assert_never(problem)


def _usage(command: Command) -> str:
    return f"write {code(command.usage)}"


def _quoted(text: str) -> str:
    return code(text, _SHOWN) or "an empty text"
