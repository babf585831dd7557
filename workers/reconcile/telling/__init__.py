# SPDX-License-Identifier: Apache-2.0
"""Tell GitHub how commits and pull requests fare: a look at the cluster, and a module for each way."""
