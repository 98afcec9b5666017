# SPDX-License-Identifier: Apache-2.0
# The library users link: beam (shared) and beam_static, made of all layers. Both show only
# what is marked BEAM_API. Install rules, the CMake package Beam::beam and beam.pc.

get_property(layers GLOBAL PROPERTY BEAM_LAYERS)
set(parts ${layers} beam_model_pbc beam_model_upb)
list(TRANSFORM parts REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
set(needs PkgConfig::PROTOBUF_C PkgConfig::JANSSON Threads::Threads ${CMAKE_DL_LIBS} m)

# All layers, internals visible: for the tests that need the whole.
add_library(beam_internal INTERFACE)
target_link_libraries(beam_internal INTERFACE ${layers})

# No source of its own, so the linker language has to be told.
add_library(beam SHARED ${objects})
set_target_properties(beam PROPERTIES LINKER_LANGUAGE C VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR} EXPORT_NAME beam)
target_link_libraries(beam PRIVATE beam_grpc ${needs} beam_flags)
target_link_options(beam PRIVATE -Wl,--no-undefined -Wl,--gc-sections)
if(BEAM_SANITIZE AND CMAKE_C_COMPILER_ID MATCHES "Clang")
    # clang leaves the sanitizer's symbols of a shared library to the program.
    set_target_properties(beam PROPERTIES LINK_OPTIONS "-fsanitize=${BEAM_SANITIZE}")
endif()
target_include_directories(beam INTERFACE
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/sdk/include>"
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/harness/include>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")

# The archive holds one object in which hidden symbols were made local: our copy of upb
# then never meets the one inside libgrpc, and no internal name meets a user's.
set(archive "${PROJECT_BINARY_DIR}/libbeam.a")
add_custom_command(OUTPUT "${archive}"
    COMMAND ${CMAKE_LINKER} -r -o beam_all.o ${objects}
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden beam_all.o
    COMMAND ${CMAKE_COMMAND} -E rm -f "${archive}"
    COMMAND ${CMAKE_AR} rcs "${archive}" beam_all.o
    COMMAND ${CMAKE_COMMAND} -E rm -f beam_all.o
    DEPENDS ${objects} ${parts} COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Linking libbeam.a")
add_custom_target(beam_archive ALL DEPENDS "${archive}")
add_library(beam_static STATIC IMPORTED GLOBAL)
set_target_properties(beam_static PROPERTIES IMPORTED_LOCATION "${archive}")
add_dependencies(beam_static beam_archive)
target_link_libraries(beam_static INTERFACE beam_grpc_program ${needs} beam_flags)
target_include_directories(beam_static INTERFACE
    "${PROJECT_SOURCE_DIR}/sdk/include" "${PROJECT_SOURCE_DIR}/harness/include")
add_library(Beam::beam ALIAS beam)
add_library(Beam::beam_static ALIAS beam_static)

if(NOT PROJECT_IS_TOP_LEVEL)
    return()
endif()
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Beam")
install(TARGETS beam EXPORT BeamTargets)
install(FILES "${archive}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY sdk/include/beam harness/include/beam
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(EXPORT BeamTargets NAMESPACE Beam:: DESTINATION "${package_dir}")
configure_file(scripts/cmake/BeamConfig.cmake.in BeamConfig.cmake @ONLY)
file(RELATIVE_PATH BEAM_PC_TO_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(scripts/cmake/beam.pc.in beam.pc @ONLY)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/BeamConfigVersion.cmake"
    COMPATIBILITY SameMajorVersion)
install(FILES "${PROJECT_BINARY_DIR}/BeamConfig.cmake"
    "${PROJECT_BINARY_DIR}/BeamConfigVersion.cmake" DESTINATION "${package_dir}")
install(FILES "${PROJECT_BINARY_DIR}/beam.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(PROGRAMS scripts/get-jars DESTINATION "${CMAKE_INSTALL_DATADIR}/beam-c/scripts")
install(FILES scripts/lib.sh DESTINATION "${CMAKE_INSTALL_DATADIR}/beam-c/scripts")
install(DIRECTORY scripts/java DESTINATION "${CMAKE_INSTALL_DATADIR}/beam-c/scripts")

if(BEAM_TESTS)
    if(BEAM_SANITIZE STREQUAL "address")
        set(flags "-fsanitize=address,undefined")
    elseif(BEAM_SANITIZE)
        set(flags -fsanitize=${BEAM_SANITIZE})
    endif()
    add_test(NAME package COMMAND ${CMAKE_COMMAND} "-DBUILD=${PROJECT_BINARY_DIR}"
        "-DSOURCE=${PROJECT_SOURCE_DIR}" "-DCOMPILER=${CMAKE_C_COMPILER}" "-DFLAGS=${flags}"
        "-DCPP_COMPILER=${CMAKE_CXX_COMPILER}" "-DLIBDIR=${CMAKE_INSTALL_LIBDIR}"
        -P "${PROJECT_SOURCE_DIR}/scripts/cmake/PackageTest.cmake")
    set_tests_properties(package PROPERTIES LABELS unit TIMEOUT 120
        ENVIRONMENT "${BEAM_TEST_ENVIRONMENT}")
endif()
