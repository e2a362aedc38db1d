# SPDX-License-Identifier: Apache-2.0
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.consoles import printed
from support.photographs import PERSON, labelled_people
from support.videos import write_timed_video

from blazepose_ros.cli.bench.estimators import AccuracyRow, SpeedRow, accuracy_table, speed_table
from blazepose_ros.cli.eval.annotations import (
    AnnotationsError,
    LabeledImage,
    read_coco,
    read_csv,
    read_images,
    unlabeled,
)
from blazepose_ros.core.landmarks import Landmark


def test_photographs_come_with_the_people_in_them(data: Path) -> None:
    labels = read_coco(data / "expected" / "coco_keypoints.json")
    walker = next(each for each in labels if each.file_name == PERSON.name)
    (picture,) = read_images(data / "images", [walker])
    assert (picture.frame.width, picture.frame.height) == (744, 704)
    joints, known = walker.people[0].joints, labelled_people(data)[str(PERSON)][0]
    np.testing.assert_array_equal(joints[Landmark.LEFT_SHOULDER], known[Landmark.LEFT_SHOULDER])
    assert joints[Landmark.LEFT_SHOULDER, 2] == 2
    assert joints[Landmark.MOUTH_LEFT, 2] == 0


def coco(tmp_path: Path, image: Any, annotation: Any) -> Path:
    path = tmp_path / "labels.json"
    images = [{"id": 7, "file_name": "a.png", "width": 4, "height": 3, **image}]
    annotations = [{"image_id": 7, "keypoints": [0] * 51, **annotation}]
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


def test_other_fields_of_an_image_are_groups(tmp_path: Path) -> None:
    path = coco(tmp_path, {"license": 3, "region": "Polynesia", "skin_tone": 4}, {})
    assert read_coco(path)[0].groups == {"region": "Polynesia", "skin_tone": "4"}


def test_a_camera_a_place_and_points_in_the_world_may_be_given(tmp_path: Path) -> None:
    camera = {"K": [[2, 0, 1.5], [0, 2, 1], [0, 0, 1]], "D": [0.1, 0, 0, 0, 0]}
    world = [[0.1 * number, 0, 0] for number in range(17)]
    path = coco(tmp_path, {"camera": camera}, {"hip_center_m": [1, 2, 3], "keypoints_world_m": world})
    (labels,) = read_coco(path)
    assert (labels.camera.width, labels.camera.focal_px, labels.camera.d[0]) == (4, 2, 0.1)
    np.testing.assert_array_equal(labels.people[0].hip_center, [1, 2, 3])
    assert labels.people[0].world[Landmark.RIGHT_ANKLE, 0] == pytest.approx(1.6)
    assert np.isnan(labels.people[0].world[Landmark.MOUTH_LEFT]).all()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "Expecting value"),
        ("[]", "the file is no object with 'images'"),
        ("7", "the file is no object"),
        ("{}", "the file lacks 'images'"),
        ('{"images": []}', "the file lacks 'annotations'"),
        ('{"images": 3, "annotations": []}', "'images' is no list"),
        ('{"images": [7], "annotations": []}', "image 1 is no object with 'id'"),
        ('{"images": [{"id": 1}], "annotations": 3}', "'annotations' is no list"),
        ('{"images": [{"id": 1}], "annotations": [{}]}', "annotation 1 lacks 'image_id'"),
        ('{"images": [], "annotations": [{"image_id": 4}]}', "annotation 1 belongs to image 4, which is not"),
        ('{"images": [{"id": 1}], "annotations": [{"image_id": 1}]}', "annotation 1 lacks 'keypoints'"),
        (
            '{"images": [{"id": 1}], "annotations": [{"image_id": 1, "keypoints": null}]}',
            "the keypoints of annotation 1 are not 17 times x, y and a flag",
        ),
        (
            '{"images": [{"id": 1}], "annotations": [{"image_id": 1, "keypoints": [1, 2]}]}',
            "the keypoints of annotation 1 are not 17",
        ),
        (
            f'{{"images": [{{"id": 1}}], "annotations": [{{"image_id": 1, "keypoints": {[0] * 51}}}]}}',
            "image 1 lacks 'file_name'",
        ),
        ("[" * 100_000, "recursion depth"),
    ],
)
def test_what_is_no_annotation_is_refused_and_what_it_lacks_is_said(
    tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "labels.json"
    path.write_text(content)
    with pytest.raises(AnnotationsError, match=rf"labels\.json holds no COCO keypoints: .*{said}"):
        read_coco(path)


@pytest.mark.parametrize("read", [read_coco, read_csv])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_file_that_blocks_or_never_ends_is_refused_at_once(tmp_path: Path, read: Any, make: Any) -> None:
    make(tmp_path / "labels")
    with pytest.raises(AnnotationsError, match="labels is not a regular file"):
        read(tmp_path / "labels")


def test_a_table_with_a_field_of_any_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file_name,nose_x\n" + "a" * 200_000 + ",1\n")
    with pytest.raises(AnnotationsError, match=r"labels\.csv is no table: field larger"):
        read_csv(tmp_path / "labels.csv")


@pytest.mark.parametrize("read", [read_coco, read_csv])
def test_a_missing_file_is_named(tmp_path: Path, read: Any) -> None:
    with pytest.raises(AnnotationsError, match=r"nothing cannot be read: No such file"):
        read(tmp_path / "nothing")


@pytest.mark.parametrize("read", [read_coco, read_csv])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, read: Any) -> None:
    (tmp_path / "labels").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(AnnotationsError, match=r"is not a text"):
        read(tmp_path / "labels")


