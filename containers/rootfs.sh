#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the root file system of a worker's container, without Docker: a program that calls
# beam_main(), the shared libraries that it needs, a user, and nothing else.
#
# Usage: containers/rootfs.sh PROGRAM (--dir=DIR | --tar=FILE) [--add=FILE ...] [--keep-symbols]
#
#   PROGRAM          built for this machine; it becomes /opt/apache/beam/boot
#   --dir=DIR        make it in DIR, which is empty or not there yet
#   --tar=FILE       write a tar; "-": to standard output
#   --add=FILE       also take FILE, under its own path, with the libraries that it needs:
#                    what the program opens while it runs
#   --keep-symbols   for debuggers and profilers; the program is stripped otherwise
#   --help           this text
#
# An image from it:
#
#   containers/rootfs.sh build/examples/wordcount --tar=- | docker import \
#       -c 'ENTRYPOINT ["/opt/apache/beam/boot"]' -c 'USER 65532' - wordcount
set -euo pipefail
# shellcheck source=../scripts/lib.sh
. "$(dirname "$0")/../scripts/lib.sh"

boot=opt/apache/beam/boot # where Beam's own images have theirs

binary='' dir='' tar='' keep_symbols='' extras=()
for arg; do
    case $arg in
    --help | -h) show_help && exit 0 ;;
    --dir=?*) dir=${arg#*=} ;;
    --tar=?*) tar=${arg#*=} ;;
    --add=/*) extras+=("${arg#*=}") ;;
    --add=*) usage_error "$arg: give the absolute path, which the file has in the container too" ;;
    --keep-symbols) keep_symbols=1 ;;
    -*) usage_error "unknown argument '$arg'" ;;
    *) [ -z "$binary" ] || usage_error "one program, not both '$binary' and '$arg'"
        binary=$arg ;;
    esac
done
[ -n "$binary" ] || usage_error "which program?"
[[ -z $dir ]] && [[ -z $tar ]] && usage_error "where to: --dir=DIR or --tar=FILE?"
[[ -z $dir ]] || [[ -z $tar ]] || usage_error "either --dir=DIR or --tar=FILE"
for file in "$binary" "${extras[@]}"; do
    [ -f "$file" ] || fail "there is no file $file"
done
[ -x "$binary" ] || fail "$binary cannot be run"

if [ -n "$tar" ]; then
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
else
    mkdir -p "$dir"
    [ -z "$(ls -A "$dir")" ] || fail "$dir is not empty"
fi
chmod 755 "$dir"

# copy FILE PATH-IN-THE-CONTAINER
copy() { install -D -m "$([ -x "$1" ] && echo 755 || echo 644)" "$1" "$dir/$2"; }

# All libraries go where libc is: the loader looks there without a configuration.
copy_libraries() {
    local listed libc missing name arrow path _
    listed=$(ldd "$1" 2>/dev/null) || return 0 # linked statically, or no program
    missing=$(awk '/not found/ { print $1 }' <<<"$listed")
    [ -z "$missing" ] || fail "$1 needs libraries that are not here: ${missing//$'\n'/ }"
    libc=$(awk '$1 ~ /^libc\./ { print $3 }' <<<"$listed")
    while read -r name arrow path _; do
        case $name,$arrow in
        linux-vdso*) ;;
        /*) copy "$name" "$name" ;; # the loader, at the path that the program names
        *,'=>') copy "$path" "$(dirname "$libc")/$name" ;;
        esac
    done <<<"$listed"
}

copy_programs() {
    local file
    copy "$binary" "$boot"
    [ -n "$keep_symbols" ] || ! have strip || strip "$dir/$boot"
    for file in "${extras[@]}"; do copy "$file" "$file"; done
    for file in "$binary" "${extras[@]}"; do copy_libraries "$file"; done
}

write_files() {
    mkdir -p "$dir"/{dev,etc,proc,sys,tmp}
    chmod 1777 "$dir/tmp" # staged files
    printf '%s\n' 'root:x:0:0:root:/:/nonexistent' 'beam:x:65532:65532:beam:/tmp:/nonexistent' \
        >"$dir/etc/passwd"
    printf '%s\n' 'root:x:0:' 'beam:x:65532:' >"$dir/etc/group"
    # Without it glibc asks the name servers for localhost. Docker puts its own hosts over this.
    echo 'hosts: files dns' >"$dir/etc/nsswitch.conf"
    echo '127.0.0.1 localhost' >"$dir/etc/hosts"
}

umask 022
copy_programs
write_files
[ -z "$tar" ] || tar -C "$dir" --sort=name --owner=0 --group=0 --numeric-owner \
    --mtime="@${SOURCE_DATE_EPOCH:-0}" -cf "$tar" .
