# SPDX-License-Identifier: Apache-2.0
"""What people see on GitHub: comments, check runs, statuses and deployments, as pure functions."""
