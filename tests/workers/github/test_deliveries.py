# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.workers.github.conftest import MakePlace, Receiver, until
from workers.github import NotFound


def test_what_did_not_arrive_is_found_and_sent_again(make_place: MakePlace, receiver: Receiver) -> None:
    place = make_place(webhook_url=receiver.url, webhook_secret="hush")
    receiver.wait("installation")
    hour = datetime.now(UTC) - timedelta(hours=1)
    deliveries = place.github.deliveries
    assert until(lambda: deliveries.failed(hour) == [])
    receiver.status = 500
    place.forge.commit(place.repo, {"a.txt": "two\n"}, "two")
    place.forge.commit(place.repo, {"a.txt": "three\n"}, "three")
    lost = until(lambda: found if len(found := deliveries.failed(hour)) == 2 else None)
    assert [(one.event, one.status_code) for one in lost] == [("push", 500)] * 2
    assert lost[0].repository_id == place.repo.id
    deliveries.redeliver(lost[0].id)
    # Failed again: of that event the newest attempt is listed, and it alone.
    newer = until(lambda: found if (found := deliveries.failed(hour))[-1].guid == lost[0].guid else None)
    assert [one.guid for one in newer] == [lost[1].guid, lost[0].guid]
    receiver.status = 202
    for one in deliveries.failed(hour):
        deliveries.redeliver(one.id)
    assert until(lambda: deliveries.failed(hour) == [])
    assert deliveries.failed(datetime.now(UTC) + timedelta(minutes=1)) == []
    with pytest.raises(NotFound):
        deliveries.redeliver(1)


def test_more_than_a_page_of_them_is_found(make_place: MakePlace, receiver: Receiver) -> None:
    receiver.status = 500
    place = make_place(webhook_url=receiver.url)
    for number in range(103):
        place.forge.set_ref(place.repo, f"refs/heads/b{number}", place.head)
    hour = datetime.now(UTC) - timedelta(hours=1)
    # With the ping and the installation.
    found = until(lambda: lost if len(lost := place.github.deliveries.failed(hour)) == 105 else None)
    assert [one.id for one in found] == sorted(one.id for one in found)
