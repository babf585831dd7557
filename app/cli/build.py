# SPDX-License-Identifier: Apache-2.0
"""`fairway build kustomization`: what would be applied, rendered from a folder on this machine.

The interface is that of `flux build kustomization`. The folder's whole repository is what the engine sees,
so that an overlay finds its bases, and ignore rules hold as they would for the source.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
import yaml

from policies.errors import FairwayError
from policies.kinds import Kustomization
from policies.objects import Object, ObjectRef
from policies.ownership import with_owner
from policies.sourceignore import IGNORE_FILE, IgnoreRules

if TYPE_CHECKING:
    from workers.cluster import Client

_TIMEOUT = 120.0  # seconds
_GROUP = "kustomize.toolkit.fluxcd.io"


@click.group()
def build() -> None:
    """Render what would be applied."""


@build.command()
@click.argument("name")
@click.option(
    "--path",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="The folder with the manifests.",
)
@click.option(
    "--kustomization-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file with the Kustomization; the cluster is asked for it when there is none.",
)
@click.option(
    "--namespace", "-n", default="flux-system", show_default=True, help="Its namespace in the cluster."
)
@click.option(
    "--dry-run", is_flag=True, help="Ask no cluster: variables from ConfigMaps and Secrets are left out."
)
@click.option(
    "--strict-substitute", is_flag=True, help="Fail on a variable that has neither value nor default."
)
@click.option(
    "--ignore-paths", default="", help="Paths to leave out as well, in .gitignore form, comma-separated."
)
@click.option("--context", help="The kubeconfig's context.")
@click.option("--kubeconfig", help="The kubeconfig file.")
def kustomization(
    name: str,
    folder: Path,
    kustomization_file: Path | None,
    namespace: str,
    dry_run: bool,
    strict_substitute: bool,
    ignore_paths: str,
    context: str | None,
    kubeconfig: str | None,
) -> None:
    """Print the objects of a Kustomization as YAML, as they would be applied."""
    if kustomization_file is None and dry_run:
        raise click.UsageError("--dry-run asks no cluster, so it needs --kustomization-file")
    cluster = _Cluster(kubeconfig, context)
    found = (
        from_file(kustomization_file, name) if kustomization_file else cluster.kustomization(namespace, name)
    )
    Kustomization.read(found)
    variables = inline(found) if dry_run else cluster.variables(found)
    objects = rendered(
        found,
        folder.resolve(),
        variables,
        strict=strict_substitute,
        ignored=ignore_paths,
        keep_encrypted=True,  # what is printed may be shared or kept
    )
    for obj in objects:
        click.echo("---")
        click.echo(yaml.safe_dump(obj, sort_keys=False, allow_unicode=True), nl=False)


class _Cluster:
    """The cluster, connected to only when something has to be read from it."""

    def __init__(self, kubeconfig: str | None, context: str | None) -> None:
        self._kubeconfig, self._context = kubeconfig, context

    def _connect(self) -> Client:
        from workers.cluster import connect

        return connect(kubeconfig=self._kubeconfig, context=self._context)

    def kustomization(self, namespace: str, name: str) -> Object:
        ref = ObjectRef(_GROUP, "v1", "Kustomization", namespace, name)
        found = self._connect().find(ref)
        if found is None:
            raise FairwayError(f"{ref} not found in the cluster", remedy="give --kustomization-file, or -n")
        return found

    def variables(self, obj: Object) -> dict[str, str]:
        if not (obj["spec"].get("postBuild") or {}).get("substituteFrom"):
            return inline(obj)
        from workers.reconcile import variables

        return variables.resolve(self._connect(), obj)


def from_file(file: Path, name: str) -> Object:
    try:
        documents = [d for d in yaml.safe_load_all(file.read_text()) if isinstance(d, dict)]
    except yaml.YAMLError as error:
        raise FairwayError(f"{file} is no YAML: {error}") from None
    for document in documents:
        group = str(document.get("apiVersion", "")).partition("/")[0]
        metadata = document.get("metadata") or {}
        if document.get("kind") == "Kustomization" and group == _GROUP and metadata.get("name") == name:
            return {**document, "metadata": {"namespace": "flux-system", **metadata}}
    raise FairwayError(f"{file} has no Kustomization named {name}", remedy=f"one of apiVersion {_GROUP}/v1")


def inline(obj: Object) -> dict[str, str]:
    found: dict[str, str] = (obj["spec"].get("postBuild") or {}).get("substitute") or {}
    return {key: value.replace("\n", "") for key, value in found.items()}


def rendered(
    obj: Object,
    folder: Path,
    variables: dict[str, str],
    *,
    strict: bool,
    ignored: str,
    normalize: bool = False,
    keep_encrypted: bool = False,
) -> list[Object]:
    """Render a folder as the source of a Kustomization; raises FairwayError when it cannot be.

    What is encrypted stays so with `keep_encrypted`, and is refused without.
    """
    import toolchain
    from workers.engine import BuildRequest, Engine

    root = _root_of(folder)
    spec = {**obj["spec"], "path": str(folder.relative_to(root))}
    if keep_encrypted:
        spec.pop("decryption", None)
    with tempfile.TemporaryDirectory(prefix="fairway-build-") as temporary:
        artifact = Path(temporary) / "source.tar.gz"
        digest = _pack(root, artifact, ignored)
        engine = Engine(toolchain.binary("fairway-engine"), scratch=Path(temporary))
        try:
            request = BuildRequest(
                artifact, digest, {**obj, "spec": spec}, variables, strict=strict, normalize=normalize
            )
            built = engine.build(request, timeout=_TIMEOUT)
        finally:
            engine.close()
    if built.encrypted:
        # Compared as they lie in the repository, they would look like a change.
        raise FairwayError(
            f"{folder} has parts encrypted with SOPS, which are decrypted in the cluster only: "
            "it cannot be rendered here yet"
        )
    metadata = obj["metadata"]
    return [with_owner(o, name=metadata["name"], namespace=metadata["namespace"]) for o in built.objects]


def _root_of(folder: Path) -> Path:
    """Return the repository the folder lies in, or the folder itself."""
    command = ["git", "rev-parse", "--show-toplevel"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return Path(ended.stdout.strip()).resolve() if ended.returncode == 0 else folder


def _pack(root: Path, artifact: Path, ignored: str) -> str:
    """Write the folder's regular files as an artifact, without what its ignore rules leave out."""
    files = [f for f in sorted(root.rglob("*")) if f.is_file() and not f.is_symlink()]
    files = [f for f in files if ".git" not in f.relative_to(root).parts]
    own = {f.relative_to(root).parent.parts: f.read_text() for f in files if f.name == IGNORE_FILE}
    rules = IgnoreRules.for_source(own, None) + IgnoreRules.parse(ignored.replace(",", "\n"))
    with tarfile.open(artifact, "w:gz", compresslevel=1) as archive:
        for file in files:
            name = str(file.relative_to(root))
            if not rules.ignores(name):
                _add(archive, name, file.read_bytes())
    return "sha256:" + hashlib.sha256(artifact.read_bytes()).hexdigest()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
