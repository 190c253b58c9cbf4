# deploy/lib/cluster.sh: the services of a cluster's machines, and questions to them. Read by deploy/cluster with `.`;
# defines functions only.
#
# The functions *_make create a service of the machine MACHINE, whose folder is VAR.
# shellcheck shell=sh disable=SC2030,SC2031 # a machine's services are handled in a subshell with VAR set

SERVERS_READY_S=400 # of all servers; on idle processors RabbitMQ's three nodes need 19 s, on busy ones 220 s were seen
ANSWER_S=2          # of one question to a machine, which may be cut off or frozen
POSTGRES_PORT=5432
AMQP_PORT=5672
METRICS_PORT=9100

# render TEMPLATE FILE: writes a file of conf/cluster with the values of this machine.
render() {
    sed -e "s|@NAME@|$MACHINE|g" -e "s|@ADDRESS@|$(machine_address "$MACHINE")|g" -e "s|@NETWORK@|$NETWORK|g" \
        -e "s|@CLUSTER@|$CLUSTER|g" -e "s|@FOLDER@|$VAR|g" -e "s|@HTTP_PORT@|${HTTP_PORT:-}|g" \
        -e "s|@ETCD_PEERS@|$(etcd_peers)|g" -e "s|@ETCD_HOSTS@|$(addresses rabbitmq 2379)|g" \
        -e "s|@POSTGRES_BIN@|$(postgres_bin)|g" -e "s|@REDIS_PASSWORD@|$(secret redis)|g" \
        -e "s|@SUPERUSER_PASSWORD@|$(secret postgres-superuser)|g" \
        -e "s|@REPLICATION_PASSWORD@|$(secret postgres-replication)|g" "$CLUSTER/conf/cluster/$1" >"$2"
    ! grep -n '@[A-Z_]*@' "$2" >&2 || die "conf/cluster/$1 has an unknown name"
}

# addresses ROLE PORT: prints the machines of a role as ADDRESS:PORT,…
addresses() {
    for each in $(machines_of "$1"); do
        printf '%s:%s\n' "$(machine_address "$each")" "$2"
    done | paste -sd,
}

etcd_peers() {
    for each in $(machines_of rabbitmq); do
        printf '%s=http://%s:2380\n' "$each" "$(machine_address "$each")"
    done | paste -sd,
}

# --- services ---

# machine_make NAME: creates the services of a machine.
machine_make() (
    MACHINE=$1
    VAR=$CLUSTER/machines/$1
    mkdir -p "$VAR/log"
    rm -rf "$VAR/service"
    for each in bin conf schema secrets programs deployment.ini; do
        ln -sfn "../../$each" "$VAR/$each"
    done
    case $1 in
    rabbitmq-*) etcd_make && sentinel_make && broker_make ;;
    postgres-*) patroni_make ;;
    redis-*) replica_make ;;
    proxy) haproxy_make proxy.cfg ;;
    host) haproxy_make host.cfg ;;
    *) redis_route_make && worker_make ;;
    esac
)

etcd_make() {
    render etcd.yml "$VAR/etcd.yml"
    install -d -m 700 "$VAR/etcd"
    service_make etcd <<RUN
exec env -i PATH=/usr/bin:/bin HOME=$VAR ETCD_UNSUPPORTED_ARCH=\$(uname -m | sed s/aarch64/arm64/) etcd --config-file $VAR/etcd.yml
RUN
}

sentinel_make() {
    mkdir -p "$VAR/sentinel"
    [ -s "$VAR/sentinel/sentinel.conf" ] || render sentinel.conf "$VAR/sentinel/sentinel.conf"
    service_make sentinel <<RUN
exec env -i PATH=/usr/bin:/bin HOME=$VAR LANG=C.UTF-8 redis-server $VAR/sentinel/sentinel.conf --sentinel
RUN
}

broker_make() {
    mkdir -p "$VAR/rabbitmq"
    RABBITMQ_ADDRESS=$(machine_address "$MACHINE")
    PORT_AMQP=$AMQP_PORT
    PORT_DIST=25672
    PORT_EPMD=4369
    printf 'rabbit@%s\n' "$RABBITMQ_ADDRESS" >"$VAR/rabbitmq/node"
    [ -s "$VAR/rabbitmq/.erlang.cookie" ] || (umask 277 && secret erlang >"$VAR/rabbitmq/.erlang.cookie")
    rabbitmq_make
    render rabbitmq.conf "$VAR/rabbitmq/cluster.conf"
    cat "$VAR/rabbitmq/cluster.conf" >>"$VAR/rabbitmq/rabbitmq.conf"
    # Seconds of silence until a node counts as gone. The default, 60, is longer than a consumer may be without messages.
    printf '[{kernel, [{net_ticktime, 10}]}].\n' >"$VAR/rabbitmq/advanced.config"
}

patroni_make() {
    render patroni.yml "$VAR/patroni.yml"
    render create-database "$VAR/create-database"
    chmod 700 "$VAR/create-database"
    service_make patroni <<RUN
exec env -i PATH=/usr/bin:/bin HOME=$VAR LANG=C.UTF-8 ROSTRUM_VAR=$VAR patroni $VAR/patroni.yml
RUN
}

