# SPDX-License-Identifier: Apache-2.0
"""A new text in the place of an old scalar, in its style, which every reader of YAML takes for a text."""

from __future__ import annotations

import re

from policies.images.setters.places import BREAKS, Scalar

# An image's name, tag or digest: nothing of it has to be escaped in any style.
_IMAGE = re.compile(r"[0-9A-Za-z_.:/@+\[\]-]*")
_LONGEST = 1024  # characters
_PLAIN = re.compile(r"[0-9A-Za-z_./][0-9A-Za-z_./:@+-]*(?<!:)")

# What YAML 1.1 and 1.2 and their readers (Kubernetes, Helm, kustomize) take for something else than a text:
# rather too much than too little, since a text in quotes is always one.
_OTHER = re.compile(
    r"""
    ~|null|Null|NULL|y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF
    |[-+]?(0[bB][01_]+|0[oO]?[0-7_]+|0[xX][0-9a-fA-F_]+|[0-9][0-9_]*)
    |[-+]?([0-9][0-9_]*)?\.?[0-9_]*([eE][-+]?[0-9_]+)?
    |[-+]?0[xX][0-9a-fA-F_.]+[pP][-+]?[0-9]+
    |[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?
    |[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)
    |[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt].*)?
    """,
    re.VERBOSE,
)
_HEADER = re.compile(r"([|>])([0-9+-]*)")
_OF_BREAKS = "".join(BREAKS)

Splice = tuple[int, int, str]  # from, to, and what takes the place


def is_safe(text: str) -> bool:
    """Tell whether a text can stand for an image in a file: no spaces, quotes or line ends are in it."""
    return len(text) <= _LONGEST and _IMAGE.fullmatch(text) is not None


def reads_as_text(plain: str) -> bool:
    """Tell whether a text without quotes is a text to every reader of YAML."""
    return _PLAIN.fullmatch(plain) is not None and _OTHER.fullmatch(plain) is None


def splices(text: str, scalar: Scalar, new: str) -> list[Splice]:
    """Say how a safe text takes the place of a scalar's; nothing when there is no room for it.

    Quotes stay as they are, and a text that would be read as a number without them gets some. A block scalar
    stays one and loses its line end, as in Flux.
    """
    if scalar.style in "|>" and scalar.style:
        return _block(text, scalar, new)
    quote = scalar.style or ("" if reads_as_text(new) else '"')
    return [(scalar.start, scalar.end, f"{quote}{new}{quote}")]


def _block(text: str, scalar: Scalar, new: str) -> list[Splice]:
    header = _HEADER.match(text, scalar.start)
    content = text[scalar.content : scalar.end]
    written = content.rstrip(_OF_BREAKS)
    if header is None or not written.strip():
        return []
    first = next(line for line in re.split(f"[{_OF_BREAKS}]", written) if line.strip())
    # With an indentation indicator a text may begin with spaces of its own.
    begins = scalar.text.lstrip("\n")
    own = len(begins) - len(begins.lstrip(" "))
    indent = " " * (len(first) - len(first.lstrip(" ")) - own)
    digit = header[2].strip("+-")
    return [
        (header.start(), header.end(), f"{header[1]}{digit}-"),
        (scalar.content, scalar.content + len(written), indent + new),
    ]
