# SPDX-License-Identifier: Apache-2.0
# Compiler flags, to be linked PRIVATE. beam_flags: for all code; beam_warnings: for ours, not
# for generated code; beam_gnu: for what uses more of libc than POSIX.
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Assertions stay on in daily work and in the tests; Release is -O2 without them.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g -DNDEBUG")
find_package(Threads REQUIRED)

add_library(beam_flags INTERFACE)
target_compile_features(beam_flags INTERFACE c_std_11)
target_compile_options(beam_flags INTERFACE "$<$<COMPILE_LANGUAGE:C>:-std=gnu11>"
    -fvisibility=hidden -ffunction-sections -fdata-sections -fno-strict-aliasing)
target_link_libraries(beam_flags INTERFACE Threads::Threads)

if(BEAM_SANITIZE STREQUAL "address")
    set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=undefined
        -fno-omit-frame-pointer)
    if(CMAKE_C_COMPILER_ID MATCHES "Clang")
        # It takes NULL + 0 for an error, which C2y declares fine.
        list(APPEND sanitize -fno-sanitize=pointer-overflow)
    endif()
elseif(BEAM_SANITIZE STREQUAL "thread")
    set(sanitize -fsanitize=thread -fno-omit-frame-pointer)
elseif(BEAM_SANITIZE)
    message(FATAL_ERROR "BEAM_SANITIZE is address, thread or empty, not '${BEAM_SANITIZE}'")
endif()
target_compile_options(beam_flags INTERFACE ${sanitize})
target_link_options(beam_flags INTERFACE ${sanitize})
if(BEAM_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "BEAM_FUZZ needs clang: -DCMAKE_C_COMPILER=clang")
    endif()
    target_compile_options(beam_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

add_library(beam_warnings INTERFACE)
target_compile_options(beam_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion
    "$<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes;-Wmissing-prototypes>")
if(BEAM_WERROR)
    target_compile_options(beam_warnings INTERFACE -Werror)
endif()

add_library(beam_gnu INTERFACE)
target_compile_definitions(beam_gnu INTERFACE _GNU_SOURCE)
