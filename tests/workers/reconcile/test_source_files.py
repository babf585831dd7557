# SPDX-License-Identifier: Apache-2.0
"""What a GitRepository's artifact is made of, reconciled as a worker does, from a real Git host."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from policies import conditions
from policies.objects import Object, ObjectRef
from tests.fixtures.githost import GitHost, HostedRepository
from tests.fixtures.proxy import Proxy
from tests.workers.reconcile.conftest import made
from workers.cluster import Client

Reconcile = Callable[[Object], None]
Source = Callable[..., Object]


@pytest.fixture
def source(client: Client, namespace: str) -> Source:
    def make(repository: HostedRepository, name: str = "fleet", **spec: Any) -> Object:
        whole = {"url": repository.url, "interval": "1m", "ref": {"branch": "main"}, **spec}
        return client.create(
            made("source.toolkit.fluxcd.io/v1", "GitRepository", name, namespace, spec=whole)
        )

    return make


@pytest.fixture
def files(client: Client, tmp_path: Path) -> Callable[[Object], dict[str, str]]:
    """Read an object's artifact: the content of each file, by its path."""

    def read(obj: Object) -> dict[str, str]:
        artifact = client.get(ObjectRef.of(obj))["status"]["artifact"]
        with tarfile.open(tmp_path / artifact["path"]) as archive:
            return {one.name: (archive.extractfile(one) or archive).read().decode() for one in archive}  # type: ignore[union-attr]

    return read


def ready(client: Client, obj: Object) -> tuple[str, str, str]:
    found = conditions.find(conditions.of(client.get(ObjectRef.of(obj))), "Ready") or {}
    return found["status"], found["reason"], found["message"]


def has(client: Client, obj: Object, kind: str) -> bool:
    return conditions.is_true(conditions.of(client.get(ObjectRef.of(obj))), kind)


def change(client: Client, obj: Object, **spec: Any) -> None:
    client.patch(ObjectRef.of(obj), {"spec": spec}, manager="somebody")


def test_only_the_named_directories_are_taken(
    client: Client, githost: GitHost, reconcile: Reconcile, source: Source, files: Any
) -> None:
    fleet = githost.create("fleet")
    fleet.commit({"apps/a.yaml": "a", "apps/b/b.yaml": "b", "infra/c.yaml": "c", "d.yaml": "d"})
    obj = source(fleet, sparseCheckout=["apps"])
    reconcile(obj)
    assert set(files(obj)) == {"apps/a.yaml", "apps/b/b.yaml"}
    change(client, obj, sparseCheckout=["./apps/b", "infra"])
    reconcile(obj)
    assert set(files(obj)) == {"apps/b/b.yaml", "infra/c.yaml"}
    assert client.get(ObjectRef.of(obj))["status"]["observedSparseCheckout"] == ["./apps/b", "infra"]
    change(client, obj, sparseCheckout=["nowhere"])
    reconcile(obj)
    status, reason, message = ready(client, obj)
    assert (status, reason) == ("False", "GitOperationFailed")
    assert message.startswith("sparse checkout dir 'nowhere' does not exist in repository")
    change(client, obj, sparseCheckout=None)
    reconcile(obj)
    assert len(files(obj)) == 4
    assert "observedSparseCheckout" not in client.get(ObjectRef.of(obj))["status"]


def test_changed_ignore_rules_make_a_new_artifact_of_the_same_commit(
    client: Client, githost: GitHost, reconcile: Reconcile, source: Source, files: Any
) -> None:
    fleet = githost.create("fleet")
    fleet.commit({"a.yaml": "a", "b.yaml": "b"})
    obj = source(fleet)
    reconcile(obj)
    before = client.get(ObjectRef.of(obj))["status"]["artifact"]
    change(client, obj, ignore="b.yaml")
    reconcile(obj)
    after = client.get(ObjectRef.of(obj))["status"]["artifact"]
    assert set(files(obj)) == {"a.yaml"}
    assert (after["revision"], after["digest"] == before["digest"]) == (before["revision"], False)


