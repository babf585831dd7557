# SPDX-License-Identifier: Apache-2.0
"""The front door: what comes in over HTTP or the command line, and what people look at."""
