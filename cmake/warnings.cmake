# topgun_warnings: what every target of ours links, so that a warning anywhere stops the build.
# Headers of dependencies are SYSTEM includes and stay silent.
add_library(topgun_warnings INTERFACE)
target_compile_options(
  topgun_warnings
  INTERFACE -Wall -Wextra -Wpedantic -Werror -Wnon-virtual-dtor -Woverloaded-virtual
            # __FILE__ in assertions says where in the repository, not on which machine.
            "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")
