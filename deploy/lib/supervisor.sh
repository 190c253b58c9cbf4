# deploy/lib/supervisor.sh: the services of a deployment under runit: one runsvdir for the deployment, one runsv and one
# svlogd for each service. Read by deploy/private and deploy/cluster with `.`; defines functions only. Runs as the
# deployment's user.
#
# Only service_up starts a service: until then its folder contains a file `down`, so that the reader decides the order.
# After that, runit restarts the service whenever it ends.

LOG_FILE_MAX_BYTES=10000000
LOG_FILES_MAX=5 # old files for each service
STARTS_MAX=3    # restarts of a service that is not ready yet; runit restarts it after a second

# service_make NAME: makes the service's folder. The run script is read from stdin and must end with exec.
service_make() {
    folder=$VAR/service/$1
    mkdir -p "$VAR/log/$1" "$folder/log" "$folder/control"
    {
        # Counts the starts, so that service_wait can detect a service that keeps ending.
        # shellcheck disable=SC2016 # that script's own variable
        printf '#!/bin/sh\nexec 2>&1\nread -r n <starts || n=0\necho $((n + 1)) >starts\n'
        cat
    } >"$folder/run"
    printf 's%s\nn%s\n' "$LOG_FILE_MAX_BYTES" "$LOG_FILES_MAX" >"$VAR/log/$1/config"
    # Rostrum's log lines have at most LOG_LINE_MAX (4096) bytes.
    printf '#!/bin/sh\nexec svlogd -l 4200 -b 16384 %s\n' "$VAR/log/$1" >"$folder/log/run"
    : >"$folder/down"
    echo 0 >"$folder/starts"
    chmod 755 "$folder/run" "$folder/log/run"
}

# supervisor_pid: prints the pid of this deployment's runsvdir; fails if it does not run.
supervisor_pid() {
    [ -s "$VAR/supervisor.pid" ] || return 1
    read -r pid <"$VAR/supervisor.pid"
    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q -F "runsvdir -P $VAR/service " || return 1
    printf '%s\n' "$pid"
}

# supervisor_start NAME...: starts runsvdir and waits until it supervises the named services. SUPERVISOR_ENTER is empty, or
# a command that enters the namespaces in which the services shall run, and then runs its arguments. Until runsvdir runs,
# SUPERVISOR_STARTING is its pid.
supervisor_start() {
    # In a session of its own: Ctrl-C must reach only deploy/private, which stops the services in their order.
    # shellcheck disable=SC2016,SC2086 # the inner shell's own $$ and $1; a list of words
    setsid ${SUPERVISOR_ENTER:-} sh -c 'echo $$ >"$1/supervisor.pid"; exec runsvdir -P "$1/service"' sh "$VAR" \
        </dev/null >>"$VAR/log/supervisor" 2>&1 9>&- &
    SUPERVISOR_STARTING=$!
    wait_until 10 supervisor_pid || die "runsvdir did not start: see $VAR/log/supervisor"
    SUPERVISOR_STARTING=
    for name in "$@"; do
        wait_until 10 test -e "$VAR/service/$name/supervise/ok" ||
            die "runit does not supervise $name: see $VAR/log/supervisor"
    done
}

# supervisor_end: ends runsvdir, also one that is starting and could go on later. Its services run on, and a service that
# ends is no longer restarted. On SIGTERM it would do the same, but up to 5 s later.
supervisor_end() {
    [ -z "${SUPERVISOR_STARTING:-}" ] || kill -KILL "$SUPERVISOR_STARTING" 2>/dev/null || true
    SUPERVISOR_STARTING=
    supervisor=$(supervisor_pid) || return 0
    kill -KILL "$supervisor" 2>/dev/null || true
}

# supervised: prints the pid of each runsv, also of one that has just begun and is not known to sv yet.
supervised() {
    find /proc/[0-9]*/cwd -maxdepth 0 \( -lname "$VAR/service" -o -lname "$VAR/service/*" \) 2>/dev/null | cut -d/ -f3 |
        while read -r pid; do
            { read -r program <"/proc/$pid/comm"; } 2>/dev/null || continue
            case $program in
            runsv | runsvdir) printf '%s\n' "$pid" ;; # runsvdir: its child, on the way to runsv
            esac
        done
}

