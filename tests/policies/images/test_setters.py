# SPDX-License-Identifier: Apache-2.0
"""A marked value is set, every other byte stays, and what cannot be set is left and said."""

from __future__ import annotations

import re

import pytest
import yaml

from policies.images.setters import Identity, Image, InvalidImage, check, concerns, set_images
from tests.fixtures.setters import FluxSetters
from tests.policies.images.marked import DIFFERS, LEFT, ODD, POLICIES, SAME, WEB, case, marker

pytestmark = pytest.mark.timeout(600)  # where nothing of Go's is cached, the oracle is built for minutes


@pytest.mark.parametrize("name", SAME)
def test_what_is_marked_is_set_and_nothing_else(name: str) -> None:
    before, after = case(SAME[name])
    edited = set_images("f.yaml", before, POLICIES)
    assert edited.content == after
    assert edited.changes
    again = set_images("f.yaml", after, POLICIES)
    assert again.content is after
    assert again.changes == ()


@pytest.mark.parametrize("name", SAME)
def test_flux_sets_the_same(name: str, flux_setters: FluxSetters) -> None:
    before, _ = case(SAME[name])
    edited = set_images("f.yaml", before, POLICIES)
    flux = flux_setters.update({"f.yaml": before}, POLICIES)
    assert told(flux.changes) == sorted({(c.old, c.new, setter(c.policy, c.part)) for c in edited.changes})
    ours, theirs = flux_setters.read(edited.content), flux_setters.read(flux.files["f.yaml"])
    assert documents(ours[0]) == documents(theirs[0])
    assert ours[1] == theirs[1]


@pytest.mark.parametrize("name", LEFT)
def test_what_cannot_be_set_is_left_and_said(name: str, flux_setters: FluxSetters) -> None:
    text, reason, line = LEFT[name]
    before, _ = case(text)
    edited = set_images("apps/f.yaml", before, POLICIES)
    assert edited.content is before
    assert edited.changes == ()
    assert [(note.path, note.line, note.reason) for note in edited.notes] == [("apps/f.yaml", line, reason)]
    assert flux_setters.update({"f.yaml": before}, POLICIES)[:2] == ({"f.yaml": before}, [])


@pytest.mark.parametrize("name", DIFFERS)
def test_where_flux_is_wrong_we_differ(name: str, flux_setters: FluxSetters) -> None:
    text, reason = DIFFERS[name]
    before, after = case(text)
    edited = set_images("f.yaml", before, POLICIES)
    assert edited.content == after
    assert [note.reason for note in edited.notes] == ([reason] if reason else [])
    flux = flux_setters.update({"f.yaml": before}, POLICIES).files
    assert flux.keys() != {"f.yaml"} or documents(flux_setters.read(flux["f.yaml"])[0]) != documents(
        flux_setters.read(after)[0]
    )


def test_a_change_says_where_it_is_and_what_it_is_of() -> None:
    text = (
        "apiVersion: v1\nkind: A\nmetadata: {name: a, namespace: shop, labels: {name: x}}\nimage: foo #M\n"
        "---\n"
        "kind: List\nitems:\n- kind: B\n  metadata:\n    name: b\n  spec:\n    kind: X\n    tag: v1 #T\n"
        "---\nkind: Bundle\nitems:\n- kind: B\n  digest: x #D\n"
        "---\nimage: {name: y, kind: K} # x\ntag: 'v1' #T\n"
    )
    edited = set_images("apps/all.yml", case(text).before, POLICIES)
    assert [(c.path, c.line, c.old, c.new, c.policy, c.part, c.object) for c in edited.changes] == [
        ("apps/all.yml", 4, "foo", WEB.part("image"), "apps:web", "image", Identity("v1", "A", "shop", "a")),
        ("apps/all.yml", 13, "v1", WEB.tag, "apps:web", "tag", Identity(kind="B", name="b")),
        ("apps/all.yml", 18, "x", WEB.digest, "apps:web", "digest", Identity(kind="Bundle")),
        ("apps/all.yml", 21, "v1", WEB.tag, "apps:web", "tag", Identity()),
    ]


def test_items_of_items_and_second_keys_tell_nothing_of_an_object() -> None:
    text = "kind: List\nitems:\n- kind: List\n  kind: X\n  items:\n  - kind: B\n    tag: v1 #T\n"
    (change,) = set_images("f.yaml", case(text).before, POLICIES).changes
    assert change.object == Identity(kind="List")


def test_flux_says_the_same_of_the_objects(flux_setters: FluxSetters) -> None:
    first, second = "kind: A\nmetadata: {name: a, namespace: shop}\n", "kind: B\nmetadata: {name: b}\n"
    before, _ = case(f"{first}image: foo #M\n---\n{second}tag: v1 #T\n")
    flux = flux_setters.update({"a/b.yaml": before}, POLICIES)
    ours = set_images("a/b.yaml", before, POLICIES).changes
    assert sorted((c["Path"], c["Kind"], c["Namespace"], c["Name"]) for c in flux.changes) == sorted(
        (c.path, c.object.kind, c.object.namespace, c.object.name) for c in ours
    )


