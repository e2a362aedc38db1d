# SPDX-License-Identifier: Apache-2.0
"""The node `blazepose`: camera images in, people out."""
