# SPDX-License-Identifier: Apache-2.0
"""``blazepose eval`` with the real models on labeled photographs and clips."""

import json
import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.clusters import dask_cluster
from support.photographs import REFERENCE, labelled_people

from blazepose_ros.cli.eval.command import IMAGES_OF_TASK, main
from blazepose_ros.cli.eval.model_under_test import show_crop_to, true_roi
from blazepose_ros.core.estimation.roi import Roi
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import Frame, Pose

BACKENDS = {"openvino": "openvino", "litert": "ai_edge_litert", "mediapipe": "mediapipe"}
# COCO's joints among BlazePose's, and the ends of the torso among COCO's: typed in anew.
COCO_AMONG_33 = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
LEFT_SHOULDER, RIGHT_HIP = 5, 12


def evaluate(tmp_path: Path, *arguments: Any) -> Any:
    """Run the command and return what it wrote as JSON."""
    assert main([*map(str, arguments), "--json", str(tmp_path / "eval.json")]) == 0
    return json.loads((tmp_path / "eval.json").read_text())


def independent_pdj(labels: Any, found: Any, size: Any) -> Any:
    """Return PDJ in percent as the model card words it, worked out joint by joint."""
    if not found:
        return 0.0
    width, height = size
    pose = [(x * width, y * height, visibility) for x, y, _, visibility, _ in found[0]["n"]]
    best = None
    for person in labels:
        (ax, ay, a), (bx, by, b) = person[LEFT_SHOULDER], person[RIGHT_HIP]
        if not a or not b:
            continue
        torso = math.hypot(ax - bx, ay - by)
        hits, apart = [], []
        for (x, y, flag), index in zip(person, COCO_AMONG_33, strict=True):
            if flag:
                px, py, visibility = pose[index]
                apart.append(math.hypot(px - x, py - y) / torso)
                hits.append(apart[-1] < 0.2 and (visibility >= 0.5) == (flag == 2))
        mean = sum(apart) / len(apart)
        if best is None or mean < best[0]:
            best = mean, 100 * sum(hits) / len(hits)
    return math.nan if best is None else best[1]


