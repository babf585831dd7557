# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io

from rich.console import Console

from toolchain.progress import Bars, Lines, Step, shown


def console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, force_terminal=terminal, width=100, color_system=None), file


def test_without_a_terminal_a_line_is_written_when_something_else_is_done() -> None:
    target, file = console(terminal=False)
    lines = Lines(target)
    for done in range(3):
        lines.show(Step("fairway-engine", "compiling", done, 562, 70.0 + done))
    lines.show(Step("fairway-engine", "linking", 562, 562, 75.0))
    assert file.getvalue().splitlines() == [
        "fairway-engine: compiling 0/562, 1:10",
        "fairway-engine: linking 562/562, 1:15",
    ]


def test_without_a_terminal_a_line_is_repeated_after_its_time() -> None:
    target, file = console(terminal=False)
    lines = Lines(target, every=0.0)
    for done in (1, 1500):
        lines.show(Step("fairway-cluster", "compiling", done, 2462, float(done)))
    assert file.getvalue().splitlines()[-1] == "fairway-cluster: compiling 1\u202f500/2\u202f462, 25:00"


def test_a_terminal_shows_one_bar_for_each_binary_until_it_ends() -> None:
    target, file = console(terminal=True)
    bars = Bars(target)
    with shown(bars, "fairway-cluster"):
        bars.show(Step("fairway-cluster", "waits for the build of fairway-engine [process 7]"))
        with shown(bars, "fairway-engine"):
            bars.show(Step("fairway-engine", "compiling", 100, 562))
            bars.say("a [sentence] that stays")
    text = file.getvalue()
    assert "fairway-cluster: waits for the build of fairway-engine [process 7]" in text
    assert "a [sentence] that stays\n" in text
    assert text.split("a [sentence] that stays")[1].count("fairway-engine: compiling") == 1
    assert "100/562" in text
    assert text.count("\x1b[?25h") == 1  # the cursor is back


def test_the_bars_can_be_shown_again() -> None:
    target, file = console(terminal=True)
    bars = Bars(target)
    for total in (11, 22):
        with shown(bars, "fairway-engine"):
            bars.show(Step("fairway-engine", "compiling", 1, total))
    assert "1/11" in file.getvalue()
    assert "1/22" in file.getvalue()
