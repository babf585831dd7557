# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from policies.fairness import GITHUB, usual
from workers.process import WORK


def test_whatever_works_on_a_repository_passes_githubs_gate_by_default() -> None:
    of_the_cluster = {
        "GitRepository",
        "Kustomization",
        "Followers",
        "ImageRepository",
        "ImagePolicy",
        "ImageUpdateAutomation",
        "Receiver",
    }
    asking = {kind for kind in WORK if usual(kind, "acme", "fleet").gate == GITHUB}
    assert asking == WORK.keys() - of_the_cluster
