# SPDX-License-Identifier: Apache-2.0
"""/reject takes merged images back and writes down, in the same commit, that they are not wanted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from policies.images import declined
from policies.images.setters import Image
from policies.ledger import Built
from tests.workers.orders.bumps import FILE, IMAGE, automation, closed, proposed
from tests.workers.orders.conftest import MakeScene, config
from tests.workers.orders.scene import Scene
from tests.workers.orders.test_killed import kill
from tests.workers.orders.test_rollback import files_of, green, rolled_back, settle
from workers.reconcile.pull_request import PullRequests
from workers.workqueue import Key

NAME = ".fairway/declined.yaml"
OTHERS = "version: 1\ndeclined:\n- image: ghcr.io/acme/api # not this\n  version: 2.0.0\n"


@pytest.fixture
def merged(scene: Scene) -> Scene:
    return bump(scene)


def bump(scene: Scene) -> Scene:
    """A merged pull request for version 1.1.0 of one image, and no other one."""
    scene.forge.close(scene.repo, scene.number)
    automation(scene)
    scene.number = proposed(scene)
    scene.merged()
    return scene


def entries(text: str | None) -> list[tuple[str, str, str, int, str]]:
    assert text is not None
    found = declined.read(text.encode()).entries
    assert found is not None
    return [(one.image, one.version, one.by, one.pull_request, one.reason) for one in found]


def test_files_and_entry_are_one_commit_of_one_pull_request(merged: Scene) -> None:
    before = len(merged.forge.pull_requests(merged.repo, state="all"))
    number = rolled_back(merged, '/reject reason="loses sessions"')
    assert len(merged.forge.pull_requests(merged.repo, state="all")) == before + 1
    assert files_of(merged, number) == {NAME: "added", FILE: "modified"}
    pull = merged.forge.pull_request(merged.repo, number)
    assert (pull["title"], pull["head"]["ref"], pull["commits"]) == (
        f"Take back the images of pull request {merged.number}",
        f"fairway/reject/{merged.number}",
        1,
    )
    assert "Ordered by `bob`: loses sessions" in pull["body"]
    assert f"`{IMAGE}:1.1.0` is not proposed again" in pull["body"]
    assert merged.reply() == (
        f"[`#{number}`]({pull['html_url']}) puts 1 file back and writes down in `{NAME}` that"
        f" `{IMAGE}:1.1.0` is not proposed again. It takes effect once it is merged."
    )
    merged.merged(number)
    assert merged.file(FILE) == config("web")
    text = merged.file(NAME)
    assert entries(text) == [(IMAGE, "1.1.0", "bob", merged.number, "loses sessions")]
    reading = declined.read((text or "").encode())
    assert declined.covering(Image(IMAGE, "1.1.0", ""), reading.entries or ())
    assert not declined.covering(Image(IMAGE, "1.1.1", ""), reading.entries or ())


@pytest.mark.parametrize("order", ["/reject", "/rollback prod"])
def test_the_entry_goes_behind_the_others(merged: Scene, order: str) -> None:
    merged.forge.commit(merged.repo, {NAME: OTHERS}, "Decline")
    number = rolled_back(merged, order)
    merged.merged(number)
    text = merged.file(NAME) or ""
    assert text.startswith(OTHERS)
    assert [one[:2] for one in entries(text)] == [("ghcr.io/acme/api", "2.0.0"), (IMAGE, "1.1.0")]
    assert merged.file(FILE) == config("web")


def test_a_rollback_writes_it_down_and_says_so(merged: Scene) -> None:
    number = rolled_back(merged, '/rollback prod reason="errors at checkout"')
    assert files_of(merged, number) == {NAME: "added", FILE: "modified"}
    body = merged.forge.pull_request(merged.repo, number)["body"]
    assert f"Written down in `{NAME}`: `{IMAGE}:1.1.0` is not proposed again." in body
    merged.merged(number)
    assert entries(merged.file(NAME)) == [(IMAGE, "1.1.0", "bob", merged.number, "errors at checkout")]


@pytest.mark.parametrize("order", ["/reject", "/rollback prod"])
def test_taking_that_back_takes_the_entry_out(merged: Scene, order: str) -> None:
    merged.forge.commit(merged.repo, {NAME: OTHERS}, "Decline")
    back = rolled_back(merged, order)
    merged.merged(back)
    again = rolled_back(merged, number=back)
    assert files_of(merged, again) == {NAME: "modified", FILE: "modified"}
    body = merged.forge.pull_request(merged.repo, again)["body"]
    assert f"Taken out of `{NAME}`, so that it may be proposed again: `{IMAGE}:1.1.0`." in body
    merged.merged(again)
    assert (merged.file(NAME), merged.file(FILE)) == (OTHERS, config("web", "1.1.0"))


def test_an_entry_that_somebody_took_out_is_nothing_to_take_out(merged: Scene) -> None:
    back = rolled_back(merged, "/reject")
    merged.merged(back)
    merged.forge.commit(merged.repo, {NAME: OTHERS}, "Want it")
    assert files_of(merged, rolled_back(merged, number=back)) == {FILE: "modified"}


def test_a_rollback_of_anything_else_does_not(scene: Scene) -> None:
    scene.merged()
    assert files_of(scene, rolled_back(scene)) == {"prod/web.yaml": "modified"}


@pytest.mark.parametrize("order", ["/reject", "/rollback prod"])
@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        ("version: 1\ndeclined:\n- image: x\n", 3, "Mend it and order again"),
        ("version: 1\ndeclined: [{image: x, version: '1'}]\n", 2, "Write version and declined on lines"),
    ],
)
def test_a_file_that_cannot_be_added_to(merged: Scene, order: str, text: str, line: int, remedy: str) -> None:
    merged.forge.commit(merged.repo, {NAME: text}, "Decline")
    refs, pulls = merged.forge.refs(merged.repo), merged.forge.pull_requests(merged.repo)
    comment = merged.order(order, "bob")
    assert merged.reactions(comment) == ["confused"]
    assert f"the versions cannot be written down: {NAME}, line {line}: " in merged.reply()
    assert remedy in merged.reply()
    assert (merged.forge.refs(merged.repo), merged.forge.pull_requests(merged.repo)) == (refs, pulls)


def test_what_is_written_down_and_back_already_is_nothing_to_do(merged: Scene) -> None:
    merged.merged(rolled_back(merged, "/reject"))
    comment = merged.order("/reject", "bob")
    assert merged.reactions(comment) == ["rocket"]
    assert "found nothing to do" in merged.replies()[1]
    # Where only the files are back, the entry alone is proposed.
    merged.forge.commit(merged.repo, {NAME: None}, "Forget")
    number = rolled_back(merged, "/reject")
    assert files_of(merged, number) == {NAME: "added"}
    assert f"writes down in `{NAME}`" in merged.replies()[2]


def test_what_was_changed_again_is_a_conflict(merged: Scene) -> None:
    merged.forge.commit(merged.repo, {FILE: config("web", "7")}, "Go on")
    comment = merged.order("/reject", "bob")
    assert merged.reactions(comment) == ["confused"]
    assert f"`{FILE}` was changed again since" in merged.reply()
    assert merged.forge.pull_requests(merged.repo) == []


def test_it_is_opened_once(merged: Scene) -> None:
    number = rolled_back(merged, "/reject")
    merged.order("/reject", "bob")
    assert merged.replies()[1].startswith(f"[`#{number}`]")
    assert "does that already, and is open" in merged.replies()[1]


def test_one_that_is_open_is_closed(scene: Scene) -> None:
    automation(scene)
    scene.number = proposed(scene)
    comment = scene.order('/reject reason="loses sessions"', "bob")
    assert scene.reactions(comment) == ["rocket"]
    assert scene.reply() == (
        f"Closed, and not proposed any more: `{IMAGE}:1.1.0`. Reason: loses sessions."
        " Whoever wants it back opens this pull request again or, once a newer version has taken its branch,"
        " deletes the hidden line `fairway:images` from its description."
    )
    closed(scene, scene.number)
    assert scene.file(NAME) is None


PROTECTED = [{"name": "prod", "protected": True}]


def test_a_protected_environment_wants_a_commit_and_somebody_else(make_scene: MakeScene) -> None:
    scene = make_scene(environments=PROTECTED)
    automation(scene)
    scene.number = proposed(scene)
    scene.forge.commit(
        scene.repo,
        {"prod/x.yaml": config("x")},
        "Add",
        branch=f"fairway/images/{scene.namespace}.fleet/policy-web",
    )
    sha = scene.merged()
    for order, author, said in (
        ("/reject", "bob", f"write `/reject sha={scene_head(scene)[:7]}`"),
        (f"/reject sha={sha[:7]}", "alice", "`alice` wrote or pushed commits of this pull request"),
        (f"/reject sha={'0' * 7}", "bob", "the order means `0000000`"),
    ):
        assert scene.reactions(scene.order(order, author)) == ["confused"]
        assert said in scene.replies()[-1]
    assert scene.reactions(scene.order(f"/reject sha={sha[:7]}", "bob")) == ["rocket"]


def scene_head(scene: Scene) -> str:
    return str(scene.forge.pull_request(scene.repo, scene.number)["head"]["sha"])


def test_an_open_one_is_closed_also_in_a_protected_environment(make_scene: MakeScene) -> None:
    scene = make_scene(environments=PROTECTED)
    automation(scene)
    scene.number = proposed(scene)
    assert scene.reactions(scene.order("/reject")) == ["rocket"]


def test_who_decides_on_an_environment_that_reads_the_files_decides_on_it(merged: Scene) -> None:
    rules = "version: 1\nenvironments: {prod: {users: [bob]}}\n"
    merged.forge.commit(merged.repo, {".fairway.yaml": rules}, "Configure")
    merged.order("/reject")
    assert "in `prod` it takes `@bob`" in merged.reply()
    assert merged.reactions(merged.order("/reject", "bob")) == ["rocket"]


def test_an_environment_of_which_it_is_not_known_what_it_reads_decides_too(merged: Scene) -> None:
    rules = "version: 1\nenvironments: {staging: {users: [bob]}}\n"
    merged.forge.commit(merged.repo, {".fairway.yaml": rules}, "Configure")
    merged.order("/reject")
    assert "in `staging` it takes `@bob`" in merged.reply()
    built = Built("a", "i", "d", (), {"t staging": "1"})
    merged.context.ledger.record((merged.staging, "staging"), {}, built=built)
    assert merged.reactions(merged.order("/reject")) == ["rocket"]


def test_a_binding_that_lets_nothing_be_written(make_scene: MakeScene) -> None:
    scene = bump(make_scene(write="none"))
    scene.order("/reject", "bob")
    assert "lets Fairway open no pull request. A person can revert" in scene.reply()


@pytest.mark.parametrize(
    ("method", "countdown"), [("create", 1), ("commit", 1), ("open", 1), ("write", 1), ("reply", 1)]
)
def test_a_worker_dies(merged: Scene, tmp_path: Path, method: str, countdown: int) -> None:
    body = "/reject"
    comment = merged.say(body, "bob")
    kill(merged, tmp_path, comment, body, method, countdown)
    merged.sweep()
    assert merged.reactions(comment) == ["rocket"]
    (pull,) = merged.forge.pull_requests(merged.repo)
    assert f"[`#{pull['number']}`]" in merged.reply()
    assert (pull["head"]["ref"], len(merged.named("order-"))) == (f"fairway/reject/{merged.number}", 1)
    merged.merged(pull["number"])
    assert len(entries(merged.file(NAME))) == 1


@pytest.mark.parametrize(("method", "countdown"), [("create", 1), ("close", 1), ("write", 1), ("reply", 1)])
def test_a_worker_dies_that_closes(scene: Scene, tmp_path: Path, method: str, countdown: int) -> None:
    automation(scene)
    scene.number = proposed(scene)
    body = '/reject reason="no"'
    comment = scene.say(body)
    kill(scene, tmp_path, comment, body, method, countdown)
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]
    assert "Reason: no." in scene.reply()
    closed(scene, scene.number)


def test_what_was_rejected_says_so(merged: Scene) -> None:
    def told(number: int) -> str:
        """Look at a pull request, and at what that has looked at; returns its status comment's heading."""
        merged.asked[:] = [Key("PullRequest", merged.repo.owner, f"{merged.repo.name}:{number}")]
        while merged.asked:
            key = merged.asked.pop()
            for _ in range(2 if key.kind == "PullRequest" else 0):
                merged.ahead += timedelta(seconds=10)
                PullRequests(merged.context).reconcile(key.namespace, key.name)
            merged.work()
        comments = merged.forge.comments(merged.repo, merged.number)
        return next(one["body"].splitlines()[1] for one in comments if "fairway-state" in one["body"])

    assert "rejected" not in told(merged.number)
    number = rolled_back(merged, "/reject")
    assert "rejected" not in told(merged.number), "it is not merged yet"
    merged.merged(number)
    assert f"rejected by [`#{number}`]" in told(number)


def test_nobody_but_people_merges_it(make_scene: MakeScene) -> None:
    scene = bump(make_scene(write="merge"))
    scene.forge.protect(scene.repo, checks={"ci": None})
    number = rolled_back(scene, "/reject")
    green(scene, number)
    scene.sweep()
    settle(scene, number)
    assert scene.forge.pull_request(scene.repo, number)["merged"] is False
