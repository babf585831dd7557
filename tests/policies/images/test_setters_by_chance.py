# SPDX-License-Identifier: Apache-2.0
"""Whatever a file looks like: only marked values change, and they are what Flux would set."""

from __future__ import annotations

import string
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.images.setters import Image, set_images
from tests.fixtures.setters import FluxSetters
from tests.policies.images.documents import Made, documents
from tests.policies.images.marked import DIFFERS, LEFT, POLICIES, SAME, case, marker

pytestmark = pytest.mark.timeout(600)
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
_NEW = {image.part(part) for image in POLICIES.values() for part in ("image", "name", "tag", "digest")}


@settings(max_examples=250, deadline=None, suppress_health_check=_SLOW)
@given(documents())
def test_all_bytes_outside_of_marked_values_stay(made: Made) -> None:
    edited = set_images("f.yaml", made.before, POLICIES)
    assert edited.content == made.after
    assert len(edited.changes) == made.changes
    assert edited.notes == ()


@settings(max_examples=150, deadline=None, suppress_health_check=_SLOW)
@given(documents())
def test_flux_sets_the_same_values(flux_setters: FluxSetters, made: Made) -> None:
    flux = flux_setters.update({"f.yaml": made.before}, POLICIES)
    assert flux.problems == []
    assert flux_setters.read(made.after)[0] == flux_setters.read(flux.files["f.yaml"])[0]
    assert {(c["Old"], c["New"]) for c in flux.changes} == {
        (c.old, c.new) for c in set_images("f.yaml", made.before, POLICIES).changes
    }


BROKEN = [case(text).before.decode() for text in SAME.values()]
BROKEN += [case(text).before.decode() for text, *_ in (*LEFT.values(), *DIFFERS.values())]
PIECES = [
    *"\n \t#-:?,[]{}&*!|>'\"%~",
    "\r\n",
    "  ",
    "- ",
    ": ",
    "{{",
    "}}",
    "---\n",
    "...\n",
    "&x ",
    "*x",
    "!!str ",
]
PIECES += [f" {marker('apps:web')}\n", f" {marker('apps:odd:tag')}\n", "a: b\n", "\x85", "ü", "😀", "\ufeff"]


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """Take a file, and put a few things where they do not belong."""
    text = draw(st.sampled_from(BROKEN))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(start + draw(st.sampled_from([0, 0, 1, 5])), len(text))
        text = text[:start] + draw(st.sampled_from(["", *PIECES])) + text[end:]
    return text.encode()


@settings(max_examples=250, deadline=None, suppress_health_check=_SLOW)
@given(mangled())
def test_what_is_not_marked_parses_as_before(content: bytes) -> None:
    edited = set_images("f.yaml", content, POLICIES)
    if not edited.changes:
        assert edited.content is content
        return
    before, after = list(events(content)), list(events(edited.content))
    assert len(before) == len(after)
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert sorted((old[1], new[1]) for old, new in changed) == sorted((c.old, c.new) for c in edited.changes)
    assert all(old[2:] == new[2:] and new[1] in _NEW for old, new in changed)
    assert set_images("f.yaml", edited.content, POLICIES).changes == ()


def events(content: bytes) -> list[tuple[Any, ...]]:
    """Read a file into what a YAML parser tells of it: all but the quotes of texts."""
    return [
        (
            type(event).__name__,
            getattr(event, "value", ""),
            getattr(event, "tag", ""),
            getattr(event, "anchor", ""),
        )
        for event in yaml.parse(content.decode(), Loader=yaml.CSafeLoader)
    ]


_TAG = st.text(string.ascii_letters[:6] + "xobyneNO_.-0123456789", min_size=1, max_size=12).filter(
    lambda tag: tag[0] not in ".-"
)


@settings(max_examples=25, deadline=None, suppress_health_check=_SLOW)
@given(st.lists(_TAG, min_size=30, max_size=60, unique=True))
def test_any_tag_is_a_text_to_every_reader(flux_setters: FluxSetters, tags: list[str]) -> None:
    policies = {f"apps:p{number}": Image("ghcr.io/acme/web", tag) for number, tag in enumerate(tags)}
    lines = [f"a{number}: old tag {marker(f'apps:p{number}:tag')}\n" for number in range(len(tags))]
    after = set_images("f.yaml", "".join(lines).encode(), policies).content
    wanted = {f"a{number}": tag for number, tag in enumerate(tags)}
    assert yaml.safe_load(after) == wanted
    nodes, kubernetes = flux_setters.read(after)
    assert kubernetes == wanted
    assert {node["tag"] for node in nodes[0]["of"][1::2]} == {"!!str"}
