# SPDX-License-Identifier: Apache-2.0
"""The nodes that listen to the people of another one: `blazepose_gestures` and `blazepose_repetitions`."""
