# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.workers.github.conftest import EVERYTHING, Place
from workers.github import Annotation, AppJwt, Button, CheckRun, Conclusion, GitHub, Level, ServerError
from workers.github.calls import CHECKS

RUN = CheckRun("fairway/demo", "report", "1 of 2 objects", "**waits**")
DONE = replace(RUN, title="2 objects", summary="healthy", conclusion=Conclusion.SUCCESS)


def notes(count: int, *, message: str = "no such image") -> tuple[Annotation, ...]:
    return tuple(Annotation("a.txt", f"{n}: {message}", n + 1, title="Deployment web") for n in range(count))


def runs(place: Place) -> list[Any]:
    path = f"/commits/{place.head}/check-runs?filter=all"
    return list(place.github.call("GET", place.name, path, "look", permissions=CHECKS)["check_runs"])


def annotations(place: Place, run: int) -> list[Any]:
    found = place.github.pages(place.name, f"/check-runs/{run}/annotations", "look", permissions=CHECKS)
    return list(found)


def test_a_run_is_made_once_and_changed_in_place(able: Place) -> None:
    checks = able.github.checks
    first = checks.ensure(able.name, able.head, RUN)
    assert checks.ensure(able.name, able.head, RUN) == first
    assert checks.ensure(able.name, able.head, DONE) == first
    (shown,) = runs(able)
    assert (shown["status"], shown["conclusion"], shown["external_id"]) == ("completed", "success", "report")
    assert shown["output"]["summary"] == "healthy"
    assert checks.ensure(able.name, able.head, replace(RUN, external_id="other")) != first


def test_a_run_that_is_as_it_should_be_costs_no_write(able: Place) -> None:
    done = replace(DONE, annotations=notes(2), details_url="https://fairway.example/c")
    able.github.checks.ensure(able.name, able.head, done)
    able.forge.limit(able.installation)
    able.github.checks.ensure(able.name, able.head, done)
    assert able.forge.most(able.installation)["points_per_minute"] < 5


def test_annotations_go_out_in_chunks_and_are_added_once(able: Place) -> None:
    run = replace(RUN, annotations=notes(120))
    made = able.github.checks.ensure(able.name, able.head, run)
    able.github.checks.ensure(able.name, able.head, run)
    assert [one["start_line"] for one in annotations(able, made)] == list(range(1, 121))
    more = replace(DONE, annotations=notes(121))
    assert able.github.checks.ensure(able.name, able.head, more) == made
    assert len(annotations(able, made)) == 121


def test_annotations_that_hold_no_more_are_left_behind_with_their_run(able: Place) -> None:
    made = able.github.checks.ensure(able.name, able.head, replace(RUN, annotations=notes(2)))
    fewer = able.github.checks.ensure(able.name, able.head, replace(RUN, annotations=notes(1)))
    other = able.github.checks.ensure(able.name, able.head, replace(RUN, annotations=notes(1, message="x")))
    assert made < fewer < other
    assert able.github.checks.ensure(able.name, able.head, DONE) > other
    assert len(runs(able)) == 4


def test_a_finished_run_is_not_opened_again(able: Place) -> None:
    done = able.github.checks.ensure(able.name, able.head, DONE)
    again = able.github.checks.ensure(able.name, able.head, RUN)
    assert again > done
    assert [run["status"] for run in runs(able)] == ["in_progress", "completed"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/repos/.*/check-runs"), ("PATCH", r"/repos/.*/check-runs/\d+")],
    ids=["create", "update"],
)
def test_a_502_after_the_write_makes_nothing_twice(able: Place, method: str, path: str) -> None:
    run = replace(RUN, annotations=notes(60))
    able.forge.fail_after(method, path)
    try:
        able.github.checks.ensure(able.name, able.head, run)
    except ServerError:
        assert method == "PATCH"
        able.github.checks.ensure(able.name, able.head, run)
    (shown,) = runs(able)
    assert len(annotations(able, shown["id"])) == 60


def test_a_502_before_the_write_is_for_the_caller_to_repeat(able: Place) -> None:
    able.forge.fail_before("POST", "/repos/.*/check-runs")
    with pytest.raises(ServerError, match="make the check run fairway/demo"):
        able.github.checks.ensure(able.name, able.head, RUN)
    able.github.checks.ensure(able.name, able.head, RUN)
    assert len(runs(able)) == 1


def test_another_apps_run_of_that_name_is_not_ours(able: Place) -> None:
    app = able.forge.create_app(f"other {able.app.id}", permissions=EVERYTHING)
    able.forge.install(app, able.repo.owner)
    key = AppJwt(str(app.id), app.private_key_pem)
    theirs = GitHub(key, api_url=able.forge.api_url, allow_loopback=True)
    made = theirs.checks.ensure(able.name, able.head, RUN)
    theirs.close()
    assert able.github.checks.ensure(able.name, able.head, RUN) != made


def test_what_is_too_long_is_cut_to_what_github_takes(able: Place) -> None:
    note = Annotation("a.txt", "ü" * 70_000, level=Level.WARNING, title="t" * 300)
    long = replace(RUN, text="…" * 70_000, summary="x" * 70_000, title="t" * 300, annotations=(note,))
    made = able.github.checks.ensure(able.name, able.head, long)
    assert able.github.checks.ensure(able.name, able.head, long) == made
    (shown,) = runs(able)
    assert shown["output"]["text"].endswith("… the rest does not fit")
    assert len(shown["output"]["summary"].encode()) == 65_535


def test_buttons_are_offered(able: Place) -> None:
    button = Button("Retry", "Run what failed once more", "retry")
    made = able.github.checks.ensure(able.name, able.head, replace(RUN, buttons=(button,)))
    able.forge.allow(able.repo, "alice", "write")
    able.forge.press(made, "retry", login="alice")


@pytest.mark.parametrize(
    "button",
    [("x" * 21, "d", "i"), ("l", "x" * 41, "i"), ("l", "d", "x" * 21), ("", "d", "i")],
    ids=["label", "description", "identifier", "empty"],
)
def test_a_button_that_github_would_refuse_is_none(button: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="characters"):
        Button(*button)


def test_three_buttons_are_the_most() -> None:
    with pytest.raises(ValueError, match="3 buttons"):
        replace(RUN, buttons=(Button("l", "d", "i"),) * 4)
