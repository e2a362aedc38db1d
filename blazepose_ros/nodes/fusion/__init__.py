# SPDX-License-Identifier: Apache-2.0
"""The node `blazepose_fusion`: the people of several cameras in, each of them once out."""
