# deploy/lib/state.sh: a deployment's state folder: where it lies, who owns it, its ports and its secrets. Read by
# deploy/private with `.`; defines functions only.
#
# VAR is the folder's real, absolute path. In it:
#   .rostrum-deployment       the mark that this folder is a deployment's and may be wiped
#   bin conf schema deploy   copies of what runs: a rebuild does not touch a running deployment, and the deployment's user needs
#                        no access to the checkout. Written by whoever calls `make up` (root or the deployment's user)
#   deployment.ini            the settings that this deployment alone has: addresses and passwords
#   ports secrets/       what was chosen at the first start, and is kept
#   service/ log/        runit's service folders, and one log folder for each (svlogd: `current` and five old ones)
#   postgres redis rabbitmq  the servers' data
#   images               the pictures of auctions

say() {
    printf '%s\n' "$*"
}

die() {
    printf 'deployment: %s\n' "$*" >&2
    exit 1
}

# hash_of TEXT: eight hex digits, stable.
hash_of() {
    printf %s "$1" | sha256sum | cut -c1-8
}

# reachable USER FOLDER: can this user go into the folder, and does its path hold nothing that the servers' own start
# scripts stumble over (blanks, quotes)?
reachable() {
    case $2 in
    *[!A-Za-z0-9._/+@-]*) return 1 ;;
    esac
    if [ "$(id -un)" = "$1" ]; then
        [ -x "$2" ]
    else
        setpriv --reuid="$1" --regid="$(id -g "$1")" --clear-groups test -x "$2"
    fi
}

