# SPDX-License-Identifier: Apache-2.0
"""Where a camera's images come from: files, folders, webcams."""
