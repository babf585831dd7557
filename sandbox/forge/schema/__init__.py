# SPDX-License-Identifier: Apache-2.0
"""The forge's tables, a module per subject."""

from __future__ import annotations

from sandbox.forge.schema import checks, conversations, core, deployments, protection, releases, teams

# By a table of each that says whether it was made already, in the order in which they refer to each other.
SCHEMAS = {
    "accounts": core.SQL,
    "teams": teams.SQL,
    "branch_protections": protection.SQL,
    "check_suites": checks.SQL,
    "deployments": deployments.SQL,
    "issues": conversations.SQL,
    "releases": releases.SQL,
}
