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
