# SPDX-License-Identifier: Apache-2.0
"""Objects that Flux's API accepts and objects that it refuses."""

from __future__ import annotations

import copy
from typing import Any

Object = dict[str, Any]

GIT: Object = {"interval": "1m", "url": "https://example.com/acme/fleet.git"}
FULL_GIT: Object = {
    **GIT,
    "ignore": "/*\n!/deploy",
    "include": [{"repository": {"name": "charts"}, "fromPath": "a", "toPath": "b"}],
    "provider": "azure",
    "proxySecretRef": {"name": "proxy"},
    "recurseSubmodules": True,
    "ref": {"branch": "main", "tag": "v1", "semver": ">=1.0", "name": "refs/heads/main", "commit": "abc"},
    "secretRef": {"name": "login"},
    "serviceAccountName": "fetcher",
    "sparseCheckout": ["deploy"],
    "suspend": False,
    "timeout": "1m30s",
    "verify": {"mode": "TagAndHEAD", "secretRef": {"name": "keys"}},
}
KS: Object = {
    "interval": "10m",
    "prune": True,
    "sourceRef": {"kind": "GitRepository", "name": "fleet"},
}
_TARGET = {"kind": "Deployment", "name": "web.*", "labelSelector": "app=web", "annotationSelector": "a=b"}
FULL_KS: Object = {
    **KS,
    "buildMetadata": ["originAnnotations", "transformerAnnotations"],
    "commonMetadata": {"labels": {"team": "web"}, "annotations": {"a": "b"}},
    "components": ["../component"],
    "decryption": {"provider": "sops", "secretRef": {"name": "age"}, "serviceAccountName": "kms"},
    "deletionPolicy": "WaitForTermination",
    "dependsOn": [{"name": "infra", "namespace": "flux-system", "readyExpr": "true"}],
    "force": True,
    "healthCheckExprs": [
        {
            "apiVersion": "example.com/v1",
            "kind": "Gadget",
            "current": "true",
            "failed": "false",
            "inProgress": "false",
        }
    ],
    "healthChecks": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "apps"}],
    "ignore": [{"paths": ["/spec/replicas"], "target": {**_TARGET, "group": "apps", "version": "v1"}}],
    "ignoreMissingComponents": True,
    "images": [{"name": "web", "newName": "ghcr.io/acme/web", "newTag": "1", "digest": "sha256:0"}],
    "kubeConfig": {"secretRef": {"name": "remote", "key": "config"}},
    "namePrefix": "a-",
    "nameSuffix": "-b",
    "patches": [{"patch": "- op: test", "target": {**_TARGET, "namespace": "apps"}}],
    "path": "./deploy",
    "postBuild": {
        "substitute": {"cluster": "prod"},
        "substituteFrom": [{"kind": "ConfigMap", "name": "vars", "optional": True}],
        "substituteStrategy": "Always",
    },
    "retryInterval": "1m",
    "serviceAccountName": "applier",
    "suspend": True,
    "targetNamespace": "apps",
    "timeout": "5m",
    "wait": True,
}
BINDING: Object = {
    "repository": {"owner": "acme", "name": "fleet", "id": 512345},
    "namespaces": ["apps", "infra"],
}
FULL_BINDING: Object = {
    **BINDING,
    "write": "merge",
    "verbs": ["promote", "skip-analysis"],
    "environments": [
        {"name": "prod", "namespaces": ["apps"], "protected": True},
        {"name": "staging"},
    ],
}
ORDER: Object = {
    "verb": "lock",
    "repository": {"owner": "acme", "name": "fleet", "id": 512345},
    "actor": {"id": 11, "login": "alice"},
    "comment": {"kind": "comment", "id": 99, "line": 1},
}
FULL_ORDER: Object = {
    **ORDER,
    "target": {"kind": "Kustomization", "namespace": "apps", "name": "web", "uid": "b1c2"},
    "environment": "prod",
    "pullRequest": 41,
    "revision": f"main@sha1:{'a' * 40}",
    "headSHA": "a" * 40,
    "arguments": {"environment": "prod", "reason": "incident 42"},
    "reason": "incident 42",
    "expiresAt": "2026-03-01T12:00:00Z",
}

CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "Succeeded",
    "message": "",
    "lastTransitionTime": "2026-03-01T12:00:00Z",
    "observedGeneration": 1,
}
_ARTIFACT = {
    "digest": f"sha256:{'0' * 64}",
    "lastUpdateTime": "2026-03-01T12:00:00Z",
    "metadata": {"a": "b"},
    "path": "gitrepository/apps/fleet/0.tar.gz",
    "revision": "main@sha1:0",
    "size": 1,
    "url": "http://127.0.0.1/0.tar.gz",
}
GIT_STATUS: Object = {
    "artifact": _ARTIFACT,
    "conditions": [CONDITION],
    "includedArtifacts": [copy.deepcopy(_ARTIFACT)],
    "lastHandledReconcileAt": "now",
    "observedGeneration": 1,
    "observedIgnore": "",
    "observedInclude": [{"repository": {"name": "charts"}, "fromPath": "a", "toPath": "b"}],
    "observedRecurseSubmodules": True,
    "observedSparseCheckout": ["deploy"],
    "sourceVerificationMode": "HEAD",
}
KS_STATUS: Object = {
    "conditions": [CONDITION],
    "history": [
        {
            "digest": "sha256:0",
            "firstReconciled": "2026-03-01T12:00:00Z",
            "lastReconciled": "2026-03-01T12:00:00Z",
            "lastReconciledDuration": "1s",
            "lastReconciledStatus": "ReconciliationSucceeded",
            "metadata": {"revision": "main@sha1:0"},
            "totalReconciliations": 1,
        }
    ],
    "inventory": {"entries": [{"id": "apps_web_apps_Deployment", "v": "v1"}]},
    "lastAppliedOriginRevision": "main@sha1:0",
    "lastAppliedRevision": "main@sha1:0",
    "lastAttemptedRevision": "main@sha1:0",
    "lastHandledReconcileAt": "now",
    "observedGeneration": 1,
}

