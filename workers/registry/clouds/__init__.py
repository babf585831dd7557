# SPDX-License-Identifier: Apache-2.0
"""Logins at the registries of AWS, Azure and Google Cloud, by their own libraries, which are extras."""

from workers.registry.clouds.logins import CloudLogins
from workers.registry.clouds.made import Account, LibraryMissing, LoginFailed

__all__ = ["Account", "CloudLogins", "LibraryMissing", "LoginFailed"]
