// Publishes `right_wrist` while the person is placed and the wrist is seen.
#include <memory>

#include "geometry_msgs/msg/point_stamped.hpp"
#include "rclcpp/rclcpp.hpp"

#include "wrist_position.hpp"

class WristPosition : public rclcpp::Node
{
public:
  WristPosition()
  : Node("wrist_position")
  {
    publisher_ = create_publisher<geometry_msgs::msg::PointStamped>("right_wrist", 10);
    subscription_ = create_subscription<blazepose_ros::msg::Pose33>(
      "blazepose/pose", 10,
      [this](blazepose_ros::msg::Pose33::ConstSharedPtr pose) {
        if (const auto point = right_wrist(*pose)) {
          geometry_msgs::msg::PointStamped message;
          message.header = pose->header;
          message.point = *point;
          publisher_->publish(message);
        }
      });
  }

private:
  rclcpp::Publisher<geometry_msgs::msg::PointStamped>::SharedPtr publisher_;
  rclcpp::Subscription<blazepose_ros::msg::Pose33>::SharedPtr subscription_;
};

int main(int argc, char ** argv)
{
  rclcpp::init(argc, argv);
  rclcpp::spin(std::make_shared<WristPosition>());
  rclcpp::shutdown();
}
