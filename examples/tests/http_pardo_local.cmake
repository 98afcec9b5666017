# SPDX-License-Identifier: Apache-2.0
# cmake -DPROGRAM=<http_pardo> -DSERVICE=<http_service> -DFOLDER=<scratch> -P http_pardo_local.cmake
# Enriches words on the local runner with a service on a free port, and compares.
file(REMOVE_RECURSE "${FOLDER}")
file(WRITE "${FOLDER}/in.txt" "to be or not to be\nit's a question\n")
file(WRITE "${FOLDER}/script" "
'${SERVICE}' --port=0 >'${FOLDER}/service.log' &
service=$!
trap 'kill $service' EXIT
for i in $(seq 100); do
    url=$(sed -n 's/.* listens on //p' '${FOLDER}/service.log')
    [ -n \"$url\" ] && break
    sleep 0.05
done
'${PROGRAM}' --runner=local --http_service=$url '--input=${FOLDER}/in.txt' \\
    '--output=${FOLDER}/out.txt'
")
execute_process(COMMAND sh "${FOLDER}/script" RESULT_VARIABLE result ERROR_VARIABLE said)
if(NOT result EQUAL 0 OR NOT said MATCHES "the job is DONE")
    message(FATAL_ERROR "exit status ${result}: ${said}")
endif()
file(STRINGS "${FOLDER}/out.txt" lines)
list(SORT lines)
set(expected "a: 1" "be: 2" "be: 2" "it's: unknown" "not: 3" "or: 2" "question: 8" "to: 2" "to: 2")
if(NOT lines STREQUAL expected)
    message(FATAL_ERROR "written: ${lines}")
endif()
