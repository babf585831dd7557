# SPDX-License-Identifier: Apache-2.0
"""Images of a real registry, set in files of a real Git host by git itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from policies import conditions
from policies.objects import Object, ObjectRef
from sandbox.registry.admin import Registry
from tests.fixtures.githost import GitHost, HostedRepository
from tests.workers.images.conftest import Images, ready
from workers.images import pushing, updating
from workers.images.automation import ImageUpdateAutomationReconciler
from workers.images.updating import Result
from workers.reconcile.status import Superseded
from workers.workqueue import Key

MakeImages = Callable[..., Images]
UP_TO_DATE = ("True", "Succeeded", "repository up-to-date")


def manifest(images: Images, tag: str, *, policy: str = "web") -> str:
    mark = f'# {{"$imagepolicy": "{images.namespace}:{policy}"}}'
    return f"kind: Deployment\r\nmetadata: {{name: web}}\r\nimage:   '{images.image}:{tag}' {mark}\r\n# end"


@pytest.fixture
def fleet(githost: GitHost) -> HostedRepository:
    repository = githost.create("fleet")
    repository.git("config", "http.receivepack", "true")
    repository.git("config", "receive.advertisePushOptions", "true")
    return repository


@pytest.fixture
def ours(images: Images, fleet: HostedRepository) -> Images:
    """Policy `web` has chosen 1.1.0, and the repository has 1.0.0 of it."""
    fleet.commit({"apps/web.yaml": manifest(images, "1.0.0"), "README.md": "1.0.0\n"})
    images.chosen("1.0.0", "1.1.0")
    images.source(fleet.url)
    return images


def read(fleet: HostedRepository, branch: str = "main", path: str = "apps/web.yaml") -> str:
    return fleet.git("show", f"{branch}:{path}")


def hook(fleet: HostedRepository, name: str, script: str) -> None:
    file = fleet.path / "hooks" / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def told(images: Images, name: str = "auto") -> list[tuple[str, str, str]]:
    resource = images.client.discovery.resource("", "v1", "Event")
    found, _ = images.client.list(resource, namespace=images.namespace)
    ours = [one for one in found if one["involvedObject"]["name"] == name]
    return [(one["type"], one["reason"], one["message"]) for one in ours]


def test_a_new_image_is_one_commit_that_changes_only_its_bytes(ours: Images, fleet: HostedRepository) -> None:
    before = fleet.head("main")
    obj = ours.reconcile(ours.automation())
    sha = fleet.head("main")
    assert fleet.git("log", "--format=%P|%an|%ae|%cn|%B", "-1", sha).strip() == (
        f"{before}|Bot|bot@example.com|Bot|Update from image update automation"
    )
    assert fleet.git("diff", "--numstat", before, sha) == "1\t1\tapps/web.yaml"
    assert read(fleet) == manifest(ours, "1.1.0").strip()
    assert ready(obj) == UP_TO_DATE
    status = obj["status"]
    assert status["lastPushCommit"] == sha
    assert status["observedSourceRevision"] == f"main@sha1:{sha}"
    assert status["observedPolicies"] == {"web": {"name": ours.image, "tag": "1.1.0"}}
    assert status["observedGeneration"] == obj["metadata"]["generation"]
    assert status["lastPushTime"] >= status["lastAutomationRunTime"]
    assert obj["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
    said = f"pushed commit '{sha[:7]}' to branch 'main'\nUpdate from image update automation"
    assert told(ours) == [("Normal", "Succeeded", said)]
    source = Key("GitRepository", ours.namespace, "src")
    assert ours.context.queue.busy([source]) == {source}, "what was pushed is fetched at once"


def test_what_was_seen_is_not_looked_at_again(
    ours: Images, fleet: HostedRepository, githost: GitHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    update = updating.update

    def looking(*arguments: Any) -> Result:
        looked.append("update")
        return update(*arguments)

    monkeypatch.setattr(updating, "update", looking)
    ref = ours.automation()
    pushed = ours.reconcile(ref)
    githost.requests.clear()
    ours.pass_time(minutes=5)
    again = ours.reconcile(ref)
    assert looked == ["update"], "our own push makes nothing to do"
    assert len(githost.requests) == 2, "one question to the host"
    assert again["status"]["lastAutomationRunTime"] > pushed["status"]["lastAutomationRunTime"]
    assert ready(again) == UP_TO_DATE
    assert again["status"]["lastPushTime"] == pushed["status"]["lastPushTime"]
    for change in ("request", "spec", "policy", "commit"):
        if change == "request":
            ours.request(ref, "now")
        elif change == "spec":
            ours.automation(update={"strategy": "Setters", "path": "./apps"})
        elif change == "policy":
            ours.chosen("1.2.0")
        else:
            fleet.commit({"apps/web.yaml": manifest(ours, "1.0.0")})
        looked.clear()
        ours.reconcile(ref)
        assert looked == ["update"], change
        ours.reconcile(ref)
        assert looked == ["update"], f"once for {change}"
    assert read(fleet) == manifest(ours, "1.2.0").strip()


def test_nothing_to_change_is_only_a_status(ours: Images, fleet: HostedRepository) -> None:
    sha = fleet.commit({"apps/web.yaml": manifest(ours, "1.1.0")})
    obj = ours.reconcile(ours.automation())
    assert fleet.head("main") == sha
    assert ready(obj) == UP_TO_DATE
    assert obj["status"]["observedSourceRevision"] == f"main@sha1:{sha}"
    assert "lastPushCommit" not in obj["status"]


def test_a_policy_that_is_gone_leaves_the_status(ours: Images) -> None:
    ref = ours.automation()
    ours.reconcile(ref)
    ours.automation(policySelector={"matchLabels": {"team": "none"}})
    assert ours.reconcile(ref)["status"].get("observedPolicies", {}) == {}


@pytest.mark.parametrize(("path", "changes"), [("./apps", True), ("apps/web.yaml", True), ("other", False)])
def test_only_the_folder_is_changed(ours: Images, fleet: HostedRepository, path: str, changes: bool) -> None:
    files = {"apps/web.yaml": manifest(ours, "1.0.0"), "other/web.yaml": manifest(ours, "1.0.0")}
    fleet.commit(files)
    ours.reconcile(ours.automation(update={"strategy": "Setters", "path": path}))
    assert ("1.1.0" in read(fleet)) is changes
    assert ("1.1.0" in read(fleet, path="other/web.yaml")) is not changes


def test_a_folder_that_is_not_there_is_said(ours: Images) -> None:
    obj = ours.reconcile(ours.automation(update={"strategy": "Setters", "path": "nowhere"}))
    status, reason, message = ready(obj)
    assert (status, reason) == ("False", "UpdateFailed")
    assert "'nowhere' is not in commit" in message


def test_what_is_wrong_with_files_is_told_once(ours: Images, fleet: HostedRepository) -> None:
    fleet.commit(
        {"apps/web.yaml": manifest(ours, "1.0.0", policy="none"), "bad.yaml": 'a: [ # "$imagepolicy"'}
    )
    ref = ours.automation()
    message = ready(ours.reconcile(ref))[2]
    assert message.startswith("repository up-to-date, but look at apps/web.yaml:3: there is no policy ")
    assert "; bad.yaml:1: the file is left as it is" in message
    ours.request(ref, "again")
    assert ready(ours.reconcile(ref))[2] == message
    ours.reconcile(ref)
    assert told(ours).count(("Warning", "MarkersLeft", message)) == 1


def test_what_people_declined_stays_out_until_they_want_it(ours: Images, fleet: HostedRepository) -> None:
    entry = f"version: 1\ndeclined:\n  - {{image: '{ours.image}', version: 1.1.0}}\n"
    files = {"apps/web.yaml": manifest(ours, "1.0.0")}
    before = fleet.commit({**files, ".fairway/declined.yaml": entry})
    ref = ours.automation()
    message = ready(ours.reconcile(ref))[2]
    assert ".fairway/declined.yaml:3: " in message
    assert "1.1.0 is declined" in message
    assert fleet.head("main") == before
    fleet.commit({**files, ".fairway/declined.yaml": "declined: ["})
    assert ready(ours.reconcile(ref))[:2] == ("False", "UpdateFailed")
    fleet.commit(files)
    assert ready(ours.reconcile(ref)) == UP_TO_DATE
    assert "1.1.0" in read(fleet)


def test_another_branch_is_made_anew_from_where_it_starts(ours: Images, fleet: HostedRepository) -> None:
    ref = ours.automation(git={"push": {"branch": "auto"}})
    base = fleet.head("main")
    first = ours.reconcile(ref)["status"]
    assert fleet.head("main") == base
    assert fleet.git("rev-parse", "auto^") == base
    assert first["observedSourceRevision"] == f"main@sha1:{base}"
    assert first["lastPushCommit"] == fleet.head("auto")
    ours.pass_time(hours=1)
    assert ours.reconcile(ref)["status"]["lastPushCommit"] == first["lastPushCommit"], "the same tree"
    person = fleet.commit({"x": "a person's"}, branch="auto")
    moved = fleet.commit({"apps/web.yaml": manifest(ours, "1.0.0"), "y": "another"})
    ours.reconcile(ref)
    assert fleet.git("rev-parse", "auto^") == moved
    assert fleet.head("auto") != person
    assert "1.1.0" in read(fleet, "auto")
    fleet.git("update-ref", "refs/heads/main", fleet.head("auto"))
    merged = ours.reconcile(ref)
    assert ready(merged) == UP_TO_DATE


def test_a_refspec_is_pushed_to_in_addition(ours: Images, fleet: HostedRepository) -> None:
    push = {"branch": "auto", "refspec": "refs/heads/auto:refs/heads/review"}
    ours.reconcile(ours.automation(git={"push": push}))
    assert fleet.head("auto") == fleet.head("review") != fleet.head("main")
    alone = ours.reconcile(ours.automation(git={"push": {"branch": None, "refspec": "HEAD:refs/heads/copy"}}))
    assert fleet.head("copy") == fleet.head("main") == alone["status"]["lastPushCommit"]


def test_push_options_reach_the_host(ours: Images, fleet: HostedRepository) -> None:
    hook(fleet, "pre-receive", 'echo "$GIT_PUSH_OPTION_0|$GIT_PUSH_OPTION_1" > options')
    options = {"merge_request.create": "", "merge_request.target": "main"}
    ours.reconcile(ours.automation(git={"push": {"options": options}}))
    assert (fleet.path / "options").read_text() == "merge_request.create|merge_request.target=main\n"


def test_a_base_that_moves_meanwhile_is_started_from_again(
    ours: Images, fleet: HostedRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    push, times = pushing.push, []

    def moving(*arguments: Any) -> str:
        if not times:
            fleet.commit({"apps/web.yaml": manifest(ours, "1.0.0"), "more.yaml": manifest(ours, "1.0.0")})
        times.append(1)
        return push(*arguments)

    monkeypatch.setattr(pushing, "push", moving)
    moved_from = fleet.head("main")
    obj = ours.reconcile(ours.automation())
    assert ready(obj) == UP_TO_DATE
    assert len(times) == 2
    assert "1.1.0" in read(fleet)
    assert "1.1.0" in read(fleet, path="more.yaml"), "what came meanwhile is set too"
    assert fleet.git("rev-list", "--count", f"{moved_from}..main") == "2", "nobody's commit is lost"


def test_a_branch_that_never_stands_still_is_given_up(
    ours: Images, fleet: HostedRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    push, times = pushing.push, []

    def moving(*arguments: Any) -> str:
        times.append(1)
        fleet.commit({"apps/web.yaml": manifest(ours, "1.0.0"), "n": str(len(times))})
        return push(*arguments)

    monkeypatch.setattr(pushing, "push", moving)
    obj = ours.reconcile(ours.automation())
    status, reason, message = ready(obj)
    assert (status, reason) == ("False", "GitOperationFailed")
    assert message.endswith("5 times in a row")
    assert len(times) == 5


def test_a_protected_branch_is_said_in_the_hosts_words(ours: Images, fleet: HostedRepository) -> None:
    hook(fleet, "pre-receive", "echo 'main is protected: ask Ada' >&2; exit 1")
    ref = ours.automation()
    obj = ours.reconcile(ref)
    status, reason, message = ready(obj)
    assert (status, reason) == ("False", "GitOperationFailed")
    began = f"failed to update source: unable to push to '{fleet.url}': main is refused: "
    assert message.startswith(f"{began}main is protected: ask Ada")
    assert conditions.is_true(conditions.of(obj), "Reconciling"), "it is tried again"
    assert "lastPushCommit" not in obj["status"]
    (fleet.path / "hooks" / "pre-receive").unlink()
    assert ready(ours.reconcile(ref)) == UP_TO_DATE


@pytest.mark.parametrize("gone", ["branch", "repository", "source"])
def test_what_is_gone_is_said(ours: Images, fleet: HostedRepository, githost: GitHost, gone: str) -> None:
    if gone == "branch":
        fleet.git("update-ref", "refs/heads/other", fleet.head("main"))
        fleet.delete_branch("main")
    elif gone == "repository":
        del githost.repositories["fleet.git"]
    else:
        ours.client.delete(
            ObjectRef("source.toolkit.fluxcd.io", "v1", "GitRepository", ours.namespace, "src")
        )
    status, reason, message = ready(ours.reconcile(ours.automation()))
    expected, said = {
        "branch": ("GitOperationFailed", "failed to checkout source: unable to clone"),
        "repository": ("GitOperationFailed", "repository not found"),
        "source": ("SourceManagerFailed", "referenced git repository does not exist"),
    }[gone]
    assert (status, reason) == ("False", expected)
    assert said in message


def test_the_repositorys_own_credentials_push(ours: Images, fleet: HostedRepository) -> None:
    fleet.require_basic("ada", "pw-secret")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login", "namespace": ours.namespace},
    }
    ours.client.create({**secret, "stringData": {"username": "ada", "password": "pw-secret"}})
    ref = ours.automation()
    refused = ready(ours.reconcile(ref))
    assert refused[:2] == ("False", "GitOperationFailed")
    ours.source(fleet.url, secretRef={"name": "login"})
    assert ready(ours.reconcile(ref)) == UP_TO_DATE
    assert "1.1.0" in read(fleet)


def test_who_may_only_read_is_told_so(ours: Images, fleet: HostedRepository) -> None:
    fleet.git("config", "http.receivepack", "false")
    status, reason, message = ready(ours.reconcile(ours.automation()))
    assert (status, reason) == ("False", "GitOperationFailed")
    assert message.startswith(f"failed to update source: unable to push to '{fleet.url}': ")
    assert "write access" in message


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (
            "{{ .AutomationObject }}: {{ range .Changed.Changes }}{{ .OldValue | base }} -> "
            "{{ .NewValue | base }}{{ end }} {{ .Values.by }}",
            "{ns}/auto: {path}:1.0.0 -> {path}:1.1.0 Ada",
        ),
        (
            "{{ range $file, $_ := .Changed.FileChanges }}{{ $file }}{{ end }}"
            " {{ range $o, $_ := .Changed.Objects }}{{ $o.Kind }}/{{ $o.Name }}{{ end }}",
            "web.yaml Deployment/web",
        ),
    ],
)
def test_a_message_is_made_of_the_template(
    ours: Images, fleet: HostedRepository, template: str, said: str
) -> None:
    commit = {"messageTemplate": template, "messageTemplateValues": {"by": "Ada"}}
    ours.reconcile(ours.automation(git={"commit": commit}, update={"strategy": "Setters", "path": "apps"}))
    found = fleet.git("log", "--format=%B", "-1", "main").strip()
    assert found == said.format(ns=ours.namespace, path=ours.path.rpartition("/")[2])


@pytest.mark.parametrize(
    ("template", "reason", "stalled", "said"),
    [
        ("{{ .Updated.Files }}", "RemovedTemplateField", True, "uses removed '.Updated' field"),
        ("{{ .Changed.ImageResult }}", "RemovedTemplateField", True, "removed '.Changed.ImageResult' field"),
        ("{{ .Nothing }}", "GitOperationFailed", False, "failed to run template from spec"),
        ('{{ env "HOME" }}', "GitOperationFailed", False, "unable to create commit message template"),
    ],
)
def test_a_template_that_does_not_work_pushes_nothing(
    ours: Images, fleet: HostedRepository, template: str, reason: str, stalled: bool, said: str
) -> None:
    before = fleet.head("main")
    obj = ours.reconcile(ours.automation(git={"commit": {"messageTemplate": template}}))
    assert ready(obj)[:2] == ("False", reason)
    assert said in ready(obj)[2]
    assert conditions.is_true(conditions.of(obj), "Stalled") is stalled
    assert fleet.head("main") == before


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"git": None}, "InvalidSourceConfiguration"),
        ({"git": {"push": {"refspec": "main"}}}, "InvalidSourceConfiguration"),
        (
            {"policySelector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}},
            "InvalidPolicySelector",
        ),
    ],
)
def test_what_makes_no_sense_stalls(ours: Images, spec: dict[str, Any], reason: str) -> None:
    ref = ours.automation(**spec)
    if spec.get("git", "") is None:
        ours.client.patch(ref, {"spec": {"git": None}}, manager="test")
    obj = ours.reconcile(ref)
    assert ready(obj)[:2] == ("False", reason)
    assert conditions.is_true(conditions.of(obj), "Stalled")
    assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]


def test_a_suspended_one_rests_and_a_deleted_one_goes(ours: Images, fleet: HostedRepository) -> None:
    before = fleet.head("main")
    ref = ours.automation(suspend=True)
    obj = ours.reconcile(ref)
    assert not conditions.of(obj)
    assert fleet.head("main") == before
    ours.client.delete(ref)
    with pytest.raises(Exception, match="not found"):
        ours.reconcile(ref)


def test_references_to_other_namespaces_may_be_blocked(
    make_images: MakeImages, namespace: str, registry: Registry
) -> None:
    images = make_images(namespace, registry, FAIRWAY_NO_CROSS_NAMESPACE_REFS="true")
    ref = images.automation(sourceRef={"kind": "GitRepository", "name": "src", "namespace": "kube-system"})
    assert ready(images.reconcile(ref))[:2] == ("False", "AccessDenied")


def test_two_workers_at_once_make_one_commit(ours: Images, fleet: HostedRepository) -> None:
    ref, before = ours.automation(), fleet.head("main")
    ours.context.queue  # noqa: B018 (opened once, before the threads)
    stopped: list[Superseded] = []

    def work() -> None:
        try:
            ImageUpdateAutomationReconciler(ours.context).reconcile(ref.namespace, ref.name)
        except Superseded as error:
            stopped.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fleet.git("rev-list", "--count", f"{before}..main") == "1"
    assert len(stopped) < len(threads)


def test_two_automations_on_one_file_leave_each_other_alone(ours: Images, fleet: HostedRepository) -> None:
    two = (
        manifest(ours, "1.0.0")
        + f'\nsecond: {ours.image}:1.0.0 # {{"$imagepolicy": "{ours.namespace}:other"}}\n'
    )
    before = fleet.commit({"apps/web.yaml": two})
    label = {"metadata": {"labels": {"team": "b"}}}
    ours.client.patch(ours.policy("other"), label, manager="test")
    other = ObjectRef("image.toolkit.fluxcd.io", "v1", "ImagePolicy", ours.namespace, "other")
    ours.reconcile(other)
    absent = {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}
    refs = [
        ours.automation("a", policySelector=absent),
        ours.automation("b", policySelector={"matchLabels": {"team": "b"}}),
    ]
    for _ in range(2):
        found: list[Object] = [ours.reconcile(ref) for ref in refs]
        assert [ready(obj) for obj in found] == [UP_TO_DATE, UP_TO_DATE]
    assert fleet.git("rev-list", "--count", f"{before}..main") == "2"
    assert read(fleet).count(":1.1.0") == 2
