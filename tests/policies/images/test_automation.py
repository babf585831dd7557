# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies.errors import FairwayError, TerminalError
from policies.images import automation, declined, notes
from policies.images.automation import Destination, InvalidSource, SourceManagerFailed, UpdateFailed
from policies.images.setters import Change, Edited, Identity, Image, Note, set_images
from policies.kinds import ImageUpdateAutomation

MAIN = {"branch": "main"}


def made(*, git: Any = True, update: Any = True, **spec: Any) -> ImageUpdateAutomation:
    wanted: dict[str, Any] = {"interval": "5m", "sourceRef": {"kind": "GitRepository", "name": "src"}, **spec}
    if git is not None:
        commit = {"author": {"email": "bot@example.com"}}
        wanted["git"] = {"commit": commit, **(git if isinstance(git, dict) else {})}
    if update is not None:
        wanted["update"] = update if isinstance(update, dict) else {"strategy": "Setters"}
    return ImageUpdateAutomation.read({"metadata": {"name": "auto", "namespace": "apps"}, "spec": wanted})


@pytest.mark.parametrize(
    ("spec", "blocked", "reason", "said"),
    [
        ({"git": None}, False, "InvalidSourceConfiguration", "necessitates field .spec.git"),
        ({"update": None}, False, "InvalidUpdateStrategy", "no update strategy"),
        ({"update": {}}, False, "InvalidUpdateStrategy", "no update strategy"),
        (
            {"sourceRef": {"kind": "GitRepository", "name": "src", "namespace": "other"}},
            True,
            "AccessDenied",
            "can't access 'GitRepository/other/src', cross-namespace references have been blocked",
        ),
    ],
)
def test_what_is_wrong_by_itself_stalls(spec: Any, blocked: bool, reason: str, said: str) -> None:
    with pytest.raises(TerminalError, match=said) as found:
        automation.git_of(made(**spec), blocked=blocked)
    assert found.value.reason == reason


def test_other_namespaces_are_fine_unless_they_are_blocked() -> None:
    other = made(sourceRef={"kind": "GitRepository", "name": "src", "namespace": "other"})
    own = made(sourceRef={"kind": "GitRepository", "name": "src", "namespace": "apps"})
    assert automation.git_of(other, blocked=False).commit.author.email == "bot@example.com"
    automation.git_of(own, blocked=True)


@pytest.mark.parametrize(
    ("push", "checkout", "wanted"),
    [
        (None, MAIN, Destination("main", False)),
        ({}, MAIN, Destination("main", False)),
        ({"branch": "main"}, MAIN, Destination("main", False)),
        ({"branch": "auto"}, MAIN, Destination("auto", True)),
        ({"branch": "auto"}, {"tag": "v1"}, Destination("auto", True)),
        ({"branch": "main"}, {"name": "refs/heads/main"}, Destination("main", True)),
        ({"branch": "master"}, None, Destination("master", False)),
        ({"branch": "auto"}, None, Destination("auto", True)),
        (
            {"refspec": "refs/heads/main:refs/heads/other"},
            MAIN,
            Destination("main", False, "refs/heads/other"),
        ),
        ({"refspec": "HEAD:refs/for/main"}, MAIN, Destination("main", False, "refs/for/main")),
        (
            {"branch": "auto", "refspec": "auto:refs/heads/x", "options": {"ci.skip": ""}},
            MAIN,
            Destination("auto", True, "refs/heads/x", {"ci.skip": ""}),
        ),
    ],
)
def test_where_commits_go(push: Any, checkout: Any, wanted: Destination) -> None:
    found = automation.destination(made(git={"push": push} if push is not None else True), checkout)
    assert found == wanted
    assert found.always is (wanted.switches or bool(wanted.refspec))


@pytest.mark.parametrize(
    ("push", "checkout", "error", "said"),
    [
        (None, None, SourceManagerFailed, "push spec not provided"),
        (None, {"tag": "v1"}, SourceManagerFailed, "push spec not provided"),
        ({"refspec": "main:refs/heads/x"}, {"tag": "v1"}, SourceManagerFailed, "push spec not provided"),
        ({"refspec": "refs/tags/v1:refs/heads/x"}, MAIN, InvalidSource, "cannot be used"),
        ({"refspec": "main"}, MAIN, InvalidSource, "cannot be used"),
        ({"refspec": "main:other"}, MAIN, InvalidSource, "cannot be used"),
        ({"refspec": "refs/heads/*:refs/heads/*"}, MAIN, InvalidSource, "cannot be used"),
    ],
)
def test_where_they_cannot_go(push: Any, checkout: Any, error: type[FairwayError], said: str) -> None:
    with pytest.raises(error, match=said):
        automation.destination(made(git={"push": push} if push is not None else True), checkout)


