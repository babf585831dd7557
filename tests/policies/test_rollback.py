# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from policies.rollback import Reader, Restored, branch, message, ordered_by, plan, undone

OLD, NEW, NEWER = ("100644", "1" * 40), ("100644", "2" * 40), ("100644", "3" * 40)
SCRIPT = ("100755", "1" * 40)
EVERYTHING = [Reader("")]


@pytest.mark.parametrize(
    ("before", "after", "now", "files", "conflicts"),
    [
        (OLD, NEW, NEW, (Restored("a", OLD, NEW),), ()),
        (None, NEW, NEW, (Restored("a", None, NEW),), ()),
        (OLD, None, None, (Restored("a", OLD, None),), ()),
        (OLD, SCRIPT, SCRIPT, (Restored("a", OLD, SCRIPT),), ()),
        (OLD, OLD, NEW, (), ()),
        (OLD, NEW, OLD, (), ()),
        (None, NEW, None, (), ()),
        (OLD, NEW, NEWER, (), ("a",)),
        (OLD, NEW, None, (), ("a",)),
        (OLD, None, NEW, (), ("a",)),
    ],
)
def test_what_is_put_back(
    before: object, after: object, now: object, files: object, conflicts: object
) -> None:
    trees = [{"a": file} if file else {} for file in (before, after, now)]
    found = plan(*trees, EVERYTHING)  # type: ignore[arg-type]
    assert (found.files, found.conflicts) == (files, conflicts)


def test_what_nobody_of_the_environment_reads_is_no_conflict_either() -> None:
    found = plan({"a": OLD, "b/a": OLD}, {"a": NEW, "b/a": NEW}, {"a": NEWER, "b/a": NEW}, [Reader("./b/")])
    assert (found.files, found.conflicts) == ((Restored("b/a", OLD, NEW),), ())
    assert plan({"a": OLD}, {"a": NEW}, {"a": NEW}, []).files == ()


@pytest.mark.parametrize(
    ("reader", "file", "comes_or_goes", "reads"),
    [
        (Reader(""), "a/b", False, True),
        (Reader("./"), "a/b", False, True),
        (Reader("./a"), "a/b", False, True),
        (Reader("/a/"), "a/b", False, True),
        (Reader("a"), "ab/c", False, False),
        (Reader("a/../b"), "b/c", False, True),
        (Reader("a", {}), "a/b", True, False),
        (Reader("a", {"f base/x": ""}), "base/x", False, True),
        (Reader("a", {"s base/x": ""}), "base/x", False, True),
        (Reader("a", {"l base": ""}), "base/x", False, False),
        (Reader("a", {"l base": ""}), "base/x", True, True),
        (Reader("a", {"l .": ""}), "x", True, True),
        (Reader("a", {"l base": ""}), "base/y/x", True, False),
        (Reader("a", {"t base": ""}), "base/y/x", False, True),
        (Reader("a", {"t .": ""}), "x", False, True),
        (Reader("a", {"o .": "false"}), "x", True, False),
    ],
)
def test_what_a_kustomization_reads(reader: Reader, file: str, comes_or_goes: bool, reads: bool) -> None:
    assert reader.reads_file(file, comes_or_goes=comes_or_goes) is reads
    known = reader.reads is not None
    assert reader.may_read(file, comes_or_goes=comes_or_goes) is (reads if known else True)


def test_a_branch_says_what_it_undoes() -> None:
    assert undone(branch("prod-eu", 41)) == ("prod-eu", 41)
    assert undone(branch("", 41)) == ("", 41)
    for other in (
        "main",
        "fairway/reject/",
        "fairway/reject/prod-41",
        "fairway/rollback/prod",
        "fairway/rollback/-41",
        "fairway/rollback/prod-x",
        "prod-41",
    ):
        assert undone(other) is None


def test_a_commit_says_who_ordered_it() -> None:
    assert ordered_by(message("Roll back", 7)) == 7
    for other in ("Roll back", "Fairway-Ordered-By: x", "Fairway-Ordered-By: 7\n\nMore", ""):
        assert ordered_by(other) is None
