# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scripts share: places, messages, waiting for ports, daemons with pid files.
# Source it; it only defines things.
# shellcheck disable=SC2034 # variables for the scripts that source this

beam_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache_dir=${BEAM_C_CACHE:-$HOME/.cache/beam-c}
state_dir=${BEAM_C_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/beam-c}
# Absolute, as the programs take them: other processes use them from other folders.
[[ $cache_dir == /* ]] || cache_dir=$PWD/$cache_dir
[[ $state_dir == /* ]] || state_dir=$PWD/$state_dir
java_dir=$cache_dir/java/beam-2.62.0
program=$(basename "$0")

# Start-up counts more than peak speed for these JVMs; an archive that is missing or does
# not fit is ignored by the JVM, and -Xlog:disable keeps it from talking about that.
quick_jvm=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xlog:disable)

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "$program" "$*" >&2; }
fail() {
    warn "$*"
    exit 1
}
usage_error() {
    warn "$* (see $program --help)"
    exit 2
}

# The script's header comment, from its second line to the first line that is no comment.
show_help() {
    awk 'NR == 1 || /SPDX/ { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0"
}

have() { command -v "$1" >/dev/null 2>&1; }

# The major version of a java or javac on the PATH; nothing when there is none.
java_major() {
    have "$1" || return 0
    "$1" -version 2>&1 | sed -nE 's/^(javac|java version|openjdk version) "?([0-9]+).*/\2/p'
}

need_java() {
    local command
    for command in "$@"; do
        [ "$(java_major "$command" || true)" -ge 11 ] 2>/dev/null ||
            fail "no $command 11 or later on the PATH; scripts/install-deps installs one"
    done
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Who listens on a port, for people.
port_owner() {
    local pid=
    if have lsof; then
        pid=$(lsof -nP -t -iTCP:"$1" -sTCP:LISTEN 2>/dev/null | head -1)
    fi
    if [ -n "$pid" ]; then
        printf 'pid %s (%s)' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c1-60)"
    else
        printf 'another process'
    fi
}

# wait_until SECONDS PID COMMAND...: until the command succeeds. 1 when the time is over,
# 2 when the process has ended.
wait_until() {
    local deadline=$((SECONDS + $1)) pid=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || return 2
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# --- daemons ---------------------------------------------------------------------------
# $state_dir/pids/NAME holds "PID START-TIME MARK": a pid alone may have been given to
# another process since. MARK is a part of the command line.

pid_file() { printf '%s/pids/%s' "$state_dir" "$1"; }
log_file() { printf '%s/logs/%s.log' "$state_dir" "$1"; }

# Field 22 of /proc/PID/stat; the command name before it may hold blanks.
process_start() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# Prints the pid of a daemon that runs; fails when it does not.
daemon_pid() {
    local pid start command
    read -r pid start command 2>/dev/null <"$(pid_file "$1")" || return 1
    [ -n "$pid" ] && [ "$(process_start "$pid")" = "$start" ] || return 1
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$command" || return 1
    printf '%s' "$pid"
}

# start_daemon NAME MARK COMMAND...: in its own session, output to its log.
start_daemon() {
    local name=$1 mark=$2 pid log
    shift 2
    log=$(log_file "$name")
    mkdir -p "$state_dir/pids" "$state_dir/logs"
    [ ! -s "$log" ] || mv "$log" "$log.old"
    # Descriptor 9 is the scripts' lock; a daemon must not keep it.
    setsid "$@" >"$log" 2>&1 </dev/null 9>&- &
    pid=$!
    printf '%s %s %s\n' "$pid" "$(process_start "$pid")" "$mark" >"$(pid_file "$name")"
    # Until the exec, the new process still has this script's command line.
    while kill -0 "$pid" 2>/dev/null && ! daemon_pid "$name" >/dev/null; do sleep 0.02; done
}

# stop_daemon NAME: TERM, then KILL after 15 s. 1 when it did not run.
stop_daemon() {
    local pid deadline
    if ! pid=$(daemon_pid "$1"); then
        rm -f "$(pid_file "$1")"
        return 1
    fi
    kill "$pid" 2>/dev/null
    deadline=$((SECONDS + 15))
    while daemon_pid "$1" >/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || { kill -9 "$pid" 2>/dev/null; }
        sleep 0.1
    done
    rm -f "$(pid_file "$1")"
}

# One script at a time changes what runs.
lock_state() {
    mkdir -p "$state_dir"
    exec 9>"$state_dir/lock"
    flock -n 9 && return
    say "waiting for another start-env.sh or stop-env.sh"
    flock -w 120 9 || fail "another start-env.sh or stop-env.sh has been running for two minutes"
}
