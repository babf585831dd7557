# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from policies.orders.grammar import Written, read
from policies.orders.whose import ours
from policies.repofile import Narrowed
from policies.tenancy import Environment, Grant, Tenant

TENANT = Tenant((Grant(None, environments=(Environment("eu", frozenset({"a"}), False),)),))
HOME = Narrowed(TENANT, home=True, others=frozenset({"us"}))
AWAY = Narrowed(TENANT, home=False, others=frozenset({"us"}))
COMMENT = "/help\n\n/lock eu\n\n/lock us\n\n/lock mars\n\n/hold\n\n/lock\n\n/reconcile"


@pytest.mark.parametrize(
    ("narrowed", "lines"),
    [
        (HOME, [1, 3, 7, 9, 11, 13]),
        (AWAY, [3]),
        (Narrowed(TENANT, listed=False), []),
        (Narrowed(Tenant()), []),
    ],
)
def test_who_answers_what(narrowed: Narrowed, lines: list[int]) -> None:
    assert [order.line for order in ours(read(COMMENT), narrowed).orders] == lines


def test_only_home_speaks_of_slips_and_of_too_many() -> None:
    slip, many = read("/hlep"), read("/hold\n\n" * 12)
    assert ours(slip, HOME).near_miss
    assert not ours(slip, AWAY).speaks_to_us
    assert (ours(many, HOME).left_out, ours(many, AWAY).left_out) == (2, 0)


def test_a_word_for_which_nothing_waits_is_homes() -> None:
    (order,) = ours(read("/promote us"), HOME).orders
    assert isinstance(order, Written)
    assert not ours(read("/promote eu"), AWAY).orders
