# SPDX-License-Identifier: Apache-2.0
"""Setters: a marked value of a YAML file is set to an image, and no other byte of the file changes.

A marker is the comment after a value: `# {"$imagepolicy": "namespace:name"}`, which stands for the whole
reference, or with `:name`, `:tag` or `:digest` at its end for a part of it. Which values it marks is what
Flux's setters make of it; `edit` says where the two differ.
"""

from __future__ import annotations

from policies.images.setters.edit import (
    Change,
    Edited,
    InvalidImage,
    Note,
    Reason,
    check,
    concerns,
    set_images,
)
from policies.images.setters.markers import Image, Part
from policies.images.setters.places import Identity

__all__ = [
    "Change",
    "Edited",
    "Identity",
    "Image",
    "InvalidImage",
    "Note",
    "Part",
    "Reason",
    "check",
    "concerns",
    "set_images",
]
