# SPDX-License-Identifier: Apache-2.0
"""YAML files made by chance, in all the ways in which people write them, with what becomes of their marks."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from policies.images.setters import Part
from tests.policies.images.marked import POLICIES, marker

_KEYS = ("image", "tag", "name", "a", "b-c", '"q"', "'s t'", "ü", "1", "newTag", "metadata.x")
_TEXTS = (
    "x",
    "ghcr.io/acme/web:1.9.0",
    "1.10",
    "yes",
    "null",
    "it is",
    "'it''s'",
    '"a \\"b\\" # c"',
    "föö 😀",
    "[]",
    "{}",
    "~",
    "2024-01-02",
    '\'# {"$imagepolicy": "apps:web"}\'',
    "-1",
)
_OLD = ("v1", "ghcr.io/acme/web:v1", "sha256:0", "föö", "main-3", "a b")
_MARKS: tuple[tuple[str, Part], ...] = (
    ("apps:web", "image"),
    ("apps:web", "name"),
    ("apps:web", "tag"),
    ("apps:web", "digest"),
    ("apps:odd", "tag"),
    ("apps:odd", "image"),
)


@dataclass
class Made:
    """A file before and after its marks were followed, and how many values changed."""

    before: bytes
    after: bytes
    changes: int


@dataclass
class _Maker:
    """Writes both texts of a file at once, with what hypothesis draws."""

    draw: st.DrawFn
    pieces: list[tuple[str, str]] = field(default_factory=list)
    changes: int = 0
    anchors: int = 0
    tabs: bool = True  # not between a dash and what follows it

    def chance(self, *kinds: str) -> str:
        return self.draw(st.sampled_from(kinds))

    def put(self, text: str, after: str | None = None) -> None:
        self.pieces.append((text, text if after is None else after))

    def spaces(self) -> str:
        return self.chance(" ", " ", "  ", "    ", "\t" if self.tabs else " ")

    def between(self, indent: str) -> None:
        """Write what may stand between two entries."""
        match self.chance("", "", "", "blank", "comment"):
            case "blank":
                self.put("\n")
            case "comment":
                self.put(f"{indent}# image: x # no marker\n")

    def mapping(self, indent: str, depth: int) -> None:
        keys = self.draw(st.lists(st.sampled_from(_KEYS), min_size=1, max_size=4, unique=True))
        for key in keys:
            self.between(indent)
            self.put(f"{indent}{key}:")
            self.value(indent, depth)

    def value(self, indent: str, depth: int) -> None:
        kinds = ["text", "text", "marked", "marked", "block", "marked block", "flow", "alias"]
        kind = self.chance(*kinds, *(["mapping", "list"] if depth else []))
        if kind == "mapping":
            self.put("\n")
            self.mapping(indent + self.chance("  ", "    ", " "), depth - 1)
        elif kind == "list":
            self.put("\n")
            self.sequence(indent + self.chance("", "  "), depth - 1)
        else:
            self.leaf(kind, indent)

    def sequence(self, indent: str, depth: int) -> None:
        for _ in range(self.draw(st.integers(1, 3))):
            self.between(indent)
            self.put(f"{indent}-")
            if self.chance("leaf", "mapping") == "mapping":
                self.put(f" k: {self.chance('1', 'x')}\n")
                self.mapping(indent + "  ", depth if depth > 0 else 0)
            else:
                self.tabs = False
                self.leaf(self.chance("text", "marked", "marked block", "flow"), indent)
                self.tabs = True

    def leaf(self, kind: str, indent: str) -> None:
        match kind:
            case "text":
                self.put(f"{self.spaces()}{self.draw(st.sampled_from(_TEXTS))}{self.chance('', ' # x')}\n")
            case "marked":
                self.marked(indent)
            case "block":
                self.put(f" |\n{indent}  image: x {marker('apps:web')}\n\n{indent}   y\n")
            case "marked block":
                self.marked_block(indent)
            case "flow":
                self.flow(indent)
            case "alias":
                self.anchors += 1
                name = f"n{self.anchors}"
                self.put(f" &{name}")
                self.marked(indent)
                self.put(f"{indent}r{name}: *{name} # x\n")

    def mark(self) -> tuple[str, str]:
        """Choose a marker; returns the new text and the comment."""
        policy, part = self.draw(st.sampled_from(_MARKS))
        self.changes += 1
        return POLICIES[policy].part(part), marker(policy if part == "image" else f"{policy}:{part}")

    def marked(self, indent: str) -> None:
        new, comment = self.mark()
        old, quote = self.draw(st.sampled_from(_OLD)), self.chance("", "", "'", '"')
        if self.chance("", "", "lines"):
            old += f"\n{indent}   more"
        close = quote or ('"' if new == "1e3" else "")
        self.put(self.spaces())
        self.put(f"{quote}{old}{quote}", f"{close}{new}{close}")
        self.put(f"{self.spaces()}{comment}{self.chance('', ' ')}\n")

    def marked_block(self, indent: str) -> None:
        new, comment = self.mark()
        style, chomping = self.chance("|", ">"), self.chance("", "-", "+")
        self.put(" ")
        self.put(style + chomping, style + "-")
        self.put(f" {comment}\n")
        self.put(f"{indent}   old\n{indent}     text", f"{indent}   {new}")
        self.put("\n" + self.chance("", "\n"))

    def flow(self, indent: str) -> None:
        new, comment = self.mark()
        before, after = self.chance(
            ("{a: ", "  , b: x}"), ("[x, ", " , {y: z}]"), ("[", "]"), ('{"k" : ', "}")
        )  # type: ignore[arg-type]
        comma = "" if "," in after or not after.startswith(" ") else ","
        quote = self.chance("", "'", '"')
        close = quote or ('"' if new == "1e3" else "")
        self.put(f" {before}")
        self.put(f"{quote}v1{quote}", f"{close}{new}{close}")
        self.put(f"{comma} {comment}\n{indent}  {after} # x\n")


@st.composite
def documents(draw: st.DrawFn) -> Made:
    """Make a file."""
    maker = _Maker(draw)
    maker.put(draw(st.sampled_from(["", "", "---\n", "# first\n---\n"])))
    for number in range(draw(st.integers(1, 3))):
        if number:
            maker.put(draw(st.sampled_from(["---\n", "---  # next\n"])))
        maker.mapping("", 2)
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    mark = draw(st.sampled_from(["", "", "\ufeff"]))
    last = draw(st.booleans())
    texts = ["".join(side).replace("\n", end) for side in zip(*maker.pieces, strict=True)]
    before, after = ((mark + (text if last else text.rstrip("\r\n"))).encode() for text in texts)
    return Made(before, after, maker.changes)
