# SPDX-License-Identifier: Apache-2.0
# What the project needs from the system, as imported targets.
find_package(PkgConfig REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
if(BEAM_EXAMPLES)
    pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
endif()
if(BEAM_TESTS)
    pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check)
    pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1) # reads standard_coders.yaml
endif()

# Not by pkg-config: its list names some 60 libraries that only a static link needs.
find_path(GRPC_INCLUDE_DIR grpc/grpc.h REQUIRED)
find_library(GRPC_LIBRARY grpc REQUIRED)
find_library(GPR_LIBRARY gpr REQUIRED)
add_library(beam_grpc INTERFACE)
target_include_directories(beam_grpc SYSTEM INTERFACE "${GRPC_INCLUDE_DIR}")
target_link_libraries(beam_grpc INTERFACE "${GRPC_LIBRARY}" "${GPR_LIBRARY}")

# Programs link gRPC statically where Debian's archives are there: a worker then starts in a
# quarter of the time and half the memory that 50 shared libraries take. The "unsecure"
# library is gRPC without TLS.
option(BEAM_STATIC_GRPC "Link programs with gRPC's static library" ON)
if(BEAM_TLS)
    set(grpc_variant grpc)
    set(grpc_crypto -lssl -lcrypto)
else()
    set(grpc_variant grpc_unsecure)
    set(grpc_crypto)
endif()
find_library(GRPC_ARCHIVE_${grpc_variant} NAMES lib${grpc_variant}.a)
add_library(beam_grpc_program INTERFACE)
if(BEAM_STATIC_GRPC AND GRPC_ARCHIVE_${grpc_variant})
    pkg_check_modules(GRPC_PROGRAM_${grpc_variant} REQUIRED ${grpc_variant})
    set(archives ${GRPC_PROGRAM_${grpc_variant}_STATIC_LIBRARIES} upb address_sorting re2 cares z
        stdc++)
    list(REMOVE_DUPLICATES archives)
    list(REMOVE_ITEM archives dl m pthread rt atomic ssl crypto)
    list(TRANSFORM archives PREPEND "-l")
    target_link_libraries(beam_grpc_program INTERFACE
        -Wl,--start-group -Wl,-Bstatic ${archives} -Wl,-Bdynamic ${grpc_crypto} -Wl,--end-group)
    target_include_directories(beam_grpc_program SYSTEM INTERFACE "${GRPC_INCLUDE_DIR}")
    target_link_options(beam_grpc_program INTERFACE -Wl,--gc-sections)
else()
    target_link_libraries(beam_grpc_program INTERFACE beam_grpc)
endif()
