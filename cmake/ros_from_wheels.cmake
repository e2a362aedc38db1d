# What is different where ROS comes from wheels instead of a ROS distribution.

# Some repackaged ROS libraries export an include folder of the machine that they were
# built on, which CMake refuses. Folders that do not exist add nothing: drop them.
# On a ROS distribution there are none.
get_property(_targets DIRECTORY PROPERTY IMPORTED_TARGETS)
foreach(_target IN LISTS _targets)
  get_target_property(_folders ${_target} INTERFACE_INCLUDE_DIRECTORIES)
  if(_folders)
    set(_existing)
    foreach(_folder IN LISTS _folders)
      if(_folder MATCHES "^\\$<" OR EXISTS "${_folder}")
        list(APPEND _existing "${_folder}")
      endif()
    endforeach()
    set_target_properties(${_target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_existing}")
  endif()
endforeach()

# setup.py asks for it: what serializes messages for rclcpp, of which there is no wheel, takes
# half of the time that building the messages takes. Their C++ headers are there all the same.
if(MESSAGES_WITHOUT_RCLCPP)
  list(FILTER AMENT_EXTENSIONS_rosidl_generate_idl_interfaces EXCLUDE REGEX "typesupport.*_cpp:")
endif()
