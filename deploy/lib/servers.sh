# deploy/lib/servers.sh: PostgreSQL, Redis and RabbitMQ of a private deployment, on loopback, with passwords, their data in
# the state folder. Read by deploy/private with `.`; defines functions only. The sizes suit two cores and a few GB of
# memory.

SERVER_READY_S=60 # time limit of one server; measured: PostgreSQL 1 s, Redis 0.1 s, RabbitMQ 5 s
SERVER_STOP_S=30  # from SIGTERM to SIGKILL, which loses no data
RABBITMQ_ADDRESS=127.0.0.1

servers_make() {
    for server in $OWN_SERVERS; do
        "${server}_make"
    done
}

# RabbitMQ boots slowest, so it starts first; a new PostgreSQL cluster is created in the meantime.
servers_up() {
    for server in $OWN_SERVERS; do
        [ "$server" != postgres ] || postgres_prepare
        service_up "$server"
    done
}

servers_wait() {
    for server in $OWN_SERVERS; do
        service_wait "$server" "$SERVER_READY_S" "${server}_ready" || return 1
        [ "$server" != rabbitmq ] || rabbitmq_logins deployment_rabbitmqctl
    done
}

# --- PostgreSQL ---

# Prints the program folder of the newest version, or of the version that created the existing cluster.
postgres_bin() {
    made_by=$(cat "$VAR/postgres/PG_VERSION" 2>/dev/null) || made_by=
    for bin in /usr/lib/postgresql/${made_by:-*}/bin; do
        :
    done
    printf '%s\n' "$bin"
}

postgres_make() {
    bin=$(postgres_bin)
    [ -x "$bin/postgres" ] || die "PostgreSQL is not installed (looked for $bin/postgres): run make deps"
    service_make postgres <<RUN
exec env -i PATH=/usr/bin:/bin HOME=$VAR/postgres LANG=C.UTF-8 $bin/postgres -D $VAR/postgres
RUN
    # On SIGTERM PostgreSQL waits for its clients to disconnect; on SIGINT it ends their sessions and shuts down cleanly.
    # shellcheck disable=SC2016 # that script's own variable
    printf '#!/bin/sh\nread -r pid <supervise/pid && kill -INT "$pid"\n' >"$VAR/service/postgres/control/t"
    chmod 755 "$VAR/service/postgres/control/t"
}

# Prints the megabytes of PostgreSQL's shared buffers: an eighth of the memory, from 128 to 2048, which is enough for some
# million auctions. The system allocates them when they are used.
postgres_cache_mb() {
    awk '$1 == "MemTotal:" { mb = int($2 / 8192); print (mb < 128 ? 128 : (mb > 2048 ? 2048 : mb)) }' /proc/meminfo
}

postgres_prepare() {
    if [ ! -s "$VAR/postgres/ready" ]; then
        postgres_init "$(postgres_bin)"
    fi
    postgres_logins "$(postgres_bin)"
    cat >"$VAR/postgres/postgresql.conf" <<CONF
# Written by deploy/private at each start.
listen_addresses = '127.0.0.1'
port = $PORT_POSTGRES
unix_socket_directories = ''        # the path of a socket is limited to 107 bytes
password_encryption = scram-sha-256
max_connections = 200
shared_buffers = $(postgres_cache_mb)MB
# A commit must survive a crash: never off, also not in tests.
fsync = on
synchronous_commit = on
# A private deployment has no replicas. Full pages in the WAL are compressed.
wal_level = minimal
max_wal_senders = 0
wal_compression = lz4
checkpoint_timeout = 15min
max_wal_size = 2GB
# The statements are short: compiling them costs more than it saves.
jit = off
# Outbox rows are deleted after milliseconds, and auctions are updated often: dead rows must be removed soon.
autovacuum_naptime = 10s
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C.UTF-8'
log_line_prefix = '%m [%p] %q%a '
CONF
    printf 'host all all 127.0.0.1/32 scram-sha-256\n' >"$VAR/postgres/pg_hba.conf"
}