# A former master starts as the replica of the present one, which the sentinels name. Else there would be two for some
# seconds.
replica_make() {
    mkdir -p "$VAR/redis"
    [ -s "$VAR/redis/redis.conf" ] || {
        render redis.conf "$VAR/redis/redis.conf"
        rights_of redis >>"$VAR/redis/redis.conf"
        [ "$MACHINE" = redis-1 ] || printf 'replicaof %s 6379\n' "$(machine_address redis-1)" >>"$VAR/redis/redis.conf"
    }
    service_make redis <<RUN
for sentinel in $(addresses rabbitmq 26379 | sed 's/:26379//g; s/,/ /g'); do
    master=\$(timeout $ANSWER_S redis-cli -h "\$sentinel" -p 26379 sentinel get-master-addr-by-name rostrum 2>/dev/null | head -n 1)
    case \$master in
    $(machine_address "$MACHINE") | '') ;;
    $NETWORK.*) set -- --replicaof "\$master" 6379 && break ;;
    esac
done
exec env -i PATH=/usr/bin:/bin HOME=$VAR LANG=C.UTF-8 redis-server $VAR/redis/redis.conf "\$@"
RUN
}

# haproxy_make TEMPLATE
haproxy_make() {
    render "$1" "$VAR/haproxy.cfg"
    service_make haproxy <<RUN
exec env -i PATH=/usr/sbin:/usr/bin:/bin haproxy -db -f $VAR/haproxy.cfg
RUN
}

# redis_route_make: HAProxy leads to Redis's master, by the file that is shipped for operators.
redis_route_make() {
    service_make haproxy <<RUN
exec env -i PATH=/usr/sbin:/usr/bin:/bin ROSTRUM_REDIS_LISTEN=127.0.0.1:6379 ROSTRUM_REDIS_PASSWORD=$(secret redis) \\
    $(variables ROSTRUM_REDIS redis 6379) $(variables ROSTRUM_SENTINEL rabbitmq 26379) ROSTRUM_SENTINEL_NAME=rostrum \\
    haproxy -db -f $CLUSTER/conf/haproxy/redis.cfg
RUN
    chmod 700 "$VAR/service/haproxy/run" # it contains the password
}

# variables PREFIX ROLE PORT: prints PREFIX_1=ADDRESS:PORT …
variables() {
    for each in $(machines_of "$2"); do
        printf '%s_%s=%s:%s ' "$1" "${each##*-}" "$(machine_address "$each")" "$3"
    done
}

# worker_make: one of Rostrum's programs. The service has the machine's name, which so appears in its log.
worker_make() {
    service_make "$MACHINE" <<RUN
cd $VAR
ulimit -n "\$(ulimit -H -n)"
exec env -i $(program_environment) ROSTRUM_UNIT=$MACHINE WATCHDOG_USEC=${PROGRAM_WATCHDOG_S}000000 ROSTRUM_METRICS_PORT=$METRICS_PORT \\
    $VAR/bin/rostrum-${MACHINE%-*} $(program_settings "${MACHINE%-*}")
RUN
}

# cluster_settings: writes the settings of the programs and of rostrumctl, as settings_write does.
cluster_settings() {
    # shellcheck disable=SC2034 # read by settings_files
    OWN_SERVERS="postgres redis rabbitmq"
    PG_URL=$(cluster_pg_url)
    REDIS_URL=redis://:$(secret redis)@127.0.0.1:6379/0
    AMQP_URL=amqp://rostrum:$(secret rabbitmq)@$(addresses rabbitmq $AMQP_PORT)/rostrum
    settings_files cluster_common
}

cluster_common() {
    cat <<INI
[gateway]
listen_address = 0.0.0.0
listen_port = 8080
trusted_proxies = $(machine_address proxy)/32
$(web_setting "$CLUSTER/web")
[images]
image_folder = $CLUSTER/images
[mail]
template_folder = $CLUSTER/conf/templates
public_url = http://127.0.0.1:$HTTP_PORT
INI
}

cluster_pg_url() {
    printf 'postgresql://rostrum:%s@%s/rostrum?target_session_attrs=read-write\n' "$(secret postgres)" \
        "$(addresses postgres $POSTGRES_PORT)"
}

# --- questions ---

# patroni_answers NAME PATH: succeeds if Patroni of this machine answers 200.
patroni_answers() {
    in_machine "$1" curl -s -f -o /dev/null --max-time "$ANSWER_S" "http://$(machine_address "$1"):8008/$2"
}

# sentinel_master: prints the address of Redis's master by the first sentinel that answers.
sentinel_master() {
    for each in $(machines_of rabbitmq); do
        [ "$(machine_state "$each")" = up ] || continue
        found=$(in_machine "$each" timeout "$ANSWER_S" redis-cli -h "$(machine_address "$each")" -p 26379 \
            sentinel get-master-addr-by-name rostrum 2>/dev/null | head -n 1)
        case $found in
        "$NETWORK".*)
            printf '%s\n' "$found"
            return
            ;;
        esac
    done
    return 1
}

