# SPDX-License-Identifier: Apache-2.0
# cmake -DBUILD=<build dir> -DSOURCE=<source dir> -DCOMPILER=<cc> [-DCPP_COMPILER=<c++>]
#     -P PackageTest.cmake
# Installs the library into a folder of its own and builds a user's project against it.
function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE out
        ERROR_VARIABLE out)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${ARGN} failed:\n${out}")
    endif()
endfunction()

set(place "${BUILD}/package-test")
file(REMOVE_RECURSE "${place}")
run(${CMAKE_COMMAND} --install "${BUILD}" --prefix "${place}/prefix")
set(ENV{PKG_CONFIG_PATH} "${place}/prefix/${LIBDIR}/pkgconfig")
set(ENV{LD_LIBRARY_PATH} "${place}/prefix/${LIBDIR}")
run(${CMAKE_COMMAND} -S "${SOURCE}/scripts/cmake/package-test" -B "${place}/build"
    -DCMAKE_C_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${place}/prefix
    "-DCMAKE_CXX_COMPILER=${CPP_COMPILER}" "-DCMAKE_C_FLAGS=${FLAGS}"
    "-DCMAKE_CXX_FLAGS=${FLAGS}")
run(${CMAKE_COMMAND} --build "${place}/build")
set(programs shared static pkgconfig)
if(CPP_COMPILER)
    list(APPEND programs cpp)
endif()
foreach(program IN LISTS programs)
    run("${place}/build/${program}")
endforeach()