def test_the_api_servers_pattern_is_not_trusted_with_deletions_and_force() -> None:
    """A cluster may have an older CustomResourceDefinition, whose refspecs are free."""
    for refspec, said in ((":refs/heads/x", "a deletion"), ("+main:refs/heads/x", "a force update")):
        spec = made(git={"push": {"refspec": "main:refs/heads/x"}})
        assert spec.spec.git is not None
        assert spec.spec.git.push is not None
        push = spec.spec.git.push.model_copy(update={"refspec": refspec})
        git = spec.spec.git.model_copy(update={"push": push})
        free = spec.model_copy(update={"spec": spec.spec.model_copy(update={"git": git})})
        with pytest.raises(InvalidSource, match=said):
            automation.destination(free, MAIN)


def test_what_is_started_from() -> None:
    own = made(git={"checkout": {"ref": {"branch": "dev"}}})
    assert automation.checkout_of(own, {"ref": MAIN}) == {"branch": "dev"}
    assert automation.checkout_of(made(), {"ref": MAIN}) == MAIN
    assert automation.checkout_of(made(), {}) is None


def policy(name: str, tag: str | None, digest: str = "", **labels: str) -> Any:
    latest = {"name": "ghcr.io/acme/web", "tag": tag, **({"digest": digest} if digest else {})}
    metadata = {"name": name, "namespace": "apps", "labels": labels}
    return {"metadata": metadata, "status": {"latestRef": latest} if tag else {}}


POLICIES = [policy("b", "2", "sha256:1", team="x"), policy("a", "1"), policy("none", None, team="x")]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        (None, ["a", "b"]),
        ({}, ["a", "b"]),
        ({"matchLabels": {"team": "x"}}, ["b"]),
        ({"matchLabels": {"team": "y"}}, []),
        ({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}, ["a"]),
        ({"matchExpressions": [{"key": "team", "operator": "Exists"}]}, ["b"]),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["x", "y"]}]}, ["b"]),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["x"]}]}, ["a"]),
    ],
)
def test_which_policies_count(selector: Any, names: list[str]) -> None:
    spec = made(policySelector=selector) if selector is not None else made()
    found = automation.observed(POLICIES, automation.selector(spec.spec.policy_selector))
    assert list(found) == names


@pytest.mark.parametrize(
    "expression",
    [
        {"key": "team", "operator": "Like", "values": ["x"]},
        {"key": "team", "operator": "In"},
        {"key": "team", "operator": "Exists", "values": ["x"]},
        {"key": "a b", "operator": "Exists"},
        {"key": "a/b/c", "operator": "Exists"},
        {"key": "team", "operator": "In", "values": ["x", "not a label"]},
    ],
)
def test_a_selector_that_makes_no_sense_stalls(expression: Any) -> None:
    spec = made(policySelector={"matchExpressions": [expression]})
    with pytest.raises(TerminalError, match="failed to parse policy selector: ") as found:
        automation.selector(spec.spec.policy_selector)
    assert found.value.reason == "InvalidPolicySelector"


def test_images_as_markers_name_them() -> None:
    found = automation.observed(POLICIES, automation.selector(None))
    assert automation.images("apps", found) == {
        "apps:a": Image("ghcr.io/acme/web", "1"),
        "apps:b": Image("ghcr.io/acme/web", "2", "sha256:1"),
    }


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (None, {"a": {"name": "x", "tag": "1"}}),
        ({"a": {"name": "x", "tag": "1", "digest": "d"}, "b": {"name": "y", "tag": "1"}}, {}),
        ({"a": {"name": "x", "tag": "1", "digest": "d"}}, {"a": {"name": "x", "tag": "2"}}),
    ],
)
def test_a_merge_patch_leaves_nothing_behind(before: Any, now: Any) -> None:
    state = {name: dict(one) for name, one in (before or {}).items()}
    for name, one in automation.merged(before, now).items():
        if one is None:
            del state[name]
            continue
        state.setdefault(name, {})
        for key, value in one.items():
            if value is None:
                state[name].pop(key, None)
            else:
                state[name][key] = value
    assert state == now


@pytest.mark.parametrize(
    ("path", "folder"),
    [(None, ""), ("", ""), ("./", ""), ("./apps", "apps"), ("/apps/", "apps"), ("../../apps/x/..", "apps")],
)
def test_the_folder_does_not_lead_out_of_the_repository(path: str | None, folder: str) -> None:
    assert automation.folder_of(path) == folder