def submodule(path: str, url: str) -> str:
    return f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n'


def test_submodules_are_fetched_all_the_way_down(
    client: Client, githost: GitHost, reconcile: Reconcile, source: Source, files: Any
) -> None:
    leaf, middle, fleet = (githost.create(name) for name in ("leaf", "middle", "fleet"))
    deep = leaf.commit({"leaf.yaml": "leaf"})
    inner = middle.commit(
        {
            "middle.yaml": "middle",
            ".gitmodules": submodule("vendor/leaf", "../leaf.git"),
            "vendor/leaf": deep,
        },
        modes={"vendor/leaf": "160000"},
    )
    fleet.commit(
        {"a.yaml": "a", ".gitmodules": submodule("mods/middle", middle.url), "mods/middle": inner},
        modes={"mods/middle": "160000"},
    )
    obj = source(fleet)
    reconcile(obj)
    assert set(files(obj)) == {"a.yaml"}
    change(client, obj, recurseSubmodules=True)
    reconcile(obj)
    assert files(obj) == {
        "a.yaml": "a",
        "mods/middle/middle.yaml": "middle",
        "mods/middle/vendor/leaf/leaf.yaml": "leaf",
    }
    assert client.get(ObjectRef.of(obj))["status"]["observedRecurseSubmodules"] is True


@pytest.mark.parametrize(
    ("gitmodules", "problem"),
    [
        pytest.param("", "no url found for submodule path 'mod' in .gitmodules", id="no-entry"),
        pytest.param(submodule("mod", "file:///etc"), "failed to parse url", id="a-local-path"),
        pytest.param(submodule("mod", "ext::sh -c id"), "failed to parse url", id="a-command"),
        pytest.param(submodule("mod", "../../../gone.git"), "gone.git", id="out-of-the-host"),
    ],
)
def test_a_submodule_that_cannot_be_had_is_named(
    client: Client, githost: GitHost, reconcile: Reconcile, source: Source, gitmodules: str, problem: str
) -> None:
    fleet = githost.create("fleet")
    fleet.commit({".gitmodules": gitmodules, "mod": "1" * 40}, modes={"mod": "160000"})
    obj = source(fleet, recurseSubmodules=True)
    reconcile(obj)
    assert ready(client, obj)[0] == "False"
    assert problem in ready(client, obj)[2]


def test_a_submodule_on_another_host_gets_no_credentials(
    client: Client,
    namespace: str,
    githost: GitHost,
    tmp_path: Path,
    reconcile: Reconcile,
    source: Source,
) -> None:
    """Both hosts ask for the same login; only the one the Secret is for is told it."""
    other = GitHost(tmp_path / "other")
    try:
        secret, fleet = other.create("secret"), githost.create("fleet")
        inner = secret.commit({"secret.yaml": "s"})
        fleet.commit({".gitmodules": submodule("mod", secret.url), "mod": inner}, modes={"mod": "160000"})
        for repository in (secret, fleet):
            repository.require_basic("ada", "hunter2")
        login = {"username": "ada", "password": "hunter2"}
        client.create({**made("v1", "Secret", "login", namespace), "stringData": login})
        obj = source(fleet, secretRef={"name": "login"}, recurseSubmodules=True)
        reconcile(obj)
        assert ready(client, obj)[0] == "False"
        assert secret.url in ready(client, obj)[2]
        assert "hunter2" not in ready(client, obj)[2]
    finally:
        other.stop()


def include(name: str, **paths: str) -> dict[str, Any]:
    return {"repository": {"name": name}, **paths}


