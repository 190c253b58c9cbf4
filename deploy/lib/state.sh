# deploy/lib/state.sh: the state folder of a deployment: its path, owner, ports and secrets. Read by deploy/private and
# deploy/cluster with `.`; defines functions only.
#
# VAR is the folder's real, absolute path. It contains:
#   .rostrum-deployment       marks the folder as a deployment's, so that `clean` may delete it
#   bin conf schema deploy    copies of programs and settings: a rebuild does not change a running deployment, and the
#                             deployment's user needs no access to the checkout. Written by the caller of `make up` (root
#                             or the deployment's user)
#   deployment.ini            settings of this deployment alone: addresses and all passwords; for rostrumctl
#   programs/NAME.ini         the same for each program, with the passwords of its own logins
#   ports secrets/            chosen at the first start, then kept
#   service/ log/             runit's service folders, and a log folder for each (svlogd: `current` and five old files)
#   postgres redis rabbitmq   data of the servers
#   images                    images of auctions

say() {
    printf '%s\n' "$*"
}

die() {
    printf 'deployment: %s\n' "$*" >&2
    exit 1
}

# whole_number TEXT LEAST MOST: succeeds if TEXT is such a number in decimal digits.
whole_number() {
    case $1 in
    '' | *[!0-9]* | ??????*) return 1 ;;
    esac
    [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

# hash_of TEXT: prints eight hex digits of its SHA-256.
hash_of() {
    printf %s "$1" | sha256sum | cut -c1-8
}

# plain FOLDER: succeeds if its path has only characters that the servers' start scripts can handle (no blanks, no quotes).
plain() {
    case $1 in
    *[!A-Za-z0-9._/+@-]*) return 1 ;;
    esac
}

