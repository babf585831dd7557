# SPDX-License-Identifier: Apache-2.0
"""The clock and the eyes: one leader that watches the cluster and puts objects on the queue."""
