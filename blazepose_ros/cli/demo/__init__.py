# SPDX-License-Identifier: Apache-2.0
"""``blazepose demo``: camera and node at work, and pictures of it."""
