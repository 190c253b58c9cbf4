# deploy/lib/supervisor.sh: the services of a deployment under runit: one runsvdir for the deployment, one runsv and one svlogd
# for each service. Read by deploy/private with `.`; defines functions only. Everything here runs as the deployment's user.
#
# A service is started only by service_up: its folder holds a file `down` until then, so that the order is ours. Once
# up, runit starts it again whenever it ends.

LOG_FILE_MAX_BYTES=10000000
LOG_FILES_MAX=5 # old ones, per service
STARTS_MAX=3    # of a service that is not ready yet; runit starts it again after a second

# service_make NAME: makes the service's folder; its run script is read from stdin and must end in an exec.
service_make() {
    folder=$VAR/service/$1
    mkdir -p "$VAR/log/$1" "$folder/log" "$folder/control"
    {
        # How often it was started tells service_wait of a service that keeps ending.
        # shellcheck disable=SC2016 # that script's own variable
        printf '#!/bin/sh\nexec 2>&1\nread -r n <starts || n=0\necho $((n + 1)) >starts\n'
        cat
    } >"$folder/run"
    printf 's%s\nn%s\n' "$LOG_FILE_MAX_BYTES" "$LOG_FILES_MAX" >"$VAR/log/$1/config"
    # A line of ours is at most LOG_LINE_MAX (4096) bytes.
    printf '#!/bin/sh\nexec svlogd -l 4200 -b 16384 %s\n' "$VAR/log/$1" >"$folder/log/run"
    : >"$folder/down"
    echo 0 >"$folder/starts"
    chmod 755 "$folder/run" "$folder/log/run"
}

# supervisor_pid: prints the pid of this deployment's runsvdir if it lives.
supervisor_pid() {
    [ -s "$VAR/supervisor.pid" ] || return 1
    read -r pid <"$VAR/supervisor.pid"
    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q -F "runsvdir -P $VAR/service " || return 1
    printf '%s\n' "$pid"
}

# supervisor_start NAME...: and waits until it has taken up the named services.
supervisor_start() {
    # A session of its own: Ctrl-C in the terminal is for the deployment's script, which ends things in their order.
    # shellcheck disable=SC2016 # the inner shell's own $$ and $1
    setsid sh -c 'echo $$ >"$1/supervisor.pid"; exec runsvdir -P "$1/service"' sh "$VAR" \
        </dev/null >>"$VAR/log/supervisor" 2>&1 9>&- &
    wait_until 10 supervisor_pid || die "runsvdir did not start: see $VAR/log/supervisor"
    for name in "$@"; do
        wait_until 10 test -e "$VAR/service/$name/supervise/ok" ||
            die "runit did not take up $name: see $VAR/log/supervisor"
    done
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
        sv up "$VAR/service/$name" >/dev/null
    done
}

# service_pid NAME: prints the pid of a running service.
service_pid() {
    pid=
    { read -r pid <"$VAR/service/$1/supervise/pid"; } 2>/dev/null
    [ -n "$pid" ] && printf '%s\n' "$pid"
}

# service_wait NAME SECONDS COMMAND...: until the command succeeds. Gives up early on a service that keeps ending, and
# tells which part failed and where its log is.
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

# service_stop SECONDS NAME...: ends the services at once, with SIGTERM (or their own control/t) and, after the
# deadline, with SIGKILL; then their runsv. Those that do not run are passed over.
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

# Nobody reads the control pipe any more: opening it for writing without a reader fails at once.
service_gone() {
    sv status "$1" 2>&1 | grep -q -e 'runsv not running' -e 'does not exist'
}

# Services as they stand in the table: servers first, then programs by name.
services_all() {
    for name in postgres redis rabbitmq gateway; do
        [ ! -d "$VAR/service/$name" ] || printf '%s\n' "$name"
    done
    for folder in "$VAR"/service/bidworker-* "$VAR"/service/endworker "$VAR"/service/notifyworker; do
        [ ! -d "$folder" ] || printf '%s\n' "${folder##*/}"
    done
}

# service_uptime NAME: whole seconds since it was started, or nothing.
service_uptime() {
    sv status "$VAR/service/$1" 2>/dev/null | sed -n 's/^run: [^)]*) \([0-9]*\)s.*/\1/p'
}
