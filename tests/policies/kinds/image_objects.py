# SPDX-License-Identifier: Apache-2.0
"""Image repositories, policies and automations that Flux's API accepts, and some that it refuses."""

from __future__ import annotations

from typing import Any

from tests.policies.kinds.objects import CONDITION, Object

REPOSITORY: Object = {"image": "ghcr.io/acme/web", "interval": "1m"}
FULL_REPOSITORY: Object = {
    **REPOSITORY,
    "accessFrom": {"namespaceSelectors": [{"matchLabels": {"team": "web"}}, {}]},
    "certSecretRef": {"name": "ca"},
    "exclusionList": ["^latest$", "-rc"],
    "insecure": True,
    "provider": "aws",
    "proxySecretRef": {"name": "proxy"},
    "secretRef": {"name": "login"},
    "serviceAccountName": "puller",
    "suspend": False,
    "timeout": "1m30s",
}
REPOSITORY_STATUS: Object = {
    "canonicalImageName": "index.docker.io/library/alpine",
    "conditions": [CONDITION],
    "lastHandledReconcileAt": "now",
    "lastScanResult": {
        "latestTags": ["3.20", "3.19"],
        "revision": "4180547331",
        "scanTime": "2026-03-01T12:00:00Z",
        "tagCount": 2,
    },
    "observedExclusionList": ["^.*\\.sig$"],
    "observedGeneration": 1,
}
POLICY: Object = {"imageRepositoryRef": {"name": "web"}, "policy": {"semver": {"range": "^1"}}}
FULL_POLICY: Object = {
    "digestReflectionPolicy": "Always",
    "filterTags": {"extract": "$version", "pattern": "^main-(?P<version>.*)$"},
    "imageRepositoryRef": {"name": "web", "namespace": "images"},
    "interval": "10m",
    "policy": {
        "alphabetical": {"order": "desc"},
        "numerical": {"order": "asc"},
        "semver": {"range": ">=1.0.0-0"},
    },
    "suspend": True,
}
_REF = {"digest": f"sha256:{'0' * 64}", "name": "ghcr.io/acme/web", "tag": "1.2.3"}
POLICY_STATUS: Object = {
    "conditions": [CONDITION],
    "lastHandledReconcileAt": "now",
    "latestRef": _REF,
    "observedGeneration": 1,
    "observedPreviousRef": {"name": "ghcr.io/acme/web", "tag": "1.2.2"},
}
AUTOMATION: Object = {"interval": "30m", "sourceRef": {"kind": "GitRepository", "name": "fleet"}}
FULL_AUTOMATION: Object = {
    **AUTOMATION,
    "git": {
        "checkout": {"ref": {"branch": "main", "tag": "v1", "semver": "*", "name": "refs/x", "commit": "a"}},
        "commit": {
            "author": {"email": "bot@example.com", "name": "bot"},
            "messageTemplate": "{{ .AutomationObject }}",
            "messageTemplateValues": {"cluster": "prod"},
            "signingKey": {"secretRef": {"name": "key"}, "type": "ssh"},
        },
        "push": {"branch": "updates", "options": {"draft": ""}, "refspec": "a:refs/heads/b"},
    },
    "policySelector": {
        "matchExpressions": [{"key": "team", "operator": "In", "values": ["web"]}],
        "matchLabels": {"env": "prod"},
    },
    "sourceRef": {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "name": "fleet",
        "namespace": "flux-system",
    },
    "suspend": False,
    "update": {"path": "./apps", "strategy": "Setters"},
}
AUTOMATION_STATUS: Object = {
    "conditions": [CONDITION],
    "lastAutomationRunTime": "2026-03-01T12:00:00Z",
    "lastHandledReconcileAt": "now",
    "lastPushCommit": "0" * 40,
    "lastPushTime": "2026-03-01T12:00:00Z",
    "observedGeneration": 1,
    "observedPolicies": {"web": _REF},
    "observedSourceRevision": f"main@sha1:{'0' * 40}",
}

# (field, value, accepted) on top of the full objects
REPOSITORY_TABLE: list[tuple[str, Any, bool]] = [
    ("image", "", True),  # the controller says what is wrong with a name, not the API server
    ("image", "https://ghcr.io/acme/web:1", True),
    ("image", None, False),
    ("interval", "1d", False),
    ("interval", "1h", True),
    ("timeout", "1h", False),
    ("timeout", "90s", True),
    ("provider", "generic", True),
    ("provider", "github", False),
    ("provider", "", False),
    ("exclusionList", [], True),
    ("exclusionList", ["x"] * 25, True),
    ("exclusionList", ["x"] * 26, False),
    ("exclusionList", ["["], True),
    ("exclusionList", "x", False),
    ("accessFrom", {}, False),
    ("accessFrom", {"namespaceSelectors": []}, True),
    ("accessFrom.namespaceSelectors.0.matchLabels.team", 1, False),
    ("serviceAccountName", "n" * 253, True),
    ("serviceAccountName", "n" * 254, False),
    ("secretRef", {}, False),
    ("insecure", "true", False),
]
POLICY_TABLE: list[tuple[str, Any, bool]] = [
    ("policy", {}, True),  # the controller stalls
    ("policy", {"semver": {}}, False),
    ("policy", {"semver": {"range": "nonsense"}}, True),
    ("policy", {"alphabetical": {}}, True),
    ("policy", {"alphabetical": {"order": "ASC"}}, False),
    ("policy", {"numerical": {"order": "desc"}}, True),
    ("policy", {"numerical": {"order": ""}}, False),
    ("policy", None, False),
    ("filterTags", {}, True),
    ("filterTags.pattern", "[", True),
    ("filterTags.extract", 1, False),
    ("imageRepositoryRef", {"namespace": "images"}, False),
    ("digestReflectionPolicy", "Never", False),  # with an interval
    ("digestReflectionPolicy", "IfNotPresent", False),
    ("digestReflectionPolicy", "always", False),
    ("digestReflectionPolicy", None, False),
    ("interval", "0s", True),
    ("interval", None, False),  # without one
    ("interval", "soon", False),
]
AUTOMATION_TABLE: list[tuple[str, Any, bool]] = [
    ("sourceRef.kind", "OCIRepository", False),
    ("sourceRef.kind", None, True),
    ("sourceRef.name", None, False),
    ("git.commit", None, False),
    ("git.commit.author", {"name": "bot"}, False),
    ("git.commit.signingKey.type", "x509", False),
    ("git.commit.signingKey", {"type": "gpg"}, False),
    ("git.checkout", {}, False),
    ("git.push.refspec", "", True),
    ("git.push.refspec", "+a:b", False),
    ("git.push.refspec", ":b", False),
    ("git.push.options", {"a": 1}, False),
    ("policySelector", {}, True),
    ("policySelector.matchExpressions.0.operator", "Nonsense", True),
    ("policySelector.matchExpressions", [{"key": "a"}], False),
    ("update", {}, True),
    ("update", None, True),
    ("update.strategy", "Regex", False),
    ("interval", "30", False),
]
