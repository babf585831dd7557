# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from policies.merging import LeaveIt, Merge, Proposal, Wait, decide
from policies.orders.locks import Claim, Lock
from policies.orders.people import Role
from policies.tenancy import Write

READY = Proposal(Write.MERGE, required_checks=True, state="clean", ours=True, orderer=Role.WRITE)
LOCK = Lock(7, "prod", Claim("lock-7-prod"))


def test_it_is_merged_when_everything_speaks_for_it() -> None:
    assert decide(READY) == Merge()
    assert decide(replace(READY, state="unstable", orderer=Role.ADMIN)) == Merge()
    assert decide(replace(READY, orderer=None)) == Merge()


@pytest.mark.parametrize(
    "change",
    [
        {"write": Write.PR},
        {"required_checks": False},
        {"ours": False},
        {"orderer": Role.TRIAGE},
        {"state": "dirty"},
        {"orderer": None, "unruled": "no rule of the repository merges it"},
    ],
)
def test_what_a_person_has_to_merge(change: dict[str, Any]) -> None:
    assert isinstance(decide(replace(READY, **change)), LeaveIt)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "blocked"},
        {"state": "behind"},
        {"state": "unknown"},
        {"state": "draft"},
        {"stopped_by": LOCK},
    ],
)
def test_what_may_be_merged_later(change: dict[str, Any]) -> None:
    assert decide(replace(READY, **change)) == Wait()
