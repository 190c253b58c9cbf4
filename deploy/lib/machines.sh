# deploy/lib/machines.sh: the machines of a cluster: network namespaces on one bridge. Read by deploy/cluster with `.`;
# defines functions only. Runs as the cluster's user, without privileges.
#
# A user namespace gives the right to make network namespaces. The *switch* is a network namespace with the bridge. Each
# machine is a namespace with one interface, eth0, at the bridge. None has a route out. A process that only sleeps, the
# holder, keeps each namespace open: killing a machine ends its processes, and not its network. The machine `host` is
# no namespace: it is the loopback of the real machine.
#
# CLUSTER is the cluster's state folder, and $CLUSTER/machines/NAME that of a machine. It contains:
#   holder            pid and namespace of the holder
#   cut, frozen       exist while the machine is cut off or frozen
#   service log ...   as in the folder of a private deployment (supervisor.sh, with VAR set to this folder)
# shellcheck shell=sh disable=SC2030,SC2031 # a machine's services are handled in a subshell with VAR set

MACHINES="rabbitmq-1 rabbitmq-2 rabbitmq-3 postgres-1 postgres-2 redis-1 redis-2 proxy gateway-1 gateway-2
    bidworker-1 bidworker-2 bidworker-3 saleworker-1 saleworker-2 endworker-1 endworker-2 notifyworker-1"
NETWORK=10.99.0
HOLDER_START_S=10
KILL_ROUNDS_MAX=100 # looks at the processes of a machine that is killed, a tenth of a second apart

# machine_is NAME: succeeds if there is such a machine.
machine_is() {
    # shellcheck disable=SC2086 # a list of names
    printf '%s\n' $MACHINES | grep -qxF -e "$1"
}

# machine_address NAME: prints its address.
machine_address() {
    case $1 in
    rabbitmq-*) echo "$NETWORK.1${1##*-}" ;;
    postgres-*) echo "$NETWORK.2${1##*-}" ;;
    redis-*) echo "$NETWORK.3${1##*-}" ;;
    gateway-*) echo "$NETWORK.4${1##*-}" ;;
    bidworker-*) echo "$NETWORK.5${1##*-}" ;;
    endworker-*) echo "$NETWORK.6${1##*-}" ;;
    notifyworker-*) echo "$NETWORK.7${1##*-}" ;;
    proxy) echo "$NETWORK.81" ;;
    saleworker-*) echo "$NETWORK.9${1##*-}" ;;
    host) echo 127.0.0.1 ;;
    esac
}

# machines_of ROLE: prints the names of the machines of a role, one a line.
machines_of() {
    # shellcheck disable=SC2086
    printf '%s\n' $MACHINES | grep -e "^$1-[0-9]*\$" -e "^$1\$"
}

# holder_read FILE: sets HOLDER_PID and HOLDER_NET; fails if the holder does not live.
holder_read() {
    [ -s "$1" ] || return 1
    read -r HOLDER_PID HOLDER_NET <"$1"
    [ "$(readlink "/proc/$HOLDER_PID/ns/net")" = "$HOLDER_NET" ]
}

# holder_start FILE COMMAND...: starts a holder by the command, which makes its namespace, and waits for it. Until the
# holder has written its file, HOLDER_STARTING is its pid.
holder_start() {
    file=$1
    shift
    rm -f "$file" # of an earlier holder, which would be taken for this one if it lives
    # shellcheck disable=SC2016 # the inner shell's variables
    setsid "$@" sh -c 'echo "$$ $(readlink /proc/self/ns/net)" >"$1.new" && mv "$1.new" "$1" && exec sleep infinity' \
        sh "$file" </dev/null >/dev/null 2>>"$CLUSTER/log/machines" 9>&- &
    HOLDER_STARTING=$!
    wait_until "$HOLDER_START_S" holder_read "$file" || die "no namespace could be made: see $CLUSTER/log/machines"
    holder_read "$file"
    HOLDER_STARTING=
}

# holder_abandon: ends a holder that has not written its file, after an error or a signal.
holder_abandon() {
    [ -z "${HOLDER_STARTING:-}" ] || kill -KILL "$HOLDER_STARTING" 2>/dev/null || true
    HOLDER_STARTING=
}

# holder_stop FILE
holder_stop() {
    if holder_read "$1"; then
        kill -KILL "$HOLDER_PID"
    fi
    rm -f "$1"
}

# in_switch COMMAND...: runs a command in the namespace of the bridge, with all rights there. If IN_EXEC is set, the
# command replaces this shell; so for in_machine.
in_switch() {
    holder_read "$CLUSTER/switch" || die "the cluster is down"
    ${IN_EXEC:+exec} nsenter --preserve-credentials --user --net -t "$HOLDER_PID" -- "$@"
}

# in_machine NAME COMMAND...: runs a command in a machine's namespace, with all rights there.
in_machine() {
    holder_read "$CLUSTER/machines/$1/holder" || die "the machine $1 is not there"
    shift
    ${IN_EXEC:+exec} nsenter --preserve-credentials --user --net -t "$HOLDER_PID" -- "$@"
}

# switch_open: makes the bridge, with an address for `deploy/cluster exec`.
switch_open() {
    holder_start "$CLUSTER/switch" unshare --map-root-user --net --
    in_switch sh -ec "
        ip link set lo up
        ip link add bridge type bridge forward_delay 0 stp_state 0
        ip address add $NETWORK.254/24 dev bridge
        ip link set bridge up"
}

