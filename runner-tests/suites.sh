# SPDX-License-Identifier: Apache-2.0
# The suites of runner-tests/run, which sources this file. Each check is a function or a
# command that ends with 0 when it passed.
# shellcheck shell=bash disable=SC2154

# -- helpers ------------------------------------------------------------------------

# until_true SECONDS COMMAND...: waits until the command succeeds.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || { echo "waited in vain for: $*"; return 1; }
        sleep 0.3
    done
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("localhost", 0)); print(s.getsockname()[1])'
}

listens() { (exec 3<>"/dev/tcp/localhost/$1") 2>/dev/null; }

# fails_with STATUS TEXT COMMAND...: the command must end with this status, say this in at
# most a few lines, and within 60 s.
fails_with() {
    local status=$1 text=$2 got
    shift 2
    timeout 60 "$@" >"$work/err" 2>&1
    got=$?
    cat "$work/err"
    ((got == status)) || { echo "status $got instead of $status"; return 1; }
    grep -qF -- "$text" "$work/err" || { echo "no '$text' in the output"; return 1; }
}

# start_pool: an EXTERNAL worker pool of program $1; its port in $pool_port.
start_pool() {
    pool_port=$(free_port)
    "$build/$1" --worker_pool --worker_pool_port="$pool_port" >"$work/pool.log" 2>&1 &
    pool_pid=$!
    children+=("$pool_pid")
    until_true 10 listens "$pool_port"
}
stop_pool() {
    kill "$pool_pid" && wait "$pool_pid"
    return 0
}

# -- model ----------------------------------------------------------------------------

# model_parts NAME N FLAGS...: the model tests in N jobs, one after the other. Flink keeps a copy
# of the whole pipeline for each of its stages, and a streaming job runs all of them at once: more
# tests in a job and its heap is full.
model_parts() {
    local name=$1 parts=$2 part
    shift 2
    for ((part = 1; part <= parts; part++)); do
        check "model, $name, $part/$parts" "$build/runner-tests/model_tests" --part="$part/$parts" \
            --results="$build/model-${name//[^a-z0-9]/-}-$part.tsv" "$@"
    done
}

suite_model() {
    model_parts "batch, loopback" 2
    model_parts "batch, parallelism 3" 3 --parallelism=3
    model_parts "streaming, loopback" 4 --streaming
    model_parts "batch, process" 2 --environment_type=PROCESS
    start_pool runner-tests/model_tests
    model_parts "batch, external" 2 --environment_type=EXTERNAL \
        --environment_config="localhost:$pool_port"
    check "worker pool reaps its workers" no_zombies "$pool_pid"
    stop_pool
}

no_zombies() { ! pgrep -P "$1" -r Z; }

# -- Beam's own tests, written anew ----------------------------------------------------------

suite_suites() {
    local runner
    check "Prism is there" scripts/get-prism --quiet
    for runner in local prism flink-batch flink-streaming; do
        check "Beam's own tests, $runner" "$build/runner-tests/beam-suites" --runner="$runner" \
            --results="$build/suites-$runner.tsv"
        tail -1 "$work/out"
    done
    check "the page of results" runner-tests/suites/page.py "$build"/suites-*.tsv
}

# -- wordcount ------------------------------------------------------------------------

same_counts() {
    local expected=$work/expected
    grep -ohE "[A-Za-z']+" "$1" | LC_ALL=C sort | uniq -c |
        awk '{print $2 ": " $1}' | LC_ALL=C sort >"$expected"
    LC_ALL=C sort "$2" | diff "$expected" - | head -5
    [[ ${PIPESTATUS[1]} == 0 ]]
}

wordcount() {
    rm -f "$work/counts"
    "$build/examples/wordcount" --input="$1" --output="$work/counts" "${@:2}" &&
        same_counts "$1" "$work/counts"
}

suite_wordcount() {
    check "wordcount, LOOPBACK" wordcount LICENSE
    check "wordcount, PROCESS" wordcount LICENSE --environment_type=PROCESS
    start_pool examples/wordcount
    check "wordcount, EXTERNAL" wordcount LICENSE --environment_type=EXTERNAL \
        --environment_config="localhost:$pool_port"
    stop_pool
    python3 -c 'import random; random.seed(1)
for _ in range(100000): print(" ".join(f"w{chr(97+random.randrange(26))}{chr(97+random.randrange(26))}" for _ in range(8)))' >"$work/large"
    check "wordcount, 800,000 words" wordcount "$work/large" --parallelism=2
}

