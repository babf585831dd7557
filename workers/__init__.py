# SPDX-License-Identifier: Apache-2.0
"""The hands: Celery tasks, and everything that touches the cluster, Git and GitHub."""
