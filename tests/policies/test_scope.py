# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from policies.scope import Scope

OBJ = {"metadata": {"name": "web", "namespace": "apps", "labels": {"sharding.fluxcd.io/key": "a"}}}


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope(), True),
        (Scope("sharding.fluxcd.io/key=a"), True),
        (Scope("sharding.fluxcd.io/key in (b)"), False),
        (Scope("!sharding.fluxcd.io/key"), False),
        (Scope("", "apps"), True),
        (Scope("", "infra"), False),
        (Scope("sharding.fluxcd.io/key=a", "infra"), False),
    ],
)
def test_an_object_is_served_within_the_scope(scope: Scope, covered: bool) -> None:
    assert scope.covers(OBJ) is covered
