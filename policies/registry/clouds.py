# SPDX-License-Identifier: Apache-2.0
"""Which registries of which cloud `spec.provider` logs in to, and how long such a login is used.

A login of the cloud is good for much more than one image, so only hosts that are the cloud's own get it:
the patterns are those of Flux, but each is held against the whole name.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from policies.errors import TerminalError
from policies.registry.pull_secrets import Login

# The registries' names, for people.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        "aws": "Amazon ECR",
        "azure": "Azure Container Registry",
        "gcp": "Google Artifact Registry",
    }
)
PUBLIC_ECR = "public.ecr.aws"
_KEEP = 0.8  # of a login's life, as in Flux
_LONGEST = 3600.0  # seconds; so a right that was taken away is gone soon, as in Flux

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_ECR = re.compile(
    r"[0-9]{12}\.dkr[.-]ecr(?:-fips)?\.(?P<region>" + _LABEL + r")\.(?P<domain>amazonaws\.com(?:\.cn)?"
    r"|on\.aws|on\.amazonwebservices\.com\.cn|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)
_ACR = re.compile(rf"(?:{_LABEL}\.)+azurecr\.(?P<end>io|cn|de|us)")
_GAR = re.compile(rf"(?:{_LABEL}\.)*gcr\.io|(?:{_LABEL}\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?-docker\.pkg\.dev")
_EXAMPLES = {
    "aws": "012345678901.dkr.ecr.REGION.amazonaws.com, or public.ecr.aws",
    "azure": "NAME.azurecr.io",
    "gcp": "REGION-docker.pkg.dev, or gcr.io",
}
# Whose tokens a registry takes; Germany's cloud is a part of the public one by now.
_MANAGEMENT = {
    "cn": "https://management.chinacloudapi.cn/.default",
    "us": "https://management.usgovcloudapi.net/.default",
}
_PUBLIC_MANAGEMENT = "https://management.azure.com/.default"


class Misplaced(TerminalError):
    """The image is in no registry of the cloud that its provider names."""

    reason = "AuthenticationFailed"


@dataclass(frozen=True, slots=True)
class Place:
    """A registry of a cloud: in which region (aws), or which scope a token for it has to have (azure)."""

    provider: str
    host: str
    region: str = ""
    scope: str = ""

    def __str__(self) -> str:
        where = self.host if self.provider == "azure" or self.host == PUBLIC_ECR else self.region
        return f"{NAMES[self.provider]} ({where})" if where else NAMES[self.provider]


def place_of(provider: str, registry: str) -> Place:
    """Return the place of a registry, which is a host with its port if it has one; raises Misplaced."""
    host = registry.lower().removesuffix(":443")
    found = _place(provider, host)
    if found is None:
        raise Misplaced(
            f"spec.provider {provider} cannot be used: '{host[:100]}' is no registry of {NAMES[provider]}",
            remedy=f"with it an image begins with {_EXAMPLES[provider]}; set provider generic for any other",
        )
    return found


def login_of_ecr(token: str) -> Login | None:
    """Return the login in an authorization token of ECR, or None when it holds none."""
    try:
        username, colon, password = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Login(username, password) if colon and username and password else None


def ends_at(token: str) -> float | None:
    """Return when a JSON Web Token ends, in seconds since the epoch; None when it does not say.

    It is not verified: whoever made it is who we asked for it, and the time only says when to ask again.
    """
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        end = claims["exp"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return float(end) if isinstance(end, int | float) and not isinstance(end, bool) else None


def keep(lives: float) -> float:
    """Return for how many seconds to use a login that lives for so many."""
    return max(0.0, min(lives * _KEEP, _LONGEST))


def _place(provider: str, host: str) -> Place | None:
    if provider == "aws":
        return _ecr(host)
    if provider == "azure" and (found := _ACR.fullmatch(host)):
        return Place("azure", host, scope=_MANAGEMENT.get(found["end"], _PUBLIC_MANAGEMENT))
    return Place("gcp", host) if provider == "gcp" and _GAR.fullmatch(host) else None


def _ecr(host: str) -> Place | None:
    if host == PUBLIC_ECR:
        return Place("aws", host, "us-east-1")  # the only region in which it gives tokens
    found = _ECR.fullmatch(host)
    # China is a cloud of its own, to which no login of the other one goes.
    if found is None or found["domain"].endswith(".cn") != found["region"].startswith("cn-"):
        return None
    return Place("aws", host, found["region"])
