# SPDX-License-Identifier: Apache-2.0
"""Every text that is said of orders: as it looks, and that nobody can make it say more."""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
import re
from collections.abc import Callable
from types import ModuleType

import pytest

import policies.surface
from policies.surface import images, pull_request
from policies.surface.words import instant, listed, moment, sentence, span
from tests.policies.surface import hostile
from tests.policies.surface.conftest import FOLDER
from tests.policies.surface.rendered import page
from tests.policies.surface.said import PLAIN, SAID
from tests.policies.surface.said_images import large, record

# Parts of texts, which are in the texts above them.
_PARTS = {
    "help.row",
    "help.who",
    "help.guarded",
    "refusals.people",
    "pull_request.heading",
    "pull_request.said",
    "repository_file.annotated",
    "repository_file.title",
}
# What texts are made with.
_NO_TEXTS = {"check", "markdown", "words"}
# Their texts are compared beside their annotations.
_CHECKS = {path.stem for path in FOLDER.glob("repository_file.*")}


@pytest.mark.parametrize("name", SAID)
def test_a_text_is_what_its_golden_file_says(name: str, golden: Callable[[str, str], None]) -> None:
    golden(name, SAID[name](lambda text: text))


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_text_is_what_its_golden_file_says(name: str, golden: Callable[[str, str], None]) -> None:
    golden(name, PLAIN[name])


@pytest.mark.parametrize("name", [name for name in PLAIN if name.startswith("status.")])
def test_a_status_fits_where_github_shows_it(name: str) -> None:
    assert 0 < len(PLAIN[name]) <= 140
    assert PLAIN[name] == " ".join(PLAIN[name].split())
    assert not PLAIN[name].endswith(".")


def test_every_golden_file_belongs_to_a_text() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*SAID, *PLAIN, *_CHECKS}


MODULES = [
    importlib.import_module(f"{policies.surface.__name__}.{found.name}")
    for found in pkgutil.iter_modules(policies.surface.__path__)
    if found.name not in _NO_TEXTS
]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_every_text_has_a_golden_file(module: ModuleType) -> None:
    short = module.__name__.rpartition(".")[2]
    functions = {
        f"{short}.{name}"
        for name, _ in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and inspect.getmodule(getattr(module, name)) is module
    }
    assert functions
    golden = {".".join(name.split(".")[:2]) for name in (*SAID, *PLAIN, *_CHECKS)}
    assert functions - _PARTS == {name for name in golden if name.startswith(f"{short}.")}


@pytest.mark.parametrize("name", SAID)
def test_nothing_in_a_text_acts(name: str) -> None:
    said = SAID[name]
    expected = page(said(lambda text: "x"))
    texts = itertools.islice(hostile.strings(10_000, seed=len(name)), 0, None, 37)
    for text in [*hostile.KNOWN, *texts, "x" * 5000, "/help\n" * 50]:
        written = said(lambda _, text=text: text)  # type: ignore[misc]
        read = page(written)
        assert read.tags == expected.tags, (text, written)
        assert read.links == expected.links, (text, written)
        assert read.found == {}, (text, written)
        assert not re.search(r"^\s*[/@]", written, re.MULTILINE), (text, written)
        assert len(written) < 60_000  # GitHub takes 65,536


@pytest.mark.parametrize("text", ["x" * 5000, "word " * 2000, "#1 " * 2000])
def test_a_pull_request_for_images_is_never_longer_than_github_takes(text: str) -> None:
    written = images.body(large(lambda _: text), record())
    assert len(written) < 65_536
    assert written.endswith("`/reject`")


@pytest.mark.parametrize("name", SAID)
def test_a_text_names_no_one_and_ends(name: str) -> None:
    written = SAID[name](lambda text: text)
    assert page(written).found == {}
    assert not re.search(r"\bplease\b|\bsorry\b|!(?!\w*`)", written, re.IGNORECASE) or "Prod!" in written
    assert written == written.strip()


@pytest.mark.parametrize("edit", ["added", "removed", "state", "digest", "seal", "below"])
def test_a_comment_that_somebody_wrote_into_is_not_ours_any_more(edit: str) -> None:
    body = pull_request.unfollowed("main", "demo", "2026-11-28T11:00:00Z")
    digest = re.search(r":([0-9a-f]{16}):", body)
    assert digest
    changed = {
        "added": f"More.\n{body}",
        "removed": body.replace("nothing", ""),
        "state": body.replace("success", "failure"),
        "digest": body.replace(digest[1], "0" * 16),
        "seal": re.sub(r"[0-9a-f]{16} -->", f"{'0' * 16} -->", body),
        "below": f"{body}\nMore.",
    }[edit]
    assert changed != body
    found = pull_request.said(body)
    assert found == pull_request.Said("success", digest[1])
    for marked in (f"<!-- fairway:pull-request/demo-eu.1 -->\n{body}", body.replace("\n", "\r\n")):
        assert pull_request.said(marked) == found
    assert pull_request.said(changed) is None
    assert pull_request.said("") is None


def test_lists_times_and_sentences() -> None:
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a or b",
        "a, b or c",
    ]
    assert listed(["a", "b"], "and") == "a and b"
    assert moment("2026-11-28T23:30:00-02:00") == "29 Nov 2026 01:30"
    assert [moment(text) for text in ("", "soon", "2026-11-28T11:00:00")] == ["unknown"] * 3
    assert instant("2026-11-28T23:30:07-02:00") == "29 Nov 01:30:07"
    assert [instant(text) for text in ("", "soon", "2026-11-28T11:00:00")] == ["unknown"] * 3
    assert [span(seconds) for seconds in (0.5, 30, 120, 90, 3600)] == [
        "500ms",
        "30 s",
        "2 min",
        "1m30s",
        "1 h",
    ]
    assert [sentence("it is"), sentence("`x` is"), sentence("")] == ["It is.", "`x` is.", "."]
