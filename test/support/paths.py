# SPDX-License-Identifier: Apache-2.0
"""Where things are in the repository, and the data beside it."""

from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
TESTS = SUPPORT.parent
ROOT = TESTS.parent
DATA = ROOT.parent / "shared" / "data"
LOOPBACK_PROFILE = SUPPORT / "fastdds_loopback.xml"
