# SPDX-License-Identifier: Apache-2.0
"""Why an image kind is not ready; messages and reasons are Flux's, since scripts and people match on them."""

from __future__ import annotations

from policies.errors import FairwayError, TerminalError


class InvalidImage(TerminalError):
    """The name of an image cannot be read."""

    reason = "ImageURLInvalid"


class InvalidPolicy(TerminalError):
    """A policy that can never choose anything: only a change of it helps."""

    reason = "InvalidPolicy"


class NoTags(FairwayError):
    """Nothing was scanned yet: the next scan helps."""

    reason = "DependencyNotReady"


class NothingChosen(FairwayError):
    """None of the tags there are can be chosen."""

    reason = "Failure"


class InvalidExclusion(FairwayError):
    """An expression of spec.exclusionList cannot be read."""

    reason = "ReadOperationFailed"


class AccessDenied(FairwayError):
    """The ImageRepository is not for this namespace; its owner may change that at any time."""

    reason = "AccessDenied"
