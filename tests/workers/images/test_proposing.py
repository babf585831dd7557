# SPDX-License-Identifier: Apache-2.0
"""Images proposed in pull requests of the forge: opened, renewed, left, closed, and never twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from policies.errors import FairwayError
from policies.images.switch import ANNOTATION
from sandbox.forge.admin_http import ForgeError
from tests.workers.images.conftest import Fleet, ready
from tests.workers.images.proposals import Bumps
from workers.github import GitHub
from workers.images import open_pulls
from workers.images.automation import ImageUpdateAutomationReconciler
from workers.images.place import place_of
from workers.reconcile.status import Superseded

NOT_OURS = "https://github.com/acme/elsewhere"


def test_one_pull_request_is_opened_and_left(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    before = fleet.head()
    obj = bumps.run()
    assert ready(obj) == ("True", "Succeeded", "repository up-to-date; proposed in #1")
    pull = bumps.pull()
    assert pull["title"].endswith(f"Update {fleet.images.image} 1.0.0 → 1.1.0")
    assert (fleet.head(), bumps.record().base) == (before, before)
    assert fleet.read(bumps.branch) == fleet.manifest("1.1.0")
    assert obj["status"]["lastPushCommit"] == pull["head"]["sha"]
    fleet.images.context.redis.flushall()
    bumps.run()
    assert bumps.pull() == pull, "nothing is written again"


@pytest.mark.parametrize(
    ("word", "file", "proposes"),
    [
        ("enabled", "", True),
        ("", "pullRequests: {images: {}}\n", True),
        ("disabled", "pullRequests: {images: {}}\n", False),
        ("", "pullRequests: {comment: on}\n", False),
    ],
)
def test_who_switches_it_on(fleet: Fleet, word: str, file: str, proposes: bool) -> None:
    bumps = Bumps.of(fleet, write="merge", word=word, file=file)
    before = fleet.head()
    bumps.run()
    assert (len(bumps.pulls()), fleet.head() == before) == (int(proposes), proposes)


@pytest.mark.parametrize(
    ("word", "file", "said"),
    [
        ("", "pullRequests: {image: {}}\n", "so whether and how images are proposed"),
        ("enabled", "orders: [\n", "so whether and how images are proposed"),
        ("on", "", f"the annotation {ANNOTATION} is 'on', which means nothing"),
    ],
)
def test_what_is_not_known_is_not_pushed_to_the_base(fleet: Fleet, word: str, file: str, said: str) -> None:
    bumps = Bumps.of(fleet, write="merge", word=word, file=file)
    before = fleet.head()
    status, _, message = ready(bumps.run())
    assert (status, fleet.head(), bumps.pulls()) == ("False", before, [])
    assert said in message


def test_no_binding_no_pull_request(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet, write="none")
    status, reason, message = ready(bumps.run())
    assert (status, reason, bumps.pulls()) == ("False", "SourceManagerFailed", [])
    assert "set spec.write: pr" in message


def test_a_repository_elsewhere_has_no_pull_requests(fleet: Fleet) -> None:
    obj = {"metadata": {"annotations": {ANNOTATION: "enabled"}}}
    with pytest.raises(FairwayError, match="not on the GitHub that Fairway's App is on"):
        place_of(fleet.images.context, obj, NOT_OURS)
    assert place_of(fleet.images.context, {"metadata": {}}, NOT_OURS) is None


@pytest.mark.parametrize(
    ("git", "field"),
    [
        ({"push": {"branch": "auto"}}, "spec.git.push.branch"),
        ({"push": {"refspec": "main:refs/heads/x"}}, "spec.git.push.refspec"),
        ({"push": {"options": {"a": "b"}}}, "spec.git.push.options"),
        ({"commit": {"signingKey": {"secretRef": {"name": "x"}}}}, "spec.git.commit.signingKey"),
        ({"checkout": {"ref": {"tag": "v1"}}, "push": {"branch": "main"}}, "spec.git.checkout.ref.branch"),
    ],
)
def test_what_contradicts_is_refused(fleet: Fleet, git: dict[str, object], field: str) -> None:
    bumps = Bumps.of(fleet)
    status, reason, message = ready(bumps.run(**git))
    assert (status, reason, bumps.pulls()) == ("False", "InvalidSourceConfiguration", [])
    assert field in message


def test_the_branch_that_is_started_from_contradicts_nothing(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run(push={"branch": "main"}, commit={"messageTemplate": "Run {{ .AutomationObject }}"})
    message = fleet.commit(bumps.pull()["head"]["sha"])["commit"]["message"]
    assert message == f"Run {fleet.images.namespace}/auto\n\nFairway-Image-Step: minor"


def test_a_newer_version_takes_the_place_of_an_older_one(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    number = bumps.number
    bumps.released("1.2.0")
    bumps.run()
    assert (bumps.number, bumps.tags(), len(bumps.commits())) == (number, ["1.2.0"], 1)
    assert bumps.pull()["title"].endswith("1.0.0 → 1.2.0")


def test_it_is_made_anew_when_its_base_moves(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    moved = fleet.forge.commit(
        fleet.repo, {"web.yaml": f"# {fleet.manifest('1.0.0')}{fleet.manifest('1.0.0')}"}, "Move"
    )
    bumps.run()
    assert (bumps.parents(), bumps.record().base) == ([moved], moved)


def test_a_commit_that_does_not_touch_its_files_leaves_it(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    before = bumps.pull()
    fleet.forge.commit(fleet.repo, {"README": "y"}, "Move")
    bumps.run()
    after = bumps.pull()
    assert (after["head"]["sha"], after["body"]) == (before["head"]["sha"], before["body"])
    fleet.forge.commit(fleet.repo, {"web2.yaml": fleet.manifest("1.0.0")}, "One more")
    bumps.run()
    assert (bumps.parents(), len(bumps.commits())) == ([fleet.head()], 1)


def test_what_is_quiet_costs_one_request(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    bumps = Bumps.of(fleet)
    for _ in range(2):
        bumps.run()
    asked, pages = list[str](), GitHub.pages

    def counted(self: GitHub, repository: str, path: str, *args: Any, **options: Any) -> Any:
        asked.append(path)
        return pages(self, repository, path, *args, **options)

    monkeypatch.setattr(GitHub, "pages", counted)
    bumps.run()
    assert [path for path in asked if "/pulls" in path] == ["/pulls?state=open&sort=created&direction=asc"]


def test_a_base_that_is_pushed_to_by_force_is_nobodys_push(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    first = fleet.head()
    fleet.forge.commit(fleet.repo, {"README": "soon gone"}, "Gone")
    bumps.run()
    fleet.forge.set_ref(fleet.repo, "refs/heads/main", first)
    fleet.forge.set_ref(fleet.repo, "refs/heads/other", first)
    for base in ("other", "main"):  # the list of its commits is made anew with its base
        fleet.forge.edit_pull_request(fleet.repo, bumps.number, base=base)
    assert len(bumps.commits()) == 2
    bumps.run()
    assert (bumps.pull()["labels"], bumps.parents(), len(bumps.commits())) == ([], [first], 1)


def test_one_that_github_wants_on_the_newest_base_is_made_anew(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    fleet.forge.protect(fleet.repo, checks={"ci": None}, strict=True)
    bumps.green()
    fleet.forge.commit(fleet.repo, {"README": "y"}, "Move")
    for _ in range(2):
        bumps.run()
    assert bumps.parents() == [fleet.head()]


def test_what_the_base_has_is_closed_and_declines_nothing(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    number = bumps.number
    fleet.forge.commit(fleet.repo, {"web.yaml": fleet.manifest("1.1.0")}, "By hand")
    bumps.run()
    assert bumps.pulls() == []
    assert bumps.said(number)[0].endswith("This declines nothing.")
    assert fleet.head(bumps.branch) == ""
    fleet.forge.commit(fleet.repo, {"web.yaml": fleet.manifest("1.0.0")}, "And back")
    bumps.run()
    assert bumps.tags() == ["1.1.0"]


def test_what_a_person_pushed_to_is_left_until_it_is_handed_back(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    theirs = fleet.forge.commit(fleet.repo, {"README": "mine"}, "Mine too", branch=bumps.branch)
    bumps.released("1.2.0")
    fleet.forge.commit(fleet.repo, {"README": "y"}, "Move")
    for _ in range(2):
        bumps.run()
    pull = bumps.pull()
    assert (pull["head"]["sha"], bumps.tags()) == (theirs, ["1.1.0"])
    assert [label["name"] for label in pull["labels"]] == ["fairway/edited"]
    (comment,) = bumps.said(pull["number"])
    assert "Somebody pushed to this branch" in comment
    bumps.write_record(replace(bumps.record(), anew=fleet.head(bumps.branch)))
    bumps.run()
    assert (bumps.tags(), bumps.parents(), len(bumps.commits())) == (["1.2.0"], [fleet.head()], 1)
    assert (bumps.pull()["labels"], bumps.said(pull["number"])) == ([], [])
    assert not bumps.record().anew


def test_what_people_closed_is_not_proposed_again(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    number = bumps.number
    fleet.forge.close(fleet.repo, number)
    fleet.images.context.redis.flushall()
    assert bumps.message().endswith("held: policy web: its version was declined")
    assert bumps.pulls() == []
    fleet.forge.reopen(fleet.repo, number)
    bumps.run()
    assert bumps.number == number
    fleet.forge.close(fleet.repo, number)
    bumps.released("1.2.0")
    bumps.run()
    assert (bumps.tags(), bumps.number > number) == (["1.2.0"], True)


def test_what_was_closed_is_declined_also_while_nothing_is_opened(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    fleet.forge.close(fleet.repo, bumps.number)
    later = datetime.now(UTC) + timedelta(hours=2)
    window = f"{{from: '{later:%H}:00', to: '{later + timedelta(hours=1):%H}:00'}}"
    file = f"version: 1\npullRequests: {{images: {{schedule: [{window}]}}}}\n"
    fleet.forge.commit(fleet.repo, {".fairway.yaml": file}, "Wait for a window")
    assert "its version was declined" in bumps.message()


@pytest.mark.parametrize("lately", [300, 0])
def test_what_was_closed_stays_declined_when_it_is_grouped_otherwise(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, lately: int
) -> None:
    monkeypatch.setattr(open_pulls, "_LATELY", lately)
    bumps = Bumps.of(fleet)
    bumps.run()
    fleet.forge.close(fleet.repo, bumps.number)
    fleet.forge.commit(
        fleet.repo, {".fairway.yaml": "version: 1\npullRequests: {images: {group: all}}\n"}, "F"
    )
    assert "its version was declined" in bumps.message()
    assert bumps.pulls() == []


def test_another_grouping_proposes_it_in_another_pull_request(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    first = bumps.number
    fleet.forge.commit(
        fleet.repo, {".fairway.yaml": "version: 1\npullRequests: {images: {group: all}}\n"}, "F"
    )
    bumps.run()
    assert bumps.pull()["head"]["ref"].endswith("/all")
    assert "images are grouped otherwise now" in bumps.said(first)[0]


def test_what_is_grouped_otherwise_stays_open_until_another_stands(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    first = bumps.number
    other = bumps.branch.replace("policy-web", "all")
    fleet.forge.commit(fleet.repo, {"README": "theirs"}, "Theirs", branch=other)
    fleet.forge.commit(
        fleet.repo, {".fairway.yaml": "version: 1\npullRequests: {images: {group: all}}\n"}, "F"
    )
    assert ready(bumps.run())[0] == "False"
    assert bumps.number == first
    fleet.forge.set_ref(fleet.repo, f"refs/heads/{other}", None)
    bumps.run()
    assert bumps.pull()["head"]["ref"] == other


def test_what_the_file_of_declined_versions_names_is_held_and_closed(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    number = bumps.number
    entry = f"version: 1\ndeclined:\n- image: {fleet.images.image}\n  version: 1.1.0\n"
    fleet.forge.commit(fleet.repo, {".fairway/declined.yaml": entry}, "Decline")
    assert "its version was declined" in bumps.message()
    assert bumps.pulls() == []
    assert "declined.yaml" in bumps.said(number)[0]
    fleet.forge.commit(fleet.repo, {".fairway/declined.yaml": "version: 1\ndeclined: 3\n"}, "Break")
    bumps.released("1.2.0")
    assert ".fairway/declined.yaml cannot be read: mend it" in bumps.message()
    assert bumps.pulls() == []


def test_what_people_closed_is_wanted_again_though_its_branch_has_moved_on(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    closed = bumps.pull()
    fleet.forge.close(fleet.repo, closed["number"])
    bumps.released("1.2.0")
    bumps.run()
    assert bumps.tags() == ["1.2.0"]
    with pytest.raises(ForgeError, match="cannot be changed"):
        fleet.forge.reopen(fleet.repo, closed["number"])
    lines = closed["body"].splitlines()
    kept = [line for line in lines if not line.startswith("<!-- fairway:images")]
    assert len(lines) - len(kept) == 1
    fleet.forge.edit_pull_request(fleet.repo, closed["number"], body="\n".join(kept))
    fleet.images.reconcile(fleet.images.policy(policy={"semver": {"range": "<1.2.0"}}))
    bumps.run()
    assert bumps.tags() == ["1.1.0"]


def test_a_merged_one_declines_nothing_and_its_branch_is_used_again(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    fleet.forge.merge(fleet.repo, bumps.number, method="squash")
    bumps.run()
    assert bumps.pulls() == []
    bumps.released("1.2.0")
    bumps.run()
    assert (bumps.tags(), bumps.parents()) == (["1.2.0"], [fleet.head()])


def test_a_branch_of_somebody_else_is_not_taken(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    theirs = fleet.forge.commit(fleet.repo, {"README": "x2"}, "Theirs", branch=bumps.branch)
    status, reason, message = ready(bumps.run())
    assert (status, reason, bumps.pulls()) == ("False", "GitOperationFailed", [])
    assert f"ends with {theirs[:7]}, which Fairway's App did not make" in message
    assert fleet.head(bumps.branch) == theirs


def test_a_base_that_is_gone_is_said(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    fleet.images.source(fleet.repo.clone_url, ref={"branch": "gone"})
    status, reason, message = ready(bumps.run())
    assert (status, reason) == ("False", "GitOperationFailed")
    assert "gone" in message


def test_a_minimum_age_is_waited_for(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet, file="pullRequests: {images: {minimumAge: 72h}}\n")
    now = fleet.images.now().isoformat()
    fleet.images.registry.push(fleet.images.path, "1.3.0", created=now)
    bumps.released("1.3.0x")
    assert "policy web until" in (said := bumps.message())
    assert said.endswith("not 72h old yet")
    assert bumps.pulls() == []
    fleet.images.pass_time(hours=73)
    bumps.run()
    assert bumps.tags() == ["1.3.0"]


def test_what_was_declined_is_closed_also_while_a_newer_one_is_too_young(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet, file="pullRequests: {images: {minimumAge: 72h}}\n")
    bumps.run()
    assert bumps.tags() == ["1.1.0"]
    now = fleet.images.now().isoformat()
    fleet.images.registry.push(fleet.images.path, "1.3.0", created=now)
    bumps.released("1.3.0x")
    bumps.run()
    assert bumps.tags() == ["1.1.0"]
    entry = f"version: 1\ndeclined:\n- image: {fleet.images.image}\n  version: 1.1.0\n"
    fleet.forge.commit(fleet.repo, {".fairway/declined.yaml": entry}, "Decline")
    assert bumps.message().endswith("not 72h old yet")
    assert bumps.pulls() == []


def test_two_workers_at_once_open_one(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    ref, barrier = bumps.ref, Barrier(2)

    def work() -> None:
        barrier.wait()
        try:
            ImageUpdateAutomationReconciler(fleet.images.context).reconcile(ref.namespace, ref.name)
        except Superseded:
            return

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(work) for _ in range(2)]:
            one.result()
    assert (len(bumps.pulls("all")), len(bumps.commits())) == (1, 1)
    bumps.run()
    assert (len(bumps.pulls("all")), bumps.tags()) == (1, ["1.1.0"])
