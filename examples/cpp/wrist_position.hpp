// Where the right hand is in the camera's frame, in meters.
#pragma once

#include <optional>

#include "blazepose_ros/msg/pose33.hpp"
#include "geometry_msgs/msg/point.hpp"

inline std::optional<geometry_msgs::msg::Point> right_wrist(const blazepose_ros::msg::Pose33 & pose)
{
  using blazepose_ros::msg::Pose33;
  constexpr float visible = 0.5f;
  const bool is_seen = pose.screen_landmarks[Pose33::RIGHT_WRIST].visibility > visible;
  if (pose.placement == Pose33::NONE || !is_seen) {
    return std::nullopt;
  }
  // World landmarks start at the hips and have the camera's axes: the hips' position is added.
  geometry_msgs::msg::Point point = pose.world_landmarks[Pose33::RIGHT_WRIST];
  point.x += pose.hip_center.pose.position.x;
  point.y += pose.hip_center.pose.position.y;
  point.z += pose.hip_center.pose.position.z;
  return point;
}
