# SPDX-License-Identifier: Apache-2.0
# What the project needs from the system, as imported targets.
find_package(PkgConfig REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(RDKAFKA IMPORTED_TARGET rdkafka) # examples and tests only
if(BEAM_TESTS)
    pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check)
endif()

# Not by pkg-config: its list names some 60 libraries that only a static link needs.
find_path(GRPC_INCLUDE_DIR grpc/grpc.h REQUIRED)
find_library(GRPC_LIBRARY grpc REQUIRED)
find_library(GPR_LIBRARY gpr REQUIRED)
add_library(beam_grpc INTERFACE)
target_include_directories(beam_grpc SYSTEM INTERFACE "${GRPC_INCLUDE_DIR}")
target_link_libraries(beam_grpc INTERFACE "${GRPC_LIBRARY}" "${GPR_LIBRARY}")