# -- Kafka ---------------------------------------------------------------------------------

broker=localhost:29092

make_topics() {
    local topic
    for topic; do scripts/topic "$topic" --create --partitions=3 || return 1; done
}

topic_size() {
    kcat -C -q -e -b $broker -t "$1" -o beginning -f 'x\n' | wc -l
}

topic_has() { (($(topic_size "$1") >= $2)); }

read_topic() { kcat -C -q -e -b $broker -t "$1" -o beginning -f '%k\t%s\n'; }

lines_of_text() {
    python3 -c '
import random, sys
random.seed(7)
words = ["it'"'"'s", "stream", "Beam", "a", "enrichment", "O", "element", "window", "C"]
for i in range(int(sys.argv[1])):
    print(" ".join(random.choices(words, k=random.randrange(1, 5))), i)' "$1"
}

start_pipeline() {
    "$@" >"$work/pipeline.log" 2>&1 &
    pipeline=$!
    children+=("$pipeline")
}

# Ends the pipeline as Ctrl-C does and expects status 3.
stop_pipeline() {
    local status
    kill -INT "$pipeline"
    wait "$pipeline"
    status=$?
    ((status == 3)) || { tail -20 "$work/pipeline.log"; echo "status $status, not 3"; return 1; }
}

# rpc_pardo_run N FLAGS...: N lines, fed while the job runs, compared with expect_words.py.
rpc_pardo_run() {
    local n=$1 in=in-$RANDOM$RANDOM out=out-$RANDOM$RANDOM words status=0
    shift
    make_topics $in $out || return 1
    lines_of_text "$n" >"$work/lines"
    words=$(grep -oE "[A-Za-z']+" "$work/lines" | wc -l)
    start_pipeline "$build/examples/rpc_pardo" --bootstrap_servers=$broker --input_topic=$in \
        --output_topic=$out --group_id=g-$in "$@"
    until_true 90 grep -q RUNNING "$work/pipeline.log" || { tail "$work/pipeline.log"; return 1; }
    kcat -P -b $broker -t $in <"$work/lines"
    until_true 240 topic_has $out "$words" || status=1
    read_topic $out >"$work/records"
    stop_pipeline || status=1
    runner-tests/kafka/expect_words.py "$work/lines" "$work/records" || status=1
    ((status == 0)) || tail -30 "$work/pipeline.log"
    return $status
}

# traffic_run N FLAGS...: N visits, a few broken ones among them.
traffic_run() {
    local n=$1 in=in-$RANDOM$RANDOM out=out-$RANDOM$RANDOM bad=bad-$RANDOM$RANDOM status=0
    shift
    make_topics $in $out $bad || return 1
    "$build/examples/datagen" --source=batch --num_events="$n" --num_users=50 \
        --bootstrap_servers=$broker --topic=$in || return 1
    printf '%s\n' 'not json' '{}' '[1,2]' '{"id": 5}' | kcat -P -b $broker -t $in
    printf 'k:' | kcat -P -b $broker -t $in -K: -Z
    kcat -C -q -e -b $broker -t $in -o beginning -f '%s\n' >"$work/visits"
    start_pipeline "$build/examples/traffic_agg" --bootstrap_servers=$broker --input_topic=$in \
        --output_topic=$out --bad_topic=$bad --group_id=g-$in "$@"
    until_true 90 grep -q RUNNING "$work/pipeline.log" || { tail "$work/pipeline.log"; return 1; }
    until_true 240 traffic_is_complete $out || status=1
    until_true 30 topic_has $bad 5 || status=1
    read_topic $bad | head -3
    stop_pipeline || status=1
    runner-tests/kafka/expect_traffic.py "$work/visits" "$work/records" || status=1
    ((status == 0)) || tail -30 "$work/pipeline.log"
    return $status
}

traffic_is_complete() {
    read_topic "$1" >"$work/records"
    runner-tests/kafka/expect_traffic.py "$work/visits" "$work/records"
}

kafka_io_run() {
    local n=$1 in=in-$RANDOM$RANDOM out=out-$RANDOM$RANDOM status=0
    shift
    make_topics $in $out || return 1
    "$build/examples/datagen" --source=batch --num_events="$n" --bootstrap_servers=$broker \
        --topic=$in || return 1
    start_pipeline "$build/examples/kafka_io" --bootstrap_servers=$broker --input_topic=$in \
        --output_topic=$out --group_id=g-$in "$@"
    until_true 180 topic_has $out "$n" || status=1
    stop_pipeline || status=1
    (($(topic_size $out) == n)) || status=1
    ((status == 0)) || tail -30 "$work/pipeline.log"
    return $status
}

# absent_service TOPIC: one line waits for a service that is not there.
absent_service() {
    make_topics "$1" || return 1
    echo "one two" | kcat -P -b $broker -t "$1"
    fails_with 1 "localhost:2: " "$build/examples/rpc_pardo" --bootstrap_servers=$broker \
        --input_topic="$1" --rpc_service=localhost:2 --group_id="g-$1" --streaming
}

# On a terminal the counters of a running job are shown.
status_line() {
    local in=in-$RANDOM$RANDOM out=out-$RANDOM$RANDOM
    make_topics $in $out || return 1
    yes "one two three" | head -100 | kcat -P -b $broker -t $in
    script -qfc "timeout --foreground -s INT 30 $build/examples/rpc_pardo --streaming \
        --bootstrap_servers=$broker --input_topic=$in --output_topic=$out --group_id=g-$in" \
        "$work/terminal" >/dev/null </dev/null
    grep -q "RUNNING 00:00:.*words_resolved=300" "$work/terminal" || { cat "$work/terminal"; return 1; }
}

quickstart_leaves_what_it_found() {
    scripts/quickstart --lines=20 &&
        [[ $(scripts/start-env.sh --status | grep -cE '^(kafka|rpc) +running') == 2 ]]
}

suite_kafka() {
    check "Kafka and the gRPC service start" scripts/start-env.sh -k -g
    check "rpc_pardo, 10,000 lines" rpc_pardo_run 10000 --streaming --checkpointing_interval=5000
    check "rpc_pardo, deprecated read" rpc_pardo_run 2000 --streaming --deprecated_read \
        --checkpointing_interval=5000
    check "traffic_agg, 20,000 visits" traffic_run 20000 --streaming \
        --checkpointing_interval=5000
    check "traffic_agg, deprecated read" traffic_run 10000 --streaming --deprecated_read \
        --checkpointing_interval=5000
    # More than the 200,000 to 400,000 records that a bundle of Beam 2.62's runner can hold.
    check "traffic_agg, 1,000,000 records wait" bench/e2e --job=traffic_agg --backlog=1000000 \
        --build="$build" --out="$work/e2e"
    check "rpc_pardo, 500,000 records wait" bench/e2e --job=rpc_pardo --backlog=500000 \
        --build="$build" --out="$work/e2e"
    check "kafka_io, 5,000 visits" kafka_io_run 5000 --streaming --checkpointing_interval=5000
    check "a topic that does not exist" fails_with 1 "topic names" "$build/examples/rpc_pardo" \
        --bootstrap_servers=$broker --input_topic=absent-$RANDOM --streaming
    check "a gRPC service that is down" absent_service in-$RANDOM$RANDOM
    check "counters of a running job on a terminal" status_line
    check "quickstart" quickstart_leaves_what_it_found
    check "they stop" scripts/stop-env.sh -k -g
}

# -- a real cluster ---------------------------------------------------------------------------

numbers_as_words() { seq "$1" "$2" | tr 0-9 a-j; }

has_words() { (($(read_topic "$1" | cut -f1 | sort -u | wc -l) >= $2)); }

# A PROCESS worker is killed while two of three tasks of the read have nothing to do: all that is
# fed before and afterwards comes out, if more than once.
worker_killed() {
    local in=in-$RANDOM$RANDOM out=out-$RANDOM$RANDOM status=0
    make_topics $in $out || return 1
    start_pipeline "$build/examples/rpc_pardo" --bootstrap_servers=$broker --input_topic=$in \
        --output_topic=$out --group_id=g-$in --environment_type=PROCESS "$@"
    until_true 90 grep -q RUNNING "$work/pipeline.log" || { tail "$work/pipeline.log"; return 1; }
    numbers_as_words 1 100 | kcat -P -b $broker -t $in -p 0
    until_true 60 has_words $out 100 || status=1
    pkill -KILL -f "$build/examples/rpc_pardo --id=" || status=1
    numbers_as_words 101 200 | kcat -P -b $broker -t $in -p 0
    until_true 90 has_words $out 200 || status=1
    stop_pipeline || status=1
    ((status == 0)) || tail -30 "$work/pipeline.log"
    return $status
}

suite_cluster() {
    local flags=(--flink_master=localhost:8081 --parallelism=3 --checkpointing_interval=10000
        --streaming --job_name=rpc-pardo --deprecated_read)
    check "a Flink cluster, Kafka and the gRPC service start" scripts/start-env.sh -a
    check "rpc_pardo, cluster, LOOPBACK" rpc_pardo_run 2000 "${flags[@]}" \
        --environment_type=LOOPBACK
    check "rpc_pardo, cluster, PROCESS" rpc_pardo_run 2000 "${flags[@]}" \
        --environment_type=PROCESS \
        --environment_config="{\"command\":\"$root/$build/examples/rpc_pardo\"}"
    check "rpc_pardo, cluster, a killed PROCESS worker" worker_killed "${flags[@]}"
    start_pool examples/rpc_pardo
    check "rpc_pardo, cluster, EXTERNAL" rpc_pardo_run 2000 "${flags[@]}" \
        --environment_type=EXTERNAL --environment_config="localhost:$pool_port"
    stop_pool
    check "they stop" scripts/stop-env.sh -a
}

# -- errors -----------------------------------------------------------------------------------------

all_lines_or_none() { # with a line that does not always go into memory
    { echo first; head -c 60000000 /dev/zero | tr '\0' -; echo; echo last; } >"$work/long"
    local kib
    for kib in {500000..900000..50000}; do
        (ulimit -v "$kib"
         exec "$build/examples/wordcount" --runner=local --input="$work/long" \
             --output="$work/counts") 2>/dev/null || continue
        grep -qx "last: 1" "$work/counts" || return 1
    done
}

full_stdout() { ! "$@" >/dev/full 2>"$work/said" && grep -q "cannot write to stdout" "$work/said"; }

told_to_wait() {
    mkdir -p "$work/locked"
    flock "$work/locked/lock" sleep 2 &
    until_true 5 eval '! flock -n "$work/locked/lock" true'
    BEAM_C_STATE="$work/locked" scripts/stop-env.sh -g | grep "waiting for another"
}

closed_streams() { # nothing else has their numbers
    "$build/examples/wordcount" --runner=local --input=README.md --output=/proc/self/fd/2 \
        <&- >&- 2>&-
}

suite_errors() {
    local wordcount=$build/examples/wordcount rpc=$build/examples/rpc_pardo port
    port=$(free_port)
    check "--help" fails_with 0 "--job_endpoint" "$wordcount" --help
    local shown
    for shown in --help --version --runner=print --runner=dot --runner=check; do
        check "$shown, no room" full_stdout "$wordcount" "$shown"
    done
    check "a line that is too long" all_lines_or_none
    check "closed standard streams" closed_streams
    check "a script that waits for another" told_to_wait
    check "a misspelt flag" fails_with 2 "--parallelism" "$wordcount" --paralelism=2
    check "a misspelt flag of the program" fails_with 2 "did you mean --input" "$wordcount" \
        --inptu=x
    check "a flag that nobody takes" fails_with 2 "only job services" "$wordcount" \
        --runner=local --nonsense=1
    check "an option of the worker" fails_with 0 "is DONE" "$wordcount" --runner=local \
        --input=README.md --output="$work/counts" --max_cache_memory_usage_mb=1
    check "a state folder with a space" fails_with 0 "is DONE" env BEAM_C_STATE="$work/sp ace" \
        "$wordcount" --input=README.md --output="$work/counts"
    check "a relative state folder" fails_with 0 "is DONE" env -C "$work" BEAM_C_STATE=state \
        "$root/$wordcount" --input="$root/README.md" --output="$work/counts"
    check "a wrong value" fails_with 2 "--parallelism" "$wordcount" --parallelism=many
    check "DOCKER without an image" fails_with 2 "--environment_config=IMAGE" "$wordcount" \
        --environment_type=DOCKER
    check "an unknown runner" fails_with 2 "--runner" "$wordcount" --runner=nonsense
    check "a missing input file" fails_with 1 "no file matches" "$wordcount" \
        --input=/nonexistent/file
    check "an output that cannot be written" fails_with 1 "cannot write" "$wordcount" \
        --output=/nonexistent/dir/out
    check "no job service" fails_with 1 "localhost:$port" "$wordcount" \
        --job_endpoint="localhost:$port"
    check "no cluster" fails_with 1 "localhost:$port" "$wordcount" --flink_master="localhost:$port"
    check "no expansion service" fails_with 1 "localhost:$port" "$rpc" \
        --expansion_service="localhost:$port"
    check "missing jars" fails_with 1 "get-jars" env BEAM_C_CACHE=/nonexistent "$wordcount"
    check "--runner=print" fails_with 0 "Count" "$wordcount" --runner=print
    check "--runner=dot" fails_with 0 "digraph" "$wordcount" --runner=dot
    check "--runner=check" fails_with 0 "no mistake" "$wordcount" --runner=check
    check "Flink's heap is full" fails_with 1 "OutOfMemoryError" env _JAVA_OPTIONS=-Xmx300m \
        "$build/runner-tests/model_tests" --parallelism=3
    python3 -m http.server --bind localhost "$port" >/dev/null 2>&1 &
    children+=($!)
    until_true 10 listens "$port"
    check "a web server as job service" fails_with 1 "localhost:$port" "$wordcount" \
        --job_endpoint="localhost:$port"
}

# -- service ---------------------------------------------------------------------------------------

suite_service() {
    local port python=$work/venv/bin/python
    port=$(free_port)
    check "a Python gRPC client installs" install_grpc
    "$build/examples/rpc_service" --port="$port" >"$work/service.log" 2>&1 &
    local service=$!
    children+=("$service")
    until_true 10 listens "$port"
    check "RcpService answers a Python client" "$python" runner-tests/service/client.py \
        "localhost:$port" model/protos/rpc_service.proto
    check "a second service on the port is refused" fails_with 1 "$port" \
        "$build/examples/rpc_service" --port="$port"
    kill "$service"
    check "RcpService ends in order" wait "$service"
}

install_grpc() {
    python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q grpcio grpcio-tools
}

# -- containers ------------------------------------------------------------------------------

# In the container the tests compare by themselves: it shares no folder with this process.
container_job() {
    "$build/runner-tests/model_tests" --in_pipeline --part=1/4 \
        --metrics_json="$work/metrics" "$@" | tee "$work/tests" && every_test_asserted
}

every_test_asserted() {
    local asserted
    asserted=$(grep -c '"beam.assertions"' "$work/metrics")
    grep -qx "$asserted passed, 0 failed" "$work/tests" || { echo "$asserted assertions"; return 1; }
}

made_image() {
    containers/rootfs.sh "$build/runner-tests/model_tests" --tar="$work/rootfs.tar" &&
        mkdir "$work/rootfs" && tar -C "$work/rootfs" -xf "$work/rootfs.tar"
}

# A job with PROCESS workers whose root is the image's.
chroot_job() {
    cat >"$work/in_rootfs" <<WRAPPER
#!/bin/sh
exec chroot --userspec=65532:65532 '$work/rootfs' /opt/apache/beam/boot "\$@"
WRAPPER
    chmod 755 "$work" "$work/in_rootfs"
    container_job --environment_type=PROCESS --environment_config="$work/in_rootfs"
}

docker_job() {
    docker import -c 'ENTRYPOINT ["/opt/apache/beam/boot"]' -c 'USER 65532' \
        "$work/rootfs.tar" beam-c-model-tests:test &&
        container_job --environment_type=DOCKER --environment_config=beam-c-model-tests:test
}

# Flink does not remove containers that have ended by themselves.
remove_image() {
    docker ps -aq --filter ancestor=beam-c-model-tests:test | xargs -r docker rm >/dev/null
    docker rmi beam-c-model-tests:test >/dev/null
}

suite_container() {
    check "no container of what is no program" fails_with 1 "cannot be run" \
        containers/rootfs.sh README.md --tar=/dev/null
    check "a root file system of model_tests" made_image
    echo "     $(wc -c <"$work/rootfs.tar") bytes in $(tar -tf "$work/rootfs.tar" | grep -c '[^/]$') files"
    if chroot "$work/rootfs" /opt/apache/beam/boot --version >/dev/null 2>&1; then
        check "model, batch, PROCESS in the root file system" chroot_job
    else
        skip "model, batch, PROCESS in the root file system" "chroot needs root"
    fi
    if docker version >/dev/null 2>&1; then
        check "model, batch, DOCKER" docker_job
        remove_image
    else
        skip "model, batch, DOCKER" "no Docker engine answers"
    fi
}

# -- footprint ------------------------------------------------------------------------------------------

suite_soak() {
    check "30 s of bundles" sh -c '"$1" --seconds=30 2>/dev/null' - "$build/runner-tests/soak"
    cat "$work/out"
}

suite_footprint() {
    check "start-up, memory and size of a worker" "$build/runner-tests/footprint" \
        "$build/examples/rpc_pardo"
    cat "$work/out"
}
