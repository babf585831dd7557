# SPDX-License-Identifier: Apache-2.0
"""A build that is skipped would have rendered the same: random repositories, random commits, both rendered.

FAIRWAY_READ_SET_ROUNDS makes it longer, FAIRWAY_READ_SET_SEED starts it elsewhere.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from policies import build_inputs
from policies.settings import Settings
from tests.fixtures.engine import Request
from workers.engine import Engine, EngineError
from workers.engine.client import BuildRequest, BuildResult
from workers.git.artifact import archive
from workers.git.contents import FILE, LINK, Entry

Files = dict[str, str]
ROUNDS = int(os.environ.get("FAIRWAY_READ_SET_ROUNDS", "100"))
SEED = int(os.environ.get("FAIRWAY_READ_SET_SEED", "5"))
NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
SCHEMA = '{"definitions": {"io.acme.v1.Thing": {"type": "object", "properties": {"a": {"type": "string"}}}}}'

IGNORED = ("*.yml\n", "deep/\n", "new.*\n", "/moved\n!own\n", "linked.yaml\n", "*.txt\n")
PLUGIN = """apiVersion: builtin
kind: ConfigMapGenerator
metadata: {name: plugged}
options: {disableNameSuffixHash: true}
files: [plugged.txt]
"""
# What a build may read, by a part of the path, and how it is shown that it was tried often enough.
PARTS = {
    "bases": "bases/",
    "components": "components/",
    "files of other folders": "shared/m",
    "generators of files": "gen.txt",
    "generators of variables": "vars.env",
    "generators of secrets": "secret.txt",
    "generators that are files": "plugin.yaml",
    "patches": "patch.yaml",
    "patches by example": "merged.yaml",
    "replacements": "replaced.yaml",
    "transformers": "transformer.yaml",
    "their configuration": "configuration.yaml",
    "schemas": "schema.json",
    "folders without a kustomization": "/deep",
}


class Link(str):
    """A symbolic link: what it leads to."""

    __slots__ = ()


def config(name: str, value: object) -> str:
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"
    return f"{text}data:\n  value: 'v{value}'\n  other: ${{NAME:=none}}\n"


class Repository:
    """Random files in which kustomize finds something to do, and random changes of them."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.files: Files = {}
        self.count = 0
        shared = self._manifests("shared")
        self.files["shared/data.txt"] = "shared"
        self.files["shared/vars.env"] = "A=1\nB=2\n"
        bases = [self._folder(f"bases/b{n}", [], shared) for n in range(3)]
        self.components = [self._component(f"components/c{n}") for n in range(2)]
        self.apps = [self._app(f"apps/a{n}", bases, shared) for n in range(4)]
        self.files["docs/readme.md"] = "read me"
        self.files["unused/thing.yaml"] = config("unused", 1)
        self._links_and_ignores()

    def path(self) -> str:
        return self.chance.choice([*self.apps, "apps"])

    def _links_and_ignores(self) -> None:
        """Links are no part of a source, but ignore files are found behind them."""
        if self.chance.random() < 0.5:
            app = self.chance.choice(self.apps)
            self.files[f"{app}/linked.yaml"] = Link("../../unused/thing.yaml")
            self.files[f"{app}/looped"] = Link("..")
        if self.chance.random() < 0.5:
            folder = self.chance.choice(["", *self.apps, "bases"])
            ignored = self.chance.choice(IGNORED)
            name = f"{folder}/.sourceignore".lstrip("/")
            if folder and self.chance.random() < 0.3:
                self.files["docs/ignored"], self.files[name] = (
                    ignored,
                    Link("../" * (folder.count("/") + 1) + "docs/ignored"),
                )
            else:
                self.files[name] = ignored

    def commit(self) -> Files:
        """Return the files after one change."""
        files = dict(self.files)
        acts = [self._edit, self._edit, self._delete, self._add, self._add, self._rename, self._swap]
        self.chance.choice([*acts, self._ignore_otherwise, self._lead_elsewhere])(files)
        return files

    def _manifests(self, folder: str) -> list[str]:
        names = []
        for _ in range(self.chance.randint(1, 3)):
            self.count += 1
            name = f"m{self.count}.{self.chance.choice(['yaml', 'yml'])}"
            self.files[f"{folder}/{name}"] = config(f"m{self.count}", self.count)
            names.append(f"{folder}/{name}")
        return names

    def _folder(self, folder: str, bases: list[str], shared: list[str]) -> str:
        """Make a folder with a kustomization."""
        up = "../" * (folder.count("/") + 1)
        resources = [name.removeprefix(f"{folder}/") for name in self._manifests(folder)]
        resources += [up + base for base in self.chance.sample(bases, min(len(bases), 1))]
        if self.chance.random() < 0.2:
            resources.append(up + self.chance.choice(shared))
        lines = ["resources:", *(f"- {one}" for one in resources), *self._extras(folder, up)]
        self.files[f"{folder}/{self.chance.choice(NAMES)}"] = "\n".join(lines) + "\n"
        return folder

    def _extras(self, folder: str, up: str) -> list[str]:
        lines: list[str] = []
        maybe: Callable[[float], bool] = lambda share: self.chance.random() < share  # noqa: E731
        if maybe(0.3):
            self.files[f"{folder}/gen.txt"] = folder
            lines += ["configMapGenerator:", f"- name: gen-{self.count}", "  files:", "  - gen.txt"]
            lines += [f"  - shared={up}shared/data.txt"] if maybe(0.5) else []
            lines += ["  envs:", f"  - {up}shared/vars.env"] if maybe(0.5) else []
        if maybe(0.2):
            self.files[f"{folder}/secret.txt"] = folder
            lines += ["secretGenerator:", f"- name: secret-{self.count}", "  files:", "  - secret.txt"]
        if maybe(0.15):
            plugin = PLUGIN.replace("plugged}", f"plugged-{self.count}}}")
            self.files |= {f"{folder}/plugin.yaml": plugin, f"{folder}/plugged.txt": folder}
            lines += ["generators:", "- plugin.yaml"]
        if maybe(0.15):
            self.files[f"{folder}/configuration.yaml"] = (
                "namePrefix:\n- {path: data/value, kind: ConfigMap}\n"
            )
            lines += ["configurations:", "- configuration.yaml"]
        patches = []
        if maybe(0.3):
            self.files[f"{folder}/patch.yaml"] = '- op: add\n  path: /data/patched\n  value: "yes"\n'
            patches += ["- path: patch.yaml", "  target: {kind: ConfigMap, version: v1}"]
        if maybe(0.15) and (first := self._first(folder)):
            self.files[f"{folder}/merged.yaml"] = config(first, "merged")
            patches += ["- path: merged.yaml"]
        lines += ["patches:", *patches] if patches else []
        if maybe(0.15) and (first := self._first(folder)):
            self.files[f"{folder}/replaced.yaml"] = (
                f"source: {{kind: ConfigMap, name: {first}, fieldPath: data.value}}\n"
                "targets:\n- select: {kind: ConfigMap}\n  fieldPaths: [data.other]\n"
                "  options: {create: true}\n"
            )
            lines += ["replacements:", "- path: replaced.yaml"]
        if maybe(0.2):
            transformer = "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: p}\nprefix: pre-\n"
            paths = "fieldSpecs:\n- {path: metadata/name}\n"
            self.files[f"{folder}/transformer.yaml"] = transformer + paths
            lines += ["transformers:", "- transformer.yaml"]
        if maybe(0.1):
            self.files[f"{folder}/schema.json"] = SCHEMA
            lines += ["openapi:", "  path: schema.json"]
        if maybe(0.3):
            lines += [f"namePrefix: {folder.replace('/', '-')}-"]
        if maybe(0.2) and not folder.startswith("components"):
            lines += ["components:", f"- {up}components/c{self.chance.randint(0, 1)}"]
        return lines

    def _first(self, folder: str) -> str:
        mine = [name for name in self.files if os.path.dirname(name) == folder and "/m" in name]
        return os.path.basename(min(mine)).split(".")[0] if mine else ""

    def _component(self, folder: str) -> str:
        self.files[f"{folder}/kustomization.yaml"] = (
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
            f"commonAnnotations: {{by: component}}\nresources: [{os.path.basename(folder)}.yaml]\n"
        )
        name = os.path.basename(folder)
        self.files[f"{folder}/{name}.yaml"] = config(f"of-{name}", 1)
        return folder

    def _app(self, folder: str, bases: list[str], shared: list[str]) -> str:
        if self.chance.random() < 0.4:
            self._manifests(folder)
            self._manifests(f"{folder}/deep")
            if self.chance.random() < 0.5:
                self._folder(f"{folder}/own", bases, shared)
            return folder
        return self._folder(folder, bases, shared)

    def _some(self, files: Files) -> str:
        return self.chance.choice(sorted(files))

    def _edit(self, files: Files) -> None:
        name = self._some(files)
        if name.endswith((".yaml", ".yml", "Kustomization")) and "kind: ConfigMap" in files[name]:
            files[name] = config(f"edited{self.chance.randint(1, 9)}", "edited")
        elif "ustomization" in name:
            files[name] += "commonLabels: {edited: 'yes'}\n"
        else:
            files[name] += "\n"

    def _delete(self, files: Files) -> None:
        del files[self._some(files)]

    def _add(self, files: Files) -> None:
        used = self.chance.random() < 0.5
        folder = self.chance.choice(self.apps) if used else os.path.dirname(self._some(files))
        name = self.chance.choice([*NAMES, "new.yaml", "new.yml", "new.txt", "own/kustomization.yaml"])
        there = [one for one in sorted(files) if os.path.dirname(one) == folder]
        maps = [one for one in there if "kind: ConfigMap" in files[one]]
        listed = "".join(f"- {os.path.basename(one)}\n" for one in maps)
        files.setdefault(
            os.path.join(folder, name),
            f"resources:\n{listed}" if "ustomization" in name else config("new", "new"),
        )

    def _rename(self, files: Files) -> None:
        name = self._some(files)
        other = self.chance.choice(
            [f"{name}.bak", os.path.join(os.path.dirname(name), "renamed.yaml"), f"moved/{name}"]
        )
        files[other] = files.pop(name)

    def _ignore_otherwise(self, files: Files) -> None:
        """Write an ignore file, where there is one or anew."""
        there = [name for name in sorted(files) if name.endswith(".sourceignore")]
        new = os.path.join(self.chance.choice(["", *self.apps]), ".sourceignore")
        files[self.chance.choice([*there, new])] = self.chance.choice(IGNORED)

    def _lead_elsewhere(self, files: Files) -> None:
        """Put a link where there is one, nothing or a file; or a file in place of a link."""
        there = [name for name in sorted(files) if isinstance(files[name], Link)]
        name = self.chance.choice([*there, f"{self.chance.choice(self.apps)}/linked.yaml", self._some(files)])
        link = Link("../" * name.count("/") + self.chance.choice(["unused/thing.yaml", "shared", "nowhere"]))
        files[name] = link if name not in there or self.chance.random() < 0.5 else config("unlinked", 1)

    def _swap(self, files: Files) -> None:
        """Put a folder where a file was, or a file where a folder was."""
        name = self._some(files)
        content = files.pop(name)
        if self.chance.random() < 0.5:
            files[f"{name}/kustomization.yaml"] = "resources: [inner.yaml]\n"
            files[f"{name}/inner.yaml"] = config("inner", 1)
        elif folder := os.path.dirname(name):
            for one in [one for one in files if one.startswith(f"{folder}/")]:
                del files[one]
            files[folder] = content


