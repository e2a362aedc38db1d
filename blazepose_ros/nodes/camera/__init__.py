# SPDX-License-Identifier: Apache-2.0
"""The node `blazepose_camera`: a file, a folder or a webcam as the topics of a camera."""
