# SPDX-License-Identifier: Apache-2.0
# beam_layer, beam_tests, beam_header_checks, beam_fuzzers: the few kinds of targets we have.

# beam_layer(<name> <dir> [<library>...]): static library beam_<name> of <dir>/*.c, on top of
# the libraries. A layer compiles without those above it.
function(beam_layer name dir)
    file(GLOB sources CONFIGURE_DEPENDS "${dir}/*.c")
    if(NOT sources)
        add_library(beam_${name} INTERFACE)
        target_include_directories(beam_${name} INTERFACE
            "${PROJECT_SOURCE_DIR}/sdk/include" "${PROJECT_SOURCE_DIR}/harness/include"
            "${PROJECT_SOURCE_DIR}/sdk/src" "${PROJECT_SOURCE_DIR}/harness/src")
        target_link_libraries(beam_${name} INTERFACE ${ARGN})
        return()
    endif()
    add_library(beam_${name} STATIC ${sources})
    target_include_directories(beam_${name} PUBLIC
        "${PROJECT_SOURCE_DIR}/sdk/include" "${PROJECT_SOURCE_DIR}/harness/include"
        "${PROJECT_SOURCE_DIR}/sdk/src" "${PROJECT_SOURCE_DIR}/harness/src")
    target_link_libraries(beam_${name} PUBLIC ${ARGN} PRIVATE beam_flags beam_warnings beam_gnu)
    set_property(GLOBAL APPEND PROPERTY BEAM_LAYERS beam_${name})
endfunction()

# beam_tests(<prefix> <dir> <library>...): each <dir>/x_test.c is a Check program and the
# ctest <prefix>/x, and so is each x_test.cc where there is a C++ compiler; the directory's
# other .c files are linked to each of them.
function(beam_tests prefix dir)
    if(NOT BEAM_TESTS)
        return()
    endif()
    file(GLOB sources CONFIGURE_DEPENDS "${dir}/*.c")
    set(tests ${sources})
    list(FILTER tests INCLUDE REGEX "_test\\.c$")
    list(FILTER sources EXCLUDE REGEX "_test\\.c$")
    if(CMAKE_CXX_COMPILER)
        file(GLOB cpp_tests CONFIGURE_DEPENDS "${dir}/*_test.cc")
        list(APPEND tests ${cpp_tests})
    endif()
    string(MAKE_C_IDENTIFIER "${prefix}" id)
    if(sources)
        add_library(test_${id} OBJECT ${sources})
        target_link_libraries(test_${id}
            PUBLIC ${ARGN} PkgConfig::CHECK PRIVATE beam_flags beam_warnings beam_gnu)
    endif()
    foreach(test IN LISTS tests)
        get_filename_component(name "${test}" NAME_WE)
        string(REGEX REPLACE "_test$" "" name "${name}")
        set(target test_${id}_${name})
        add_executable(${target} "${test}")
        target_link_libraries(${target} PRIVATE ${ARGN} PkgConfig::CHECK
            beam_flags beam_warnings beam_gnu)
        if(sources)
            target_link_libraries(${target} PRIVATE test_${id})
        endif()
        target_compile_definitions(${target} PRIVATE
            BEAM_STANDARD_CODERS_YAML="${BEAM_STANDARD_CODERS_YAML}"
            BEAM_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
        set_target_properties(${target} PROPERTIES CXX_STANDARD 17 CXX_EXTENSIONS OFF)
        add_test(NAME ${prefix}/${name} COMMAND ${target})
        set_tests_properties(${prefix}/${name} PROPERTIES LABELS unit TIMEOUT 120
            ENVIRONMENT "${BEAM_TEST_ENVIRONMENT}")
    endforeach()
endfunction()
# libgrpc is not built for the thread sanitizer: what happens inside it is not judged.
set(BEAM_TEST_ENVIRONMENT
    "CK_DEFAULT_TIMEOUT=60"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1"
    "TSAN_OPTIONS=ignore_noninstrumented_modules=1")

# beam_header_checks(<include dir>): each public header alone, as C99 and as C++17, those for
# C++ only as the latter.
function(beam_header_checks dir)
    if(NOT BEAM_TESTS)
        return()
    endif()
    file(GLOB headers RELATIVE "${dir}" CONFIGURE_DEPENDS "${dir}/beam/*.h"
        "${dir}/beam/*.hpp")
    find_program(CXX_FOR_HEADERS NAMES c++ g++ clang++)
    foreach(header IN LISTS headers)
        foreach(language IN ITEMS c99 c++17)
            if(language STREQUAL "c99" AND header MATCHES "hpp$")
                continue()
            elseif(language STREQUAL "c99")
                set(compiler ${CMAKE_C_COMPILER} -x c -Wstrict-prototypes)
            elseif(CXX_FOR_HEADERS)
                set(compiler ${CXX_FOR_HEADERS} -x c++)
            else()
                continue()
            endif()
            add_test(NAME headers/${language}/${header}
                COMMAND ${compiler} -std=${language} -pedantic -Wall -Wextra -Werror
                    -fsyntax-only -I "${PROJECT_SOURCE_DIR}/sdk/include"
                    -I "${PROJECT_SOURCE_DIR}/harness/include"
                    -include ${header} /dev/null)
            set_tests_properties(headers/${language}/${header} PROPERTIES LABELS unit)
        endforeach()
    endforeach()
endfunction()

# beam_fuzzers(<dir> <library>...): each <dir>/x.c becomes the libFuzzer program fuzz_x.
function(beam_fuzzers dir)
    if(NOT BEAM_FUZZ)
        return()
    endif()
    file(GLOB sources CONFIGURE_DEPENDS "${dir}/*.c")
    foreach(source IN LISTS sources)
        get_filename_component(name "${source}" NAME_WE)
        add_executable(fuzz_${name} "${source}")
        target_link_libraries(fuzz_${name} PRIVATE ${ARGN} beam_flags beam_warnings beam_gnu)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    endforeach()
endfunction()
