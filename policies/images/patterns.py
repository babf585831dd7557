# SPDX-License-Identifier: Apache-2.0
"""Regular expressions of users, as Go's regexp package reads and expands them, run by RE2.

Both libraries are one author's and search alike; what only RE2 takes is refused here, and a complaint is in
Go's words. At worst RE2 takes one step for each byte and instruction, 4 ns each: `steps` bounds the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import re2

MOST_STEPS = 2_000_000_000
_UNANCHORED = re2._Anchor.UNANCHORED
_NO_MATCH = (-1, -1)
# RE2's words, and Go's.
_WORDS = {
    "bad repetition operator": "invalid nested repetition operator",
    "invalid named capture group": "invalid named capture",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid repetition size": "invalid repeat count",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
}
# First what may hold a parenthesis that opens no group.
_TOKENS = re2.compile(
    r"(?s)\\Q.*?(?:\\E|$)|(?P<byte>\\C)|\\.|\[\^?\]?(?:\[:\^?[a-z]+:\]|\\.|[^\]\\])*\]"
    r"|(?P<named>\(\?P?<(?P<name>[^>]*)>)|\(\?|(?P<group>\()|(?P<count>\{[0-9,]*[1-9][0-9]{7}[0-9,]*\})"
)
_NAME = re2.compile(r"[A-Za-z0-9_]+")

Groups = tuple[int, ...]
Part = bytes | Groups


class Pattern:
    """A compiled expression; texts are UTF-8."""

    def __init__(self, pattern: str, *, captures: bool = False) -> None:
        """Compile; raises ValueError in Go's words."""
        self._named = _named_groups(pattern)
        self._pattern = pattern
        try:
            compiled = _compiled(pattern, captures=captures)
        except re2.error as error:
            raise ValueError(_in_go_words(error, pattern)) from None
        self._instructions: int = max(compiled.programsize, compiled.reverseprogramsize)
        self._groups: int = compiled.groups
        # The wrapper's Match object takes twice the time of the search itself, and there are many tags.
        self._search = compiled._regexp.Match

    def steps(self, length: int) -> int:
        """Return how many steps may be needed at most for texts of this length together, in bytes."""
        return self._instructions * length

    def matches(self, text: bytes) -> bool:
        found: bool = self._search(_UNANCHORED, text, 0, len(text))[0] != _NO_MATCH
        return found

    def matching(self, tags: Iterable[str]) -> Iterator[tuple[bytes, str]]:
        """Yield each tag that matches, in UTF-8 and as it is."""
        search = self._search
        for tag in tags:
            text = tag.encode("utf-8", "surrogatepass")
            if search(_UNANCHORED, text, 0, len(text))[0] != _NO_MATCH:
                yield text, tag

    def expanded(self, template: str, tags: Iterable[str]) -> Iterator[tuple[bytes, str]]:
        """Yield what the template makes of each tag that matches, as Go's ExpandString, and the tag.

        `$name`, `${name}`, `$1` stand for groups and take as many letters as they can, `$$` for a dollar;
        a group that does not exist, or had no part in the match, is empty.
        """
        search, parts = self._narrowed(self._parts(template))
        groups = [part for part in parts if isinstance(part, tuple)]
        # Each form has a loop of its own: a call for every tag would cost a good part of a search.
        if len(parts) == 1 and groups and len(groups[0]) == 1:  # what most templates are
            return _one_group(search, groups[0][0], tags)
        if len(groups) > 1 and all(len(group) == 1 for group in groups):
            form = b"".join([part.replace(b"%", b"%%") if type(part) is bytes else b"%b" for part in parts])
            return _filled(search, form, itemgetter(*[group[0] for group in groups]), tags)
        return _joined(search, parts, tags)

    def _narrowed(self, parts: list[Part]) -> tuple[Any, list[Part]]:
        """Return a search with no groups but those that the parts name, and the parts by their new numbers.

        A search takes up to twice the time where it has to say of two more groups where they are.
        """
        wanted = sorted({group for part in parts if isinstance(part, tuple) for group in part if group})
        if len(wanted) == self._groups:
            return self._search, parts
        narrow = _compiled(_with_groups(self._pattern, frozenset(wanted)), captures=True)
        if narrow.groups != len(wanted):
            return self._search, parts
        new = {0: 0} | {group: place for place, group in enumerate(wanted, 1)}
        renumbered = [
            tuple(new[group] for group in part) if isinstance(part, tuple) else part for part in parts
        ]
        return narrow._regexp.Match, renumbered

    def _parts(self, template: str) -> list[Part]:
        """Split a template into texts and groups, of which the first that had a part in the match counts."""
        parts: list[Part] = []
        while template:
            before, dollar, template = template.partition("$")
            parts.append(before.encode())
            if not dollar:
                break
            if template.startswith("$"):
                parts.append(b"$")
                template = template[1:]
                continue
            name, rest = _leading_name(template)
            if not name:
                parts.append(b"$")  # it stands for itself
                continue
            template = rest
            number = _number(name)
            groups = self._named.get(name, ()) if number is None else (number,)
            if groups and groups[0] <= self._groups:
                parts.append(groups)
        return [part for part in parts if part != b""]


