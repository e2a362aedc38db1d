# SPDX-License-Identifier: Apache-2.0
"""Where people are in the camera's frame: from one color image, over time, and from depth."""
