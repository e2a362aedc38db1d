# SPDX-License-Identifier: Apache-2.0
"""Where a person's landmarks are, from the rays of several cameras."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA
from support.several_cameras import CAMERAS, HIP_STD_M, person_seen, view, walker

from blazepose_ros.core.fusion.fused_person import (
    ACROSS_SHARE,
    ACROSS_STD_M,
    ALONG_STD_M,
    fuse_landmarks,
)
from blazepose_ros.core.fusion.sightings import CameraView, PersonSighting, between, flaw
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import HipCenter, Placement, Status

BODY = walker(0.1)


def sighting(name: str, places: Any = BODY, **options: Any) -> PersonSighting:
    (seen,) = view(name, 0.0, {1: places}, **options).sightings()
    return seen


@pytest.mark.parametrize("names", [("east", "north"), ("east", "north", "south"), tuple(CAMERAS)])
def test_what_all_cameras_see_without_error_is_exact(names: tuple[str, ...]) -> None:
    fused = fuse_landmarks([sighting(name) for name in names])
    np.testing.assert_allclose(fused.places, BODY, atol=1e-5)
    np.testing.assert_allclose(fused.weights, 1.0)


def test_cameras_that_place_people_too_far_away_agree_by_their_pixels() -> None:
    scales = {"east": 1.2, "north": 0.85, "south": 1.15}
    seen = [sighting(name, scale=scale) for name, scale in scales.items()]
    alone_m = np.linalg.norm(seen[0].places - BODY, axis=1).mean()
    fused_m = np.linalg.norm(fuse_landmarks(seen).places - BODY, axis=1).mean()
    assert alone_m > 0.5
    assert fused_m < 0.05


def test_one_camera_alone_is_as_certain_as_it_is_across_and_along_its_ray() -> None:
    (covariance,) = fuse_landmarks([sighting("east")]).scatter[[Landmark.NOSE]]
    ray = BODY[Landmark.NOSE] - CAMERAS["east"].translation
    distance_m = float(np.linalg.norm(ray))
    ray /= distance_m
    across = ACROSS_STD_M**2 + (ACROSS_SHARE * distance_m) ** 2
    assert ray @ covariance @ ray == pytest.approx(ALONG_STD_M**2 + HIP_STD_M**2 + 0.03**2, rel=1e-3)
    assert np.sort(np.linalg.eigvalsh(covariance))[:2] == pytest.approx(across, rel=1e-6)


def test_the_scatter_is_as_large_as_the_errors_are() -> None:
    rng = np.random.default_rng(5)
    squares = []
    for _ in range(60):
        seen = []
        for name, camera in CAMERAS.items():
            rays = BODY - camera.translation
            ranges = np.linalg.norm(rays, axis=1, keepdims=True)
            rays = rays / ranges
            across = rng.normal(size=rays.shape) * np.hypot(ACROSS_STD_M, ACROSS_SHARE * ranges)
            across -= (across * rays).sum(axis=1, keepdims=True) * rays
            along = rng.normal(size=ranges.shape) * np.sqrt(ALONG_STD_M**2 + HIP_STD_M**2 + 0.03**2)
            exact = sighting(name)
            seen.append(between(exact, exact, 0.0))
            seen[-1] = PersonSighting(
                **{**vars(exact), "places": exact.places + across + along * rays}  # as the model has it
            )
        fused = fuse_landmarks(seen)
        off = fused.places - BODY
        squares.append(np.einsum("li,lij,lj->l", off, np.linalg.inv(fused.scatter), off) / 3)
    assert 0.85 < np.mean(squares) < 1.25


def test_a_landmark_that_one_camera_has_elsewhere_counts_little() -> None:
    wrist = Landmark.LEFT_WRIST
    jitter_px = np.zeros((33, 2))
    jitter_px[wrist] = 80.0
    seen = [sighting(name) for name in ("east", "north", "south")] + [sighting("west", jitter_px=jitter_px)]
    fused = fuse_landmarks(seen)
    assert fused.weights[-1, wrist] < 0.2
    assert np.linalg.norm(fused.places[wrist] - BODY[wrist]) < 0.06  # of 64 cm


def test_a_hidden_landmark_counts_less() -> None:
    visibility = np.ones(33)
    visibility[Landmark.NOSE] = 0.2
    hidden, seen = sighting("east", visibility=visibility), sighting("east")
    ratio = fuse_landmarks([hidden]).scatter / fuse_landmarks([seen]).scatter
    assert ratio[Landmark.NOSE, 0, 0] == pytest.approx(5.0, rel=1e-5)
    assert ratio[Landmark.LEFT_HIP, 0, 0] == pytest.approx(1.0)


def test_without_a_lens_the_rays_are_those_of_the_placed_body() -> None:
    camera = CAMERAS["east"]
    moved = person_seen(camera, BODY, jitter_px=30.0)
    with_lens, without = (
        CameraView("east", 0, camera, (moved,), lens).sightings()[0] for lens in (CAMERA, None)
    )
    np.testing.assert_allclose(without.places, BODY, atol=1e-5)
    assert np.linalg.norm(with_lens.places - BODY, axis=1).min() > 0.1


@pytest.mark.parametrize(
    "fields",
    [
        {"status": Status.UNCALIBRATED},
        {"hip_center": None},
    ],
    ids=["an assumed lens", "no place"],
)
def test_people_whose_place_says_nothing_are_no_sighting(fields: dict[str, Any]) -> None:
    assert not view("east", 0.0, {1: BODY}, **fields).sightings()


def center(**fields: Any) -> HipCenter:
    return replace(HipCenter(np.array([0.0, 0.0, 4.0]), 0.01 * np.eye(3), Placement.MONO), **fields)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, ""),
        ({"visibility": np.full(33, np.nan)}, "a visibility is not"),
        ({"visibility": np.full(33, -0.5)}, "a visibility is not"),
        ({"hip_center": center(position=np.array([0.0, 0.0, np.inf]))}, "a landmark is not a number"),
        ({"hip_center": center(position=np.array([0.0, 0.0, 1e7]))}, "too far away"),
        ({"hip_center": center(position=np.zeros(3))}, "in the camera"),
        ({"hip_center": center(covariance=np.diag([0.01, -0.01, 0.01]))}, "the covariance"),
        ({"hip_center": center(covariance=np.full((3, 3), np.nan))}, "the covariance"),
    ],
)
def test_people_whose_numbers_cannot_be_are_no_sighting(fields: dict[str, Any], reason: str) -> None:
    made = view("east", 0.0, {1: BODY}, **fields)
    assert reason in flaw(made.people[0])
    assert bool(made.sightings()) == (not reason)


def test_pixels_that_are_unknown_leave_a_landmark_where_it_is_placed() -> None:
    jitter_px = np.zeros((33, 2))
    jitter_px[Landmark.NOSE] = np.nan
    np.testing.assert_allclose(sighting("north", jitter_px=jitter_px).places, BODY, atol=1e-5)
