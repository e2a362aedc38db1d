# SPDX-License-Identifier: Apache-2.0
"""``blazepose bag`` and ``blazepose video``: recordings in, recordings with people out."""