def test_included_files_come_along_and_follow_their_source(
    client: Client, githost: GitHost, reconcile: Reconcile, source: Source, files: Any
) -> None:
    base, fleet = githost.create("base"), githost.create("fleet")
    base.commit({"web/a.yaml": "a", "db/b.yaml": "b"})
    fleet.commit({"own.yaml": "own", "lib/web/old.yaml": "old"})
    obj = source(fleet, include=[include("base"), include("base", fromPath="web", toPath="lib/web")])
    reconcile(obj)
    assert ready(client, obj)[:2] == ("False", "NotFound")
    assert ready(client, obj)[2].startswith("could not get resource for include 'base': ")
    assert has(client, obj, "IncludeUnavailable")

    included = source(base, "base")
    reconcile(obj)
    assert ready(client, obj) == ("False", "NoArtifact", "no artifact available for include 'base'")

    reconcile(included)
    reconcile(obj)
    assert files(obj) == {
        "own.yaml": "own",
        "lib/web/old.yaml": "old",
        "lib/web/a.yaml": "a",
        "base/web/a.yaml": "a",
        "base/db/b.yaml": "b",
    }
    assert not has(client, obj, "IncludeUnavailable")
    status = client.get(ObjectRef.of(obj))["status"]
    assert status["observedInclude"] == obj["spec"]["include"]
    artifact = client.get(ObjectRef.of(included))["status"]["artifact"]
    assert status["includedArtifacts"] == [artifact, artifact]

    base.commit({"web/a.yaml": "new"})
    reconcile(included)
    reconcile(obj)
    assert files(obj)["lib/web/a.yaml"] == "new"
    assert "base/db/b.yaml" not in files(obj)


@pytest.mark.parametrize("path", ["../../../etc", "/etc", "base/../../.."])
def test_no_include_leads_out_of_the_artifact(
    client: Client, githost: GitHost, reconcile: Reconcile, source: Source, files: Any, path: str
) -> None:
    base, fleet = githost.create("base"), githost.create("fleet")
    base.commit({"etc/a.yaml": "a"})
    fleet.commit({"own.yaml": "own"})
    reconcile(source(base, "base"))
    obj = source(fleet, include=[include("base", toPath=path), include("base", fromPath=path, toPath="x")])
    reconcile(obj)
    assert all(not name.startswith(("/", "..")) for name in files(obj))


def test_an_include_of_what_is_not_there_is_named(
    client: Client, githost: GitHost, reconcile: Reconcile, source: Source
) -> None:
    base, fleet = githost.create("base"), githost.create("fleet")
    base.commit({"a.yaml": "a"})
    fleet.commit({"own.yaml": "own"})
    reconcile(source(base, "base"))
    obj = source(fleet, include=[include("base", fromPath="gone")])
    reconcile(obj)
    assert ready(client, obj)[:2] == ("False", "CopyFailure")
    assert "failed to copy 'base' include from gone to base" in ready(client, obj)[2]


def test_the_remote_is_reached_through_a_proxy(
    client: Client,
    namespace: str,
    githost: GitHost,
    proxy: Proxy,
    reconcile: Reconcile,
    source: Source,
    files: Any,
) -> None:
    fleet = githost.create("fleet")
    fleet.commit({"a.yaml": "a"})
    data = {"address": proxy.address, "username": proxy.username, "password": proxy.password}
    client.create({**made("v1", "Secret", "proxy", namespace), "stringData": data})
    obj = source(fleet, proxySecretRef={"name": "proxy"})
    reconcile(obj)
    assert files(obj) == {"a.yaml": "a"}
    assert any(url.startswith(fleet.url) for url in proxy.seen)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(None, "secret not found", id="no-secret"),
        pytest.param({"username": "ada"}, "key 'address' is missing", id="no-address"),
        pytest.param({"address": "ftp://127.0.0.1"}, "is no http(s) URL", id="another-scheme"),
        pytest.param({"address": "http://169.254.169.254:80"}, "169.254.169.254", id="a-metadata-service"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told(
    client: Client,
    namespace: str,
    githost: GitHost,
    reconcile: Reconcile,
    source: Source,
    data: dict[str, str] | None,
    problem: str,
) -> None:
    fleet = githost.create("fleet")
    fleet.commit({"a.yaml": "a"})
    if data is not None:
        client.create({**made("v1", "Secret", "proxy", namespace), "stringData": data})
    obj = source(fleet, proxySecretRef={"name": "proxy"})
    reconcile(obj)
    assert ready(client, obj)[0] == "False"
    assert problem in ready(client, obj)[2]
