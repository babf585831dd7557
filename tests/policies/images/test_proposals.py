# SPDX-License-Identifier: Apache-2.0
"""What is opened, renewed, left and closed, and what waits for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from policies.images import automerge
from policies.images.commit_message import DEFAULT, message, subject
from policies.images.declined import Declined
from policies.images.grouping import By, Group, branch, group
from policies.images.proposals import Close, Decision, Hold, Leave, Open, Pull, Renew, Repository, decide
from policies.images.setters import Image
from policies.images.updates import Step, Update
from policies.repofile.model import Images
from tests.policies.images.made import DIGEST, NOW, update

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEB, API, WWW = update("web"), update("api", "2.0.0"), update("www")
NO_API = Declined(image="ghcr.io/acme/api", version="2.0.0")


def head(name: str) -> str:
    return f"fairway/images/apps.fleet/{name}"


def made(one: Group) -> str:
    return branch("apps", "fleet", one)


def pull(
    number: int, name: str, base: str = "b", *, edited: bool = False, anew: bool = False, **versions: str
) -> Pull:
    images = {f"apps:{policy}": Image(f"ghcr.io/acme/{policy}", tag, "") for policy, tag in versions.items()}
    return Pull(number, head(name), images, base, edited, anew)


def decided(
    updates: Sequence[Update],
    pulls: Sequence[Pull] = (),
    *,
    by: By = "policy",
    declined: Sequence[Declined] | None = (),
    opened: Sequence[datetime] = (),
    settled: bool = True,
    **settings: Any,
) -> list[Decision]:
    repository = Repository(Images.model_validate(settings), "b", declined, opened, settled)
    found = decide(group(updates, by, {}), pulls, repository, name=made, now=NOW, zones=ZoneInfo)
    return list(found)


def told(decisions: Sequence[Decision]) -> list[tuple[Any, ...]]:
    """Write decisions short."""
    found: list[tuple[Any, ...]] = []
    for decision in decisions:
        match decision:
            case Open(name, group):
                found.append(("open", name.removeprefix(head("")), group.versions))
            case Renew(number, _, group):
                found.append(("renew", number, group.versions))
            case Leave(number, edited):
                found.append(("edited" if edited else "leave", number))
            case Close(number, why):
                found.append(("close", number, why))
            case Hold(name, why, policies, until):
                found.append((why, name.removeprefix(head("")), policies, until))
    return found


def test_each_policy_gets_a_pull_request() -> None:
    assert told(decided([WEB, API])) == [
        ("open", "policy-api", {"apps:api": "2.0.0"}),
        ("open", "policy-web", {"apps:web": "1.2.3"}),
    ]


def test_all_share_one_when_they_should() -> None:
    assert told(decided([WEB, API], by="all")) == [
        ("open", "all", {"apps:api": "2.0.0", "apps:web": "1.2.3"})
    ]


@pytest.mark.parametrize(
    ("pulls", "wanted"),
    [
        ([pull(7, "policy-web", web="1.2.3")], [("leave", 7)]),
        ([pull(7, "policy-web", web="1.2.2")], [("renew", 7, {"apps:web": "1.2.3"})]),
        ([pull(7, "policy-web", "older", web="1.2.3")], [("renew", 7, {"apps:web": "1.2.3"})]),
        ([pull(7, "policy-web", edited=True, web="1.2.2")], [("edited", 7)]),
        (
            [pull(8, "policy-gone", gone="1")],
            [("close", 8, "nothing-left"), ("open", "policy-web", {"apps:web": "1.2.3"})],
        ),
        (
            [pull(8, "all", web="1.2.3", gone="1")],
            [("open", "policy-web", {"apps:web": "1.2.3"}), ("close", 8, "regrouped")],
        ),
        (
            [pull(8, "policy-gone", edited=True, gone="1")],
            [("open", "policy-web", {"apps:web": "1.2.3"}), ("edited", 8)],
        ),
    ],
)
def test_an_open_one_is_renewed_in_its_place(pulls: list[Pull], wanted: list[tuple[Any, ...]]) -> None:
    assert told(decided([WEB], pulls)) == wanted


def test_a_new_digest_is_news() -> None:
    pulls = [pull(7, "policy-web", web="1.2.3")]
    renewed = [("renew", 7, {"apps:web": f"1.2.3@{DIGEST}"})]
    assert told(decided([update("web", digest=DIGEST)], pulls)) == renewed


def test_what_the_base_has_is_closed() -> None:
    assert told(decided([], [pull(7, "policy-web", web="1.2.3")])) == [("close", 7, "nothing-left")]


def test_no_more_are_open_than_the_limit() -> None:
    opened = ("open", "policy-api", {"apps:api": "2.0.0"})
    held = [("open", "policy-web", ("apps:web",), None), ("open", "policy-www", ("apps:www",), None)]
    assert told(decided([WEB, API, WWW], limit=1)) == [opened, *held]
    busy = [pull(1, "policy-x", edited=True, x="1")]
    assert told(decided([WEB], busy, limit=1)) == [held[0], ("edited", 1)]
    # What is open already is renewed whatever the limit says.
    both = [pull(1, "policy-web", web="1"), pull(2, "policy-api", api="1")]
    assert [decision[0] for decision in told(decided([WEB, API], both, limit=1))] == ["renew", "renew"]


@pytest.mark.parametrize(
    ("opened", "wanted"),
    [
        ([], ["open", "open", NOW + HOUR]),
        ([NOW - HOUR / 2], ["open", NOW + HOUR / 2, NOW + HOUR / 2]),
        ([NOW - HOUR / 2, NOW - HOUR / 4], [NOW + HOUR / 2, NOW + HOUR / 2, NOW + HOUR / 2]),
        ([NOW - HOUR, NOW - 2 * HOUR], ["open", "open", NOW + HOUR]),
        ([NOW - HOUR / 4, NOW - HOUR / 2, NOW - HOUR / 3], [NOW + HOUR * 2 / 3] * 3),
    ],
)
def test_no_more_are_opened_in_an_hour(opened: list[datetime], wanted: list[Any]) -> None:
    found = told(decided([WEB, API, WWW], opened=opened, perHour=2))
    assert [row[0] if row[0] == "open" else row[3] for row in found] == wanted
    assert {row[0] for row in found} <= {"open", "per-hour"}


def test_outside_of_the_windows_nothing_is_opened_but_renewed() -> None:
    schedule = [{"from": "14:00", "to": "15:00"}]
    waits = ("window", "policy-web", ("apps:web",), NOW + 2 * HOUR)
    pulls = [pull(7, "policy-api", api="1.0.0")]
    assert told(decided([API, WEB], pulls, schedule=schedule)) == [("renew", 7, {"apps:api": "2.0.0"}), waits]
    open_now = [{"from": "11:00", "to": "13:00"}]
    assert told(decided([WEB], schedule=open_now)) == [("open", "policy-web", {"apps:web": "1.2.3"})]


def test_an_image_waits_until_it_is_old_enough() -> None:
    old, young = update("web", since=NOW - DAY), update("api", "2.0.0", since=NOW - DAY + HOUR)
    assert told(decided([old, young], minimumAge="24h")) == [
        ("age", "policy-api", ("apps:api",), NOW + HOUR),
        ("open", "policy-web", {"apps:web": "1.2.3"}),
    ]
    assert told(decided([update("web")], minimumAge="24h")) == [("age", "policy-web", ("apps:web",), None)]
    assert told(decided([update("web")])) == [("open", "policy-web", {"apps:web": "1.2.3"})]


def test_an_older_version_stays_proposed_while_the_newest_is_too_young() -> None:
    young = update("web", "1.2.4", since=NOW)
    waits = ("age", "policy-web", ("apps:web",), NOW + DAY)
    assert told(decided([young], [pull(7, "policy-web", web="1.2.3")], minimumAge="24h")) == [
        waits,
        ("leave", 7),
    ]
    others = [young, update("api", "2.0.0", since=NOW - DAY)]
    waits = ("age", "all", ("apps:web",), NOW + DAY)
    for base in ("b", "older"):
        same = [pull(7, "all", base, web="1.2.3", api="2.0.0")]
        assert told(decided(others, same, by="all", minimumAge="24h")) == [waits, ("leave", 7)]
    news = [pull(7, "all", web="1.2.3", api="1.9.9")]
    assert told(decided(others, news, by="all", minimumAge="24h")) == [
        waits,
        ("renew", 7, {"apps:api": "2.0.0"}),
    ]


def test_what_was_declined_is_not_proposed_again() -> None:
    held = ("declined", "policy-api", ("apps:api",), None)
    assert told(decided([API], declined=[NO_API])) == [held]
    pulls = [pull(7, "policy-api", api="2.0.0")]
    assert told(decided([API], pulls, declined=[NO_API])) == [held, ("close", 7, "declined")]
    newer = update("api", "2.0.1")
    assert told(decided([newer], pulls, declined=[NO_API])) == [("renew", 7, {"apps:api": "2.0.1"})]


def test_what_was_declined_leaves_a_group() -> None:
    held = ("declined", "all", ("apps:api",), None)
    pulls = [pull(7, "all", api="2.0.0", web="1.2.3")]
    assert told(decided([WEB, API], by="all", declined=[NO_API])) == [
        held,
        ("open", "all", {"apps:web": "1.2.3"}),
    ]
    assert told(decided([WEB, API], pulls, by="all", declined=[NO_API])) == [
        held,
        ("renew", 7, {"apps:web": "1.2.3"}),
    ]


YOUNG_API = update("api", "2.0.1", since=NOW)
OLD_WEB = update("web", since=NOW - DAY)


@pytest.mark.parametrize(
    ("by", "updates", "proposed", "wanted"),
    [
        ("policy", [YOUNG_API], {"api": "2.0.0"}, ("close", 7, "declined")),
        ("policy", [YOUNG_API], {"api": "1.9.9"}, ("leave", 7)),
        ("all", [YOUNG_API], {"api": "2.0.0", "web": "1.2.3"}, ("close", 7, "declined")),
        ("all", [YOUNG_API], {"web": "1.2.3"}, ("close", 7, "nothing-left")),
        ("all", [YOUNG_API, OLD_WEB], {"api": "2.0.0", "web": "1.2.3"}, ("renew", 7, {"apps:web": "1.2.3"})),
        ("all", [YOUNG_API, OLD_WEB], {"api": "1.9.9", "web": "1.2.3"}, ("leave", 7)),
    ],
)
def test_what_was_declined_stays_open_for_no_newer_version_that_is_too_young(
    by: By, updates: list[Update], proposed: dict[str, str], wanted: tuple[Any, ...]
) -> None:
    name = "all" if by == "all" else "policy-api"
    waits = ("age", name, ("apps:api",), NOW + DAY)
    found = decided(updates, [pull(7, name, **proposed)], by=by, declined=[NO_API], minimumAge="24h")  # type: ignore[arg-type]
    assert told(found) == [waits, wanted]


def test_when_it_cannot_be_known_what_was_declined_nothing_moves() -> None:
    held = ("unreadable", "policy-web", ("apps:web",), None)
    assert told(decided([WEB], declined=None)) == [held]
    assert told(decided([WEB], [pull(7, "policy-web", web="1.2.2")], declined=None)) == [held, ("leave", 7)]


@pytest.mark.parametrize(
    ("olds", "rules", "merges", "step"),
    [
        (["1.2.2"], [], False, "patch"),
        (["1.2.2"], ["patch"], True, "patch"),
        (["1.2.2"], ["minor", "digest"], False, "patch"),
        (["1.1.0"], ["patch"], False, "minor"),
        (["1.1.0"], ["minor"], True, "minor"),
        (["1.2.3"], ["digest"], True, "digest"),
        (["1.2.2", "1.1.0"], ["patch"], False, "minor"),
        (["1.2.2", "1.1.0"], ["patch", "minor"], True, "minor"),
        (["0.1.0"], ["patch", "minor", "digest"], False, "major"),
        (["1.2.4"], ["patch", "minor", "digest"], False, "other"),
        (["0.1.0"], ["major", "other"], False, "major"),
        ([], ["patch"], False, "digest"),
    ],
)
def test_only_what_is_named_is_merged_by_itself(
    olds: list[str], rules: list[Step], merges: bool, step: Step
) -> None:
    one = Group("all", "", tuple(update(f"p{index}", old=old) for index, old in enumerate(olds)))
    assert automerge.decide(one, rules) == automerge.Automerge(merges, step)


@pytest.mark.parametrize(
    ("images", "declined", "why"),
    [
        ({"apps:api": API.image}, [], ""),
        ({"apps:web": WEB.image}, [NO_API], ""),
        ({"apps:web": WEB.image, "apps:api": API.image}, [NO_API], "ghcr.io/acme/api:2.0.0 was declined"),
        ({"apps:api": API.image}, None, ".fairway/declined.yaml cannot be read"),
        ({}, [], "its text does not say any more what it proposes"),
    ],
)
def test_what_is_declined_is_not_merged_by_itself(
    images: dict[str, Image], declined: list[Declined] | None, why: str
) -> None:
    assert automerge.unwanted(images, declined) == why


def test_a_commit_says_what_is_in_it() -> None:
    one = Group("policy", "apps:web", (update("web", digest=DIGEST, paths=("a.yaml", "b.yaml")),))
    assert message(one) == (
        "Update ghcr.io/acme/web to 1.2.3\n\n"
        f"- ghcr.io/acme/web:1.2.3@{DIGEST}, selected by policy apps/web, in 2 files\n"
    )
    assert message(Group("application", "apps/web", (WEB, API))) == (
        "Update 2 images in apps/web\n\n"
        "- ghcr.io/acme/web:1.2.3, selected by policy apps/web, in apps/web/a.yaml\n"
        "- ghcr.io/acme/api:2.0.0, selected by policy apps/api, in apps/web/a.yaml\n"
    )
    assert subject(Group("all", "", (WEB, API))) == "Update 2 images"
    assert DEFAULT == "Update from image update automation"


def test_a_subject_fits_its_line() -> None:
    long = Group("policy", "p", (update("a/" * 40 + "web"),))
    assert subject(long) == "Update web to 1.2.3"
    assert len(subject(Group("policy", "p", (update("w" * 90),)))) == 72
    assert len(subject(Group("application", "x" * 90, (WEB, API)))) == 72
    many = Group("all", "", tuple(update(f"p{index}") for index in range(60)))
    assert message(many).endswith("in apps/web/a.yaml\n- and 10 more\n")


def test_a_path_cannot_write_lines_of_a_message() -> None:
    path = "a\n\nCo-authored-by: x\u2028/b.yaml"
    one = Group("application", path, (update("web", paths=(path,)), update("api", paths=(path,))))
    assert [line[:2] for line in message(one).splitlines()] == ["Up", "", "- ", "- "]


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("base", ["b", "a"])
def test_whoever_orders_it_has_one_made_anew(edited: bool, base: str) -> None:
    ordered = pull(7, "policy-web", base, edited=edited, anew=True, web="1.2.3")
    assert told(decided([WEB], [ordered])) == [("renew", 7, {"apps:web": "1.2.3"})]


def test_what_is_to_be_made_anew_and_needed_no_more_is_closed() -> None:
    ordered = pull(7, "policy-web", edited=True, anew=True, web="1.2.3")
    assert told(decided([], [ordered])) == [("close", 7, "nothing-left")]


def test_what_cannot_be_known_to_be_wanted_is_not_made_anew() -> None:
    ordered = pull(7, "policy-web", edited=True, anew=True, web="1.2.3")
    found = told(decided([WEB], [ordered], declined=None))
    assert found == [("unreadable", "policy-web", ("apps:web",), None), ("leave", 7)]


OPENED, REGROUPED = ("open", "policy-web", {"apps:web": "1.2.3"}), ("close", 8, "regrouped")
API_HELD = ("open", "policy-api", ("apps:api",), None)
WEB_HELD = ("open", "policy-web", ("apps:web",), None)


@pytest.mark.parametrize(
    ("updates", "pulls", "options", "wanted"),
    [
        # The one that goes makes room for the one that comes.
        ([WEB], [pull(8, "all", web="1.2.3")], {"limit": 1}, [OPENED, REGROUPED]),
        ([WEB], [pull(8, "all", gone="1")], {"limit": 1}, [("close", 8, "nothing-left"), OPENED]),
        # But for one, and not for two.
        (
            [API, WEB],
            [pull(8, "all", web="1.2.3", api="2.0.0")],
            {"limit": 1},
            [("open", "policy-api", {"apps:api": "2.0.0"}), WEB_HELD, REGROUPED],
        ),
        (
            [API, WEB],
            [pull(8, "all", web="1.2.3")],
            {"limit": 1},
            [API_HELD, OPENED, REGROUPED],
        ),
        # What waits has nothing in its place yet.
        (
            [WEB],
            [pull(8, "all", web="1.2.2")],
            {"schedule": [{"from": "14:00", "to": "15:00"}]},
            [("window", "policy-web", ("apps:web",), NOW + 2 * HOUR), ("leave", 8)],
        ),
        (
            [update("web", since=NOW)],
            [pull(8, "all", web="1.2.2")],
            {"minimumAge": "24h"},
            [("age", "policy-web", ("apps:web",), NOW + DAY), ("leave", 8)],
        ),
        (
            [WEB],
            [pull(8, "all", web="1.2.3")],
            {"declined": None},
            [("unreadable", "policy-web", ("apps:web",), None), ("leave", 8)],
        ),
        (
            [API],
            [pull(8, "all", api="2.0.0")],
            {"declined": [NO_API]},
            [("declined", "policy-api", ("apps:api",), None), ("close", 8, "declined")],
        ),
        (
            [update("api", "2.1.0", since=NOW)],
            [pull(8, "all", api="2.0.0")],
            {"declined": [NO_API], "minimumAge": "24h"},
            [("age", "policy-api", ("apps:api",), NOW + DAY), ("close", 8, "declined")],
        ),
        # What people push to stands in its place, too.
        (
            [WEB],
            [pull(7, "policy-web", edited=True, web="1.2.2"), pull(8, "all", web="1.2.3")],
            {},
            [("edited", 7), REGROUPED],
        ),
    ],
)
def test_what_is_grouped_otherwise_is_closed_when_another_stands_in_its_place(
    updates: list[Update], pulls: list[Pull], options: dict[str, Any], wanted: list[tuple[Any, ...]]
) -> None:
    assert told(decided(updates, pulls, **options)) == wanted


def test_nothing_is_regrouped_while_it_is_not_known_what_belongs_together() -> None:
    waits = ("grouping", "policy-web", ("apps:web",), NOW + timedelta(minutes=5))
    opened = ("open", "policy-api", {"apps:api": "2.0.0"})
    found = told(decided([API, WEB], [pull(8, "all", web="1.2.2")], settled=False))
    assert found == [opened, waits, ("leave", 8)]
    both = [pull(7, "policy-web", web="1.2.2"), pull(8, "all", web="1.2.2")]
    assert told(decided([WEB], both, settled=False)) == [waits, ("leave", 7), ("leave", 8)]
    alone = [pull(7, "policy-web", web="1.2.2")]
    assert told(decided([WEB], alone, settled=False)) == [("renew", 7, {"apps:web": "1.2.3"})]


@pytest.mark.parametrize(
    ("base", "files", "behind", "wanted"),
    [
        ("b", "", False, ("leave", 7)),
        ("older", "same", False, ("leave", 7)),
        ("older", "other", False, ("renew", 7, {"apps:web": "1.2.3"})),
        ("older", "", False, ("renew", 7, {"apps:web": "1.2.3"})),
        ("older", "same", True, ("renew", 7, {"apps:web": "1.2.3"})),
        ("b", "other", True, ("leave", 7)),
    ],
)
def test_a_base_that_moves_elsewhere_moves_nothing(
    base: str, files: str, behind: bool, wanted: tuple[Any, ...]
) -> None:
    one = replace(pull(7, "policy-web", base, web="1.2.3"), files=files, behind=behind)
    found = decide(
        group([WEB], "policy", {}), [one], Repository(Images(), "b", ()), name=made, now=NOW, zones=ZoneInfo,
        files=lambda _: "same",
    )  # fmt: skip
    assert told(found) == [wanted]
