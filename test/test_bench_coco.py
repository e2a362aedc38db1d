import json

import cv2
import numpy as np
import pytest

from blazepose_ros.bench.coco import AnnotationsError, load_photographs
from blazepose_ros.bench.estimator_table import accuracy_table, speed_table
from blazepose_ros.bench.estimators import AccuracyRow, SpeedRow


def test_photographs_come_with_the_people_in_them(data):
    photographs = load_photographs(data / "expected" / "coco_keypoints.json", data / "images")
    skier = photographs[0]
    assert (skier.frame.width, skier.frame.height) == (640, 425)
    np.testing.assert_array_equal(skier.people[0][:2], [[367, 81, 2], [374, 73, 2]])
    assert max(len(photograph.people) for photograph in photographs) > 1


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"images": [], "annotations": [{"image_id": 1}]}'])
def test_what_is_no_annotation_is_refused(tmp_path, content):
    path = tmp_path / "labels.json"
    path.write_text(content)
    with pytest.raises(AnnotationsError, match=r"labels\.json holds no COCO keypoints"):
        load_photographs(path, tmp_path)


def test_an_image_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "labels.json"
    person = {"image_id": 7, "keypoints": [0] * 51}
    path.write_text(json.dumps({"images": [{"id": 7, "file_name": "a.png"}], "annotations": [person]}))
    with pytest.raises(AnnotationsError, match=r"a\.png is not an image"):
        load_photographs(path, tmp_path)
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((3, 4, 3), np.uint8))
    assert load_photographs(path, tmp_path)[0].frame.width == 4


def test_the_tables_stand_side_by_side():
    speed = speed_table("full", [SpeedRow("mediapipe", 20.0, 1.0), SpeedRow("openvino f32", 8.0, 2.5)])
    assert [line.split() for line in speed.splitlines()[1:]] == [
        ["ms", "times", "faster"],
        ["mediapipe", "20.0", "1.00"],
        ["openvino", "f32", "8.0", "2.50"],
    ]
    accuracy = accuracy_table("full", [AccuracyRow("openvino bf16", 0.85, 0.105)])
    assert accuracy.splitlines()[-1].split() == ["openvino", "bf16", "85.0", "10.50"]