# reachable USER FOLDER: succeeds if the user can enter the folder.
reachable() {
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

# Sets DEPLOYMENT_USER: the owner of the state folder. For a new folder it is the caller, or `rostrum` if the caller is
# root: PostgreSQL refuses to run as root, and no server on a network should.
state_user() {
    DEPLOYMENT_USER=$(id -un)
    if [ -e "$VAR/.rostrum-deployment" ]; then
        DEPLOYMENT_USER=$(stat -c %U "$VAR/.rostrum-deployment")
    elif [ "$(id -u)" -eq 0 ]; then
        DEPLOYMENT_USER=rostrum
    fi
    if [ "$(id -u)" -ne 0 ] && [ "$(id -un)" != "$DEPLOYMENT_USER" ]; then
        die "the deployment in $VAR belongs to $DEPLOYMENT_USER: use sudo, or another ROSTRUM_VAR"
    fi
}

# Makes the state folder. If the deployment's user cannot reach it (a checkout under /root, a path with blanks), another
# folder is used, and ROSTRUM_VAR becomes a link to it.
state_make() {
    [ ! -e "$VAR/.rostrum-deployment" ] || return 0
    if [ "$(id -u)" -eq 0 ] && ! id rostrum >/dev/null 2>&1; then
        say "Creating the system user rostrum, which runs the deployment."
        useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin rostrum
    fi
    if [ -e "$VAR" ] && [ -n "$(ls -A "$VAR")" ]; then
        die "$VAR is not empty and not a deployment of Rostrum: name another folder in ROSTRUM_VAR"
    fi
    (umask 022 && mkdir -p "$(dirname "$VAR")")
    if ! plain "$VAR" || ! reachable "$DEPLOYMENT_USER" "$(dirname "$VAR")"; then
        [ ! -d "$VAR" ] || rmdir "$VAR"
        if [ "$(id -u)" -eq 0 ]; then
            elsewhere=/var/lib/rostrum
        else
            elsewhere=${XDG_STATE_HOME:-$HOME/.local/state}/rostrum
        fi
        install -d -m 755 "$elsewhere"
        ln -sfn "$elsewhere/$(hash_of "$VAR")" "$STATE_NAME"
        VAR=$elsewhere/$(hash_of "$VAR")
        say "The state folder $STATE_NAME is a link to $VAR, which the user $DEPLOYMENT_USER can enter."
        [ ! -e "$VAR/.rostrum-deployment" ] || say "It contains data of an earlier deployment; make clean-var deletes it."
    fi
    mkdir -p "$VAR"
    # Root owns the folder (sticky), so that the deployment's user cannot replace the files that root copies into it.
    chmod 1770 "$VAR"
    [ "$(id -u)" -ne 0 ] || chgrp "$DEPLOYMENT_USER" "$VAR"
    : >"$VAR/.rostrum-deployment"
    chown "$DEPLOYMENT_USER" "$VAR/.rostrum-deployment"
}

# Copies the built pages, unless there are none or ROSTRUM_WEB is 0. The gateway reads them when it starts.
state_copy_web() {
    rm -rf "$VAR/web"
    if [ "${ROSTRUM_WEB:-1}" != 0 ] && [ -f "$ROOT/build/web/index.html" ]; then
        cp -R "$ROOT/build/web" "$VAR/web"
        chmod -R u=rwX,go=rX "$VAR/web"
    fi
}

# web_setting FOLDER: prints the setting web_root. FOLDER is that of the copy, as the gateway sees it.
web_setting() {
    if [ -f "$VAR/web/index.html" ]; then
        echo "web_root = $1"
    fi
}

# state_copy COMMAND: copies the programs and files that the command needs. Each program is written to a new file and
# renamed, so that a running program is not changed.
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
    for folder in cluster haproxy; do
        install -d -m 755 "$VAR/conf/$folder"
        install -m 644 "$ROOT/conf/$folder"/* "$VAR/conf/$folder"
    done
    state_copy_web
    rm -f "$VAR"/schema/*.sql # of an older version
    install -m 644 "$ROOT"/schema/*.sql "$VAR/schema"
    install -m 755 "$ROOT/deploy/private" "$ROOT/deploy/cluster" "$ROOT/deploy/demo" "$VAR/deploy"
    install -m 644 "$ROOT"/deploy/lib/*.sh "$VAR/deploy/lib"
    rm -f "$VAR/conf/override.ini"
    if [ -n "${ROSTRUM_CONF:-}" ]; then
        [ -r "$ROSTRUM_CONF" ] || die "ROSTRUM_CONF=$ROSTRUM_CONF cannot be read"
        install -m 640 "$ROSTRUM_CONF" "$VAR/conf/override.ini"
        [ "$(id -u)" -ne 0 ] || chgrp "$DEPLOYMENT_USER" "$VAR/conf/override.ini"
    fi
}

# --- the following functions run as the deployment's user ---

# setting FILE SECTION NAME: prints a value of an INI file, or nothing.
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

# secret NAME: prints the password of that name. The first call generates it.
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

# Prints the TCP ports with listeners, in decimal, one a line. PORTS_OF: a process in another network namespace.
ports_listening() {
    cat "/proc/${PORTS_OF:-self}/net/tcp" "/proc/${PORTS_OF:-self}/net/tcp6" 2>/dev/null | awk '
        function decimal(hex,  i, n) {
            for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789ABCDEF", substr(hex, i, 1)) - 1
            return n
        }
        $4 == "0A" { print decimal(substr($2, length($2) - 3)) }'
}

port_listening() {
    ports_listening | grep -qx "$1"
}

PORTS_ROW=20 # five ports of the servers, and the metrics ports of up to fifteen programs

# Sets PORT_POSTGRES, PORT_REDIS, PORT_AMQP, PORT_DIST, PORT_EPMD and PORT_METRICS, the first metrics port. They are
# PORTS_ROW ports in a row below 32768: a client that polls a closed port in the ephemeral range can connect to itself.
# The search starts at a hash of the folder's name, so that deployments that start together choose different rows. The row
# is kept in $VAR/ports, and replaced if another program listens on one of its ports.
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

# Sets PG_URL, REDIS_URL and AMQP_URL. Each names an existing server (from the environment or the file ROSTRUM_CONF) or a
# server of this deployment. OWN_SERVERS is the list of the latter.
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

# Sets HTTP_ADDRESS and HTTP_PORT of the gateway.
http_choose() {
    HTTP_PORT=$(setting "$VAR/conf/override.ini" gateway listen_port)
    if [ -z "$HTTP_PORT" ]; then
        HTTP_PORT=${ROSTRUM_HTTP_PORT:-8080}
    fi
    HTTP_ADDRESS=$(setting "$VAR/conf/override.ini" gateway listen_address)
    case ${HTTP_ADDRESS:=127.0.0.1} in
    0.0.0.0 | ::) HTTP_ADDRESS=127.0.0.1 ;;
    *:*) HTTP_ADDRESS="[$HTTP_ADDRESS]" ;;
    esac
}

LOGINS="gateway bidworker saleworker endworker notifyworker ctl" # LOGINS_SERVING of common/protocol/logins.h

# Sets IMAGE_SANDBOX: "full", unless this machine forbids it, as a container or a chroot may. Then a private deployment, which
# is for trying and testing, shall take uploads nevertheless. An installation never relaxes it by itself.
sandbox_choose() {
    IMAGE_SANDBOX=full
    [ -x "$VAR/bin/rostrum-image-decoder" ] || return 0
    if ! "$VAR/bin/rostrum-image-decoder" --check full >"$VAR/log/check-sandbox" 2>&1; then
        IMAGE_SANDBOX=seccomp
        say "Images are decoded with image_sandbox = seccomp, because this machine forbids more:"
        sed 's/^/    /' "$VAR/log/check-sandbox"
    fi
}

settings_write() {
    settings_files common_settings
    printf '%s\n' "http://$HTTP_ADDRESS:$HTTP_PORT" >"$VAR/url"
}

# settings_files COMMAND: writes the settings: programs/NAME.ini of each program, with its own logins alone, and
# deployment.ini, with all logins, for rostrumctl. COMMAND prints the settings that all have in common.
settings_files() {
    mkdir -p "$VAR/programs"
    for login in $LOGINS; do
        {
            login_settings "$login"
            "$1"
        } | settings_replace "$VAR/programs/$login.ini"
    done
    {
        common_urls
        for login in $LOGINS; do
            login_settings "$login"
        done
        "$1"
    } | settings_replace "$VAR/deployment.ini"
}

# settings_replace FILE: replaces the file by what is read from stdin.
settings_replace() {
    {
        echo '; Settings of this deployment, written at each start. Those of ROSTRUM_CONF override them.'
        cat
    } >"$1.new"
    chmod 640 "$1.new"
    mv "$1.new" "$1"
}

common_urls() {
    cat <<INI
[postgres]
pg_url = $PG_URL
[redis]
redis_url = $REDIS_URL
[rabbitmq]
amqp_url = $AMQP_URL
INI
}

# login_settings LOGIN: prints the URLs that it uses: with a login of its own in the servers of this deployment, and the
# common URLs of existing servers.
login_settings() {
    echo '[postgres]'
    login_url pg_url postgres "$PG_URL" "$1"
    echo '[redis]'
    login_url redis_url redis "$REDIS_URL" "$1"
    echo '[rabbitmq]'
    login_url amqp_url rabbitmq "$AMQP_URL" "$1"
}

# login_url SETTING SERVER URL LOGIN
login_url() {
    case " $OWN_SERVERS " in
    *" $2 "*) printf '%s_%s = %s\n' "$1" "$4" "$(with_login "$3" "rostrum_$4:$(secret "$2-$4")")" ;;
    *) printf '%s = %s\n' "$1" "$3" ;;
    esac
}

# with_login URL USER:PASSWORD: prints the URL with another login.
with_login() {
    printf '%s://%s@%s\n' "${1%%://*}" "$2" "${1#*@}"
}

common_settings() {
    cat <<INI
[gateway]
listen_port = $HTTP_PORT
$(web_setting "$VAR/web")
[images]
image_folder = $VAR/images
image_sandbox = $IMAGE_SANDBOX
[mail]
template_folder = $VAR/conf/templates
public_url = http://$HTTP_ADDRESS:$HTTP_PORT
INI
}