def _one_group(search: Any, group: int, tags: Iterable[str]) -> Iterator[tuple[bytes, str]]:
    for tag in tags:
        text = tag.encode("utf-8", "surrogatepass")
        spans = search(_UNANCHORED, text, 0, len(text))
        begin, end = spans[group]
        if begin >= 0:
            yield text[begin:end], tag
        elif spans[0] != _NO_MATCH:
            yield b"", tag


def _filled(
    search: Any, form: bytes, pick: Callable[[Any], Any], tags: Iterable[str]
) -> Iterator[tuple[bytes, str]]:
    for tag in tags:
        text = tag.encode("utf-8", "surrogatepass")
        spans = search(_UNANCHORED, text, 0, len(text))
        if spans[0] != _NO_MATCH:
            # What had no part in the match is from -1 to -1, which is nothing.
            yield form % tuple([text[begin:end] for begin, end in pick(spans)]), tag


def _joined(search: Any, parts: list[Part], tags: Iterable[str]) -> Iterator[tuple[bytes, str]]:
    for tag in tags:
        text = tag.encode("utf-8", "surrogatepass")
        spans = search(_UNANCHORED, text, 0, len(text))
        if spans[0] != _NO_MATCH:
            found = [_first(text, spans, part) if isinstance(part, tuple) else part for part in parts]
            yield b"".join(found), tag


def _leading_name(text: str) -> tuple[str, str]:
    """Return the `name` or `{name}` at the beginning, and what follows; no name when there is none."""
    braced = text.startswith("{")
    text = text.removeprefix("{") if braced else text
    # Go's letters and digits are those of Unicode.
    length = next((n for n, char in enumerate(text) if not _in_name(char)), len(text))
    name, rest = text[:length], text[length:]
    if braced:
        return (name, rest[1:]) if name and rest.startswith("}") else ("", "")
    return name, rest


def _in_name(char: str) -> bool:
    return char == "_" or char.isalpha() or char.isdecimal()


def _number(name: str) -> int | None:
    """Return the number that a name is: one with a leading zero, or beyond all reason, is none."""
    plain = name.isascii() and name.isdecimal() and len(name) < 10
    return int(name) if plain and (name == "0" or name[0] != "0") else None


def _first(text: bytes, spans: Sequence[tuple[int, int]], groups: Groups) -> bytes:
    for group in groups:
        begin, end = spans[group]
        if begin >= 0:
            return text[begin:end]
    return b""


def _compiled(pattern: str, *, captures: bool) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = not captures
    return re2.compile(pattern, options)


def _with_groups(pattern: str, wanted: frozenset[int]) -> str:
    """Return the expression with those of its groups alone; the others only hold together what is in them."""
    count, at, kept = 0, 0, []
    for token in _TOKENS.finditer(pattern):
        if token["group"] or token["named"]:
            count += 1
            if count not in wanted:
                kept += [pattern[at : token.start()], "(?:"]
                at = token.end()
    return "".join([*kept, pattern[at:]])


def _named_groups(pattern: str) -> dict[str, Groups]:
    """Return the numbers of named groups, of which several may share a name; raises ValueError.

    Refused is what RE2 takes and Go does not.
    """
    found: dict[str, Groups] = {}
    count = 0
    for token in _TOKENS.finditer(pattern):
        if token["byte"]:
            raise _invalid("invalid escape sequence", token[0])
        if token["count"]:
            raise _invalid("invalid repeat count", token[0])
        if token["group"] or token["named"]:
            count += 1
        if (name := token["name"]) is None:
            continue
        if not _NAME.fullmatch(name):
            raise _invalid("invalid named capture", token[0])
        found[name] = (*found.get(name, ()), count)
    return found


def _in_go_words(error: Exception, pattern: str) -> str:
    said = error.args[0].decode(errors="replace")
    what, _, where = said.partition(": ")
    if what == "missing )" or what == "unexpected )":
        what, where = what.replace("missing )", "missing closing )"), pattern
    if said.startswith("trailing \\"):
        return str(_invalid("trailing backslash at end of expression", ""))
    return str(_invalid(_WORDS.get(what, what), where))


def _invalid(what: str, where: str) -> ValueError:
    return ValueError(f"error parsing regexp: {what}: `{where}`")