# Creates a cluster with the deployment's role and database. An interrupted creation is repeated from the beginning.
postgres_init() {
    rm -rf "$VAR/postgres"
    mkdir -p "$VAR/postgres"
    secret postgres-superuser >/dev/null
    log=$VAR/log/initdb
    if ! "$1/initdb" -D "$VAR/postgres" -U postgres -E UTF8 --locale=C.UTF-8 -A scram-sha-256 \
        --pwfile="$VAR/secrets/postgres-superuser" >"$log" 2>&1; then
        die "initdb failed: see $log"
    fi
    # In single-user mode no port is open. The owner of the database, with which only `rostrumctl migrate` logs in.
    # CREATEDB and pg_read_all_stats are for the tests.
    if ! "$1/postgres" --single -D "$VAR/postgres" postgres >>"$log" 2>&1 <<SQL; then
CREATE ROLE rostrum LOGIN CREATEDB PASSWORD '$(secret postgres)'
CREATE DATABASE rostrum OWNER rostrum
GRANT pg_read_all_stats TO rostrum
SQL
        die "the database could not be created: see $log"
    fi
    printf 'yes\n' >"$VAR/postgres/ready"
}

# Creates the logins of the programs, or those that this version has in addition. ON_ERROR_STOP is unknown to this mode.
postgres_logins() {
    rights_of postgres >"$VAR/postgres/logins.new" || die "the logins of PostgreSQL are not known"
    chmod 600 "$VAR/postgres/logins.new"
    ! cmp -s "$VAR/postgres/logins.new" "$VAR/postgres/logins" || return 0
    if ! "$1/postgres" --single -D "$VAR/postgres" rostrum <"$VAR/postgres/logins.new" >"$VAR/log/logins" 2>&1 ||
        grep -q -e ERROR -e FATAL "$VAR/log/logins"; then
        die "the logins of PostgreSQL could not be created: see $VAR/log/logins"
    fi
    mv "$VAR/postgres/logins.new" "$VAR/postgres/logins"
}

postgres_ready() {
    "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$PORT_POSTGRES" -d postgres
}

# --- Redis ---

redis_make() {
    command -v redis-server >/dev/null || die "Redis is not installed: run make deps"
    mkdir -p "$VAR/redis"
    cat >"$VAR/redis/redis.conf" <<CONF
# Written by deploy/private at each start.
bind 127.0.0.1
port $PORT_REDIS
requirepass $(secret redis)
daemonize no
dir $VAR/redis
databases 16
# Nothing is kept over a restart: Redis holds only data that may be lost, and PostgreSQL holds the truth.
save ""
appendonly no
# When memory is full the keys that expire first are evicted: counters and pending bids before sessions. Refused writes
# would refuse bids.
maxmemory 512mb
maxmemory-policy volatile-ttl
# The logins of the programs. Only the administrator's, above, has a password in plain text.
$(rights_of redis)
CONF
    service_make redis <<RUN
exec env -i PATH=/usr/bin:/bin HOME=$VAR/redis LANG=C.UTF-8 redis-server $VAR/redis/redis.conf
RUN
}

redis_ready() {
    REDISCLI_AUTH=$(secret redis) redis-cli -h 127.0.0.1 -p "$PORT_REDIS" ping | grep -qx PONG
}

# --- RabbitMQ ---

rabbitmq_make() {
    # The wrapper in /usr/sbin accepts only root and the user rabbitmq.
    server=/usr/lib/rabbitmq/bin/rabbitmq-server
    [ -x "$server" ] || die "RabbitMQ is not installed: run make deps"
    mkdir -p "$VAR/rabbitmq/mnesia" "$VAR/rabbitmq/log"
    # The data depends on the node's name. It is chosen once and differs from those of other deployments on this machine.
    [ -s "$VAR/rabbitmq/node" ] || printf 'rostrum-%s@127.0.0.1\n' "$(hash_of "$VAR")" >"$VAR/rabbitmq/node"
    cat >"$VAR/rabbitmq/rabbitmq.conf" <<CONF
# Written by deploy/private at each start.
# Created at the first start instead of guest. rabbitmq_logins adds those of the programs.
default_user = rostrum
default_pass = $(secret rabbitmq)
default_vhost = rostrum
# With 1 GB, a backlog of 100,000 bids raised the memory alarm.
vm_memory_high_watermark.absolute = 2GB
disk_free_limit.absolute = 200MB
log.file = false
log.console = true
log.console.level = info
CONF
    printf '[].\n' >"$VAR/rabbitmq/advanced.config"
    printf '[%s].\n' "${ROSTRUM_RABBITMQ_PLUGINS:-}" >"$VAR/rabbitmq/enabled_plugins"
    rabbitmq_environment >"$VAR/rabbitmq/environment"
    # RABBITMQ_ALLOW_INPUT makes the script exec the server, so that runit's signals reach the server; -noinput closes the
    # input again. +sbwt none keeps idle schedulers from spinning. The server sizes tables by the limit of open files.
    service_make rabbitmq <<RUN
limit=\$(ulimit -H -n)
[ "\$limit" != unlimited ] && [ "\$limit" -lt 65536 ] || limit=65536
ulimit -n "\$limit"
exec env -i \$(cat $VAR/rabbitmq/environment) RABBITMQ_ALLOW_INPUT=1 \\
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {$(echo "$RABBITMQ_ADDRESS" | tr . ,)} +sbwt none +sbwtdcpu none +sbwtdio none' \\
    $server -noinput
RUN
}

