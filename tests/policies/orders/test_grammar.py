# SPDX-License-Identifier: Apache-2.0
"""What a comment orders, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from policies.orders.grammar import LONGEST_TEXT, MOST, Mistake, Reading, Written, read
from policies.orders.mistakes import (
    BadValue,
    MissingArgument,
    RepeatedArgument,
    TooManyArguments,
    UnclosedQuote,
    UnknownArgument,
    UnknownOrder,
)
from policies.orders.registry import COMMANDS, SERVED, Argument, Command, find


def command(name: str) -> Command:
    found = find(name)
    assert found is not None
    return found


def argument(name: str, of: str) -> tuple[Command, Argument]:
    found = command(name).argument(of)
    assert found is not None
    return command(name), found


LOCK, HOLD, HELP = command("lock"), command("hold"), command("help")
SCOPE = argument("ignore", "scope")
PLACE, REASON, SHA = argument("lock", "environment"), argument("hold", "reason"), argument("retry", "sha")


def orders(body: str) -> list[tuple[str, dict[str, str], int]]:
    """Return the orders of a comment that has no mistake."""
    found = []
    for order in read(body).orders:
        assert isinstance(order, Written), order
        found.append((order.command.name, dict(order.arguments), order.line))
    return found


@pytest.mark.parametrize(
    ("line", "name", "arguments"),
    [
        ("/help", "help", {}),
        ("/HELP", "help", {}),
        ("/Lock Prod", "lock", {"environment": "prod"}),
        ("/lock\tprod", "lock", {"environment": "prod"}),
        ("/lock\u00a0prod", "lock", {"environment": "prod"}),
        ("/lock environment=prod", "lock", {"environment": "prod"}),
        ("/lock ENVIRONMENT=prod", "lock", {"environment": "prod"}),
        ('/lock "prod"', "lock", {"environment": "prod"}),
        ("/lock prod reason=incident", "lock", {"environment": "prod", "reason": "incident"}),
        ('/lock reason="two words" prod', "lock", {"environment": "prod", "reason": "two words"}),
        ("/lock prod reason=“two words”", "lock", {"environment": "prod", "reason": "two words"}),
        ('/lock prod reason="a \\"b\\" \\\\ \\n"', "lock", {"environment": "prod", "reason": 'a "b" \\ \\n'}),
        ("/lock prod reason=it's", "lock", {"environment": "prod", "reason": "it's"}),
        ("/lock prod reason=a=b", "lock", {"environment": "prod", "reason": "a=b"}),
        (
            '/lock prod reason="`code` <b>"',
            "lock",
            {"environment": "prod", "reason": "`code` <b>"},
        ),
        ("/rollback prod sha=A1B2C3D", "rollback", {"environment": "prod", "sha": "a1b2c3d"}),
        ("/rollback prod sha=" + "a" * 40, "rollback", {"environment": "prod", "sha": "a" * 40}),
        ("/reconcile", "reconcile", {}),
        ("/fairway lock prod", "lock", {"environment": "prod"}),
        ("/Fairway  LOCK  prod", "lock", {"environment": "prod"}),
        ("/fairway", "help", {}),
        ('/promote prod sha=nonsense what=ever "', "promote", {}),
        ("/skip-analysis apps/web reason=x", "skip-analysis", {}),
        ("/ignore", "ignore", {}),
        ("/ignore Minor", "ignore", {"scope": "minor"}),
        ("/ignore scope=major sha=a1b2c3d", "ignore", {"scope": "major", "sha": "a1b2c3d"}),
        ("/rescan", "rescan", {}),
        ("/rebase sha=a1b2c3d", "rebase", {"sha": "a1b2c3d"}),
        ('/reject reason="loses sessions"', "reject", {"reason": "loses sessions"}),
    ],
)
def test_an_order_is_read(line: str, name: str, arguments: dict[str, str]) -> None:
    assert orders(f"Hello\n{line}\nbye") == [(name, arguments, 2)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("/lock", MissingArgument(*PLACE)),
        ("/lock reason=x", MissingArgument(*PLACE)),
        ("/lock prod staging", TooManyArguments(LOCK, "staging")),
        ("/help me", TooManyArguments(HELP, "me")),
        ('/lock prod reason="x', UnclosedQuote(LOCK)),
        ("/lock prod reason=“x", UnclosedQuote(LOCK)),
        ("/lock prod reson=x", UnknownArgument(LOCK, "reson", "reason")),
        ("/lock prod colour=x", UnknownArgument(LOCK, "colour", "")),
        ("/help sha=a", UnknownArgument(HELP, "sha", "")),
        ("/lock prod environment=prod", RepeatedArgument(*PLACE)),
        ("/hold reason=a reason=a", RepeatedArgument(*REASON)),
        ("/lock pr\u043ed", BadValue(*PLACE, "pr\u043ed")),
        ("/lock pro\u200bd", BadValue(*PLACE, "pro\u200bd")),
        ("/lock \u212aube", BadValue(*PLACE, "\u212aube")),
        ("/lock a/b", BadValue(*PLACE, "a/b")),
        ('/lock ""', BadValue(*PLACE, "")),
        ("/lock " + "e" * 64, BadValue(*PLACE, "e" * 64)),
        ("/retry sha=abc123", BadValue(*SHA, "abc123")),
        ("/retry sha=" + "a" * 41, BadValue(*SHA, "a" * 41)),
        ("/retry sha=abcdefg", BadValue(*SHA, "abcdefg")),
        ("/hold reason=", BadValue(*REASON, "")),
        ('/hold reason="  "', BadValue(*REASON, "  ")),
        ("/ignore patch", BadValue(*SCOPE, "patch")),
        ("/ignore 6.9.1", BadValue(*SCOPE, "6.9.1")),
        ("/ignore minor major", TooManyArguments(SCOPE[0], "major")),
        ("/reject 6.9.1", TooManyArguments(command("reject"), "6.9.1")),
        ("/rescan web", TooManyArguments(command("rescan"), "web")),
        ("/fairway deploy prod", UnknownOrder("deploy", "")),
        ("/fairway lokc prod", UnknownOrder("lokc", "lock")),
        ("/fairway promotte", UnknownOrder("promotte", "promote")),
    ],
)
def test_what_is_wrong_is_said(line: str, problem: Any) -> None:
    [found] = read(line).orders
    assert isinstance(found, Mistake)
    assert (found.problem, found.line, found.text) == (problem, 1, line[:200])


def test_a_text_has_its_length() -> None:
    assert orders(f"/hold reason={'x' * LONGEST_TEXT}") == [("hold", {"reason": "x" * LONGEST_TEXT}, 1)]
    [found] = read(f"/hold reason={'x' * (LONGEST_TEXT + 1)}").orders
    assert isinstance(found, Mistake)


def test_orders_are_taken_in_their_order_whatever_stands_between() -> None:
    body = "/unlock prod\nsome words\n\n> /lock prod\n\n/lock staging extra\n/merge\n\n/help"
    found = [(type(order).__name__, order.line) for order in read(body).orders]
    assert found == [("Written", 1), ("Mistake", 6), ("Written", 9)]


def test_ten_orders_of_a_comment_are_taken_and_the_others_counted() -> None:
    reading = read("/help\n" * 5000)
    assert ([order.line for order in reading.orders], reading.left_out) == (
        list(range(1, MOST + 1)),
        5000 - MOST,
    )


@pytest.mark.parametrize(
    "body", ["", "LGTM", "/merge", "/lgtm", "/retest", "/release", "/usr/bin/env", "/", "/ help"]
)
def test_what_is_not_for_us_says_nothing(body: str) -> None:
    assert read(body) == Reading()
    assert not read(body).speaks_to_us


@pytest.mark.parametrize(
    ("body", "word", "meant"),
    [
        ("/hlep", "hlep", "help"),
        ("/ingore", "ingore", "ignore"),
        ("/rebsae", "rebsae", "rebase"),
        ("/helpp", "helpp", "help"),
        ("\n  /statsu now \n", "statsu", "status"),
        ("/rolback prod", "rolback", "rollback"),
        ("/un-lock prod", "un-lock", "unlock"),
        ("/fairwya lock prod", "fairwya", "fairway"),
        ("/h\u0435lp", "h\u0435lp", "help"),
        ("/help\u200b", "help\u200b", "help"),
        ("/help.", "help.", "help"),
        ("//help", "/help", "help"),
    ],
)
def test_a_comment_that_is_nothing_but_a_slip_is_answered(body: str, word: str, meant: str) -> None:
    reading = read(body)
    assert reading.near_miss is not None
    assert (reading.near_miss.word, reading.near_miss.meant) == (word, meant)
    assert reading.speaks_to_us


@pytest.mark.parametrize(
    "body",
    ["/hlep\nor so", "/hlep\n\n/hlep", "see /hlep", "`/hlep`", "> /hlep", "/promot", "/hl", "/" + "h" * 5000],
)
def test_no_other_slip_is(body: str) -> None:
    assert read(body) == Reading()


def test_a_slip_beside_an_order_is_left() -> None:
    reading = read("/hlep\n/status")
    assert (len(reading.orders), reading.near_miss) == (1, None)


@pytest.mark.parametrize("command", SERVED, ids=lambda command: command.name)
def test_the_examples_of_an_order_are_orders(command: Command) -> None:
    assert command.examples
    for example in command.examples:
        [found] = read(example).orders
        assert isinstance(found, Written), example
        assert found.command is command


def test_the_registry_says_of_each_order_what_becomes_of_it() -> None:
    for command in COMMANDS:
        assert command.acts != command.answers_now, command.name
        assert bool(command.summary) == command.served, command.name
        assert not command.arguments or command.served, command.name
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)


def test_usage_is_what_can_be_written() -> None:
    assert [command.usage for command in SERVED] == [
        "/help",
        "/status",
        "/reconcile [<environment>] [sha=<sha>]",
        "/retry [sha=<sha>]",
        '/hold [reason="…"]',
        "/unhold [sha=<sha>]",
        '/lock <environment> [reason="…"]',
        "/unlock <environment>",
        "/locks",
        '/rollback <environment> [sha=<sha>] [reason="…"]',
        "/ignore [<scope>] [sha=<sha>]",
        '/reject [sha=<sha>] [reason="…"]',
        "/rescan",
        "/rebase [sha=<sha>]",
    ]
