# SPDX-License-Identifier: Apache-2.0
"""Commands that a user of `flux` knows: the same words, the same tables, the same marks."""
