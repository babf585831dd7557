# SPDX-License-Identifier: Apache-2.0
"""What the engine renders, and how it says no."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fixtures.engine import Request, pack
from tests.fixtures.freezing import freeze
from workers.engine import (
    BuildFailed,
    BuildRequest,
    Engine,
    EngineError,
    EngineTimeout,
    OutputTooLarge,
    PathNotFound,
)
from workers.engine.errors import ArtifactUnusable

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\ndata:\n  key: '%s'\n"
WEB = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - {name: web, image: "ghcr.io/acme/web:1"}
      - {name: log, image: "ghcr.io/acme/log:1"}
"""


def names(result: object) -> list[tuple[str, str]]:
    return [(o["kind"], o["metadata"]["name"]) for o in result.objects]  # type: ignore[attr-defined]


def test_a_folder_without_a_kustomization_file_takes_every_manifest_below_it(
    engine: Engine, build_request: Request
) -> None:
    files = {
        "apps/a.yaml": CONFIG % ("a", 1),
        "apps/deep/b.yml": CONFIG % ("b", 1),
        "apps/own/kustomization.yaml": "resources: [c.yaml]\nnamePrefix: own-\n",
        "apps/own/c.yaml": CONFIG % ("c", 1),
        "other/d.yaml": CONFIG % ("d", 1),
        "apps/readme.md": "no manifest",
    }
    result = engine.build(build_request(files, path="./apps"), timeout=20)
    assert sorted(names(result)) == [("ConfigMap", "a"), ("ConfigMap", "b"), ("ConfigMap", "own-c")]
    assert dict(zip([o["metadata"]["name"] for o in result.objects], result.origins, strict=True)) == {
        "a": "apps/a.yaml",
        "b": "apps/deep/b.yml",
        "own-c": "apps/own/c.yaml",
    }


def test_rendering_leaves_nothing_behind_for_the_next_build(engine: Engine, build_request: Request) -> None:
    request = build_request({"app/a.yaml": CONFIG % ("a", 1)}, path="app", namePrefix="x-")
    assert names(engine.build(request, timeout=20)) == [("ConfigMap", "x-a")]
    plain = BuildRequest(request.artifact, request.digest, {"metadata": {}, "spec": {"path": "app"}})
    assert names(engine.build(plain, timeout=20)) == [("ConfigMap", "a")]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"targetNamespace": "apps"}, {"namespace": "apps"}),
        ({"namePrefix": "a-", "nameSuffix": "-z"}, {"name": "a-web-z"}),
        ({"commonMetadata": {"labels": {"team": "a"}, "annotations": {"x": "y"}}}, {"labels": {"team": "a"}}),
    ],
    ids=["targetNamespace", "prefix and suffix", "commonMetadata"],
)
def test_metadata_fields(
    engine: Engine, build_request: Request, spec: dict[str, object], expected: dict[str, object]
) -> None:
    [obj] = engine.build(build_request({"web.yaml": WEB}, **spec), timeout=20).objects
    assert expected.items() <= obj["metadata"].items()


@pytest.mark.parametrize(
    ("overlay", "images", "expected"),
    [
        ("", [{"name": "ghcr.io/acme/web", "newTag": "2"}], "ghcr.io/acme/web:2"),
        ("", [{"name": "ghcr.io/acme/web", "newName": "r/web", "newTag": "2"}], "r/web:2"),
        (
            "images: [{name: ghcr.io/acme/web, newTag: '3'}]\n",
            [{"name": "ghcr.io/acme/web", "newName": "r/w"}],
            "r/w:3",
        ),
        (
            "images: [{name: ghcr.io/acme/web, newTag: '3'}]\n",
            [{"name": "ghcr.io/acme/web", "digest": "sha256:" + "0" * 64}],
            "ghcr.io/acme/web@sha256:" + "0" * 64,
        ),
    ],
    ids=["tag", "name and tag", "merged with the overlay", "a digest replaces the overlay's tag"],
)
def test_images(
    engine: Engine, build_request: Request, overlay: str, images: list[dict[str, str]], expected: str
) -> None:
    files = {"web.yaml": WEB, "kustomization.yaml": "resources: [web.yaml]\n" + overlay}
    [obj] = engine.build(build_request(files, images=images), timeout=20).objects
    assert obj["spec"]["template"]["spec"]["containers"][0]["image"] == expected


def test_patches_change_and_delete(engine: Engine, build_request: Request) -> None:
    delete = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n$patch: delete\n"
    change = '[{"op": "replace", "path": "/data/key", "value": "new"}]'
    files = {"a.yaml": CONFIG % ("a", 1), "b.yaml": CONFIG % ("b", 1)}
    patches = [{"patch": delete}, {"patch": change, "target": {"kind": "ConfigMap", "name": "b"}}]
    [obj] = engine.build(build_request(files, patches=patches), timeout=20).objects
    assert (obj["metadata"]["name"], obj["data"]) == ("b", {"key": "new"})