ORDER_STATUS: Object = {
    "conditions": [CONDITION],
    "message": "standing since 12:00:00",
    "observedGeneration": 1,
    "phase": "standing",
}


def changed(spec: Object, path: str, value: Any = None, *, drop: bool = False) -> Object:
    """Return a copy with the value at a path such as `patches.0.target` set, or dropped."""
    copied = copy.deepcopy(spec)
    at: Any = copied
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        at = at[part]
    if drop:
        del at[last]
    else:
        at[last] = value
    return copied


def paths(node: Any, path: str = "") -> list[str]:
    """Return the path of every value in an object, inner nodes too."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = [(f"{path}.{key}".lstrip("."), value) for key, value in inner]
    return [p for own, value in found for p in (own, *paths(value, own))]


# (field, value, accepted) on top of FULL_GIT or FULL_KS
GIT_TABLE: list[tuple[str, Any, bool]] = [
    ("url", "http://example.com/x", True),
    ("url", "https://", True),
    ("url", "ssh://git@example.com:22/acme/fleet", True),
    ("url", "git@example.com:acme/fleet", False),
    ("url", "file:///tmp/fleet", False),
    ("url", "git://example.com/fleet", False),
    ("interval", "1h30m", True),
    ("interval", "0.5s", True),
    ("interval", "250ms", True),
    ("interval", "1h1h", True),
    ("interval", "1d", False),
    ("interval", "90", False),
    ("interval", "-5s", False),
    ("interval", ".5s", False),
    ("interval", "", False),
    ("interval", "5s\n", False),
    ("interval", 60, False),
    ("timeout", "1h", False),
    ("timeout", "90s", True),
    ("timeout", "1m0.5s", True),
    ("provider", "generic", False),  # with a service account
    ("provider", "aws", True),
    ("provider", "github", False),
    ("provider", "gcp", False),
    ("provider", "", False),
    ("verify.mode", "head", True),
    ("verify.mode", "Head", False),
    ("verify.secretRef", {}, False),
    ("verify", {"secretRef": {"name": "keys"}}, True),
    ("include", [{"fromPath": "a"}], False),
    ("include", [], True),
    ("sparseCheckout", "deploy", False),
    ("ref", {}, True),
    ("ref", "main", False),
    ("ref.branch", 1, False),
    ("secretRef", {"name": ""}, True),
    ("secretRef", {}, False),
    ("suspend", "true", False),
    ("url", None, False),
    ("gitImplementation", "libgit2", False),  # went with v1; only strict validation tells
]
KS_TABLE: list[tuple[str, Any, bool]] = [
    ("interval", "10m0s", True),
    ("interval", "10 m", False),
    ("retryInterval", "1h", True),
    ("retryInterval", "1w", False),
    ("timeout", "1h", True),
    ("timeout", "soon", False),
    ("sourceRef.kind", "OCIRepository", True),
    ("sourceRef.kind", "Bucket", True),
    ("sourceRef.kind", "ExternalArtifact", True),
    ("sourceRef.kind", "HelmRepository", False),
    ("sourceRef.name", None, False),
    ("prune", "yes", False),
    ("deletionPolicy", "MirrorPrune", True),
    ("deletionPolicy", "Keep", False),
    ("decryption.provider", "age", False),
    ("decryption", {"provider": "sops"}, True),
    ("decryption", {}, False),
    ("kubeConfig", {"configMapRef": {"name": "remote"}}, True),
    ("kubeConfig", {}, False),
    ("kubeConfig", {"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}}, False),
    ("kubeConfig", {"secretRef": {"key": "config"}}, False),
    ("postBuild.substituteFrom.0.kind", "Deployment", False),
    ("postBuild.substituteFrom.0.name", "", False),
    ("postBuild.substituteFrom.0.name", "n" * 253, True),
    ("postBuild.substituteFrom.0.name", "n" * 254, False),
    ("postBuild.substituteStrategy", "Never", False),
    ("postBuild.substitute", {"a": 1}, False),
    ("postBuild.substitute", {}, True),
    ("namePrefix", "", False),
    ("namePrefix", "n" * 200, True),
    ("namePrefix", "n" * 201, False),
    ("nameSuffix", "", False),
    ("nameSuffix", "ä" * 200, True),
    ("targetNamespace", "", False),
    ("targetNamespace", "n" * 63, True),
    ("targetNamespace", "n" * 64, False),
    ("healthChecks", [{"kind": "Deployment"}], False),
    ("healthChecks", [{"kind": "Deployment", "name": "web"}], True),
    ("healthCheckExprs", [{"apiVersion": "v1"}], False),
    ("dependsOn", [{"namespace": "apps"}], False),
    ("dependsOn", [{"name": "infra"}], True),
    ("images", [{"newTag": "1"}], False),
    ("patches", [{"target": {}}], False),
    ("patches", [{"patch": ""}], True),
    ("ignore", [{"target": {}}], False),
    ("ignore", [{"paths": []}], True),
    ("buildMetadata", ["managedByLabel"], False),
    ("commonMetadata", {"labels": {"a": None}}, True),  # a null is dropped before anybody looks
    ("commonMetadata", {"labels": {"a": 1}}, False),
    ("components", "component", False),
    ("validation", "client", False),  # went with v1; only strict validation tells
]
