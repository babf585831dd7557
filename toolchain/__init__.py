# SPDX-License-Identifier: Apache-2.0
"""Find or build the Go parts."""