def test_components(engine: Engine, build_request: Request) -> None:
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: blue-\n"
    files = {"app/a.yaml": CONFIG % ("a", 1), "blue/kustomization.yaml": component}
    request = build_request(
        files, path="app", components=["../blue", "../missing"], ignoreMissingComponents=True
    )
    assert names(engine.build(request, timeout=20)) == [("ConfigMap", "blue-a")]
    with pytest.raises(BuildFailed, match="missing"):
        engine.build(build_request(files, path="app", components=["../missing"]), timeout=20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${set}", "value"),
        ("${unset:-other}", "other"),
        ("${unset:=other}", "other"),
        ("$${set}", "${set}"),
        ("$set", "$set"),
        ("${set^^}", "VALUE"),
        ("${set:1:3}", "alu"),
        ("${set/l/L}", "vaLue"),
        ("x${#set}", "x5"),
    ],
)
def test_post_build_substitution(engine: Engine, build_request: Request, text: str, expected: str) -> None:
    request = build_request(
        {"a.yaml": CONFIG % ("a", text)}, variables={"set": "value"}, postBuild={"substitute": {}}
    )
    assert engine.build(request, timeout=20).objects[0]["data"] == {"key": expected}


def test_values_are_typed_again_by_yaml(engine: Engine, build_request: Request) -> None:
    document = "apiVersion: v1\nkind: Widget\nmetadata: {name: a}\nspec:\n  count: ${n}\n  text: '${n}'\n"
    request = build_request({"a.yaml": document}, variables={"n": "3"}, postBuild={"substitute": {}})
    [obj] = engine.build(request, timeout=20).objects
    assert obj["spec"] == {"count": 3, "text": 3}


def test_numbers_keep_their_digits(engine: Engine, build_request: Request) -> None:
    document = (
        "apiVersion: v1\nkind: Widget\nmetadata: {name: a}\nspec: {big: 9007199254740993, octal: 0644}\n"
    )
    [obj] = engine.build(build_request({"a.yaml": document}), timeout=20).objects
    assert obj["spec"] == {"big": 9007199254740993, "octal": 420}


def test_substitution_is_left_out_where_an_object_says_so(engine: Engine, build_request: Request) -> None:
    marked = (CONFIG % ("a", "${x}")).replace(
        "name: a", "name: a\n  annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}"
    )
    request = build_request({"a.yaml": marked}, variables={"x": "1"}, postBuild={"substitute": {}})
    assert engine.build(request, timeout=20).objects[0]["data"] == {"key": "${x}"}


def test_without_variables_nothing_is_substituted_unless_always(
    engine: Engine, build_request: Request
) -> None:
    files = {"a.yaml": CONFIG % ("a", "${x:=one}")}
    [kept] = engine.build(build_request(files, postBuild={}), timeout=20).objects
    [filled] = engine.build(
        build_request(files, postBuild={"substituteStrategy": "Always"}), timeout=20
    ).objects
    assert (kept["data"], filled["data"]) == ({"key": "${x:=one}"}, {"key": "one"})


