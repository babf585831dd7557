# SPDX-License-Identifier: Apache-2.0
"""Orders that people write in pull requests: how they are read, who may give them, and what stands then."""
