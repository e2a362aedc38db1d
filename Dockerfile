# blazepose_node on a ROS distribution, for x86-64 and aarch64 (Raspberry Pi, Jetson):
#
#   docker build --tag blazepose_ros --build-arg ROS_DISTRO=jazzy --build-arg USER_ID="$(id -u)" .
#   docker run --rm --volume blazepose_models:/home/blazepose/.cache/blazepose_ros \
#     blazepose_ros blazepose models fetch
#   docker run --rm --network=host --ipc=host --volume blazepose_models:/home/blazepose/.cache/blazepose_ros \
#     blazepose_ros blazepose_node --ros-args --remap image:=/camera/image_raw \
#     --remap camera_info:=/camera/camera_info
#
# Images go through shared memory, which needs three things of `docker run` and `docker build`:
# - --network=host only together with --ipc=host. With the network alone, Fast DDS takes both sides for
#   one machine, puts images into shared memory that the other side does not see, and nothing arrives.
# - Where all nodes run in this container, --shm-size=1g in place of both: Docker gives 64 MB, and
#   each process that sends images takes that much.
# - USER_ID is the user of the camera's process: Fast DDS opens no other user's shared memory.
#
# A webcam for blazepose_camera: --device=/dev/video0 --group-add=video.

ARG ROS_DISTRO=jazzy

FROM ros:${ROS_DISTRO} AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /workspace

# Dependencies first, from package.xml alone, so that they are not installed anew after each change of the code.
# The image that runs needs no compilers: it installs what this stage writes into runtime_packages.
COPY package.xml src/blazepose_ros/
# No versions are pinned: ROS's package repository keeps only the newest.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv \
    && rosdep update --rosdistro "$ROS_DISTRO" \
    && rosdep install --from-paths src --ignore-src --default-yes \
        --dependency-types buildtool --dependency-types build --dependency-types exec \
    && rosdep keys --from-paths src --ignore-src --dependency-types exec \
        | xargs rosdep resolve | grep --invert-match '^#' | sort --unique > runtime_packages \
    && rm -rf /var/lib/apt/lists/*

# numpy and OpenCV stay the distribution's, which cv_bridge is built against: the virtual environment
# sees them, and the constraint turns a package that would bring another numpy into an error.
# What pip finds is what there was on this day (pip 26.0 and later), which moves with that of colcon.yml.
ENV PIP_UPLOADED_PRIOR_TO=2026-11-20T00:00:00Z
COPY requirements/*.in requirements/
RUN python3 -m venv --system-site-packages /opt/venv \
    && python3 -c 'import numpy; print(f"numpy=={numpy.__version__}")' > constraints.txt \
    && /opt/venv/bin/pip install --no-cache-dir pip==26.3 \
    && /opt/venv/bin/pip install --no-cache-dir --constraint constraints.txt \
        --requirement requirements/distribution.in

# Compiled beforehand: the user that runs it may not write there, and each start would compile it anew.
COPY . src/blazepose_ros
RUN . "/opt/ros/$ROS_DISTRO/setup.bash" \
    && . /opt/venv/bin/activate \
    && colcon build --merge-install --install-base /opt/blazepose_ros \
        --cmake-args -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF \
    && python3 -m compileall -q /opt/blazepose_ros

FROM ros:${ROS_DISTRO}-ros-core
SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# hadolint ignore=DL3008
RUN --mount=type=bind,from=build,source=/workspace/runtime_packages,target=/tmp/runtime_packages \
    apt-get update \
    && xargs --arg-file=/tmp/runtime_packages \
        apt-get install --yes --no-install-recommends "ros-$ROS_DISTRO-cv-bridge" \
    && rm -rf /var/lib/apt/lists/*

# From Ubuntu 24.04 on, the base image has a user with the number 1000 already.
# The folder for the models is there for a new volume to take its owner from.
ARG USER_ID=1000
RUN if id --user ubuntu > /dev/null 2>&1; then userdel --remove ubuntu; fi \
    && useradd --create-home --uid "$USER_ID" --groups video blazepose \
    && install --directory --owner=blazepose --group=blazepose \
        /home/blazepose/.cache /home/blazepose/.cache/blazepose_ros

COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/blazepose_ros /opt/blazepose_ros
COPY LICENSE /opt/blazepose_ros/share/blazepose_ros/
COPY --chmod=755 <<'EOF' /entrypoint.sh
#!/bin/bash
set -e
source /opt/blazepose_ros/setup.bash --
exec "$@"
EOF

ENV PATH=/opt/blazepose_ros/lib/blazepose_ros:/opt/venv/bin:$PATH
USER ${USER_ID}
WORKDIR /home/blazepose
ENTRYPOINT ["/entrypoint.sh"]
CMD ["blazepose_node"]
