# SPDX-License-Identifier: Apache-2.0
"""The schema says what the reader does, and the documentation's examples are files that can be used."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from policies.repofile import read
from policies.repofile.positions import Unreadable, load
from policies.repofile.reference import table
from policies.repofile.schema import document, keys, published
from policies.repofile.verbs import ROLES
from tests.policies.repofile.mutations import mutated
from tests.policies.repofile.test_reader import WHOLE

DOCS = Path(__file__).resolve().parents[3] / "docs"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", (DOCS / "repository.md").read_text(), re.DOTALL)
VALIDATOR = Draft202012Validator(published())


def valid(value: Any) -> bool:
    return bool(VALIDATOR.is_valid(value))


def test_the_schema_is_one_and_is_the_published_file() -> None:
    Draft202012Validator.check_schema(published())
    assert json.loads((DOCS / "fairway.schema.json").read_text()) == published(), "run `make generate`"


def test_everything_in_it_is_described() -> None:
    def check(schema: Any, path: str) -> None:
        if isinstance(schema, list):
            for item in schema:
                check(item, path)
        elif isinstance(schema, dict):
            for name, inner in schema.get("properties", {}).items():
                assert inner.get("description") or "$ref" in inner, f"{path}.{name}"
                check(inner, f"{path}.{name}")
            check(schema.get("anyOf", []), path)

    for name, definition in {**published()["$defs"], "": published()}.items():
        assert definition["description"].endswith("."), name
        check(definition, name)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_documentation_can_be_used_and_fits_the_schema(example: str) -> None:
    reading = read(example.encode())
    assert reading.problems == ()
    assert valid(load(example.encode())[0])


def test_the_documentation_has_examples_and_a_row_for_every_key() -> None:
    assert len(EXAMPLES) >= 3
    rows = [line for line in table().splitlines() if line.startswith("| `")]
    assert len({row.split(" | ")[0] for row in rows}) == len(rows)
    assert table() in (DOCS / "repository.md").read_text(), "run `make generate`"


def test_the_whole_file_fits_the_schema() -> None:
    assert valid(load(WHOLE.encode())[0])


def test_what_can_be_used_fits_the_schema_and_what_does_not_fit_is_refused() -> None:
    used = refused = 0
    for text in mutated(WHOLE, 4000):
        reading = read(text)
        try:
            fits = valid(load(text)[0])
        except Unreadable:
            fits = False
        assert fits or reading.model is None, text.decode()
        used += reading.model is not None
        refused += not fits
    assert min(used, refused) > 100  # or the test shows nothing


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nnonsense: 1",
        "version: 1\norders: {promot: off}",
        "version: 1\norders: {retry: yes}",
        "version: 1\norders: {retry: {users: []}}",
        "version: 1\nenvironments: {Prod: {}}",
        "version: 1\nenvironments: {prod: {approvals: 7}}",
        "version: 1\nenvironments: {prod: {protected: 'true'}}",
        "version: 1\npullRequests: {images: {autoMerge: [major]}}",
        "version: 1\npullRequests:",
    ],
)
def test_editors_see_what_the_reader_refuses(text: str) -> None:
    assert read(text.encode()).model is None
    assert not valid(load(text.encode())[0])


def test_keys_are_known_by_their_place() -> None:
    assert keys(()) == ("version", "instances", "environments", "orders", "pullRequests")
    assert set(keys(("orders",))) == set(ROLES)
    assert "codeowners" in keys(("orders", "promote", "environments", "prod"))
    assert keys(("environments",)) == ()
    assert keys(("pullRequests", "images", "schedule", 0)) == ("days", "from", "to", "timeZone")
    assert document() is document()
