# SPDX-License-Identifier: Apache-2.0
"""Render what a pull request for images changes, before and after, as Kustomizations would.

The trees are those that the sources would serve of the two commits. They lie on disk while they are rendered.
Nothing is decrypted for it, and no value of a Secret is substituted: what is shown goes to GitHub.
"""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from policies.errors import FairwayError
from policies.images import rendering
from policies.images.content import Rendered
from policies.kinds import GitRepository
from policies.objects import Object, ObjectRef
from policies.reference import Resolved
from workers.context import Context
from workers.engine import BuildRequest
from workers.git import archive
from workers.git.contents import Entry
from workers.github import RateLimited
from workers.images.pushing import Work
from workers.reconcile import source_files, sources, variables
from workers.reconcile.configs import Configs

_FOLDER = "proposals"  # below the data directory
_LARGEST = 256 << 20  # bytes of a source
_TIMEOUT = 20.0  # seconds of one rendering
_ALL = 40.0  # seconds of all of a pull request
_LEFT_BEHIND = 3600.0  # seconds after which a tree is a dead worker's


@dataclass(frozen=True)
class _Trees:
    """A source's files at the base and with the change, each a tar.gz with its digest."""

    before: tuple[Path, str]
    after: tuple[Path, str]


class Renderer:
    """Renders for one run of an automation."""

    def __init__(self, context: Context, work: Work, base: Resolved) -> None:
        self._context, self._work, self._base = context, work, base

    def rendered(self, objects: Mapping[str, Object], files: Mapping[str, bytes]) -> tuple[Rendered, ...]:
        """Return what each Kustomization, by name, makes of new contents of files; raises RateLimited."""
        until, trees, found = time.monotonic() + _ALL, dict[tuple[str, str], _Trees](), []
        try:
            for name, obj in objects.items():
                if time.monotonic() > until:
                    found.append(Rendered(name, failed="there was no time left for it"))
                else:
                    found.append(self._one(name, obj, files, trees))
        finally:
            for one in trees.values():
                for path, _ in (one.before, one.after):
                    path.unlink(missing_ok=True)
        return tuple(found)

    def _one(
        self, name: str, obj: Object, files: Mapping[str, bytes], trees: dict[tuple[str, str], _Trees]
    ) -> Rendered:
        reference = obj["spec"]["sourceRef"]
        owner = (reference.get("namespace") or obj["metadata"]["namespace"], reference["name"])
        try:
            if owner not in trees:
                trees[owner] = self._trees(owner, files)
            values = variables.resolve(_Masked(Configs(self._context.cluster)), obj)
            before, after = (
                self._build(obj, tree, values) for tree in (trees[owner].before, trees[owner].after)
            )
        except RateLimited:
            raise
        except FairwayError as error:
            return Rendered(name, failed=error.message)
        return Rendered(name, rendering.changed(before, after))

    def _build(self, obj: Object, tree: tuple[Path, str], values: dict[str, str]) -> list[Object]:
        path, digest = tree
        strict = self._context.settings.gate("StrictPostBuildSubstitutions")
        asked = BuildRequest(path, digest, obj, values, strict=strict)
        built = self._context.engine.build(asked, timeout=_TIMEOUT)
        if built.encrypted:
            raise FairwayError("it has encrypted values, and nothing is decrypted for a pull request")
        return built.objects

    def _trees(self, owner: tuple[str, str], files: Mapping[str, bytes]) -> _Trees:
        source = sources.find(self._context.cluster, "GitRepository", *owner)
        if source is None:
            raise FairwayError("its source is not there")
        spec = GitRepository.read(source)
        artifacts = source_files.included(self._context, spec)
        entries = source_files.files_of(self._context, spec, self._work.remote, self._base, artifacts)
        changed = [
            Entry(one.path, one.mode, lambda content=files[one.path]: content)  # type: ignore[misc]
            for one in entries
            if one.path in files
        ]
        before = self._packed(entries, spec.spec.ignore)
        try:
            return _Trees(before, self._packed([*entries, *changed], spec.spec.ignore))
        except BaseException:
            before[0].unlink(missing_ok=True)
            raise

    def _packed(self, entries: list[Entry], ignore: str | None) -> tuple[Path, str]:
        root = Path(self._context.settings.data_dir)
        _tidy(root / _FOLDER)
        made = archive(
            entries, ignore=ignore, root=root, path=f"{_FOLDER}/{uuid.uuid4().hex}.tar.gz", largest=_LARGEST
        )
        return root / made.path, made.digest


class _Masked:
    """ConfigMaps as they are, and Secrets with other values that can stand where theirs do."""

    def __init__(self, configs: Configs) -> None:
        self._configs = configs

    def find(self, ref: ObjectRef) -> Object | None:
        found = self._configs.find(ref)
        if found is None or ref.kind != "Secret":
            return found
        return {**found, "data": {key: _masked(value) for key, value in (found.get("data") or {}).items()}}


def _masked(value: str) -> str:
    """Return a text, a number or a switch in the place of one, in base64 as a Secret has it."""
    try:
        said = base64.b64decode(value).decode().strip()
    except ValueError:
        said = ""
    number = said.isascii() and said.isdigit()
    shown = "true" if said in ("true", "false") else "0" if number else "redacted"
    return base64.b64encode(shown.encode()).decode()


def _tidy(folder: Path) -> None:
    """Delete what a worker that died has left here."""
    for path in folder.glob("*"):
        try:
            if time.time() - path.stat().st_mtime > _LEFT_BEHIND:
                path.unlink()
        except OSError:
            continue
