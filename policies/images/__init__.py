# SPDX-License-Identifier: Apache-2.0
"""New images: what they are, where they are written down in Git, and how they are proposed."""
