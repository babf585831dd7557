# SPDX-License-Identifier: Apache-2.0
"""Read and adapt the manifests of a Flux-style repository, in a copy of it.

Only for the demo: what is applied is rendered by the engine, as always. YAML is edited by line, so that
the rest of a file stays as its authors wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from policies.errors import FairwayError
from policies.objects import split_api_version

_SYNC, _COMPONENTS = "gotk-sync.yaml", "gotk-components.yaml"
_URL = re.compile(r"^(\s+url:\s*)(\S+)\s*$")
_SERVED = {("source.toolkit.fluxcd.io", "GitRepository"), ("kustomize.toolkit.fluxcd.io", "Kustomization")}


def documents(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield every document that is a Kubernetes object; what does not parse is left to the engine."""
    for file in sorted([*root.rglob("*.yaml"), *root.rglob("*.yml")]):
        if ".git" in file.relative_to(root).parts or not file.is_file():
            continue
        try:
            found = list(yaml.safe_load_all(file.read_text()))
        except (yaml.YAMLError, UnicodeDecodeError):
            continue
        for document in found:
            if (
                isinstance(document, dict)
                and isinstance(document.get("apiVersion"), str)
                and "kind" in document
            ):
                yield file, document


def entry_of(root: Path) -> str:
    """Return the folder that Flux's own sync names, else the root."""
    for file, document in documents(root):
        if file.name == _SYNC and document["kind"] == "Kustomization":
            return str((document.get("spec") or {}).get("path") or "./")
    return "./"


def synced_source(root: Path) -> str:
    """Return the URL of the GitRepository in gotk-sync.yaml: the repository's own address."""
    for file, document in documents(root):
        if file.name == _SYNC and document["kind"] == "GitRepository":
            return str((document.get("spec") or {}).get("url", ""))
    return ""


def leave_flux_out(root: Path) -> None:
    """Remove what installs Flux, from the folders and from the kustomizations that list it."""
    for file in list(root.rglob("*.yaml")):
        if file.name in (_COMPONENTS, _SYNC):
            file.unlink()
    for name in ("kustomization.yaml", "kustomization.yml", "Kustomization"):
        for file in root.rglob(name):
            lines = file.read_text().splitlines(keepends=True)
            kept = [line for line in lines if not re.search(rf"-\s+(\./)?({_COMPONENTS}|{_SYNC})\s*$", line)]
            if kept != lines:
                _write_kustomization(file, kept)


def _write_kustomization(file: Path, lines: list[str]) -> None:
    left = yaml.safe_load("".join(lines)) or {}
    if left.get("resources"):
        file.write_text("".join(lines))
        return
    # Nothing but Flux was listed: an empty list of resources is a kustomization of nothing.
    left["resources"] = []
    file.write_text(yaml.safe_dump(left, sort_keys=False))


def turn_sources(root: Path, *, own: Iterable[str], to: str, synced: str) -> None:
    """Point every GitRepository that names this repository to another address, without credentials."""
    addresses = {_normal(url) for url in [*own, synced] if url}
    for file in {file for file, document in documents(root) if document["kind"] == "GitRepository"}:
        parts = re.split(r"(?m)^(?=---)", file.read_text())
        file.write_text("".join(_turned(part, addresses, to) for part in parts))


def _turned(text: str, addresses: set[str], to: str) -> str:
    if not re.search(r"(?m)^kind:\s*GitRepository\s*$", text):
        return text
    lines, found = [], False
    for line in text.splitlines(keepends=True):
        match = _URL.match(line)
        if match and _normal(match[2].strip("'\"")) in addresses:
            found = True
            line = f"{match[1]}{to}\n"
        lines.append(line)
    if not found:
        return text
    without_secret = re.sub(r"(?m)^  secretRef:\n(?:    .*\n)+", "", "".join(lines))
    return re.sub(r"(?m)^(\s+branch:\s*)\S+\s*$", r"\1main", without_secret)


def kinds(root: Path) -> set[tuple[str, str, str]]:
    """Return (group, version, kind) of all objects."""
    return {
        (*split_api_version(document["apiVersion"]), str(document["kind"])) for _, document in documents(root)
    }


def definitions(root: Path) -> list[dict[str, Any]]:
    return [d for _, d in documents(root) if d["kind"] == "CustomResourceDefinition"]


def is_ours_to_define(group: str) -> bool:
    """Tell whether a group is a custom one; kustomize's own files are no objects."""
    return "." in group and not group.endswith(("k8s.io", "config.k8s.io"))


def stand_in(group: str, version: str, kind: str) -> dict[str, Any]:
    """Return a definition that accepts anything of a kind and gives it no meaning."""
    plural = _plural(kind.lower())
    if not re.fullmatch(r"[a-z0-9.-]+", group) or not re.fullmatch(r"[A-Za-z0-9]+", kind):
        raise FairwayError(f"{kind} in {group}/{version} is no name of a kind")
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster" if kind.startswith("Cluster") else "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                    },
                }
            ],
        },
    }


def _plural(word: str) -> str:
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def _normal(url: str) -> str:
    """Return a Git address without what does not matter: scheme, user, case, `.git`."""
    bare = re.sub(r"^(?:[a-z+]+://)?(?:[^@/]+@)?", "", url.strip().lower())
    return bare.replace(":", "/", 1).removesuffix("/").removesuffix(".git")