# machine_open NAME: makes a machine without processes.
machine_open() {
    folder=$CLUSTER/machines/$1
    mkdir -p "$folder"
    rm -f "$folder/cut" "$folder/frozen"
    address=$(machine_address "$1")
    holder_read "$CLUSTER/switch" || die "the cluster is down"
    holder_start "$folder/holder" nsenter --preserve-credentials --user --net -t "$HOLDER_PID" -- unshare --net --
    in_switch ip link add "v${address##*.}" type veth peer name eth0 netns "$(cut -d' ' -f1 "$folder/holder")"
    in_switch ip link set "v${address##*.}" master bridge up
    in_machine "$1" sh -ec "ip link set lo up; ip address add $address/24 dev eth0; ip link set eth0 up"
}

# machine_enter NAME: sets SUPERVISOR_ENTER, the command that starts a machine's services: in its namespace, without
# rights, under the user's own id, because PostgreSQL refuses to run as root.
machine_enter() {
    SUPERVISOR_ENTER=
    [ "$1" != host ] || return 0
    holder_read "$CLUSTER/machines/$1/holder" || die "the machine $1 is not there"
    SUPERVISOR_ENTER="nsenter --preserve-credentials --user --net -t $HOLDER_PID --
        unshare --map-user=$(id -u) --map-group=$(id -g) --"
}

# machine_services NAME: prints the names of its services.
machine_services() {
    for folder in "$CLUSTER/machines/$1/service"/*; do
        [ ! -d "$folder" ] || printf '%s\n' "${folder##*/}"
    done
}

# machine_start NAME: starts its services.
machine_start() (
    VAR=$CLUSTER/machines/$1
    [ -z "$(supervisor_pid)" ] || return 0
    signals_exit
    trap machine_start_ended EXIT
    machine_enter "$1"
    # Left by a machine that was killed.
    rm -rf "$VAR"/service/*/supervise "$VAR"/service/*/log/supervise
    # shellcheck disable=SC2046 # lists of names
    supervisor_start $(machine_services "$1")
    # shellcheck disable=SC2046
    service_up $(machine_services "$1")
)

# After an error or a signal runsvdir could start later, and nobody would stop it.
machine_start_ended() {
    [ -z "${SUPERVISOR_STARTING:-}" ] || supervisor_end
}

# machine_stop NAME SECONDS: stops its services in order, by SIGKILL after so many seconds; also of a machine that is
# frozen, or whose runsvdir is gone.
machine_stop() (
    machine_thaw "$1"
    VAR=$CLUSTER/machines/$1
    supervisor_end
    # shellcheck disable=SC2046
    service_stop "$2" $(machine_services "$1")
    supervised_end
    rm -f "$VAR/supervisor.pid"
)

# machine_processes NAME: prints the pids of its processes.
machine_processes() {
    holder_read "$CLUSTER/machines/$1/holder" || return 0
    number=${HOLDER_NET#net:\[}
    find /proc/[0-9]*/ns/net -maxdepth 0 -lname "net:\\[${number%\]}\\]" 2>/dev/null | cut -d/ -f3 |
        grep -vxF -e "$HOLDER_PID" || true
}

# machine_signal NAME SIGNAL: sends a signal to all its processes.
machine_signal() {
    # shellcheck disable=SC2046 # a list of numbers
    kill -s "$2" $(machine_processes "$1") 2>/dev/null || true
}

# machine_kill NAME: ends all its processes at once; fails if some do not end. Each round finds those that started
# meanwhile. A process ends only after its system call: a flush of a file can take seconds.
machine_kill() {
    rounds=0
    while [ -n "$(machine_processes "$1")" ]; do
        rounds=$((rounds + 1))
        if [ "$rounds" -gt "$KILL_ROUNDS_MAX" ]; then
            printf 'deployment: processes of %s do not end: %s\n' "$1" "$(machine_processes "$1" | paste -sd ' ')" >&2
            return 1
        fi
        machine_signal "$1" KILL
        sleep 0.1
    done
    rm -f "$CLUSTER/machines/$1/supervisor.pid" "$CLUSTER/machines/$1/frozen"
}

# machine_freeze NAME: stops all its processes by SIGSTOP. The second round finds those that started meanwhile.
machine_freeze() {
    : >"$CLUSTER/machines/$1/frozen"
    machine_signal "$1" STOP
    machine_signal "$1" STOP
}

machine_thaw() {
    machine_signal "$1" CONT
    rm -f "$CLUSTER/machines/$1/frozen"
}

# machine_cut NAME: drops everything that it sends and receives, silently. A link that is taken down would not be silent.
machine_cut() {
    in_machine "$1" nft -f - <<'NFT'
table inet cut {
    chain input {
        type filter hook input priority 0; policy drop;
        iifname "lo" accept
    }
    chain output {
        type filter hook output priority 0; policy drop;
        oifname "lo" accept
    }
}
NFT
    : >"$CLUSTER/machines/$1/cut"
}

machine_join() {
    [ -e "$CLUSTER/machines/$1/cut" ] || return 0
    in_machine "$1" nft delete table inet cut
    rm -f "$CLUSTER/machines/$1/cut"
}

# machine_state NAME: prints one word.
machine_state() {
    folder=$CLUSTER/machines/$1
    if ! holder_read "$folder/holder"; then
        echo absent
    elif [ -e "$folder/cut" ]; then
        echo cut
    elif [ -e "$folder/frozen" ]; then
        echo frozen
    elif [ -z "$(VAR=$folder supervisor_pid)" ]; then
        echo down
    else
        echo up
    fi
}
