# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The services of start-env.sh: what each is, how it starts, when it is ready. Source it
# after lib.sh. A service NAME has need_NAME (makes sure that its parts are there),
# launch_NAME and ready_NAME.
# shellcheck disable=SC2154 # lib.sh's variables

kafka_port=9092
kafka_second_port=29092
kafka_controller_port=29093
flink_port=8081
flink_rpc_port=6123
flink_slots=${FLINK_SLOTS:-4}
rpc_port=50051

all_services=(kafka flink-jobmanager flink-taskmanager rpc)

service_ports() {
    case $1 in
    kafka) echo "$kafka_port $kafka_second_port $kafka_controller_port" ;;
    flink-jobmanager) echo "$flink_port $flink_rpc_port" ;;
    flink-taskmanager) ;;
    rpc) echo "$rpc_port" ;;
    esac
}

# What the status table shows.
service_shown_ports() {
    case $1 in
    kafka) echo "$kafka_port,$kafka_second_port" ;;
    flink-jobmanager) echo "$flink_port" ;;
    flink-taskmanager) echo "-" ;;
    rpc) echo "$rpc_port" ;;
    esac
}

archive() { printf -- '-XX:SharedArchiveFile=%s/cds/%s.jsa' "$java_dir" "$1"; }

# --- Kafka: one KRaft process is broker and controller ----------------------------------

need_kafka() {
    need_java java
    "$beam_root/scripts/get-jars" --quiet kafka >&2
}

# Topics come into being when they are first used, as in most development set-ups.
kafka_config() {
    cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:$kafka_controller_port
listeners=LOCAL://localhost:$kafka_port,SECOND://localhost:$kafka_second_port,CONTROLLER://localhost:$kafka_controller_port
advertised.listeners=LOCAL://localhost:$kafka_port,SECOND://localhost:$kafka_second_port
listener.security.protocol.map=LOCAL:PLAINTEXT,SECOND:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=LOCAL
log.dirs=$state_dir/kafka/data
auto.create.topics.enable=true
num.partitions=${KAFKA_PARTITIONS:-3}
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
END
}

launch_kafka() {
    local dir=$state_dir/kafka
    mkdir -p "$dir"
    kafka_config >"$dir/server.properties"
    cat >"$dir/log4j.properties" <<END
log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{HH:mm:ss,SSS} %p %m (%c{1})%n
END
    if [ ! -f "$dir/data/meta.properties" ]; then
        java -Xmx128m "${quick_jvm[@]}" "$(archive kafka)" \
            -Dlog4j.configuration="file:$dir/log4j.properties" -cp "$java_dir/kafka/*" \
            kafka.tools.StorageTool format -t "$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c1-22)" \
            -c "$dir/server.properties" >"$dir/format.log" 2>&1 ||
            fail "Kafka's data folder could not be made; $dir/format.log says why"
    fi
    start_daemon kafka kafka.Kafka java -Xmx512m "${quick_jvm[@]}" "$(archive kafka)" \
        -Dlog4j.configuration="file:$dir/log4j.properties" -cp "$java_dir/kafka/*" \
        kafka.Kafka "$dir/server.properties"
}

ready_kafka() { grep -q 'Kafka Server started' "$(log_file kafka)" && port_open "$kafka_port"; }

# --- Flink: a JobManager and a TaskManager ----------------------------------------------

flink_dir=$cache_dir/flink/${FLINK_VERSION:-1.19.3}
flink_state=$state_dir/flink

# What Flink's own start scripts pass for Java 17.
flink_opens=(
    --add-exports=java.base/sun.net.util=ALL-UNNAMED
    --add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED
    --add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED
)
for flink_package in java.lang java.lang.reflect java.net java.io java.nio java.text java.time \
    java.util java.util.concurrent java.util.concurrent.atomic java.util.concurrent.locks sun.nio.ch; do
    flink_opens+=("--add-opens=java.base/$flink_package=ALL-UNNAMED")
done

need_flink-jobmanager() {
    need_java java
    "$beam_root/scripts/get-jars" --quiet flink >&2
}
need_flink-taskmanager() { :; }

# The memory sizes that TaskManagerRunner insists on are all given, so that no second JVM
# has to compute them; the -X flags of launch_flink-taskmanager follow from them.
# beam.c.jars tells the C client that jobs need not upload the runner's jars. When a worker
# process dies, all of a job's tasks start again (full): those that are left alone (region)
# keep Flink from starting another process.
flink_presets() {
    cat <<END
jobmanager.rpc.address: localhost
jobmanager.rpc.port: $flink_rpc_port
jobmanager.bind-host: localhost
jobmanager.memory.process.size: 1024m
jobmanager.execution.failover-strategy: full
rest.address: localhost
rest.port: $flink_port
rest.bind-address: localhost
rest.bind-port: $flink_port
taskmanager.host: localhost
taskmanager.bind-host: localhost
taskmanager.numberOfTaskSlots: $flink_slots
taskmanager.cpu.cores: $flink_slots
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.task.heap.size: 512m
taskmanager.memory.task.off-heap.size: 128m
taskmanager.memory.managed.size: 256m
taskmanager.memory.network.min: 64m
taskmanager.memory.network.max: 64m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 192m
taskmanager.memory.jvm-overhead.max: 192m
parallelism.default: 1
state.backend.type: hashmap
state.checkpoints.dir: file://$flink_state/checkpoints
state.savepoints.dir: file://$flink_state/savepoints
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 20
restart-strategy.fixed-delay.delay: 1 s
cluster.registration.error-delay: 500
heartbeat.interval: 4000
heartbeat.timeout: 20000
classloader.check-leaked-classloader: false
io.tmp.dirs: $flink_state/tmp
beam.c.jars: 2.62.0
END
}

