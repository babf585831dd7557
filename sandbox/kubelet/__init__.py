# SPDX-License-Identifier: Apache-2.0
"""A node without machines: every pod becomes ready, so that any repository can be seen healthy."""
