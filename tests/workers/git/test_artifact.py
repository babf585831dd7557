# SPDX-License-Identifier: Apache-2.0
"""An artifact holds exactly the files Flux would put in it, and is the same whenever it is made."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import struct
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from policies import reference
from tests.fixtures.githost import HostedRepository
from tests.workers.git.conftest import Connect
from workers.git import (
    Artifact,
    MirrorBroken,
    Remote,
    TooLarge,
    UnsupportedRepository,
    archive,
    artifact_path,
    collect_garbage,
    contents,
    remove_artifacts,
)

MAIN = reference.choose({"branch": "main"})
Store = Callable[..., Artifact]


@pytest.fixture
def remote(app: HostedRepository, connect: Connect) -> Remote:
    return connect(app.url)


@pytest.fixture
def store(remote: Remote, tmp_path: Path) -> Store:
    """Pull the branch and archive it below the test's folder."""

    def make(*, ignore: str | None = None, path: str = "out.tar.gz", **limits: int) -> Artifact:
        sha = remote.pull(MAIN, timeout=30).sha
        return archive(
            contents.of_commit(remote.mirror, sha), ignore=ignore, root=tmp_path, path=path, **limits
        )

    return make


def members(path: Path) -> dict[str, tuple[int, bytes]]:
    """Return mode and content by name, byte for byte as a reader of the tar file sees them."""
    found = {}
    with tarfile.open(path, "r:gz", errors="surrogateescape") as packed:
        for member in packed:
            assert member.isfile()
            file = packed.extractfile(member)
            assert file is not None
            found[member.name] = (member.mode, file.read())
    return found


def names(path: Path) -> list[str]:
    return list(members(path))


def test_files_come_sorted_with_flux_modes_and_nothing_of_this_machine(
    app: HostedRepository, store: Store, tmp_path: Path
) -> None:
    app.commit(
        {"b.yaml": "b", "a/run.sh": "#!/bin/sh", "a/z.yaml": "", "a.yaml": "a", "A.yaml": "A"},
        modes={"a/run.sh": "100755"},
    )
    made = store()
    with tarfile.open(tmp_path / made.path) as packed:
        listed = [(entry.name, entry.mode) for entry in packed]
        assert {(e.uid, e.gid, e.uname, e.gname, e.mtime) for e in packed} == {(0, 0, "", "", 0)}
    assert listed == [
        ("A.yaml", 0o600),
        ("a.yaml", 0o600),
        ("a/run.sh", 0o700),
        ("a/z.yaml", 0o600),
        ("b.yaml", 0o600),
    ]
    assert made.files == 5
    content = (tmp_path / made.path).read_bytes()
    assert made.digest == "sha256:" + hashlib.sha256(content).hexdigest()
    assert made.size == len(content)
    assert struct.unpack("<L", content[4:8]) == (0,), "the gzip header holds a time"
    assert oct((tmp_path / made.path).stat().st_mode)[-3:] == "600"


ODD = {
    "with space.yaml": "1",
    "ünïcode/ß.yaml": "2",
    "line\nbreak.yaml": "3",
    "quote\"'.yaml": "4",
    "back\\slash.yaml": "5",
    "-dash.yaml": "6",
    "tab\t.yaml": "7",
    b"latin-\xe9.yaml".decode(errors="surrogateescape"): "8",
    "deep/" * 40 + "end.yaml": "9",
    "x" * 250 + ".yaml": "10",
    "$(id).yaml": "11",
}


def test_odd_names_survive(app: HostedRepository, store: Store, tmp_path: Path) -> None:
    app.commit(ODD)
    found = members(tmp_path / store().path)
    assert {name: content.decode() for name, (_, content) in found.items()} == ODD


def test_gnu_tar_and_go_read_it(app: HostedRepository, store: Store, tmp_path: Path) -> None:
    app.commit(ODD)
    out = tmp_path / "extracted"
    out.mkdir()
    subprocess.run(["tar", "-xzf", str(tmp_path / store().path), "-C", str(out)], check=True)
    found = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert found == set(ODD)


def test_links_and_submodules_stay_out(app: HostedRepository, store: Store, tmp_path: Path) -> None:
    app.commit(
        {"a.yaml": "a", "link": "a.yaml", "out": "/etc/passwd", "dir/up": "../..", "module": "1" * 40},
        modes={"link": "120000", "out": "120000", "dir/up": "120000", "module": "160000"},
    )
    assert names(tmp_path / store().path) == ["a.yaml"]