# supervised_end: ends each runsv that is left, with its service. They are those that began during service_stop.
supervised_end() {
    wait_until 10 supervised_gone || say "runsv still runs: $(supervised | paste -sd ' ')"
}

supervised_gone() {
    left=$(supervised)
    [ -n "$left" ] || return 0
    # shellcheck disable=SC2086 # a list of numbers
    kill -TERM $left
    return 1
}

# signals_exit: makes each signal end this shell with the exit code 128 + its number, by the trap of EXIT.
signals_exit() {
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 141' PIPE
    trap 'exit 143' TERM
}

# exit_code CODE: prints the exit code of a command that ended with CODE: the same after a signal, otherwise 1.
exit_code() {
    case $1 in
    129 | 130 | 141 | 143) echo "$1" ;;
    *) echo 1 ;;
    esac
}

# wait_until SECONDS COMMAND...: runs the command every tenth of a second until it succeeds.
wait_until() {
    tries=$(($1 * 10))
    shift
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

service_up() {
    for name in "$@"; do
        rm -f "$VAR/service/$name/down"
        sv up "$VAR/service/$name" >/dev/null || die "runit did not start $name in time: see $VAR/log/supervisor"
    done
}

# service_pid NAME: prints the pid of a running service.
service_pid() {
    pid=
    { read -r pid <"$VAR/service/$1/supervise/pid"; } 2>/dev/null
    [ -n "$pid" ] && printf '%s\n' "$pid"
}

# service_wait NAME SECONDS COMMAND...: waits until the command succeeds. Fails early if the service keeps ending. Prints
# the name and the log of a service that failed.
service_wait() {
    name=$1
    tries=$(($2 * 10))
    shift 2
    read -r starts_max <"$VAR/service/$name/starts"
    starts_max=$((starts_max + STARTS_MAX))
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        read -r starts <"$VAR/service/$name/starts" || starts=0
        if [ "$starts" -gt "$starts_max" ]; then
            service_failed "$name" "keeps ending"
            return 1
        elif [ "$tries" -le 0 ]; then
            service_failed "$name" "was not ready in time"
            return 1
        fi
        sleep 0.1
    done
}

service_failed() {
    {
        printf 'deployment: %s %s. Its log is %s, which ends:\n' "$1" "$2" "$VAR/log/$1/current"
        tail -n 5 "$VAR/log/$1/current" 2>/dev/null | sed 's/^/    /'
    } >&2
}

# service_stop SECONDS NAME...: stops the services in parallel, by SIGTERM (or their script control/t) and, after the
# deadline, SIGKILL; then their runsv. Services that do not run are skipped.
service_stop() {
    deadline=$1
    shift
    folders=
    for name in "$@"; do
        [ ! -d "$VAR/service/$name/supervise" ] || folders="$folders $VAR/service/$name"
    done
    [ -n "$folders" ] || return 0
    # shellcheck disable=SC2086 # a list of folders
    sv -w "$deadline" force-shutdown $folders >/dev/null 2>&1 || true
    for folder in $folders; do
        wait_until 5 service_gone "$folder" || say "$folder is still supervised"
    done
}

# service_gone FOLDER: succeeds if no runsv reads the service's control pipe.
service_gone() {
    sv status "$1" 2>&1 | grep -q -e 'runsv not running' -e 'does not exist'
}

# Prints the names of the services in the order of the status table: servers, gateway, workers.
services_all() {
    for name in postgres redis rabbitmq gateway; do
        [ ! -d "$VAR/service/$name" ] || printf '%s\n' "$name"
    done
    for folder in "$VAR"/service/bidworker-* "$VAR"/service/saleworker-* "$VAR"/service/endworker "$VAR"/service/notifyworker; do
        [ ! -d "$folder" ] || printf '%s\n' "${folder##*/}"
    done
}

# service_uptime NAME: prints the whole seconds since its start, or nothing if it does not run.
service_uptime() {
    sv status "$VAR/service/$1" 2>/dev/null | sed -n 's/^run: [^)]*) \([0-9]*\)s.*/\1/p'
}
