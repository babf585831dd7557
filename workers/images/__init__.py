# SPDX-License-Identifier: Apache-2.0
"""The image kinds: scans of registries, and policies that choose from what they found."""
