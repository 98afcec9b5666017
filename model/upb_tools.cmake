# SPDX-License-Identifier: Apache-2.0
# beam_upb_tools(<upb source dir> <out dir>): builds the protoc plugins of model/upb_tools
# into the cache (about 20 seconds, once per compiler), gives the folder that has them.

function(beam_upb_tools upb_source out)
    file(SHA256 "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/upb_tools/CMakeLists.txt" recipe)
    find_program(GXX NAMES g++ c++ clang++ REQUIRED)
    execute_process(COMMAND ${GXX} -dumpfullversion -dumpmachine
        OUTPUT_VARIABLE compiler OUTPUT_STRIP_TRAILING_WHITESPACE)
    string(SHA256 key "${recipe} ${GXX} ${compiler} ${upb_source}")
    string(SUBSTRING "${key}" 0 16 key)
    set(home "${BEAM_CACHE_DIR}/upb-tools-${key}")
    set(${out} "${home}/bin" PARENT_SCOPE)

    file(MAKE_DIRECTORY "${home}")
    file(LOCK "${home}" DIRECTORY GUARD FUNCTION TIMEOUT 900)
    # An empty request tells whether the plugin still runs (its libraries may be gone).
    execute_process(COMMAND "${home}/bin/protoc-gen-upb_minitable"
        INPUT_FILE /dev/null RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
    if(result EQUAL 0)
        return()
    endif()
    message(STATUS "Building upb's code generators (once, about 20 seconds)")
    set(log "${CMAKE_CURRENT_BINARY_DIR}/upb_tools.log")
    execute_process(
        COMMAND ${CMAKE_COMMAND} -S "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/upb_tools"
            -B "${home}/build" -G ${CMAKE_GENERATOR} -DUPB_SOURCE=${upb_source}
            -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=${GXX}
            -DCMAKE_INSTALL_PREFIX=${home}
        COMMAND_ECHO NONE OUTPUT_FILE "${log}" ERROR_FILE "${log}" RESULT_VARIABLE result)
    if(result EQUAL 0)
        execute_process(
            COMMAND ${CMAKE_COMMAND} --build "${home}/build" --target install -j2
            OUTPUT_FILE "${log}" ERROR_FILE "${log}" RESULT_VARIABLE result)
    endif()
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "Could not build upb's code generators: see ${log} "
            "(they need g++, libprotobuf-dev and libabsl-dev)")
    endif()
    file(REMOVE_RECURSE "${home}/build")
endfunction()
