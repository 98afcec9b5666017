# SPDX-License-Identifier: Apache-2.0
# beam_fetch_model(<out jars dir> <out upb source dir>): brings what protos/sources.txt names
# into the cache, checked by sha256 and unpacked. Instant when the cache has it already.
#
# Cache: $BEAM_C_CACHE/model, by default ~/.cache/beam-c/model. Without a network, set
# -DBEAM_MODEL_JARS=<folder holding the files> or copy the cache from another machine.

set(BEAM_MODEL_JARS "" CACHE PATH
    "Folder with the files of model/protos/sources.txt, for machines without a network")

if(DEFINED ENV{BEAM_C_CACHE})
    set(BEAM_CACHE_DIR "$ENV{BEAM_C_CACHE}")
else()
    set(BEAM_CACHE_DIR "$ENV{HOME}/.cache/beam-c")
endif()

function(_beam_fetch_maven name version target log)
    find_program(MVN mvn)
    if(NOT MVN)
        set(${log} "mvn is not installed (apt-get install maven)" PARENT_SCOPE)
        return()
    endif()
    get_filename_component(dir "${target}" DIRECTORY)
    execute_process(
        COMMAND ${MVN} -B -q
            org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy
            -Dartifact=${name}:${version} -DoutputDirectory=${dir}
        OUTPUT_VARIABLE out ERROR_VARIABLE out TIMEOUT 600)
    set(${log} "${out}" PARENT_SCOPE)
endfunction()

function(_beam_fetch_pypi name version sha256 target log)
    find_program(PYTHON3 python3)
    get_filename_component(dir "${target}" DIRECTORY)
    set(wanted "${CMAKE_CURRENT_BINARY_DIR}/${name}.txt")
    file(WRITE "${wanted}" "${name}==${version} --hash=sha256:${sha256}\n")
    execute_process(
        COMMAND ${CMAKE_COMMAND} -E env
            PYTHONPATH=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/pip_stub
            BEAM_PIP_NAME=${name} BEAM_PIP_VERSION=${version} PYTHONDONTWRITEBYTECODE=1
            ${PYTHON3} -m pip --disable-pip-version-check --retries 2 download -q --no-deps
            --no-binary :all: --no-build-isolation --use-pep517 --require-hashes
            -r "${wanted}" -d "${dir}"
        OUTPUT_VARIABLE out ERROR_VARIABLE out TIMEOUT 600)
    set(${log} "${out}" PARENT_SCOPE)
endfunction()

# Makes sure that `target` exists and has the right sha256.
function(_beam_fetch kind name version sha256 target)
    get_filename_component(file "${target}" NAME)
    if(BEAM_MODEL_JARS AND EXISTS "${BEAM_MODEL_JARS}/${file}")
        configure_file("${BEAM_MODEL_JARS}/${file}" "${target}" COPYONLY)
    endif()
    if(EXISTS "${target}")
        file(SHA256 "${target}" have)
        if(have STREQUAL sha256)
            return()
        endif()
        message(STATUS "${file}: not the pinned file (sha256 ${have}); fetching it again")
        file(REMOVE "${target}")
    endif()
    message(STATUS "Fetching ${name} ${version}")
    if(kind STREQUAL "maven")
        _beam_fetch_maven(${name} ${version} "${target}" log)
    else()
        _beam_fetch_pypi(${name} ${version} ${sha256} "${target}" log)
    endif()
    if(NOT EXISTS "${target}")
        string(SUBSTRING "${log}" 0 600 log)
        message(FATAL_ERROR
            "Could not fetch ${name} ${version} (${kind}), which the build takes Beam's "
            "model from. Run this once with a network, or give a folder that holds ${file} "
            "by -DBEAM_MODEL_JARS=<folder>.\n${log}")
    endif()
    file(SHA256 "${target}" have)
    if(NOT have STREQUAL sha256)
        file(REMOVE "${target}")
        message(FATAL_ERROR "${file} has sha256 ${have}, but model/protos/sources.txt pins "
            "${sha256}: it was removed; check where it came from.")
    endif()
endfunction()

# Unpacks the files that match the patterns, once. Each pattern has to match something.
function(_beam_unpack archive sha256 into)
    if(EXISTS "${into}/.done-${sha256}")
        return()
    endif()
    file(ARCHIVE_EXTRACT INPUT "${archive}" DESTINATION "${into}" PATTERNS ${ARGN})
    file(TOUCH "${into}/.done-${sha256}")
endfunction()

function(beam_fetch_model out_jars out_upb)
    set(cache "${BEAM_CACHE_DIR}/model")
    file(MAKE_DIRECTORY "${cache}")
    # Two builds may be configured at the same time.
    file(LOCK "${cache}" DIRECTORY GUARD FUNCTION TIMEOUT 900)
    set(sources "${CMAKE_CURRENT_SOURCE_DIR}/protos/sources.txt")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${sources}")
    file(STRINGS "${sources}" lines REGEX "^[a-z]")
    foreach(line IN LISTS lines)
        separate_arguments(line UNIX_COMMAND "${line}")
        list(GET line 0 kind)
        list(GET line 1 name)
        list(GET line 2 version)
        list(GET line 3 sha256)
        if(kind STREQUAL "maven")
            string(REGEX REPLACE ".*:" "" artifact "${name}")
            set(archive "${cache}/${artifact}-${version}.jar")
            set(jars "${cache}/beam-${version}")
            _beam_fetch(${kind} ${name} ${version} ${sha256} "${archive}")
            set(patterns "*.proto")
            if(artifact STREQUAL "beam-model-fn-execution")
                list(APPEND patterns "*/standard_coders.yaml")
            endif()
            _beam_unpack("${archive}" ${sha256} "${jars}" ${patterns})
        else()
            string(REPLACE "-" "_" stem "${name}")
            set(stem "${stem}-${version}")
            set(archive "${cache}/${stem}.tar.gz")
            _beam_fetch(${kind} ${name} ${version} ${sha256} "${archive}")
            set(protobuf "${stem}/third_party/protobuf")
            _beam_unpack("${archive}" ${sha256} "${cache}/${stem}.d"
                "${protobuf}/upb/*" "${protobuf}/upb_generator/*"
                "${protobuf}/third_party/utf8_range/*")
            set(upb "${cache}/${stem}.d/${protobuf}")
        endif()
    endforeach()
    set(${out_jars} "${jars}" PARENT_SCOPE)
    set(${out_upb} "${upb}" PARENT_SCOPE)
endfunction()
