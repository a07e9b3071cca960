# Compile through ccache where it is installed and nobody chose another launcher.
find_program(TOPGUN_CCACHE ccache)
if(TOPGUN_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${TOPGUN_CCACHE}")
endif()