@pytest.mark.parametrize(
    ("files", "ignore", "kept"),
    [
        ({"a.yaml": "", "logo.png": "", ".gitignore": "", ".github/ci.yml": ""}, None, ["a.yaml"]),
        (
            {"a.yaml": "", "logo.png": "", ".gitignore": "", ".sourceignore": "*.md\n", "b.md": ""},
            None,
            [".sourceignore", "a.yaml", "logo.png"],
        ),
        ({"a.yaml": "", "logo.png": "", "x/b.yaml": ""}, "/*\n!/x", ["x/b.yaml"]),
        (
            {".sourceignore": "*.yaml", "a.yaml": "", "x/.sourceignore": "!*.yaml", "x/b.yaml": "", "c": ""},
            None,
            [".sourceignore", "c", "x/.sourceignore", "x/b.yaml"],
        ),
        ({".sourceignore": "*.yaml", "a.yaml": "", "b.yaml": ""}, "!b.yaml", [".sourceignore", "b.yaml"]),
        ({"secret/a": "", "secret/keep/b": ""}, "secret/\n!secret/keep/b", ["secret/keep/b"]),
        ({".gitignore": "*.yaml", "a.yaml": ""}, None, ["a.yaml"]),
        ({"logo.png": ""}, None, []),
    ],
    ids=[
        "defaults",
        "file",
        "spec",
        "nested",
        "spec over file",
        "brought back",
        "gitignore unread",
        "nothing left",
    ],
)
def test_what_is_ignored_stays_out(
    app: HostedRepository,
    store: Store,
    tmp_path: Path,
    files: Mapping[str, str],
    ignore: str | None,
    kept: list[str],
) -> None:
    app.commit(files)
    made = store(ignore=ignore)
    assert names(tmp_path / made.path) == kept
    assert made.files == len(kept)


def test_an_ignore_file_that_is_a_link_is_read_as_in_a_checkout(
    app: HostedRepository, store: Store, tmp_path: Path
) -> None:
    app.commit(
        {"rules/list": "*.md\n", "x/.sourceignore": "../rules/list", "x/a.md": "", "x/a.yaml": ""},
        modes={"x/.sourceignore": "120000"},
    )
    assert names(tmp_path / store().path) == ["rules/list", "x/a.yaml"]


@pytest.mark.parametrize("target", ["/etc/hostname", "../../../etc/hostname", ".sourceignore", "gone", "dir"])
def test_an_ignore_file_that_leads_nowhere_is_nothing(
    app: HostedRepository, store: Store, tmp_path: Path, target: str
) -> None:
    app.commit({".sourceignore": target, "a.yaml": "", "dir/b": ""}, modes={".sourceignore": "120000"})
    assert names(tmp_path / store().path) == ["a.yaml", "dir/b"]


def test_five_thousand_files_are_archived_the_same_every_time_and_everywhere(
    app: HostedRepository, remote: Remote, store: Store, tmp_path: Path
) -> None:
    """The second archive comes from another process and another mirror of the same commit."""
    sha = app.commit({f"apps/{n % 70}/file-{n}.yaml": f"kind: ConfigMap\n# {n}\n" * 20 for n in range(5000)})
    first = store()
    assert first.files == 5000
    script = (
        "import json, sys; from pathlib import Path; from dataclasses import asdict\n"
        "from policies import reference; from workers.git import Remote, archive, contents\n"
        "remote = Remote(sys.argv[1], data_dir=Path(sys.argv[2]), allow_loopback=True)\n"
        "sha = remote.pull(reference.choose({'commit': sys.argv[3]}), timeout=60).sha\n"
        "files, root = contents.of_commit(remote.mirror, sha), Path(sys.argv[2])\n"
        "made = archive(files, ignore=None, root=root, path='out.tar.gz')\n"
        "print(json.dumps(asdict(made)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, app.url, str(tmp_path / "other"), sha],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"},
        capture_output=True,
        check=True,
    )
    assert Artifact(**json.loads(done.stdout)) == first


def test_a_commit_that_is_damaged_on_disk_leaves_no_artifact(
    app: HostedRepository, remote: Remote, store: Store, tmp_path: Path
) -> None:
    sha = app.commit({"a.yaml": "a"})
    remote.pull(MAIN, timeout=10)
    for pack in (remote.mirror.path / "objects" / "pack").glob("pack-*"):
        pack.unlink()
    with pytest.raises(MirrorBroken):
        archive(contents.of_commit(remote.mirror, sha), ignore=None, root=tmp_path, path="out.tar.gz")
    assert list(tmp_path.glob("*.tar.gz")) == []
    assert store().files == 1


