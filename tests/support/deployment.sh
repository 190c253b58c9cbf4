# tests/support/deployment.sh: a deployment of their own for tests/run, tests/replay/run and tests/bench/run: in a folder of its
# own, on free ports, beside whatever else runs. Read with `.` from the top of the checkout; defines functions only.

. deploy/lib/state.sh

# The caller's own deployment is none of the tests' business.
deployment_forget() {
    unset ROSTRUM_PG_URL ROSTRUM_REDIS_URL ROSTRUM_AMQP_URL ROSTRUM_HTTP_URL ROSTRUM_CONF ROSTRUM_BIDWORKERS
}

# deployment_open COMMAND CONF [mail]: starts a deployment by `deploy/private COMMAND` (up, servers) with the settings file CONF, and
# exports its addresses as `deploy/private env` prints them. With "mail" it sends its mail to a server of the tests' own. The scratch folder is a temporary one: a socket's or a
# user's path into the checkout may be too long or closed.
deployment_open() {
    deployment_forget
    DEPLOYMENT_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/rostrum-test.XXXXXX")
    chmod 755 "$DEPLOYMENT_FOLDER"
    ROSTRUM_VAR=$DEPLOYMENT_FOLDER/var
    ROSTRUM_HTTP_PORT=$(deployment_free_port)
    ROSTRUM_DEMO=0
    ROSTRUM_CONF=$2
    [ -z "${3:-}" ] || deployment_mail || return 1
    export ROSTRUM_VAR ROSTRUM_HTTP_PORT ROSTRUM_DEMO ROSTRUM_CONF
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
    # Where the deployment keeps its copy of CONF, for tests that change settings while it runs.
    ROSTRUM_TEST_CONF=$(readlink -f "$ROSTRUM_VAR")/conf/override.ini
    export ROSTRUM_TEST_CONF
}

# Waits, up to half a minute, until whichever gateway worker answers has all its back ends: a test that took some of them
# away may have ended a moment ago.
deployment_whole() {
    asked=0
    good=0
    while [ "$good" -lt 8 ] && [ "$asked" -lt 300 ]; do
        asked=$((asked + 1))
        if curl -s --max-time 2 --noproxy '*' "$ROSTRUM_HTTP_URL/ready" | grep -q '"degraded": *\[\]'; then
            good=$((good + 1))
        else
            good=0
            sleep 0.1
        fi
    done
}

# The tests' own mail server (tests/support/smtp.py), and the settings with it. Its folder is ROSTRUM_TEST_SMTP.
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

# A port below the ephemeral range that nobody listens on, another one for each process that asks.
deployment_free_port() {
    ports_listening | awk -v seed="$$" '
        { taken[$1] = 1 }
        END { for (i = 0; i < 4000; i++) { port = 15000 + (seed * 7 + i) % 4000; if (!(port in taken)) { print port; exit } } }'
}

# deployment_close [LOGS]: takes the deployment down and removes it; its logs are kept in the folder LOGS if one is named.
# Harmless when there is none.
deployment_close() {
    [ -n "${DEPLOYMENT_FOLDER:-}" ] || return 0
    if [ -n "${1:-}" ] && [ -d "$ROSTRUM_VAR/log" ]; then
        rm -rf "$1"
        mkdir -p "$(dirname "$1")"
        cp -R "$(readlink -f "$ROSTRUM_VAR")/log" "$1"
    fi
    deploy/private clean >/dev/null 2>&1 || deploy/private clean || true
    if [ -n "${DEPLOYMENT_SMTP:-}" ]; then
        kill "$DEPLOYMENT_SMTP" 2>/dev/null || true
        DEPLOYMENT_SMTP=
    fi
    rm -rf "$DEPLOYMENT_FOLDER"
    DEPLOYMENT_FOLDER=
    deployment_forget
}
