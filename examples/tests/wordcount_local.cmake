# SPDX-License-Identifier: Apache-2.0
# cmake -DPROGRAM=<wordcount> -DFOLDER=<scratch> -P wordcount_local.cmake
# Counts words on the local runner and compares.
file(REMOVE_RECURSE "${FOLDER}")
file(WRITE "${FOLDER}/in.txt" "to be or not to be\nthat is the question\n")
execute_process(COMMAND "${PROGRAM}" --runner=local "--input=${FOLDER}/in.txt"
    "--output=${FOLDER}/out.txt" RESULT_VARIABLE result ERROR_VARIABLE said)
if(NOT result EQUAL 0 OR NOT said MATCHES "the job is DONE")
    message(FATAL_ERROR "exit status ${result}: ${said}")
endif()
file(STRINGS "${FOLDER}/out.txt" lines)
list(SORT lines)
set(expected "be: 2" "is: 1" "not: 1" "or: 1" "question: 1" "that: 1" "the: 1" "to: 2")
if(NOT lines STREQUAL expected)
    message(FATAL_ERROR "counted: ${lines}")
endif()
execute_process(COMMAND "${PROGRAM}" --runner=local "--input=${FOLDER}/none.txt"
    "--output=${FOLDER}/none-out.txt" RESULT_VARIABLE result ERROR_VARIABLE said)
if(NOT result EQUAL 1 OR NOT said MATCHES "none.txt")
    message(FATAL_ERROR "a file that is not there: exit status ${result}: ${said}")
endif()