def test_a_commit_that_was_never_fetched_is_said(
    remote: Remote, app: HostedRepository, tmp_path: Path
) -> None:
    app.commit({"a.yaml": "a"})
    remote.pull(MAIN, timeout=10)
    with pytest.raises(MirrorBroken):
        archive(contents.of_commit(remote.mirror, "1" * 40), ignore=None, root=tmp_path, path="out.tar.gz")


def test_a_source_above_the_limit_is_refused_and_leaves_nothing(
    app: HostedRepository, store: Store, tmp_path: Path
) -> None:
    app.commit({"a.yaml": "a" * 600, "b.yaml": "b" * 600, "big.bin": "c" * 5000})
    with pytest.raises(TooLarge, match="more than 1000 bytes") as caught:
        store(largest=1000, path="ns/out.tar.gz")
    assert caught.value.reason == "ArchiveOperationFailed"
    assert list((tmp_path / "ns").iterdir()) == []
    assert store(largest=1200, ignore="big.bin", path="ns/out.tar.gz").files == 2


@pytest.mark.parametrize("name", [b"..", b".", b".git", b".GIT", b"a/../../etc"])
def test_a_tree_that_no_checkout_would_accept_is_refused(
    app: HostedRepository, remote: Remote, tmp_path: Path, name: bytes
) -> None:
    """A host may send any tree; git's own check only warns of some of these."""
    app.commit({"a.yaml": "a"})
    remote.pull(MAIN, timeout=10)
    repository = remote.mirror.open()
    blob = repository.create_blob(b"x")
    raw = b"100644 " + name + b"\0" + bytes.fromhex(str(blob))
    tree = (
        subprocess.run(
            ["git", "hash-object", "-w", "--stdin", "-t", "tree", "--literally"],
            cwd=remote.mirror.path,
            input=raw,
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .strip()
    )
    commit = (
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", tree, "-m", "x"],
            cwd=remote.mirror.path,
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .strip()
    )
    with pytest.raises(UnsupportedRepository, match="forbidden name"):
        archive(contents.of_commit(remote.mirror, commit), ignore=None, root=tmp_path, path="out.tar.gz")


def test_the_path_is_flux() -> None:
    assert artifact_path("GitRepository", "apps", "fleet", "abc") == "gitrepository/apps/fleet/abc.tar.gz"


def write(root: Path, ages: Mapping[str, float], *, now: float) -> None:
    for name, age in ages.items():
        file = root / "gitrepository" / "ns" / "app" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(b""))
        os.utime(file, (now - age, now - age))


@pytest.mark.parametrize(
    ("ages", "kept"),
    [
        ({"now.tar.gz": 0}, ["now.tar.gz"]),
        ({"now.tar.gz": 10, "before.tar.gz": 50}, ["before.tar.gz", "now.tar.gz"]),
        ({"now.tar.gz": 10, "before.tar.gz": 61}, ["now.tar.gz"]),
        ({"now.tar.gz": 999}, ["now.tar.gz"]),
        ({"now.tar.gz": 1, "b.tar.gz": 2, "c.tar.gz": 3, "d.tar.gz": 4}, ["b.tar.gz", "now.tar.gz"]),
        ({"now.tar.gz": 30, "newer.tar.gz": 1, "older.tar.gz": 40}, ["newer.tar.gz", "now.tar.gz"]),
        ({"now.tar.gz": 1, "b.tar.gz": 2, ".half.tmp": 3}, [".half.tmp", "b.tar.gz", "now.tar.gz"]),
        ({"now.tar.gz": 1, ".half.tmp": 100}, ["now.tar.gz"]),
    ],
)
def test_old_artifacts_go_and_the_current_one_stays(
    tmp_path: Path, ages: Mapping[str, float], kept: list[str]
) -> None:
    write(tmp_path, ages, now=1_000_000)
    removed = collect_garbage(tmp_path, "gitrepository/ns/app/now.tar.gz", now=1_000_000)
    assert sorted(file.name for file in (tmp_path / "gitrepository" / "ns" / "app").iterdir()) == kept
    assert {Path(path).name for path in removed} == set(ages) - set(kept)


def test_artifacts_of_a_deleted_source_are_removed_and_no_others(tmp_path: Path) -> None:
    write(tmp_path, {"a.tar.gz": 1, "b.tar.gz": 2}, now=1_000_000)
    other = tmp_path / "gitrepository" / "ns" / "other" / "a.tar.gz"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"")
    remove_artifacts(tmp_path, "gitrepository/ns/app/a.tar.gz")
    remove_artifacts(tmp_path, "gitrepository/ns/app/a.tar.gz")
    assert not (tmp_path / "gitrepository" / "ns" / "app").exists()
    assert other.exists()
