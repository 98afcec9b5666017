#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Starts what the examples talk to, on this machine, without containers. What runs already
# is left alone. stop-env.sh stops it.
#
# Usage: scripts/start-env.sh [-f] [-k] [-g] | -a | --status
#
#   -f         a Flink cluster: JobManager (REST and UI on 8081), TaskManager with 4 slots
#   -k         Kafka on 9092 and 29092
#   -g         the gRPC service that rpc_pardo calls, on 50051
#   -a         all of them
#   --status   only show what runs
#   --help     this text
#
# Everything listens on localhost only. Logs, pids and data: ~/.local/state/beam-c (or
# $BEAM_C_STATE). Kafka makes a topic when it is first used, with 3 partitions; for another
# number: scripts/topic NAME --create --partitions N, before anything uses it.
#
# Environment: FLINK_VERSION (1.19.3), FLINK_SLOTS (4), FLINK_PROPERTIES ("key: value"
# lines for Flink's configuration), KAFKA_PARTITIONS (3), BEAM_BUILD (build folder).
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=services.sh
. "$(dirname "$0")/services.sh"

declare -A chosen=()
choose() { local name; for name in "$@"; do chosen[$name]=1; done; }

[ $# -gt 0 ] || usage_error "nothing to start; give -f, -k, -g or -a"
status_only=
for argument in "$@"; do
    case $argument in
    --help) show_help && exit 0 ;;
    --status) status_only=1 ;;
    --*) usage_error "unknown option '$argument'" ;;
    -?*)
        for ((i = 1; i < ${#argument}; i++)); do # -fk is -f -k
            case ${argument:i:1} in
            f) choose flink-jobmanager flink-taskmanager ;;
            k) choose kafka ;;
            g) choose rpc ;;
            a) choose "${all_services[@]}" ;;
            h) show_help && exit 0 ;;
            *) usage_error "unknown option '$argument'" ;;
            esac
        done
        ;;
    *) usage_error "unknown argument '$argument'" ;;
    esac
done
if [ -n "$status_only" ]; then
    show_status
    exit 0
fi

lock_state

to_start=()
for service in "${all_services[@]}"; do
    [ -n "${chosen[$service]:-}" ] || continue
    if pid=$(daemon_pid "$service"); then
        say "$service: already running (pid $pid)"
    else
        to_start+=("$service")
    fi
done
if [ ${#to_start[@]} -eq 0 ]; then
    show_status
    exit 0
fi

# Everything that can be wrong is found before anything is started.
for service in "${to_start[@]}"; do
    for port in $(service_ports "$service"); do
        ! port_open "$port" ||
            fail "$service needs port $port, but $(port_owner "$port") has it; end that first"
    done
    "need_$service"
done

started=()
undo() {
    local service
    for service in "${started[@]}"; do stop_daemon "$service" || true; done
}
trap 'trap "" INT TERM; undo; exit 130' INT TERM

# They come up side by side; on two cores that is still quicker than one after the other.
for service in "${to_start[@]}"; do
    "launch_$service"
    started+=("$service")
done
for service in "${to_start[@]}"; do
    pid=$(daemon_pid "$service") || pid=0
    result=2
    if [ "$pid" != 0 ]; then
        wait_until 60 "$pid" "ready_$service" && result=0 || result=$?
    fi
    case $result in
    0) say "$service: ready after $SECONDS s" ;;
    1) why="was not ready after 60 s" ;;
    *) why="ended while starting" ;;
    esac
    if [ "$result" -ne 0 ]; then
        tail -n 3 "$(log_file "$service")" >&2 || true
        undo
        fail "$service $why; its log: $(log_file "$service")"
    fi
done
trap - INT TERM
show_status