def test_a_policy_without_an_image_is_no_unknown_one() -> None:
    content = b'a: foo # {"$imagepolicy": "apps:new"}\n'
    (note,) = set_images("f.yaml", content, {"apps:new": None}).notes
    assert (note.reason, note.message) == ("no-image", "policy apps:new has selected no image yet")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x foo\nb: *x #M\n", "it marks an alias: put it where the anchor is"),
        ("a: [&x foo, b]\nb: [c, *x, #M\n  d]\n", "it marks an alias: put it where the anchor is"),
        ("a: '*x'\nb: #M\n", "it marks no value: write it behind one, on the same line"),
        (
            "a: {{ x }} #M\n",
            "the file is left as it is, it is a template: if it is a template of Helm's, mark",
        ),
        (
            "a: [ #M\n",
            "the file is left as it is, it is no YAML: did not find expected node content: mend it",
        ),
        ("a: !!int 1 #M\n", "what it marks is no text, by its tag: remove !!int"),
        ("a: foo #U\n", "there is no policy apps:gone here: what it marks is left"),
    ],
)
def test_a_note_says_what_to_do(text: str, said: str) -> None:
    (note,) = set_images("f.yaml", case(text).before, POLICIES).notes
    assert note.message.startswith(said)


def test_what_was_emptied_or_put_in_quotes_is_said() -> None:
    before, _ = case("a: sha256:00 #R\nb: 1e3 #E\n")
    notes = set_images("f.yaml", before, POLICIES).notes
    assert [(note.line, note.reason) for note in notes] == [(1, "no-digest"), (2, "quoted")]


def test_what_is_no_utf8_is_left() -> None:
    content = b'b: 1\na: \xff # {"$imagepolicy": "apps:web"}\n'
    edited = set_images("f.yaml", content, POLICIES)
    assert edited.content is content
    assert [(note.line, note.reason) for note in edited.notes] == [(2, "unreadable")]


@pytest.mark.parametrize(
    "text",
    [
        "a: foo # " + "[" * 100_000 + '"$imagepolicy"\n',
        "".join(f'a{n}: foo # {{"$imagepolicy": 1}}\n' for n in range(20_000)),
        '{"' + "*" * 200_000 + '": [x], # {"$imagepolicy": "apps:web"}\n b: c}\n',
        "a: " + "[" * 100_000 + ' # "$imagepolicy"\n',
        'a: # "$imagepolicy"\n' + "".join(f"{' ' * n}- &x{n}\n" for n in range(1000)),
        "".join(f"a{n}: &x{n} [{f'*x{n - 1}, ' * 9 if n else ''}]\n" for n in range(50))
        + '# "$imagepolicy"\n',
        "a: !!str &x\n" + "# \n" * 50_000 + '  # "$imagepolicy"\n  foo\n',
    ],
    ids=["brackets", "markers", "stars", "flows", "depth", "aliases", "comments"],
)
def test_a_hostile_file_is_left_soon(text: str) -> None:
    content = text.encode()
    edited = set_images("f.yaml", content, POLICIES)
    assert edited.content is content
    assert edited.notes


def test_a_sign_in_a_text_is_none() -> None:
    before, _ = case("a: |\n  image: foo #M\nb: 'x #M'\nc: 1\n")
    assert set_images("f.yaml", before, POLICIES) == set_images("f.txt", before, POLICIES)


@pytest.mark.parametrize(
    ("path", "looked_at"),
    [
        ("f.yaml", True),
        ("a/b/f.yml", True),
        (".yaml", True),
        ("a/Kustomization", True),
        ("f.YAML", False),
        ("kustomization", False),
        ("f.yaml.tpl", False),
        ("f.json", False),
        ("a.yaml/f", False),
        ("Kustomization.txt", False),
    ],
)
def test_files_are_chosen_by_their_name_as_flux_does(
    path: str, looked_at: bool, flux_setters: FluxSetters
) -> None:
    before, after = case("a: «foo→IMAGE» #M\n")
    assert concerns(path, before) is looked_at
    assert set_images(path, before, POLICIES).content == (after if looked_at else before)
    assert flux_setters.update({path: before}, POLICIES).files[path] == (after if looked_at else before)
    assert not concerns(path, b"a: foo\n")