class Kept:
    """A Kustomization whose source and variables change; asks as a run does whether to build it."""

    def __init__(self, engine: Engine, root: Path, chance: random.Random, spec: dict[str, Any]) -> None:
        self.engine, self.root, self.chance = engine, root, chance
        self.spec = spec | {"postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "settings"}]}}
        self.variables, self.version = {"NAME": "one"}, 1

    def change_variables(self) -> None:
        """Write the ConfigMap that it substitutes from, mostly with another value."""
        self.variables, self.version = {"NAME": self.chance.choice(["one", "two"])}, self.version + 1

    def request(self, files: Files) -> BuildRequest:
        entries = [_entry(name, content) for name, content in files.items()]
        made = archive(entries, ignore=None, root=self.root, path="artifact.tar.gz")
        return BuildRequest(self.root / made.path, made.digest, self._object, self.variables)

    @property
    def inputs(self) -> str:
        versions = [f"ConfigMap/settings@{self.version}"]
        return build_inputs.inputs(self._object, versions, Settings(), engine="it")

    @property
    def _object(self) -> dict[str, Any]:
        return {"metadata": {"name": "app", "namespace": "apps"}, "spec": self.spec}


def _entry(name: str, content: str) -> Entry:
    return Entry(name, LINK if isinstance(content, Link) else FILE, content.encode)


def rendered(engine: Engine, request: BuildRequest) -> BuildResult | None:
    try:
        return engine.build(request, timeout=20)
    except EngineError:
        return None


def same(engine: Engine, request: BuildRequest, reads: Mapping[str, str]) -> bool:
    return not engine.unchanged(request.artifact, request.digest, {"one": reads}, timeout=20)


def tried(reads: Mapping[str, str], before: Files, after: Files) -> set[str]:
    """Say what a build and a commit after it have tried: `PARTS` that were read, and what was changed."""
    paths = " ".join(reads)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    found = {part for part, path in PARTS.items() if path in paths}
    if any(name.endswith(".sourceignore") for name in changed):
        found.add("another ignore file")
    if any(isinstance(files.get(name), Link) for name in changed for files in (before, after)):
        found.add("another link")
    return found


def test_what_would_be_skipped_renders_the_same(engine: Engine, tmp_path: Path) -> None:
    chance, built = random.Random(SEED), 0
    skipped, rebuilt = Counter[str](), Counter[str]()
    for number in range(ROUNDS):
        repository = Repository(random.Random(chance.random()))
        spec: dict[str, Any] = {"path": repository.path()}
        if number % 4 == 0 and spec["path"] != "apps":
            wanted = [f"../../{repository.components[0]}", "../../components/missing"]
            spec |= {"components": wanted, "ignoreMissingComponents": True}
        kept = Kept(engine, tmp_path, chance, spec)
        inputs, before = kept.inputs, rendered(engine, kept.request(repository.files))
        if before is None:
            continue
        built += 1
        assert before.reads, "what a build reads is always known here"
        for _ in range(4):
            if chance.random() < 0.1:
                kept.change_variables()
            files = repository.commit()
            after, parts = kept.request(files), tried(before.reads, repository.files, files)
            if kept.inputs != inputs or not same(engine, after, before.reads):
                rebuilt.update({*parts, "all", *(["other variables"] if kept.inputs != inputs else [])})
                continue
            skipped.update({*parts, "all"})
            now = rendered(engine, after)
            assert now is not None, f"round {number}: {spec['path']} fails now, and would have been skipped"
            assert (now.digest, now.objects) == (before.digest, before.objects), f"round {number}: {spec}"
    assert built > ROUNDS * 0.7, "most of the repositories make sense"
    assert skipped["all"] > ROUNDS / 2, "most of what a commit does not concern is to be skipped"
    assert rebuilt["all"] > ROUNDS / 4
    assert rebuilt["other variables"] > ROUNDS / 20
    every = {*PARTS, "another ignore file", "another link"}
    seldom = {
        one: (skipped[one], rebuilt[one]) for one in every if min(skipped[one], rebuilt[one]) < ROUNDS / 30
    }
    assert seldom == {}, "tried too seldom to prove anything"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"apps/a/web.yaml": config("web", 2)}, "apps/a/web.yaml"),
        ({"bases/b/map.yaml": config("base", 2)}, "bases/b/map.yaml"),
        ({"apps/a/Kustomization": "resources: []\n"}, "apps/a/Kustomization"),
        ({"other/readme.md": "more"}, ""),
    ],
    ids=["its-own-file", "its-base", "a-second-kustomization-file", "somebody-elses-file"],
)
def test_the_path_that_makes_it_build_again_is_named(
    engine: Engine, build_request: Request, change: Files, path: str
) -> None:
    files = {
        "apps/a/kustomization.yaml": "resources: [web.yaml, ../../bases/b]\n",
        "apps/a/web.yaml": config("web", 1),
        "bases/b/kustomization.yaml": "resources: [map.yaml]\n",
        "bases/b/map.yaml": config("base", 1),
    }
    before = engine.build(build_request(files, path="apps/a"), timeout=20)
    after = build_request({**files, **change}, path="apps/a")
    assert before.reads
    found = engine.unchanged(after.artifact, after.digest, {"one": before.reads}, timeout=20)
    assert found.get("one", "") == path


def test_a_build_that_decrypts_is_never_skipped(engine: Engine, build_request: Request) -> None:
    request = build_request({"a.yaml": config("a", 1)}, decryption={"provider": "sops"})
    assert engine.build(request, timeout=20).reads is None
