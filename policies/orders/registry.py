# SPDX-License-Identifier: Apache-2.0
"""The orders there are: one table, which parser, /help, permissions and docs/orders.md are made from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from policies.orders.people import Role

PREFIX = "fairway"  # `/fairway lock prod` works where another bot owns `/lock`


class Value(Enum):
    """What an argument may hold."""

    ENVIRONMENT = "the name of an environment"
    SHA = "7 to 40 hexadecimal digits of a commit"
    TEXT = "a text of 1 to 250 characters"
    SCOPE = "version, minor or major"


class Guard(Enum):
    """What an order into a protected environment takes besides the right to give it."""

    NONE = auto()
    SECOND_PERSON = auto()  # somebody who has no part in the change
    PINNED = auto()  # that, and `sha=`: the commit that the person looked at


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of an order; a positional one may be given by its name too."""

    name: str
    value: Value
    positional: bool = False
    required: bool = False

    @property
    def usage(self) -> str:
        shown = f"<{self.name}>" if self.positional else f"{self.name}=<{self.name}>"
        if self.value is Value.TEXT:
            shown = f'{self.name}="…"'
        return shown if self.required else f"[{shown}]"


@dataclass(frozen=True, slots=True)
class Command:
    """An order: what it does, its arguments, and who may give it unless the configuration asks for more.

    `role` is the least role; with `author`, the pull request's author may give it without. One for `images`
    is carried out in pull requests for new images and nowhere else. One that `acts`
    becomes an Order object; one that `answers_now` is answered and leaves nothing behind. One that is not
    `served` is a word of ours for which nothing waits yet; its arguments are not read.
    """

    name: str
    summary: str
    role: Role
    arguments: tuple[Argument, ...] = ()
    author: bool = False
    guard: Guard = Guard.NONE
    images: bool = False
    acts: bool = False
    answers_now: bool = False
    served: bool = True
    examples: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        return " ".join([f"/{self.name}", *(argument.usage for argument in self.arguments)])

    @property
    def takes_environment(self) -> bool:
        return any(argument.value is Value.ENVIRONMENT for argument in self.arguments)

    def argument(self, name: str) -> Argument | None:
        return next((argument for argument in self.arguments if argument.name == name), None)


_ENVIRONMENT = Argument("environment", Value.ENVIRONMENT, positional=True, required=True)
_ANY_ENVIRONMENT = Argument("environment", Value.ENVIRONMENT, positional=True)
_SHA = Argument("sha", Value.SHA)
_REASON = Argument("reason", Value.TEXT)
_SCOPE = Argument("scope", Value.SCOPE, positional=True)


def _answered(name: str, summary: str) -> Command:
    return Command(name, summary, Role.READ, answers_now=True, examples=(f"/{name}",))


def _waits_for_nothing(name: str) -> Command:
    return Command(name, "", Role.READ, answers_now=True, served=False)


COMMANDS: tuple[Command, ...] = (
    _answered("help", "lists the orders that can be given here, and who may"),
    _answered("status", "brings the status comment up to date"),
    Command(
        "reconcile",
        "reconciles everything here that follows the base of this pull request, now",
        Role.WRITE,
        (_ANY_ENVIRONMENT, _SHA),
        acts=True,
        examples=("/reconcile", "/reconcile staging"),
    ),
    Command(
        "retry",
        "does again what failed last",
        Role.WRITE,
        (_SHA,),
        acts=True,
        examples=("/retry",),
    ),
    Command(
        "hold",
        "lets nothing that Fairway starts go on for this pull request",
        Role.WRITE,
        (_REASON,),
        author=True,
        acts=True,
        examples=("/hold", '/hold reason="waits for the migration"'),
    ),
    Command(
        "unhold",
        "takes the hold back",
        Role.WRITE,
        (_SHA,),
        author=True,
        acts=True,
        examples=("/unhold",),
    ),
    Command(
        "lock",
        "lets Fairway start no release into an environment",
        Role.WRITE,
        (_ENVIRONMENT, _REASON),
        acts=True,
        examples=("/lock prod", '/lock prod reason="incident 42"'),
    ),
    Command(
        "unlock",
        "takes the lock of an environment back",
        Role.WRITE,
        (_ENVIRONMENT,),
        guard=Guard.SECOND_PERSON,
        acts=True,
        examples=("/unlock prod",),
    ),
    _answered("locks", "lists what is locked and held, by whom and why"),
    Command(
        "rollback",
        "opens a pull request that goes back to what ran before in an environment",
        Role.WRITE,
        (_ENVIRONMENT, _SHA, _REASON),
        guard=Guard.PINNED,
        acts=True,
        examples=("/rollback staging", '/rollback prod sha=a1b2c3d reason="errors at checkout"'),
    ),
    Command(
        "ignore",
        "closes this pull request: its version, or all of its minor or major one, is not proposed again",
        Role.WRITE,
        (_SCOPE, _SHA),
        images=True,
        acts=True,
        examples=("/ignore", "/ignore minor"),
    ),
    Command(
        "reject",
        "takes the images of this merged pull request back by another one, which also writes down that they"
        " are not proposed again; closes one that is open",
        Role.WRITE,
        (_SHA, _REASON),
        guard=Guard.PINNED,
        images=True,
        acts=True,
        examples=("/reject", '/reject sha=a1b2c3d reason="loses sessions"'),
    ),
    Command(
        "rescan",
        "looks now for newer images than this pull request proposes",
        Role.WRITE,
        images=True,
        acts=True,
        examples=("/rescan",),
    ),
    Command(
        "rebase",
        "has the branch of this pull request made anew from its base, without what people pushed to it",
        Role.WRITE,
        (_SHA,),
        images=True,
        acts=True,
        examples=("/rebase",),
    ),
    *map(
        _waits_for_nothing,
        (
            "promote",
            "approve",
            "pause",
            "resume",
            "abort",
            "skip-analysis",
            "plan",
        ),
    ),
)
SERVED = tuple(command for command in COMMANDS if command.served)
_BY_NAME = {command.name: command for command in COMMANDS}


def find(word: str) -> Command | None:
    """Return the order of a name, in any case of its letters."""
    return _BY_NAME.get(word.lower()) if word.isascii() else None