# Sets VAR from ROSTRUM_VAR (relative to the folder of the checkout), following the link if it is one.
state_locate() {
    STATE_NAME=${ROSTRUM_VAR:-var}
    case $STATE_NAME in
    /*) ;;
    *) STATE_NAME=$ROOT/$STATE_NAME ;;
    esac
    VAR=$(readlink -m -- "$STATE_NAME")
}

# Sets DEPLOYMENT_USER: the owner of the state folder or, for a new one, the caller; `rostrum` when that would be root,
# because neither PostgreSQL nor a server on the network should run as root.
state_user() {
    DEPLOYMENT_USER=$(id -un)
    if [ -e "$VAR/.rostrum-deployment" ]; then
        DEPLOYMENT_USER=$(stat -c %U "$VAR/.rostrum-deployment")
    elif [ "$(id -u)" -eq 0 ]; then
        DEPLOYMENT_USER=rostrum
    fi
    if [ "$(id -u)" -ne 0 ] && [ "$(id -un)" != "$DEPLOYMENT_USER" ]; then
        die "the deployment in $VAR belongs to $DEPLOYMENT_USER, opened by root: use sudo, or another ROSTRUM_VAR"
    fi
}

# Makes the state folder. Where the deployment's user could not reach it (a checkout under /root, or a path with blanks)
# it lies elsewhere, and ROSTRUM_VAR becomes a link to it.
state_make() {
    [ ! -e "$VAR/.rostrum-deployment" ] || return 0
    if [ "$(id -u)" -eq 0 ] && ! id rostrum >/dev/null 2>&1; then
        say "Creating the system user rostrum, as whom everything runs."
        useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin rostrum
    fi
    if [ -e "$VAR" ] && [ -n "$(ls -A "$VAR")" ]; then
        die "$VAR is not empty and no deployment of ours: name another folder in ROSTRUM_VAR"
    fi
    (umask 022 && mkdir -p "$(dirname "$VAR")")
    if ! reachable "$DEPLOYMENT_USER" "$(dirname "$VAR")"; then
        [ ! -d "$VAR" ] || rmdir "$VAR"
        if [ "$(id -u)" -eq 0 ]; then
            elsewhere=/var/lib/rostrum
        else
            elsewhere=${XDG_STATE_HOME:-$HOME/.local/state}/rostrum
        fi
        install -d -m 755 "$elsewhere"
        ln -sfn "$elsewhere/$(hash_of "$VAR")" "$STATE_NAME"
        VAR=$elsewhere/$(hash_of "$VAR")
        say "The state folder $STATE_NAME leads to $VAR, where the user $DEPLOYMENT_USER can go."
        [ ! -e "$VAR/.rostrum-deployment" ] || say "It holds the data of an earlier deployment; make clean-var wipes them."
    fi
    mkdir -p "$VAR"
    # Root keeps the folder itself (sticky), so that what root copies into it cannot be replaced by the deployment's user.
    chmod 1770 "$VAR"
    [ "$(id -u)" -ne 0 ] || chgrp "$DEPLOYMENT_USER" "$VAR"
    : >"$VAR/.rostrum-deployment"
    chown "$DEPLOYMENT_USER" "$VAR/.rostrum-deployment"
}

# state_copy COMMAND: copies what it runs. Each file is written anew and renamed, so that a program that runs keeps its own.
state_copy() {
    files=$PROGRAM_FILES
    [ "$1" != servers ] || files=rostrumctl
    install -d -m 755 "$VAR/bin" "$VAR/conf" "$VAR/schema" "$VAR/deploy" "$VAR/deploy/lib"
    for program in $files; do
        [ -x "$BUILD/bin/$program" ] || die "$BUILD/bin/$program is missing: run make all first"
        install -m 755 "$BUILD/bin/$program" "$VAR/bin/.new"
        mv "$VAR/bin/.new" "$VAR/bin/$program"
    done
    install -m 644 "$ROOT/conf/rostrum.ini" "$VAR/conf"
    install -d -m 755 "$VAR/conf/templates"
    install -m 644 "$ROOT"/conf/templates/* "$VAR/conf/templates"
    rm -f "$VAR"/schema/*.sql # of an older version
    install -m 644 "$ROOT"/schema/*.sql "$VAR/schema"
    install -m 755 "$ROOT/deploy/private" "$ROOT/deploy/demo" "$VAR/deploy"
    install -m 644 "$ROOT"/deploy/lib/*.sh "$VAR/deploy/lib"
    rm -f "$VAR/conf/override.ini"
    if [ -n "${ROSTRUM_CONF:-}" ]; then
        [ -r "$ROSTRUM_CONF" ] || die "ROSTRUM_CONF=$ROSTRUM_CONF cannot be read"
        install -m 640 "$ROSTRUM_CONF" "$VAR/conf/override.ini"
        [ "$(id -u)" -ne 0 ] || chgrp "$DEPLOYMENT_USER" "$VAR/conf/override.ini"
    fi
}

# --- from here on everything runs as the deployment's user ---

# setting FILE SECTION NAME: a value from an INI file, or nothing.
setting() {
    [ -r "$1" ] || return 0
    awk -v section="[$2]" -v name="$3" '
        /^[ \t]*\[/ { gsub(/[ \t]/, ""); here = ($0 == section); next }
        here && match($0, /[=:]/) {
            key = substr($0, 1, RSTART - 1); gsub(/[ \t]/, "", key)
            if (key == name) { value = substr($0, RSTART + 1); sub(/[ \t]+;.*$/, "", value); gsub(/^[ \t]+|[ \t]+$/, "", value) }
        }
        END { if (value != "") print value }' "$1"
}

# secret NAME: the password of that name, made at its first use.
secret() {
    if [ ! -s "$VAR/secrets/$1" ]; then
        (
            umask 077
            mkdir -p "$VAR/secrets"
            od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$VAR/secrets/$1"
        )
    fi
    cat "$VAR/secrets/$1"
}

# The TCP ports that something listens on, in decimal, one a line.
ports_listening() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '
        function decimal(hex,  i, n) {
            for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789ABCDEF", substr(hex, i, 1)) - 1
            return n
        }
        $4 == "0A" { print decimal(substr($2, length($2) - 3)) }'
}

port_listening() {
    ports_listening | grep -qx "$1"
}

PORTS_ROW=20 # five of the servers, and up to fifteen programs

# Sets PORT_POSTGRES, PORT_REDIS, PORT_AMQP, PORT_DIST, PORT_EPMD and PORT_METRICS, the first of those where programs show
# their metrics: PORTS_ROW in a row below 32768 (a client that polls a
# closed port in the ephemeral range can connect to itself). The row is chosen by the folder's name, so that two deployments
# that start at the same moment do not meet, kept in $VAR/ports, and chosen anew when something else took one of it.
ports_choose() {
    first=
    [ ! -s "$VAR/ports" ] || first=$(cat "$VAR/ports")
    hashed=$(printf %s "$VAR" | cksum | cut -d' ' -f1)
    first=$(ports_listening | awk -v kept="$first" -v hashed="$hashed" -v row="$PORTS_ROW" '
        function free(first,  i) {
            for (i = 0; i < row; i++) if ((first + i) in taken) return 0
            return 1
        }
        { taken[$1] = 1 }
        END {
            if (kept != "" && free(kept)) { print kept; exit }
            for (i = 0; i < 600; i++) {
                first = 20000 + (hashed + i) % 600 * row
                if (free(first)) { print first; exit }
            }
        }')
    [ -n "$first" ] || die "no $PORTS_ROW free ports in a row between 20000 and 32000"
    printf '%s\n' "$first" >"$VAR/ports"
    ports_read
}

ports_read() {
    read -r PORT_POSTGRES <"$VAR/ports"
    PORT_REDIS=$((PORT_POSTGRES + 1))
    PORT_AMQP=$((PORT_POSTGRES + 2))
    PORT_DIST=$((PORT_POSTGRES + 3))
    PORT_EPMD=$((PORT_POSTGRES + 4))
    PORT_METRICS=$((PORT_POSTGRES + 5))
}

# Sets PG_URL, REDIS_URL and AMQP_URL: of servers that exist already (named in the environment, or in the file that
# ROSTRUM_CONF names), else of servers of this deployment; OWN_SERVERS are the latter.
urls_choose() {
    override=$VAR/conf/override.ini
    PG_URL=${ROSTRUM_PG_URL:-$(setting "$override" postgres pg_url)}
    REDIS_URL=${ROSTRUM_REDIS_URL:-$(setting "$override" redis redis_url)}
    AMQP_URL=${ROSTRUM_AMQP_URL:-$(setting "$override" rabbitmq amqp_url)}
    OWN_SERVERS=
    if [ -z "$AMQP_URL" ]; then
        OWN_SERVERS="$OWN_SERVERS rabbitmq"
        AMQP_URL=amqp://rostrum:$(secret rabbitmq)@127.0.0.1:$PORT_AMQP/rostrum
    fi
    if [ -z "$REDIS_URL" ]; then
        OWN_SERVERS="$OWN_SERVERS redis"
        REDIS_URL=redis://:$(secret redis)@127.0.0.1:$PORT_REDIS/0
    fi
    if [ -z "$PG_URL" ]; then
        OWN_SERVERS="$OWN_SERVERS postgres"
        PG_URL=postgresql://rostrum:$(secret postgres)@127.0.0.1:$PORT_POSTGRES/rostrum
    fi
}

# Sets HTTP_ADDRESS and HTTP_PORT, where the gateway will answer.
http_choose() {
    HTTP_PORT=$(setting "$VAR/conf/override.ini" gateway listen_port)
    if [ -z "$HTTP_PORT" ]; then
        HTTP_PORT=${ROSTRUM_HTTP_PORT:-8080}
        case $HTTP_PORT in
        *[!0-9]* | ??????*) die "ROSTRUM_HTTP_PORT is no port: $HTTP_PORT" ;;
        esac
    fi
    HTTP_ADDRESS=$(setting "$VAR/conf/override.ini" gateway listen_address)
    case ${HTTP_ADDRESS:=127.0.0.1} in
    0.0.0.0 | ::) HTTP_ADDRESS=127.0.0.1 ;;
    *:*) HTTP_ADDRESS="[$HTTP_ADDRESS]" ;;
    esac
}

settings_write() {
    cat >"$VAR/deployment.ini.new" <<INI
; This deployment's own settings, written by deploy/private at each start; those of ROSTRUM_CONF win over them.
[postgres]
pg_url = $PG_URL
[redis]
redis_url = $REDIS_URL
[rabbitmq]
amqp_url = $AMQP_URL
[gateway]
listen_port = $HTTP_PORT
[images]
image_folder = $VAR/images
[mail]
template_folder = $VAR/conf/templates
public_url = http://$HTTP_ADDRESS:$HTTP_PORT
INI
    chmod 640 "$VAR/deployment.ini.new"
    mv "$VAR/deployment.ini.new" "$VAR/deployment.ini"
    printf '%s\n' "http://$HTTP_ADDRESS:$HTTP_PORT" >"$VAR/url"
}