# Prints the settings that RabbitMQ would otherwise read from /etc, and the ports that all nodes of a machine share by
# default.
rabbitmq_environment() {
    cat <<ENVIRONMENT
PATH=/usr/sbin:/usr/bin:/sbin:/bin
HOME=$VAR/rabbitmq
LANG=C.UTF-8
RABBITMQ_CONF_ENV_FILE=/dev/null
RABBITMQ_NODENAME=$(cat "$VAR/rabbitmq/node")
RABBITMQ_USE_LONGNAME=true
RABBITMQ_NODE_IP_ADDRESS=$RABBITMQ_ADDRESS
RABBITMQ_NODE_PORT=$PORT_AMQP
RABBITMQ_DIST_PORT=$PORT_DIST
ERL_EPMD_PORT=$PORT_EPMD
ERL_EPMD_ADDRESS=$RABBITMQ_ADDRESS
RABBITMQ_MNESIA_BASE=$VAR/rabbitmq/mnesia
RABBITMQ_LOG_BASE=$VAR/rabbitmq/log
RABBITMQ_CONFIG_FILE=$VAR/rabbitmq/rabbitmq.conf
RABBITMQ_ADVANCED_CONFIG_FILE=$VAR/rabbitmq/advanced.config
RABBITMQ_ENABLED_PLUGINS_FILE=$VAR/rabbitmq/enabled_plugins
RABBITMQ_PID_FILE=$VAR/rabbitmq/pid
ERL_CRASH_DUMP=/dev/null
ENVIRONMENT
}

# The port opens only when the node has booted.
rabbitmq_ready() {
    port_listening "$PORT_AMQP"
}

# rabbitmq_logins COMMAND...: creates or updates the logins of the programs. The command runs rabbitmqctl. One call of
# `eval`, because each call starts an Erlang node, and after an import of definitions RabbitMQ 3.10 took up to a minute to
# answer its next client.
rabbitmq_logins() {
    definitions=$VAR/rabbitmq-logins.json
    rights_of rabbitmq >"$definitions" || {
        rm -f "$definitions"
        die "the logins of RabbitMQ are not known"
    }
    ("$@" -q eval '
        {ok, Text} = file:read_file("'"$definitions"'"),
        Get = fun(Name, Map) -> maps:get(Name, Map) end,
        Logins = rabbit_json:decode(Text),
        [ok = rabbit_auth_backend_internal:put_user(
            maps:from_list([{binary_to_atom(Key, utf8), Value} || {Key, Value} <- maps:to_list(User)]), <<"rostrum">>)
            || User <- Get(<<"users">>, Logins)],
        [ok = rabbit_auth_backend_internal:set_permissions(Get(<<"user">>, Each), Get(<<"vhost">>, Each),
            Get(<<"configure">>, Each), Get(<<"write">>, Each), Get(<<"read">>, Each), <<"rostrum">>)
            || Each <- Get(<<"permissions">>, Logins)],
        created.') >"$VAR/log/rabbitmq-logins" 2>&1 || true
    rm -f "$definitions" # it holds passwords
    grep -qx created "$VAR/log/rabbitmq-logins" ||
        die "the logins of RabbitMQ could not be created: see $VAR/log/rabbitmq-logins"
}

deployment_rabbitmqctl() {
    # shellcheck disable=SC2046 # a list of words
    exec env -i $(cat "$VAR/rabbitmq/environment") /usr/lib/rabbitmq/bin/rabbitmqctl "$@"
}

# Erlang's port mapper is started by the node and outlives it.
rabbitmq_epmd_stop() {
    [ -e "$VAR/rabbitmq/node" ] || return 0
    epmd -port "$PORT_EPMD" -kill >/dev/null 2>&1 || true
}
