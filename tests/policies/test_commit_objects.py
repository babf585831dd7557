# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pygit2
import pytest

from policies import signed_objects
from policies.commit_objects import NewCommit

SIGNATURE = "-----BEGIN SSH SIGNATURE-----\nabc\n\ndef\n-----END SSH SIGNATURE-----\n"
COMMIT = NewCommit("a" * 40, "b" * 40, "Ada", "ada@example.com", 1_700_000_000, "Subject\n\nBody ü\n")


def test_git_reads_it_as_it_was_meant(tmp_path: Path) -> None:
    repository = pygit2.init_repository(str(tmp_path), bare=True)
    tree = str(repository.TreeBuilder().write())
    parent = NewCommit(tree, "", "A", "a@b", 1, "").raw().replace(b"parent \n", b"")
    root = str(repository.odb.write(pygit2.enums.ObjectType.COMMIT, parent))
    raw = replace(COMMIT, tree=tree, parent=root).raw(SIGNATURE)
    found = repository[repository.odb.write(pygit2.enums.ObjectType.COMMIT, raw)].peel(pygit2.Commit)
    assert (str(found.tree_id), [str(one) for one in found.parent_ids]) == (tree, [root])
    for who in (found.author, found.committer):
        assert (who.name, who.email, who.time, who.offset) == ("Ada", "ada@example.com", 1_700_000_000, 0)
    assert found.message == "Subject\n\nBody ü\n"


def test_what_is_signed_is_the_commit_without_its_signature() -> None:
    signed = signed_objects.commit(COMMIT.raw(SIGNATURE))
    assert signed.payload == COMMIT.raw()
    assert signed.signature == SIGNATURE.strip()


@pytest.mark.parametrize(
    ("name", "email", "shown"),
    [
        ("", "bot@example.com", b"author bot <bot@example.com> "),
        ("A <x>\nparent 1", "a@b>\n", b"author A xparent 1 <a@b> "),
        ("", "", b"author fairway <> "),
    ],
)
def test_nobodys_name_makes_a_header_of_its_own(name: str, email: str, shown: bytes) -> None:
    raw = replace(COMMIT, name=name, email=email).raw()
    assert shown in raw
    assert len(raw.partition(b"\n\n")[0].splitlines()) == 4


def test_git_takes_no_nul_in_a_message() -> None:
    assert replace(COMMIT, message="a\0b").raw().endswith(b"\n\nab")
