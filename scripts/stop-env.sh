#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Stops what start-env.sh started, and waits until it is gone.
#
# Usage: scripts/stop-env.sh [-f] [-k] [-g] [-a] [--clean]
#
#   -f         the Flink cluster
#   -k         Kafka
#   -g         the gRPC service
#   -a         all of them (the default)
#   --clean    remove their data too: topics, offsets, checkpoints
#   --help     this text
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=services.sh
. "$(dirname "$0")/services.sh"

declare -A chosen=()
choose() { local name; for name in "$@"; do chosen[$name]=1; done; }

clean=
for argument in "$@"; do
    case $argument in
    --help) show_help && exit 0 ;;
    --clean) clean=1 ;;
    --*) usage_error "unknown option '$argument'" ;;
    -?*)
        for ((i = 1; i < ${#argument}; i++)); do
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
[ ${#chosen[@]} -gt 0 ] || choose "${all_services[@]}"

lock_state
# The TaskManager before its JobManager: the other way round it would look for a new one.
for service in flink-taskmanager flink-jobmanager rpc kafka; do
    [ -n "${chosen[$service]:-}" ] || continue
    if pid=$(daemon_pid "$service") && stop_daemon "$service"; then
        say "$service: stopped (was pid $pid)"
    else
        rm -f "$(pid_file "$service")"
        say "$service: was not running"
    fi
done
if [ -n "$clean" ]; then
    for service in kafka flink-jobmanager; do
        [ -n "${chosen[$service]:-}" ] || continue
        rm -rf "${state_dir:?}/${service%-jobmanager}"
        say "${service%-jobmanager}: data removed"
    done
fi
