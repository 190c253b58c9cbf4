# tests/support/deployment.sh: opens and closes a deployment for tests/run, tests/replay/run, tests/bench/run and others, in
# a scratch folder and on free ports, so that other deployments are not disturbed. Read with `.` from the top of the
# checkout; defines functions only. The caller calls deployment_close in its EXIT trap.

. deploy/lib/state.sh

# Removes the addresses and settings of the caller's own deployment from the environment.
deployment_forget() {
    unset ROSTRUM_PG_URL ROSTRUM_REDIS_URL ROSTRUM_AMQP_URL ROSTRUM_HTTP_URL ROSTRUM_CONF ROSTRUM_BIDWORKERS ROSTRUM_SALEWORKERS
}

# deployment_open COMMAND CONF [mail]: starts a deployment by `deploy/private COMMAND` (up, servers) with the settings file
# CONF, and exports its addresses as `deploy/private env` prints them. With "mail" it sends mail to a server of the
# tests. DEPLOYMENT_BIDWORKERS and DEPLOYMENT_SALEWORKERS may say how many workers it has; DEPLOYMENT_WEB=1 serves the
# pages of build/web. The scratch folder is outside the checkout: the path of the checkout may be too long for a socket,
# or closed to the deployment's user. The caller removes it by deployment_close.
deployment_open() {
    deployment_forget
    DEPLOYMENT_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/rostrum-test.XXXXXX")
    chmod 755 "$DEPLOYMENT_FOLDER"
    ROSTRUM_VAR=$DEPLOYMENT_FOLDER/var
    ROSTRUM_HTTP_PORT=$(deployment_free_port)
    ROSTRUM_DEMO=0
    ROSTRUM_WEB=${DEPLOYMENT_WEB:-0}
    ROSTRUM_CONF=$2
    [ -z "${3:-}" ] || deployment_mail || return 1
    if [ -n "${DEPLOYMENT_BIDWORKERS:-}" ]; then
        ROSTRUM_BIDWORKERS=$DEPLOYMENT_BIDWORKERS
        export ROSTRUM_BIDWORKERS
    fi
    if [ -n "${DEPLOYMENT_SALEWORKERS:-}" ]; then
        ROSTRUM_SALEWORKERS=$DEPLOYMENT_SALEWORKERS
        export ROSTRUM_SALEWORKERS
    fi
    export ROSTRUM_VAR ROSTRUM_HTTP_PORT ROSTRUM_DEMO ROSTRUM_WEB ROSTRUM_CONF
    deploy/private "$1" >"$DEPLOYMENT_FOLDER/start" 2>&1 || {
        cat "$DEPLOYMENT_FOLDER/start" >&2
        return 1
    }
    deploy/private env >"$DEPLOYMENT_FOLDER/env"
    while IFS= read -r line; do
        # shellcheck disable=SC2163 # the line is NAME=value
        export "$line"
    done <"$DEPLOYMENT_FOLDER/env"
    unset ROSTRUM_CONF
    # The deployment's copy of CONF, for tests that change settings at run time.
    ROSTRUM_TEST_CONF=$(readlink -f "$ROSTRUM_VAR")/conf/override.ini
    export ROSTRUM_TEST_CONF
}

# deployment_settings COMMAND: prints the settings file of a deployment for tests.
deployment_settings() {
    case $1 in
    servers) echo tests/conf/servers.ini ;;
    *) echo tests/conf/check.ini ;;
    esac
}

# Waits, up to half a minute, until eight answers in a row report no missing back end. Any gateway worker may answer. The
# test before may have stopped a back end.
deployment_whole() {
    asked=0
    ready=0
    while [ "$ready" -lt 8 ] && [ "$asked" -lt 300 ]; do
        asked=$((asked + 1))
        if curl -s --max-time 2 --noproxy '*' "$ROSTRUM_HTTP_URL/ready" | grep -q '"degraded": *\[\]'; then
            ready=$((ready + 1))
        else
            ready=0
            sleep 0.1
        fi
    done
}

# Starts a mail server (tests/support/smtp.py) in the folder ROSTRUM_TEST_SMTP, and adds it to the settings.
deployment_mail() {
    ROSTRUM_TEST_SMTP=$DEPLOYMENT_FOLDER/smtp
    export ROSTRUM_TEST_SMTP
    mkdir "$ROSTRUM_TEST_SMTP"
    tests/support/smtp.py "$ROSTRUM_TEST_SMTP" 0 >"$DEPLOYMENT_FOLDER/smtp.log" 2>&1 &
    DEPLOYMENT_SMTP=$!
    i=0
    until [ -e "$ROSTRUM_TEST_SMTP/port" ]; do
        i=$((i + 1))
        if [ "$i" -gt 300 ] || ! kill -0 "$DEPLOYMENT_SMTP" 2>/dev/null; then
            cat "$DEPLOYMENT_FOLDER/smtp.log" >&2
            return 1
        fi
        sleep 0.1
    done
    {
        cat "$ROSTRUM_CONF"
        printf '[mail]\nmail_url = smtp://127.0.0.1:%s\n' "$(cat "$ROSTRUM_TEST_SMTP/port")"
        printf 'mail_user = rostrum\nmail_password = correct horse\nmail_from = auctions@rostrum.example\n'
        printf 'mail_ca_file = %s\n' "$ROSTRUM_TEST_SMTP/ca.pem"
        printf '[webhooks]\nwebhook_ca_file = %s\n' "$ROSTRUM_TEST_SMTP/ca.pem"
    } >"$DEPLOYMENT_FOLDER/check.ini"
    ROSTRUM_CONF=$DEPLOYMENT_FOLDER/check.ini
}

# Prints a free port below the ephemeral range. The search starts at a different port for each process.
deployment_free_port() {
    ports_listening | awk -v seed="$$" '
        { taken[$1] = 1 }
        END { for (i = 0; i < 4000; i++) { port = 15000 + (seed * 7 + i) % 4000; if (!(port in taken)) { print port; exit } } }'
}

# deployment_close [LOGS]: stops the deployment and removes it. Copies its logs to the folder LOGS if one is named. Does
# nothing if no deployment is open. A failed step does not skip the others: no process and no folder may stay behind.
# ROSTRUM_VAR is named explicitly, because deployment_open may have failed before it was exported.
deployment_close() {
    [ -n "${DEPLOYMENT_FOLDER:-}" ] || return 0
    if [ -n "${1:-}" ] && [ -d "$DEPLOYMENT_FOLDER/var/log" ]; then
        rm -rf "$1" || true
        mkdir -p "$(dirname "$1")" || true
        cp -R "$(readlink -f "$DEPLOYMENT_FOLDER/var")/log" "$1" || true
    fi
    ROSTRUM_VAR=$DEPLOYMENT_FOLDER/var deploy/private clean >/dev/null 2>&1 ||
        ROSTRUM_VAR=$DEPLOYMENT_FOLDER/var deploy/private clean || true
    if [ -n "${DEPLOYMENT_SMTP:-}" ]; then
        kill "$DEPLOYMENT_SMTP" 2>/dev/null || true
        wait "$DEPLOYMENT_SMTP" 2>/dev/null || true # it must not write while its folder is removed
        DEPLOYMENT_SMTP=
    fi
    rm -rf "$DEPLOYMENT_FOLDER" || true
    DEPLOYMENT_FOLDER=
    deployment_forget
}
