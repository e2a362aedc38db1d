# SPDX-License-Identifier: Apache-2.0
"""Where cameras are in relation to each other, from one person who walks about before them."""
