# SPDX-License-Identifier: Apache-2.0
# cmake -DPROGRAM=<log_stats> -DFOLDER=<scratch> -P log_stats_local.cmake
# Adds up a small log on the local runner and compares.
file(REMOVE_RECURSE "${FOLDER}")
file(WRITE "${FOLDER}/in.log" "10:00:00 GET /a 200 100
10:00:01 POST /b 404 7
no log
10:00:02 GET /a 200 23
10:00:03 GET /a 200 99999999999999999999
")
execute_process(COMMAND "${PROGRAM}" --runner=local "--input=${FOLDER}/in.log"
    "--output=${FOLDER}/out.txt" "--bad=${FOLDER}/bad.txt"
    RESULT_VARIABLE result ERROR_VARIABLE said)
if(NOT result EQUAL 0 OR NOT said MATCHES "the job is DONE" OR NOT said MATCHES "bad_lines")
    message(FATAL_ERROR "exit status ${result}: ${said}")
endif()
file(STRINGS "${FOLDER}/out.txt" lines)
list(SORT lines)
file(STRINGS "${FOLDER}/bad.txt" bad)
list(SORT bad)
set(expected "/a: 123" "/b: 7" "10:00:03 GET /a 200 99999999999999999999" "no log")
if(NOT "${lines};${bad}" STREQUAL "${expected}")
    message(FATAL_ERROR "written: ${lines}; bad: ${bad}")
endif()
