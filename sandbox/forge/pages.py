# SPDX-License-Identifier: Apache-2.0
"""The pages of the forge."""

from flask import Blueprint

pages = Blueprint("pages", __name__)