def test_what_lies_in_a_folder() -> None:
    paths = ["apps/web.yaml", "apps2/web.yaml", "apps", "web.yaml"]
    assert [path for path in paths if automation.lies_in(path, "apps")] == ["apps/web.yaml", "apps"]
    assert all(automation.lies_in(path, "") for path in paths)


def test_what_is_said_of_a_push() -> None:
    sha = "0123456789" * 4
    assert (
        automation.pushed(sha, Destination("main", False), "m")
        == "pushed commit '0123456' to branch 'main'\nm"
    )
    both = automation.pushed(sha, Destination("main", False, "refs/heads/x"), "")
    assert both == "pushed commit '0123456' to branch 'main' and refspecs 'refs/heads/main:refs/heads/x'"


FILE = b"""kind: A
one: x:1 # {"$imagepolicy": "apps:web"}
two: x:1 # {"$imagepolicy": "apps:none"}
three: x:1 # {"$imagepolicy": "other:web"}
four: x:1 # {"$imagepolicy": "apps:left"}
five: x:1 # {"$imagepolicy": "apps:web:what"}
"""


def test_only_what_is_ours_and_wrong_is_told() -> None:
    """Markers of another namespace, and of policies that are another automation's, are no mistakes."""
    edited = set_images("a/b.yaml", FILE, {"apps:web": Image("x", "2")})
    found = notes.gathered({"a/b.yaml": (FILE, edited)}, namespace="apps", known={"web", "left"})
    assert [(note.line, note.reason) for note in found.notes] == [(3, "unknown-policy"), (6, "malformed")]
    assert found.files == {"a/b.yaml": FILE.replace(b"one: x:1", b"one: x:2")}
    message = notes.ready_message(found.notes)
    assert message.startswith(
        "repository up-to-date, but look at a/b.yaml:3: there is no policy apps:none here"
    )
    assert "; a/b.yaml:6: the marker cannot be read" in message


DECLINED = b"""version: 1
declined:
  - image: x
    version: "2"
  - image: y
    version: 1.2.0
    scope: minor
"""


def test_what_people_declined_is_not_written() -> None:
    images = {"apps:a": Image("x", "2"), "apps:b": Image("x", "3"), "apps:c": Image("y", "1.2.9")}
    kept, told = notes.wanted(images, declined.read(DECLINED))
    assert kept == {"apps:b": Image("x", "3")}
    assert [(note.path, note.line, note.message) for note in told] == [
        (".fairway/declined.yaml", 3, "x:2 is declined, so policy apps:a is not followed"),
        (".fairway/declined.yaml", 5, "y:1.2.9 is declined, so policy apps:c is not followed"),
    ]
    assert notes.wanted(images, declined.ABSENT) == (images, ())


def test_nothing_is_written_when_what_was_declined_cannot_be_read() -> None:
    with pytest.raises(UpdateFailed, match=r"declined.yaml:2: .* cannot be known, so nothing is written"):
        notes.wanted({}, declined.read(b"version: 1\ndeclined: 3\n"))


def test_what_is_fine_is_not_written() -> None:
    unchanged = Edited(b"x")
    found = notes.gathered({"a.yaml": (b"x", unchanged)}, namespace="apps", known=())
    assert (found.files, found.changes, notes.ready_message(found.notes)) == ({}, (), "repository up-to-date")


def test_a_long_list_of_notes_is_cut() -> None:
    many = [Note("a.yaml", line, "no-value", "it") for line in range(1, 9)]
    assert notes.ready_message(many).endswith("; a.yaml:5: it; and 3 more")


@pytest.mark.parametrize(
    ("folder", "file"), [("", "apps/web.yaml"), ("apps", "web.yaml"), ("apps/web.yaml", "web.yaml")]
)
def test_templates_get_changes_as_flux_names_them(folder: str, file: str) -> None:
    owner = Identity("apps/v1", "Deployment", "prod", "web")
    changes = [
        Change("apps/web.yaml", 3, "x:1", "x:2", "apps:web", "image", owner),
        Change("apps/web.yaml", 4, "1", "2", "apps:web", "tag", owner),
    ]
    first, second = notes.for_template(changes, folder)
    assert first == {
        "file": file, "apiVersion": "apps/v1", "kind": "Deployment", "namespace": "prod", "name": "web",
        "old": "x:1", "new": "x:2", "setter": "apps:web",
    }  # fmt: skip
    assert second["setter"] == "apps:web:tag"
