# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from tests.sandbox.forge.conftest import MakeStage


def test_a_release_is_made_of_a_tag_and_shown_by_it(make_stage: MakeStage) -> None:
    stage = make_stage(permissions={"contents": "write"})
    api, path = stage.as_installation(), f"{stage.path}/releases"
    made = api.post(path, {"tag_name": "v1.0.0", "name": "One", "body": "First"})
    assert (made.status, made.body["tag_name"], made.body["draft"]) == (201, "v1.0.0", False)
    assert api.get(f"{path}/tags/v1.0.0").body == made.body
    assert api.get(f"{path}/tags/v2.0.0").status == 404
    assert api.post(path, {"tag_name": "v1.0.0"}).status == 422
    assert api.post(path, {"tag_name": "v3", "target_commitish": "nowhere"}).status == 422
    assert api.post(path, {"tag_name": "v4", "draft": True}).status == 201
    assert api.get(f"{path}/tags/v4").status == 404
