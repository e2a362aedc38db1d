# SPDX-License-Identifier: Apache-2.0
"""The package for pip: the messages built through CMakeLists.txt, and console scripts.

On a ROS distribution colcon ignores this file and drives CMakeLists.txt itself.
The environment variable ROS_DISTRO chooses which distribution's wheels to build against.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
PACKAGE = ElementTree.parse(ROOT / "package.xml").getroot()
DISTROS = ("jazzy", "kilted")  # those that have wheels
# Messages of other packages, of which there are no wheels.
BORROWED = ("bond", "hri_msgs", "std_srvs", "tf2_msgs", "vision_msgs")
SIDE_BY_SIDE = 2
EXTRAS = ("c3d", "cluster", "demo", "litert", "mediapipe", "parquet", "view")
DISTRO = os.environ.get("ROS_DISTRO") or DISTROS[0]


def requirements(name):
    """Return what requirements/<name>.in asks for."""
    lines = (ROOT / "requirements" / f"{name}.in").read_text().splitlines()
    wanted = (line.partition("#")[0].strip() for line in lines)
    return [line for line in wanted if line]


class BuildWithInterfaces(build_py):
    """Builds and installs through CMake, then sorts the result into the wheel."""

    def run(self):
        """Fill build_lib with the Python packages and data_files with everything else."""
        stage = self._work / "stage"
        for folder in (stage, self.build_lib):  # what was renamed since must not linger
            shutil.rmtree(folder, ignore_errors=True)
        sources = {"blazepose_ros": "."}
        sources |= {name: f"interfaces/{name}" for name in filter(is_missing, BORROWED)}
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:  # one configures while another compiles
            for done in [pool.submit(self._cmake, *source, stage) for source in sources.items()]:
                done.result()
        python = stage / "python"
        shutil.copytree(python, self.build_lib, ignore=shutil.ignore_patterns("*.egg-info", "*.c"))
        self.distribution.data_files = [
            (str(file.parent.relative_to(stage)), [str(file)])
            for file in sorted(stage.rglob("*"))
            if file.is_file() and python not in file.parents
        ]

    def get_source_files(self):
        """The sources are CMake's: nothing for a source distribution to add."""
        return []

    @property
    def _work(self):
        """The folder to build in, one for each distribution and interpreter."""
        base = self.get_finalized_command("build").build_base
        return ROOT / base / f"{DISTRO}-{sys.implementation.cache_tag}"

    @property
    def _sources(self):
        """The repository under another path.

        CMake refuses to export an include folder that lies below the source folder, as that
        of numpy does when the virtual environment is in the repository.
        """
        alias = self._work / "sources"
        alias.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            alias.symlink_to(ROOT)
        return alias

    def _cmake(self, name, source, stage):
        prefix = ros_prefix()
        build = self._work / name
        environment = {**os.environ, "AMENT_PREFIX_PATH": str(prefix)}
        for step in (
            [
                *("cmake", "-S", self._sources / source, "-B", build, "-Wno-dev"),
                *("-DCMAKE_BUILD_TYPE=Release", "-DBUILD_TESTING=OFF", "-DMESSAGES_WITHOUT_RCLCPP=ON"),
                *(f"-DCMAKE_PREFIX_PATH={prefix}", f"-DPython3_EXECUTABLE={sys.executable}"),
                *(f"-DCMAKE_INSTALL_PREFIX={stage}", "-DCMAKE_INSTALL_LIBDIR=lib"),
                "-DPYTHON_INSTALL_DIR=python",
            ],
            ["cmake", "--build", build, "--parallel", str(os.cpu_count())],
            ["cmake", "--install", build],
        ):
            subprocess.run(step, check=True, env=environment)


class PlatformDistribution(Distribution):
    """A distribution whose wheel holds compiled libraries."""

    def has_ext_modules(self):
        """Tag the wheel with the interpreter and the platform."""
        return True


def is_missing(name):
    """Tell whether some messages are missing, or come from an earlier build of this package only."""
    if importlib.util.find_spec(name) is None:
        return True
    try:
        own_files = importlib.metadata.files("blazepose_ros") or []
    except importlib.metadata.PackageNotFoundError:
        return False
    return any(file.parts[0] == name for file in own_files)


def ros_prefix():
    """Return the folder that the ROS wheels are installed under (its lib, its share)."""
    spec = importlib.util.find_spec("ament_package")
    if spec is None:
        raise SystemExit("ament_package is missing: let pip install it (no --no-build-isolation)")
    return Path(spec.origin).parents[4]


if DISTRO not in DISTROS:
    raise SystemExit(
        f"There are no ROS wheels for ROS_DISTRO={DISTRO}, only for {' and '.join(DISTROS)}."
        " On a ROS distribution use colcon build."
    )

setup(
    name=PACKAGE.findtext("name"),
    version=PACKAGE.findtext("version"),
    description=PACKAGE.findtext("description"),
    license=PACKAGE.findtext("license"),
    maintainer=PACKAGE.findtext("maintainer"),
    maintainer_email=PACKAGE.find("maintainer").get("email"),
    project_urls={url.get("type"): url.text for url in PACKAGE.findall("url")},
    keywords=["ROS 2", "BlazePose", "MediaPipe", "human pose estimation"],
    classifiers=[
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    packages=["blazepose_ros"],
    install_requires=requirements("runtime") + requirements("openvino") + requirements(DISTRO),
    setup_requires=requirements(f"{DISTRO}-build") + requirements(DISTRO),
    extras_require={name: requirements(name) for name in EXTRAS},
    entry_points={
        "console_scripts": [
            "blazepose = blazepose_ros.cli.main:main",
            "blazepose_camera = blazepose_ros.nodes.main:camera",
            "blazepose_fusion = blazepose_ros.nodes.main:fusion",
            "blazepose_gestures = blazepose_ros.nodes.main:gestures",
            "blazepose_node = blazepose_ros.nodes.main:node",
            "blazepose_repetitions = blazepose_ros.nodes.main:repetitions",
        ]
    },
    cmdclass={"build_py": BuildWithInterfaces},
    distclass=PlatformDistribution,
    zip_safe=False,
)
