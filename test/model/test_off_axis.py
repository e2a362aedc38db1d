# SPDX-License-Identifier: Apache-2.0
"""People at the edge of a wide image: photographs projected anew, as another camera would see them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.photographs import WALK_JOINTS, clip_bgr

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.estimation.runtimes.runtime import RuntimeOptions
from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.placement.hip_localizer import place_mono
from blazepose_ros.core.placement.translation_fit import turn_to
from blazepose_ros.core.types import Frame, ModelComplexity

THRESHOLD = 0.5
ANGLES_DEG = (-35, 0, 35)
EVERY = 10  # images
CLIPS = ("pose2sim_cam01", "pose2sim_cam02")


@pytest.fixture
def estimator(models: dict[ModelComplexity, bytes]) -> Iterator[Any]:
    pytest.importorskip("openvino")
    options = EstimatorOptions(models[ModelComplexity.FULL])
    estimator = choose_estimator("openvino", options, RuntimeOptions()).estimator
    yield estimator
    estimator.close()


def turned_away(bgr: Any, camera: Any, hips_m: Any, angle_deg: Any) -> tuple[Any, CameraModel, Any]:
    """Return what a camera would see that looked past a person, its model, and where the hips are."""
    x, y = hips_m[:2] / hips_m[2]
    turn = Rotation.from_euler("y", angle_deg, degrees=True).as_matrix() @ turn_to(x, y).T
    height, width = bgr.shape[:2]
    k = camera.k.copy()
    k[:2, 2] = width / 2 - k[0, 0] * np.tan(np.radians(angle_deg)), height / 2
    pixels = k @ turn @ np.linalg.inv(camera.k)
    seen = cv2.warpPerspective(cv2.undistort(bgr, camera.k, np.array(camera.d)), pixels, (width, height))
    return seen, CameraModel(width, height, k), turn @ hips_m


def watched(data: Any, clip: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield some images of a clip, their camera and where the hips are."""
    truth = json.loads((data / "expected" / f"{clip}_refined.json").read_text())
    k = np.reshape(truth["K"], (3, 3))
    width, height = truth["image_size_px"]
    camera = CameraModel(width, height, k, tuple(truth["distortion_plumb_bob"]))
    images = clip_bgr(data / "videos" / f"{clip.removesuffix('_refined')}.mp4")
    for number, (bgr, hips_m) in enumerate(zip(images, truth["hip_center_camera_m"], strict=True)):
        if number % EVERY == 0:
            yield bgr, camera, np.array(hips_m)


def test_people_far_from_the_optical_axis_are_as_far_away_as_in_the_middle(
    data: Path, estimator: Any
) -> None:
    shares = {angle: [] for angle in ANGLES_DEG}
    for clip in CLIPS:
        for bgr, camera, hips_m in watched(data, clip):
            for angle, found in shares.items():
                seen, looking_past, true_m = turned_away(bgr, camera, hips_m, angle)
                estimator.reset()
                for pose in estimator.estimate(Frame(cv2.cvtColor(seen, cv2.COLOR_BGR2RGB), 1)):
                    placed_m = place_mono(pose, looking_past, THRESHOLD).position
                    found.append(np.linalg.norm(placed_m) / np.linalg.norm(true_m))
    left, middle, right = map(np.mean, shares.values())
    print(f"shares of the true distance: left {left:.3f}, middle {middle:.3f}, right {right:.3f}")  # noqa: T201
    assert min(map(len, shares.values())) >= 18
    # Were the model's words taken as they are, the sides would be 5 to 7 % short.
    assert left == pytest.approx(middle, abs=0.03)
    assert right == pytest.approx(middle, abs=0.03)


# The mean error of the joints from the hips in millimeters, at any of the angles; as the models say it,
# it is up to 244. On the clip of camera 2, which is left out, they exchange left and right.
JOINT_ERRORS_MM = {ModelComplexity.LITE: 140, ModelComplexity.FULL: 130, ModelComplexity.HEAVY: 138}
TORSO_DEG = 17.0
SIDES_DEG = (20, 29, 35)
TURNED_CLIPS = ("pose2sim_cam01", "pose2sim_cam04")


def placed(pose: Any, camera: CameraModel, complexity: ModelComplexity) -> Any:
    """Return a person as the pipeline gives it."""
    gray = np.full((camera.height, camera.width, 3), 128, np.uint8)
    pipeline = PersonPipeline(PipelineOptions(model=complexity))
    (person,) = pipeline.update(Frame(gray, 1), [pose], FrameContext(camera))
    return person


def torso_axes(points: Any) -> Any:
    """Return the axes of a torso whose landmarks are in the order of MediaPipe's, as columns."""
    left, right = (points[[hip, shoulder]] for hip, shoulder in ((23, 11), (24, 12)))
    up = left[1] + right[1] - left[0] - right[0]
    up /= np.linalg.norm(up)
    across = (left - right).sum(axis=0)
    across -= up * (across @ up)
    across /= np.linalg.norm(across)
    return np.column_stack([np.cross(across, up), across, up])


