# deploy/lib/programs.sh: Rostrum's programs as services of a private deployment. Read by deploy/private with `.`; defines
# functions only.

PROGRAM_FILES="rostrum-gateway rostrum-bidworker rostrum-saleworker rostrum-endworker rostrum-notifyworker rostrumctl rostrum-image-decoder"
BIDWORKERS_MAX=64 # SHARDS_WORKERS_MAX of common/service/shards.h
SALEWORKERS_MAX=64
PROGRAM_READY_S=30
PROGRAM_WATCHDOG_S=30 # a program whose loop hangs for so long aborts; as WatchdogSec in deploy/systemd
PROGRAM_STOP_S=20 # from SIGTERM to SIGKILL; longer than drain_deadline_ms

# programs_make: creates the services and sets PROGRAMS to their names.
programs_make() {
    PROGRAMS=gateway
    program_make gateway rostrum-gateway
    i=1
    while [ "$i" -le "${ROSTRUM_BIDWORKERS:-2}" ]; do
        PROGRAMS="$PROGRAMS bidworker-$i"
        program_make "bidworker-$i" rostrum-bidworker
        i=$((i + 1))
    done
    i=1
    while [ "$i" -le "${ROSTRUM_SALEWORKERS:-1}" ]; do
        PROGRAMS="$PROGRAMS saleworker-$i"
        program_make "saleworker-$i" rostrum-saleworker
        i=$((i + 1))
    done
    PROGRAMS="$PROGRAMS endworker notifyworker"
    program_make endworker rostrum-endworker
    program_make notifyworker rostrum-notifyworker
}

# program_make SERVICE FILE
program_make() {
    service_make "$1" <<RUN
cd $VAR
ulimit -n "\$(ulimit -H -n)"
exec env -i $(program_environment) ROSTRUM_UNIT=$1 WATCHDOG_USEC=${PROGRAM_WATCHDOG_S}000000 ROSTRUM_METRICS_PORT=$(program_metrics_port "$1") $VAR/bin/$2 $(program_settings "${2#rostrum-}")
RUN
}

program_environment() {
    printf 'PATH=/usr/bin:/bin HOME=%s LANG=C.UTF-8 ROSTRUM_VAR=%s' "$VAR" "$VAR"
    [ ! -e "$VAR/conf/override.ini" ] || printf ' ROSTRUM_CONF=%s' "$VAR/conf/override.ini"
    # For programs that were built with a sanitizer.
    printf ' ASAN_OPTIONS=%s UBSAN_OPTIONS=%s' "${ASAN_OPTIONS:-}" "${UBSAN_OPTIONS:-}"
}

# program_metrics_port SERVICE: prints the port of its metrics; 0 (none) for workers beyond the reserved ports.
program_metrics_port() {
    case $1 in
    gateway) echo "$PORT_METRICS" ;;
    endworker) echo $((PORT_METRICS + 1)) ;;
    notifyworker) echo $((PORT_METRICS + 2)) ;;
    saleworker-*) echo $((${1#saleworker-} <= 2 ? PORT_METRICS + 2 + ${1#saleworker-} : 0)) ;;
    bidworker-*) echo $((${1#bidworker-} <= PORTS_ROW - 10 ? PORT_METRICS + 4 + ${1#bidworker-} : 0)) ;;
    *) echo 0 ;;
    esac
}

# program_settings NAME: prints the settings files of a program, or of rostrumctl.
program_settings() {
    case $1 in
    rostrumctl) printf -- '--config %s --config %s' "$VAR/conf/rostrum.ini" "$VAR/deployment.ini" ;;
    *) printf -- '--config %s --config %s' "$VAR/conf/rostrum.ini" "$VAR/programs/$1.ini" ;;
    esac
}

# rights_of postgres|redis|rabbitmq: prints the logins and rights of the programs for a server.
rights_of() {
    # shellcheck disable=SC2046 # lists of words
    env -i $(program_environment) "$VAR/bin/rostrumctl" $(program_settings rostrumctl) rights "$1"
}

# Reports wrong settings before anything is started.
programs_check() {
    # shellcheck disable=SC2046 # lists of words
    env -i $(program_environment) "$VAR/bin/rostrum-gateway" --check-config $(program_settings gateway) \
        >"$VAR/log/check-config" 2>&1 && return 0
    printf 'deployment: the settings are wrong:\n' >&2
    sed 's/^/    /' "$VAR/log/check-config" >&2
    return 1
}

# Creates or updates schema and queues. This is the first access to servers that the deployment did not start. None of its
# programs runs yet, so changed times may be recorded.
programs_migrate() {
    # shellcheck disable=SC2046 # lists of words
    env -i $(program_environment) "$VAR/bin/rostrumctl" $(program_settings rostrumctl) migrate --timing >"$VAR/log/migrate" 2>&1 && return 0
    printf 'deployment: schema and queues could not be brought up to date. The log is %s, which ends:\n' "$VAR/log/migrate" >&2
    tail -n 5 "$VAR/log/migrate" | sed 's/^/    /' >&2
    return 1
}

gateway_ready() {
    [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 2 --noproxy '*' "$(cat "$VAR/url")/ready")" = 200 ]
}

# program_settled NAME: succeeds if it has run for a second. A program that cannot work exits at once.
program_settled() {
    uptime=$(service_uptime "$1")
    [ -n "$uptime" ] && [ "$uptime" -ge 1 ]
}

programs_wait() {
    service_wait gateway "$PROGRAM_READY_S" gateway_ready || return 1
    for program in $PROGRAMS; do
        service_wait "$program" "$PROGRAM_READY_S" program_settled "$program" || return 1
    done
}
