# SPDX-License-Identifier: Apache-2.0
"""What the launch files know: the camera drivers, parameter files and packages."""