# leader ROLE: prints the machine that leads: RabbitMQ's node with most leaders of queues, PostgreSQL's primary, Redis's
# master, the end worker that schedules.
leader() {
    case $1 in
    rabbitmq) leader_rabbitmq ;;
    postgres) first_of postgres patroni_leads ;;
    redis)
        master=$(sentinel_master) && machines_of redis | grep -e "-${master#"$NETWORK".3}\$"
        ;;
    endworker) first_of endworker endworker_leads ;;
    *) first_of "$1" true ;;
    esac
}

# first_of ROLE COMMAND: prints the first machine of the role that is up and for which COMMAND NAME succeeds.
first_of() {
    for each in $(machines_of "$1"); do
        if [ "$(machine_state "$each")" = up ] && "$2" "$each"; then
            printf '%s\n' "$each"
            return
        fi
    done
    return 1
}

patroni_leads() {
    patroni_answers "$1" primary
}

endworker_leads() {
    in_machine "$1" curl -s --max-time "$ANSWER_S" "http://127.0.0.1:$METRICS_PORT/metrics" |
        grep -q '^rostrum_endworker_leader 1$'
}

leader_rabbitmq() {
    address=$(machine_rabbitmqctl -q list_queues -p rostrum leader | sed -n 's/^rabbit@//p' | sort | uniq -c | sort -rn |
        awk 'NR == 1 { print $2 }')
    machines_of rabbitmq | grep -e "-${address#"$NETWORK".1}\$"
}

# machine_rabbitmqctl ARGUMENT...: asks the first node that is up.
machine_rabbitmqctl() {
    MACHINE=$(first_of rabbitmq true) || die "no node of RabbitMQ is up"
    # shellcheck disable=SC2046 # a list of words
    in_machine "$MACHINE" env -i $(cat "$CLUSTER/machines/$MACHINE/rabbitmq/environment") \
        /usr/lib/rabbitmq/bin/rabbitmqctl --timeout "$SERVERS_READY_S" "$@"
}

# --- is nothing missing? ---

machines_up() {
    for each in $MACHINES; do
        [ "$(machine_state "$each")" = up ] || {
            echo "$each is $(machine_state "$each")"
            return 1
        }
    done
}

# missing: prints what keeps the cluster from surviving the next fault; nothing if it is whole. The cheap questions first.
missing() {
    machines_up || return 0
    for each in $(machines_of postgres); do
        patroni_answers "$each" primary || patroni_answers "$each" sync || {
            echo "$each is neither primary nor synchronous standby"
            return
        }
    done
    replicas_missing || return 0
    for each in $(machines_of gateway); do
        in_machine "$each" curl -s --max-time "$ANSWER_S" "http://$(machine_address "$each"):8080/ready" |
            grep -q '"degraded": *\[\]' || {
            echo "$each is not ready"
            return
        }
    done
    queues_missing
}

replicas_missing() {
    master=$(sentinel_master) || {
        echo "no sentinel names a master"
        return 1
    }
    each=$(machines_of redis | grep -e "-${master#"$NETWORK".3}\$")
    REDISCLI_AUTH=$(secret redis) in_machine "$each" timeout "$ANSWER_S" redis-cli -h "$master" info replication 2>/dev/null |
        grep -q '^slave0:.*state=online' || {
        echo "$each has no replica"
        return 1
    }
}

queues_missing() {
    machine_rabbitmqctl -q list_queues -p rostrum name type online --no-table-headers 2>/dev/null | awk '
        $2 == "quorum" { found++; if (gsub(/rabbit@/, "") < 3 && !missing++) print "queue " $1 " has fewer than 3 members" }
        END { if (!found) print "RabbitMQ lists no queues" }'
}

# --- ready for the first migration ---

# servers_settled: succeeds if all servers answer, or if the machine of one is lost and waiting is useless. The questions
# to a lost machine end the shell, so they have one of their own.
servers_settled() {
    [ -n "$(server_lost)" ] || (servers_answer)
}

# server_lost: prints a server's machine, or the switch, if the process that keeps its namespace open has ended.
server_lost() {
    holder_read "$CLUSTER/switch" || {
        echo "the switch"
        return
    }
    for each in $(machines_of rabbitmq) $(machines_of postgres) $(machines_of redis); do
        holder_read "$CLUSTER/machines/$each/holder" || {
            echo "$each"
            return
        }
    done
}

servers_answer() {
    for each in $(machines_of rabbitmq); do
        holder_read "$CLUSTER/machines/$each/holder" || return 1
        PORTS_OF=$HOLDER_PID port_listening "$AMQP_PORT" || return 1
    done
    patroni_answers postgres-1 primary || patroni_answers postgres-2 primary || return 1
    patroni_answers postgres-1 sync || patroni_answers postgres-2 sync || return 1
    replicas_missing >/dev/null
}
