# SPDX-License-Identifier: Apache-2.0
"""What a comment is in the terminal of the demo."""

from __future__ import annotations

from app.cli.demo.markdown import lines

_COMMENT = """<!-- fairway:pull-request/demo -->
### ⏳ `a1b2c3d` on `demo`: 1 of 2 done

| | object | state | since (UTC) |
|---|---|---|---|
| ⏳ | Kustomization apps/api | waits for `a \\| b` | 28 Nov 11:00:07 |
| ✅ | Kustomization apps/web | applied, **healthy** | |

<details><summary>Kustomization apps/api</summary>

```
in full
```

</details>

```
first line
second line
```

See [#2](https://example.com/pull/2), \\*not emphasised\\*.

<sub>updated 28 Nov 2026 11:00 UTC · `/help`</sub>
<!-- fairway-state:pending:0123456789abcdef:0123456789abcdef -->"""


def test_of_a_comment_is_told_what_people_see() -> None:
    assert lines(_COMMENT) == [
        "⏳ a1b2c3d on demo: 1 of 2 done",
        "⏳  Kustomization apps/api  waits for a | b",
        "✅  Kustomization apps/web  applied, healthy",
        "first line",
        "See #2, *not emphasised*.",
    ]


def test_of_a_table_without_marks_two_cells_are_told() -> None:
    table = (
        "### Orders\n\n| order | what it does | takes the role |\n|---|---|---|\n| `/help` | lists | read |"
    )
    assert lines(table) == ["Orders", "/help  lists"]


def test_an_empty_code_block_is_nothing() -> None:
    assert lines("```\n```") == []