@pytest.mark.usefixtures("models")
def test_pdj_of_each_photograph_is_that_of_an_independent_computation(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("mediapipe")
    arguments = ["--model", "all", "--backend", "mediapipe", "--min-detection-confidence", "0.5"]
    document = evaluate(tmp_path, data / "images", data / "expected" / "coco_keypoints.json", *arguments)
    entries = {entry["file"]: entry for entry in json.loads((data / "manifest.json").read_text())}
    count = len(labelled_people(data))
    assert len(document["images"]) == 3 * count
    for image in document["images"]:
        entry = entries[f"images/{image['image']}"]
        labels = [person["kp"] for person in entry["gt_coco17"]]
        found = entry[REFERENCE][image["model"]]
        assert image["pdj"] == pytest.approx(independent_pdj(labels, found, entry["size_px"])), image
        assert image["found"] == bool(found)
    for row in document["rows"]:
        of_model = [image["pdj"] for image in document["images"] if image["model"] == row["model"]]
        assert (row["group"], row["images"], row["backend"]) == ("all", count, "mediapipe")
        assert row["pdj_mean"] == pytest.approx(np.mean(of_model))
        assert row["pdj_std"] == pytest.approx(np.std(of_model))


@pytest.mark.usefixtures("models")
def test_every_backend_finds_the_same_joints(data: Path, tmp_path: Path) -> None:
    for library in BACKENDS.values():
        pytest.importorskip(library)
    labels = data / "expected" / "coco_keypoints.json"
    document = evaluate(tmp_path, data / "images", labels, "--model", "lite", "--backend", "all")
    by_backend = {row["backend"]: row["pdj_mean"] for row in document["rows"]}
    assert set(by_backend) == set(BACKENDS)
    assert max(by_backend.values()) - min(by_backend.values()) < 2
    assert min(by_backend.values()) > 60


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(("backend", "not_found"), [("openvino", 0), ("mediapipe", 2)])
def test_the_truth_says_where_to_look(data: Path, tmp_path: Path, backend: str, not_found: int) -> None:
    """MediaPipe, which cannot be told, must find the person in the crop by itself: two it may not."""
    pytest.importorskip(BACKENDS[backend])
    labels = data / "expected" / "coco_keypoints.json"
    arguments = ["--backend", backend, "--ignore-visibility", "--mode", "truth"]
    document = evaluate(tmp_path, data / "images", labels, *arguments)
    (row,) = document["rows"]
    assert row["found_percent"] >= 100 * (1 - not_found / row["images"])
    assert row["pdj_mean"] > 70
    pdj = {image["image"]: image["pdj"] for image in document["images"]}
    assert pdj["walker_upright.png"] == 100


def clip_labels(data: Any, path: Any, frames: Any = 40) -> Any:
    """Write the truth of a walking person as COCO labels with a camera, and return the file."""
    truth = json.loads((data / "expected" / "pose2sim_cam01_refined.json").read_text())
    width, height = truth["image_size_px"]
    camera = {"K": truth["K"], "D": truth["distortion_plumb_bob"]}
    names = {f"left_{j}": f"L{j.title()}" for j in ("shoulder", "hip", "knee", "ankle")}
    names |= {
        name.replace("left", "right"): joint.replace("L", "R", 1)
        for name, joint in names.items()
        if "left" in name
    }
    images, annotations = [], []
    order = [Landmark(index).frame_name for index in COCO_AMONG_33]
    for frame in range(frames):
        images.append(
            {
                "id": frame,
                "frame": frame,
                "width": width,
                "height": height,
                "camera": camera,
                "half": frame // 20,
            }
        )
        points = [
            (*truth["joints_px"][names[name]][frame], 2) if name in names else (0, 0, 0) for name in order
        ]
        hips = truth["hip_center_camera_m"][frame]
        annotations.append({"image_id": frame, "keypoints": np.ravel(points).tolist(), "hip_center_m": hips})
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


@pytest.mark.usefixtures("models")
def test_a_clip_with_truth_gives_place_jitter_and_latency(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    clip = data / "videos" / "pose2sim_cam01.mp4"
    labels = clip_labels(data, tmp_path / "labels.json")
    arguments = ["--backend", "openvino", "--mode", "tracking", "--ignore-visibility"]
    document = evaluate(tmp_path, clip, labels, *arguments, "--plot", tmp_path / "eval.png")
    rows = {(row["column"], row["group"]): row for row in document["rows"]}
    whole = rows["", "all"]
    assert set(rows) == {("", "all"), ("half", "0"), ("half", "1")}
    assert whole["images"] == 40
    assert whole["pdj_mean"] > 90
    assert 0 < whole["hip_error_percent"] < 12
    assert whole["hip_error_mm"] == pytest.approx(35 * whole["hip_error_percent"], rel=0.15)  # at 3.5 m
    assert 0 < whole["jitter_percent"] < 3
    assert whole["latency_ms_p95"] >= whole["latency_ms_p50"] > 0
    assert document["fairness"][0]["column"] == "half"
    assert cv2.imread(str(tmp_path / "eval.png")) is not None


@pytest.mark.usefixtures("models")
def test_a_clip_without_truth_gives_jitter_and_latency_alone(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    arguments = ["--backend", "openvino", "--model", "lite", "--mode", "tracking"]
    (row,) = evaluate(tmp_path, data / "videos" / "pose2sim_cam04.mp4", *arguments)["rows"]
    assert row["pdj_mean"] is None
    assert row["images"] == 100
    assert row["found_percent"] == 100
    assert 0 < row["jitter_percent"] < 3


def labeled_person(**joints_px: Any) -> Any:
    person = np.zeros((33, 3))
    for name, place in joints_px.items():
        person[Landmark[name.upper()]] = (*place, 2)
    return person


def test_the_true_roi_is_upright_with_the_person_and_a_quarter_larger() -> None:
    lying = labeled_person(
        left_hip=(100, 90),
        right_hip=(100, 110),
        left_shoulder=(150, 90),
        right_shoulder=(150, 110),
        nose=(180, 100),
    )
    region = true_roi(lying)
    assert (region.x_px, region.y_px) == (100, 100)
    assert region.size_px == pytest.approx(2 * 80 * 1.25)
    assert region.rotation_rad == pytest.approx(math.pi / 2)  # the head is to the right


def test_without_hips_or_shoulders_there_is_no_true_roi() -> None:
    assert true_roi(labeled_person(left_hip=(1, 2), right_hip=(3, 4), nose=(5, 6))) is None


class SeesTheMiddle:
    """An estimator that finds all landmarks in the middle of its image, to the right in the world."""

    def estimate(self, frame: Any) -> Any:
        screen = np.tile([frame.width / 2, frame.height / 2, 10.0], (33, 1)).astype(np.float32)
        return [Pose(screen, np.ones(33), np.ones(33), np.tile([1.0, 0, 0], (33, 1)))]

    def reset(self) -> None:
        pass


def test_what_is_found_in_a_crop_is_told_in_the_image() -> None:
    region = Roi(60.0, 40.0, 31.5, math.pi / 2)
    pose = show_crop_to(SeesTheMiddle())(Frame(np.zeros((80, 120, 3), np.uint8), 0), region)
    np.testing.assert_allclose(pose.screen[0, :2], [60, 40], atol=1e-4)
    assert pose.screen[0, 2] == pytest.approx(10 * 31.5 / 32)
    np.testing.assert_allclose(pose.world[0], [0, 1, 0], atol=1e-6)  # a quarter turn, clockwise


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("images", "labels", "arguments", "error"),
    [
        ("nowhere", "labels.csv", [], "nowhere does not exist"),
        ("images", "labels.txt", [], "neither .json (COCO keypoints) nor .csv"),
        ("images", "nothing.json", [], "nothing.json cannot be read"),
        (
            "images",
            "labels.csv",
            ["--group-by", "region"],
            "no column 'region' to group by; there are: gender",
        ),
        ("images", "labels.csv", [], "a.png cannot be read: No such file"),
        ("images", None, [], "holds no images"),
    ],
)
def test_what_cannot_be_evaluated_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    images: str,
    labels: str | None,
    arguments: Any,
    error: str,
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels.csv").write_text("file_name,gender,nose_x,nose_y,nose_v\na.png,f,1,2,2\n")
    (tmp_path / "labels.txt").write_text("")
    given = [str(tmp_path / images), *([str(tmp_path / labels)] if labels else [])]
    assert main([*given, "--model", "lite", *arguments]) == 1
    assert error in capsys.readouterr().err


@pytest.mark.thorough
@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("workers", ["processes", "cluster"])
def test_workers_find_what_one_process_finds(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    pytest.importorskip("openvino")
    (tmp_path / "images").mkdir()
    labels = json.loads((data / "expected" / "coco_keypoints.json").read_text())
    copies = [
        image | {"id": f"{number}-{image['id']}", "file_name": f"{number:02}-{image['file_name']}"}
        for number in range(1 + 2 * IMAGES_OF_TASK // len(labels["images"]))
        for image in labels["images"]
    ]
    for image in copies:
        original = data / "images" / image["file_name"].partition("-")[2]
        (tmp_path / "images" / image["file_name"]).symlink_to(original)
    people = [
        person | {"image_id": image["id"]}
        for image in copies
        for person in labels["annotations"]
        if str(person["image_id"]) == image["id"].partition("-")[2]
    ]
    (tmp_path / "labels.json").write_text(json.dumps({"images": copies, "annotations": people}))
    monkeypatch.chdir(tmp_path)  # a cluster's workers have another one
    what = ("images", "labels.json", "--model", "lite", "--backend", "openvino")
    alone = evaluate(tmp_path, *what)
    with dask_cluster(tmp_path) if workers == "cluster" else nullcontext() as cluster:
        how = ("--scheduler", cluster.address) if cluster else ("--jobs", "2")
        together = evaluate(tmp_path, *what, *how)
    assert len(alone["images"]) == len(copies) > 2 * IMAGES_OF_TASK
    assert [timeless(each) for each in together["images"]] == [timeless(each) for each in alone["images"]]
    assert [timeless(each) for each in together["rows"]] == [timeless(each) for each in alone["rows"]]
    assert together["fairness"] == alone["fairness"]


def timeless(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if not name.startswith("latency")}


@pytest.mark.usefixtures("models")
def test_a_result_that_cannot_be_written_is_told(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("file_name,nose_x,nose_y,nose_v\nwalker.png,310,124,2\n")
    target = tmp_path / "eval.json"
    target.symlink_to(tmp_path / "nowhere" / "eval.json")
    assert main([str(data / "images"), str(labels), "--model", "lite", "--json", str(target)]) == 1
    assert f"{target} cannot be written" in capsys.readouterr().err