BAD_YAML = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n data: [\n"


@pytest.mark.parametrize(
    ("files", "spec", "message", "file", "line"),
    [
        ({"a/b.yaml": BAD_YAML}, {"path": "a"}, "a/b.yaml:4: did not find expected key", "a/b.yaml", 4),
        (
            {"a/b.yaml": BAD_YAML, "a/kustomization.yaml": "resources: [b.yaml]"},
            {"path": "a"},
            "a/b.yaml:4: did not find",
            "a/b.yaml",
            4,
        ),
        (
            {"a/kustomization.yaml": "resources: [b.yaml]"},
            {"path": "a"},
            "b.yaml: open a/b.yaml: no such file",
            "",
            0,
        ),
        (
            {"a.yaml": "kind: ConfigMap\nmetadata: {name: x}\n"},
            {},
            "a.yaml: object without apiVersion",
            "a.yaml",
            0,
        ),
        ({"a.yaml": CONFIG % ("a", 1), "b.yaml": CONFIG % ("a", 1)}, {}, "already registered id", "", 0),
        (
            {"kustomization.yaml": "resources: [https://example.com/x.yaml]"},
            {},
            "remote base https://example.com/x.yaml is refused",
            "",
            0,
        ),
        (
            {"kustomization.yaml": "resources: ['github.com/a/b//c?ref=v1']"},
            {},
            "remote base github.com/a/b//c.ref=v1 is refused",
            "",
            0,
        ),
        (
            {"a.yaml": CONFIG % ("a", "${x}")},
            {"postBuild": {"substituteStrategy": "Always"}},
            "variable not set",
            "",
            0,
        ),
    ],
    ids=[
        "yaml",
        "yaml behind a kustomization",
        "missing file",
        "no apiVersion",
        "twice",
        "url",
        "git",
        "unset",
    ],
)
def test_a_source_that_cannot_be_rendered_says_where(
    engine: Engine,
    build_request: Request,
    files: dict[str, str],
    spec: dict[str, object],
    message: str,
    file: str,
    line: int,
) -> None:
    with pytest.raises(BuildFailed, match=message) as caught:
        engine.build(build_request(files, **spec), timeout=20)
    assert (caught.value.file, caught.value.line) == (file, line)
    assert "fairway-render" not in caught.value.message


@pytest.mark.parametrize("path", ["missing", "../../../etc", "/etc/../../etc"])
def test_a_path_out_of_the_tree_is_not_found(engine: Engine, build_request: Request, path: str) -> None:
    with pytest.raises(PathNotFound, match="kustomization path not found"):
        engine.build(build_request({"a.yaml": CONFIG % ("a", 1)}, path=path), timeout=20)


def test_a_bomb_of_aliases_ends_in_an_error_and_the_engine_goes_on(
    engine: Engine, build_request: Request
) -> None:
    levels = "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    )
    bomb = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\na: &a [x,x,x,x,x,x,x,x,x]\n" + levels
    with pytest.raises((OutputTooLarge, BuildFailed)):
        engine.build(build_request({"a.yaml": bomb}), timeout=60)
    assert names(engine.build(build_request({"a.yaml": CONFIG % ("a", 1)}), timeout=20)) == [
        ("ConfigMap", "a")
    ]


def test_an_artifact_is_checked(engine: Engine, build_request: Request, tmp_path: Path) -> None:
    request = build_request({"a.yaml": CONFIG % ("a", 1)})
    wrong = BuildRequest(request.artifact, "sha256:" + "0" * 64, request.kustomization)
    with pytest.raises(ArtifactUnusable, match="damaged"):
        engine.build(wrong, timeout=20)
    digest = pack(tmp_path / "evil.tar.gz", {"../../evil.yaml": "x"})
    with pytest.raises(BuildFailed, match="out of its tree"):
        engine.build(BuildRequest(tmp_path / "evil.tar.gz", digest, request.kustomization), timeout=20)


def test_a_hung_engine_is_ended_in_time_and_replaced(engine: Engine, build_request: Request) -> None:
    request = build_request({"a.yaml": CONFIG % ("a", 1)})
    engine.build(request, timeout=20)
    assert engine.pid
    hung = engine.pid
    freeze(hung)
    with pytest.raises(EngineTimeout, match=r"took longer than 0\.5s"):
        engine.build(request, timeout=0.5)
    assert names(engine.build(request, timeout=20)) == [("ConfigMap", "a")]
    assert engine.pid != hung


def test_an_engine_that_falls_silent_is_not_waited_for(
    engine: Engine, build_request: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = build_request({"a.yaml": CONFIG % ("a", 1)})
    engine.build(request, timeout=20)
    monkeypatch.setattr(engine, "_silence", 1.5)
    assert engine.pid
    freeze(engine.pid)
    began = time.monotonic()
    with pytest.raises(EngineTimeout, match="the rendering engine hung and was ended"):
        engine.build(request, timeout=60)
    assert time.monotonic() - began < 30


def test_a_build_that_takes_long_is_waited_for(
    engine: Engine, build_request: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows life every second, however long kustomize takes."""
    monkeypatch.setattr(engine, "_silence", 3.0)
    files = {f"{i}.yaml": CONFIG % (f"c{i}", i) for i in range(2500)}
    files["kustomization.yaml"] = (
        "namePrefix: a-\nresources: [" + ", ".join(f"{i}.yaml" for i in range(2500)) + "]\n"
    )
    assert len(engine.build(build_request(files), timeout=90).objects) == 2500


def test_an_engine_that_hangs_while_idle_costs_no_build(
    engine: Engine, build_request: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = build_request({"a.yaml": CONFIG % ("a", 1)})
    engine.build(request, timeout=20)
    monkeypatch.setattr("workers.engine.child._PING_AFTER", 0.0)
    assert engine.pid
    freeze(engine.pid)
    assert names(engine.build(request, timeout=20)) == [("ConfigMap", "a")]


def test_an_engine_killed_in_the_middle_fails_at_most_its_own_request(
    engine: Engine, build_request: Request
) -> None:
    request = build_request({f"{i}.yaml": CONFIG % (f"c{i}", i) for i in range(300)})
    engine.build(request, timeout=20)
    done = threading.Event()

    def killer() -> None:
        while not done.wait(0.05):
            if pid := engine.pid:
                os.kill(pid, signal.SIGKILL)

    def attempt(_: int) -> bool:
        try:
            return len(engine.build(request, timeout=20).objects) == 300
        except EngineError:
            return False

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(attempt, range(24)))
    finally:
        done.set()
        thread.join()
    assert all(attempt(i) for i in range(3))


def test_sixteen_threads_share_one_engine(engine: Engine, build_request: Request) -> None:
    request = build_request({"a.yaml": CONFIG % ("a", 1)})
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda _: names(engine.build(request, timeout=60)), range(64)))
    assert results == [[("ConfigMap", "a")]] * 64