@pytest.mark.parametrize(
    "image",
    [
        Image("ghcr.io/acme/web", "1\nevil: true"),
        Image("ghcr.io/acme/web", '1" # '),
        Image("ghcr.io/acme/web", "1 "),
        Image("ghcr.io/acme/web", "1", "sha256:'"),
        Image("ghcr.io/acme/web", "1", "{{ x }}"),
        Image("ghcr.io/acme/web", "ü"),
        Image("ghcr.io/acme/web", ""),
        Image("", "1"),
        Image("ghcr.io/acme/web", "1" * 2000),
    ],
)
def test_an_image_that_would_break_a_file_is_refused(image: Image) -> None:
    said = r"the image of policy apps:web is .*: look at the policy's status"
    with pytest.raises(InvalidImage, match=said):
        check({"apps:odd": ODD, "apps:new": None, "apps:web": image})
    with pytest.raises(InvalidImage, match=said):
        set_images("f.yaml", case("a: b #N\n").before, {"apps:web": image})


def test_other_images_are_none_of_a_files_business() -> None:
    before, after = case('a: «b→"ODD"» #E\n')
    check(POLICIES)
    assert set_images("f.yaml", before, {**POLICIES, "apps:web": Image("", "")}).content == after


@pytest.mark.parametrize(
    ("image", "written"),
    [
        (Image("[::1]:5000/web", "1"), '"[::1]:5000/web:1"'),
        (Image("12", "30"), '"12:30"'),  # half past twelve
        (Image("12", "30.5"), '"12:30.5"'),
        (Image("12", "75"), "12:75"),
        (Image("localhost:5000/web", "1"), "localhost:5000/web:1"),
    ],
)
def test_an_image_that_reads_like_something_else_is_put_in_quotes(image: Image, written: str) -> None:
    before, _ = case("a: foo #M\n")
    after = set_images("f.yaml", before, {"apps:web": image}).content
    assert after.startswith(f"a: {written} #".encode())
    assert yaml.safe_load(after) == {"a": image.part("image")}


def words(text: str) -> list[str]:
    return text.split()


TAGS = words("""
1 10 1.0 1.10 1.2.3 v1 0 00 01 007 08 0x1f 0xg 0b1 0b2 0o7 0o8 1e3 1E3 1e 1e-3 1.e3 1.5e3 .5 5.
1_000 _1 1_ 1__0 1.2_3 0_7 1_000.5 y Y yes Yes YES yEs n N no No NO on On ON off Off OFF true True TRUE
tRUE false False FALSE null Null NULL nULL nan NaN inf .inf .Inf .NaN .nan
2024-01-02 2024-1-2 2024-13-45 20240102
2024-01-02T03 0x1p-2 1p3 0X1F 0B1 0O7 latest main a-b 1-2 1. 12e03 0.0 00.1 1e400 9223372036854775808
18446744073709551616 0123456789 e3 0xdeadbeef deadbeef 123e4567 1970-01-01 2001-12-14t21 4e5f 1f 1d 0x 0b
0o 0_ 1e1_0 infinity Infinity INF
""")


def test_a_tag_stays_a_text_to_every_reader(flux_setters: FluxSetters) -> None:
    policies = {f"apps:p{number}": Image("ghcr.io/acme/web", tag) for number, tag in enumerate(TAGS)}
    lines = [f"a{n}: old {marker(f'apps:p{n}:tag')}\n" for n in range(len(TAGS))]
    lines += [f"b{n}: {{c: old, {marker(f'apps:p{n}:tag')}\n  d: 1}}\n" for n in range(len(TAGS))]
    before = "".join(lines).encode()
    after = set_images("f.yaml", before, policies).content
    wanted = {f"a{n}": tag for n, tag in enumerate(TAGS)}
    wanted |= {f"b{n}": {"c": tag, "d": 1} for n, tag in enumerate(TAGS)}  # type: ignore[misc]
    nodes, kubernetes = flux_setters.read(after)
    assert kubernetes == wanted
    assert yaml.safe_load(after) == wanted
    assert {node["tag"] for node in nodes[0]["of"][1 : 2 * len(TAGS) : 2]} == {"!!str"}
    theirs = flux_setters.update({"f.yaml": before}, policies).files["f.yaml"]
    assert flux_setters.read(theirs)[1] == wanted


def test_what_is_surely_a_text_gets_no_quotes() -> None:
    for tag in ("v1.10", "1.2.3", "latest", "main-abc-123", "1.2.3-rc.1", "deadbeef", "sha256_1"):
        policies = {"apps:web": Image("ghcr.io/acme/web", tag)}
        assert f"a: {tag} #".encode() in set_images("f.yaml", case("a: x #T\n").before, policies).content


def told(changes: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return sorted({(change["Old"], change["New"], change["Setter"]) for change in changes})


def setter(policy: str, part: str) -> str:
    return policy if part == "image" else f"{policy}:{part}"


def documents(nodes: list[object]) -> list[object]:
    """Leave out documents in which nothing stands: Flux drops them."""
    return [node for node in nodes if not re.search("'tag': '!!null', 'text': ''}$", str(node))]


def test_the_odd_tag_is_odd() -> None:
    assert yaml.safe_load("1.0e+3") == 1000.0
    assert ODD.tag == "1e3"
