# SPDX-License-Identifier: Apache-2.0
"""The models at work: from an image to the people in it."""