def test_an_image_that_is_not_there_is_named(tmp_path: Path) -> None:
    (labels,) = read_coco(coco(tmp_path, {}, {}))
    with pytest.raises(AnnotationsError, match=r"a\.png cannot be read"):
        list(read_images(tmp_path, [labels]))
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((3, 4, 3), np.uint8))
    assert next(read_images(tmp_path, [labels])).frame.width == 4


def test_a_table_holds_a_row_for_each_person(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        "file_name,gender,nose_x,nose_y,nose_v,left_thumb_x,left_thumb_y,left_thumb_v\n"
        "a.png,female,1.5,2,2,,,\n"
        "b.png,male,3,4,1,5,6,2\n"
        "a.png,female,7,8,2,,,0\n"
    )
    first, second = read_csv(path)
    assert (first.file_name, first.groups, len(first.people)) == ("a.png", {"gender": "female"}, 2)
    np.testing.assert_array_equal(first.people[0].joints[Landmark.NOSE], [1.5, 2, 2])
    assert first.people[0].joints[Landmark.LEFT_THUMB, 2] == 0
    np.testing.assert_array_equal(second.people[0].joints[Landmark.LEFT_THUMB], [5, 6, 2])


def test_a_table_may_speak_of_the_frames_of_a_video(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("frame,nose_x,nose_y,nose_v\n4,1,2,2\n")
    assert [each.frame for each in read_csv(path)] == [4]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", "holds no labels"),
        ("a,b\n1,2\n", "holds no labels"),
        ("file_name,nose_x\na.png,left\n", "line 2: could not convert string to float: 'left'"),
        ("frame,nose_x\nfirst,1\n", "line 2: invalid literal"),
    ],
)
def test_a_table_of_something_else_is_refused(tmp_path: Path, content: str, error: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(content)
    with pytest.raises(AnnotationsError, match=error):
        read_csv(path)


def test_frames_of_a_video_that_are_not_labeled_come_without_labels(data: Path) -> None:
    shown = list(
        read_images(data / "videos" / "pose2sim_cam01.mp4", [LabeledImage("", frame=3, groups={"a": "b"})])
    )
    assert len(shown) == 100
    assert [bool(each.labels.groups) for each in shown[:5]] == [False, False, False, True, False]
    assert shown[1].frame.stamp_ns > shown[0].frame.stamp_ns


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnnotationsError, match=r"holds no images"):
        unlabeled(tmp_path)


def test_the_tables_stand_side_by_side() -> None:
    rows = [SpeedRow("mediapipe", 20.0, 1.0), SpeedRow("openvino f32", 8.0, 2.5)]
    speed = printed(speed_table("full", rows))
    assert [line.split() for line in speed.splitlines()] == [
        ["estimators", "alone,", "full", "ms", "times", "faster"],
        ["mediapipe", "20.0", "1.00"],
        ["openvino", "f32", "8.0", "2.50"],
    ]
    accuracy = printed(accuracy_table("full", [AccuracyRow("openvino bf16", 0.85, 0.105)]))
    assert accuracy.splitlines()[-1].split() == ["openvino", "bf16", "85.0", "10.50"]


@pytest.mark.parametrize("duration_ms", [0.0, 133.0])
def test_frames_of_a_video_have_their_own_times(tmp_path: Path, duration_ms: float) -> None:
    times_ms = [0, 33, 100]
    images = [np.full((24, 32, 3), 100, np.uint8)] * len(times_ms)
    video = write_timed_video(tmp_path / "walk.mkv", images, times_ms, duration_ms)
    found = list(read_images(video, unlabeled(video)))
    assert [each.frame.stamp_ns for each in found] == [ms * 1_000_000 for ms in times_ms]


def test_a_photograph_that_is_cut_short_is_named(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    content = cv2.imencode(".jpg", pixels)[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(AnnotationsError, match=r"a\.jpg is cut short"):
        list(read_images(tmp_path, unlabeled(tmp_path)))