@pytest.mark.parametrize("complexity", ModelComplexity)
def test_world_landmarks_have_the_cameras_axes_wherever_a_person_is_in_the_image(
    data: Path, models: dict[ModelComplexity, bytes], complexity: ModelComplexity
) -> None:
    pytest.importorskip("openvino")
    options = EstimatorOptions(models[complexity], model_complexity=complexity)
    estimator = choose_estimator("openvino", options, RuntimeOptions()).estimator
    errors_mm: dict[int, list[float]] = {angle: [] for angle in SIDES_DEG}
    torsos_deg: dict[int, list[float]] = {angle: [] for angle in SIDES_DEG}
    for clip in TURNED_CLIPS:
        truth = json.loads((data / "expected" / f"{clip}_refined.json").read_text())
        joints_m = np.stack([truth["joints_camera_m"][name] for name in WALK_JOINTS], axis=1)
        for number, (bgr, camera, hips_m) in enumerate(watched(data, clip)):
            x, y = hips_m[:2] / hips_m[2]
            for angle in SIDES_DEG:
                for turned_deg in (-angle, angle):
                    seen, looking_past, _ = turned_away(bgr, camera, hips_m, turned_deg)
                    turn = Rotation.from_euler("y", turned_deg, degrees=True).as_matrix() @ turn_to(x, y).T
                    true_m = np.zeros((33, 3))
                    true_m[list(WALK_JOINTS.values())] = (joints_m[number * EVERY] - hips_m) @ turn.T
                    estimator.reset()
                    for pose in estimator.estimate(Frame(cv2.cvtColor(seen, cv2.COLOR_BGR2RGB), 1)):
                        world_m = placed(pose, looking_past, complexity).world
                        members = list(WALK_JOINTS.values())
                        apart_m = np.linalg.norm(world_m[members] - true_m[members], axis=1)
                        errors_mm[angle].append(1000 * float(apart_m.mean()))
                        between = torso_axes(world_m).T @ torso_axes(true_m)
                        torsos_deg[angle].append(np.degrees(Rotation.from_matrix(between).magnitude()))
    estimator.close()
    for angle in SIDES_DEG:
        error_mm, torso_deg = np.mean(errors_mm[angle]), np.mean(torsos_deg[angle])
        print(f"{complexity.name}, {angle} degrees: joints {error_mm:.0f} mm, torso {torso_deg:.1f} degrees")  # noqa: T201
        assert len(errors_mm[angle]) >= 36
        assert error_mm <= JOINT_ERRORS_MM[complexity]
        assert torso_deg <= TORSO_DEG


# Not walker_front, in which Lite exchanges left and right.
PHOTOGRAPHS = ("walker", "walker_balance", "walker_upright", "walker_turn", "walker_low", "walker_lunge")
APART_M = 0.06
HFOV_DEG = 50.0  # the photographs', as if they were calibrated


@pytest.mark.parametrize("complexity", ModelComplexity)
def test_landmarks_are_in_the_same_place_wherever_the_camera_looks(
    data: Path, models: dict[ModelComplexity, bytes], complexity: ModelComplexity
) -> None:
    pytest.importorskip("openvino")
    options = EstimatorOptions(models[complexity], model_complexity=complexity)
    estimator = choose_estimator("openvino", options, RuntimeOptions()).estimator
    apart_m = []
    for photograph in PHOTOGRAPHS:
        bgr = cv2.imread(str(data / "images" / f"{photograph}.png"))
        height, width = bgr.shape[:2]
        camera = CameraModel(width, height, CameraModel.from_hfov(width, height, HFOV_DEG).k)
        estimator.reset()
        (person,) = estimator.estimate(Frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), 1))[:1]
        x, y = camera.normalize(person.screen[[23, 24], :2].mean(axis=0) - 0.5)[0]
        places = []
        for angle in (0, -25, -15, 15, 25):
            seen, looking_past, _ = turned_away(bgr, camera, np.array([x, y, 1.0]), angle)
            estimator.reset()
            (pose,) = estimator.estimate(Frame(cv2.cvtColor(seen, cv2.COLOR_BGR2RGB), 1))[:1]
            there = placed(pose, looking_past, complexity)
            turn = Rotation.from_euler("y", angle, degrees=True).as_matrix() @ turn_to(x, y).T
            places.append((there.world + there.hip_center.position) @ turn)
            visible = there.visibility > THRESHOLD
            apart_m.append(np.linalg.norm(places[-1] - places[0], axis=1)[visible].mean())
    estimator.close()
    apart_m = [each for index, each in enumerate(apart_m) if index % 5]
    print(f"{complexity.name}: apart by {np.median(apart_m):.3f} m, at most {max(apart_m):.3f} m")  # noqa: T201
    assert np.median(apart_m) <= APART_M
