# SPDX-License-Identifier: Apache-2.0
"""Receivers that Flux's API accepts, and some that it refuses."""

from __future__ import annotations

from typing import Any

from tests.policies.kinds.objects import CONDITION, Object

RECEIVER: Object = {
    "type": "generic",
    "resources": [{"kind": "ImageRepository", "name": "web"}],
    "secretRef": {"name": "hook"},
}
PROVIDER: Object = {
    "audience": "fairway",
    "issuerURL": "https://token.actions.githubusercontent.com",
    "validations": [{"expression": "vars.owner == 'acme'", "message": "not one of acme's"}],
    "variables": [{"expression": "claims.repository_owner", "name": "owner"}],
}
# What is of no use together is there together, as far as the API server lets it.
FULL_RECEIVER: Object = {
    "events": ["ping", "push"],
    "interval": "5m",
    "resourceFilter": "res.metadata.name == req.name",
    "resources": [
        {
            "apiVersion": "image.toolkit.fluxcd.io/v1",
            "filter": "true",
            "kind": "ImageRepository",
            "matchLabels": {"team": "web"},
            "name": "*",
            "namespace": "images",
        }
    ],
    "secretRef": {"name": "hook"},
    "suspend": False,
    "type": "github",
}
OIDC_RECEIVER: Object = {
    "oidcProviders": [PROVIDER],
    "resources": RECEIVER["resources"],
    "type": "generic-oidc",
}
RECEIVER_STATUS: Object = {
    "conditions": [CONDITION],
    "lastHandledReconcileAt": "now",
    "observedGeneration": 1,
    "webhookPath": f"/hook/{'0' * 64}",
}

# (field, value, accepted) on top of the full object
RECEIVER_TABLE: list[tuple[str, Any, bool]] = [
    ("type", "generic", True),
    ("type", "GitHub", False),
    ("type", "generic-oidc", False),  # with a Secret, without providers
    ("type", None, False),
    ("secretRef", None, False),
    ("secretRef", {}, False),
    ("oidcProviders", [], True),
    ("oidcProviders", [PROVIDER], False),
    ("resources", [], True),
    ("resources", None, False),
    ("resources.0.kind", "ConfigMap", False),
    ("resources.0.kind", "ArtifactGenerator", True),
    ("resources.0.name", "", False),
    ("resources.0.name", "n" * 254, False),
    ("resources.0.namespace", "", False),
    ("resources.0.matchLabels", {"a": 1}, False),
    ("resources.0.matchLabels", None, True),  # a delivery says that it is missing
    ("resources.0.filter", "nonsense(", True),  # so does the run
    ("resourceFilter", "", True),
    ("events", [], True),
    ("events", "push", False),
    ("interval", "1d", False),
    ("interval", None, True),
    ("suspend", "true", False),
]
OIDC_TABLE: list[tuple[str, Any, bool]] = [
    ("type", "generic", False),
    ("secretRef", {"name": "hook"}, False),
    ("oidcProviders", [], False),
    ("oidcProviders", None, False),
    ("oidcProviders", [PROVIDER, PROVIDER], False),
    ("oidcProviders.0.issuerURL", "token.example.com", False),
    ("oidcProviders.0.issuerURL", "http://token.example.com", True),
    ("oidcProviders.0.issuerURL", None, False),
    ("oidcProviders.0.audience", None, True),
    ("oidcProviders.0.variables", None, True),
    ("oidcProviders.0.variables.0.name", None, False),
    ("oidcProviders.0.validations", [], False),
    ("oidcProviders.0.validations", None, False),
    ("oidcProviders.0.validations.0.message", None, False),
]