# FLINK_PROPERTIES, as with Flink's container image: more lines of "key: value". One that is
# preset counts instead, since Flink takes no key twice.
flink_config() {
    local own=${FLINK_PROPERTIES:-}
    awk -F : 'NR == FNR { own[$1]; next } !($1 in own)' <(printf '%s\n' "$own") <(flink_presets)
    printf '%s\n' "$own"
}

write_flink_config() {
    mkdir -p "$flink_state/conf" "$flink_state/tmp" "$flink_state/checkpoints" "$flink_state/savepoints"
    flink_config >"$flink_state/conf/config.yaml"
    cat >"$flink_state/conf/log4j.properties" <<END
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = Out
appender.out.name = Out
appender.out.type = CONSOLE
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} - %m%n
END
}

flink_daemon() { # NAME MAIN-CLASS JVM-FLAGS...
    local name=$1 main=$2 jars
    shift 2
    # Flink's own jars come before the ones that jobs use.
    jars=$(printf '%s:' "$flink_dir"/lib/flink-*.jar "$flink_dir"/lib/log4j-*.jar "$flink_dir"/lib/job-*.jar)
    start_daemon "$name" "$main" env FLINK_CONF_DIR="$flink_state/conf" \
        FLINK_LIB_DIR="$flink_dir/lib" FLINK_PLUGINS_DIR="$flink_dir/plugins" \
        java "${quick_jvm[@]}" "$@" "${flink_opens[@]}" \
        -Dlog4j.configurationFile="file:$flink_state/conf/log4j.properties" \
        -Dlog.file="$(log_file "$name")" \
        -cp "${jars%:}" "$main" --configDir "$flink_state/conf"
}

launch_flink-jobmanager() {
    write_flink_config
    flink_daemon flink-jobmanager \
        org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint -Xmx600m
}
launch_flink-taskmanager() {
    flink_daemon flink-taskmanager org.apache.flink.runtime.taskexecutor.TaskManagerRunner \
        -Xmx640m -XX:MaxDirectMemorySize=320m -XX:MaxMetaspaceSize=256m
}

ready_flink-jobmanager() {
    curl -fsS -m 2 "http://localhost:$flink_port/overview" | grep -q '"taskmanagers"'
}
ready_flink-taskmanager() {
    curl -fsS -m 2 "http://localhost:$flink_port/overview" | grep -q "\"slots-total\":${flink_slots}[,}]"
}

# --- the gRPC service of the examples ----------------------------------------------------

rpc_build=${BEAM_BUILD:-$beam_root/build}
rpc_binary=$rpc_build/examples/rpc_service

build_rpc() {
    if [ ! -f "$rpc_build/CMakeCache.txt" ]; then
        cmake -S "$beam_root" -B "$rpc_build" -G Ninja || return 1
    fi
    cmake --build "$rpc_build" --target rpc_service -j "$(nproc)" 9>&- # not the lock
}

need_rpc() {
    local log
    [ ! -x "$rpc_binary" ] || return 0
    log=$(log_file build-rpc)
    mkdir -p "$state_dir/logs"
    have cmake || fail "no cmake; scripts/install-deps installs it"
    say "rpc: building $rpc_binary" >&2
    if ! build_rpc >"$log" 2>&1; then
        fail "the gRPC service could not be built; $log says why"
    fi
    [ -x "$rpc_binary" ] || fail "the build made no $rpc_binary"
}

launch_rpc() { start_daemon rpc "$rpc_binary" "$rpc_binary" "--port=$rpc_port"; }
ready_rpc() { port_open "$rpc_port"; }

# --- for all -----------------------------------------------------------------------------

show_status() {
    local service pid state format='%-18s %-9s %-11s %-8s %s\n'
    # shellcheck disable=SC2059 # one format for head and rows
    printf "$format" SERVICE STATE PORT PID LOG
    for service in "${all_services[@]}"; do
        if pid=$(daemon_pid "$service"); then
            state=running
        elif [ -f "$(pid_file "$service")" ]; then
            state=died pid=-
        else
            state=stopped pid=-
        fi
        # shellcheck disable=SC2059
        printf "$format" "$service" "$state" "$(service_shown_ports "$service")" "$pid" \
            "$(if [ -f "$(log_file "$service")" ]; then log_file "$service"; else echo -; fi)"
    done
}
