#!/usr/bin/python3
"""TLS to all three servers: libpq's own to PostgreSQL, HAProxy with the files of conf/haproxy to RabbitMQ and Redis.

A deployment takes and decides a bid through them. A certificate of another authority, or for another name, is refused.
The PostgreSQL and the RabbitMQ are those of tests/run, which get a port or a setting for TLS.

Long: it starts a deployment of its own.
"""
import contextlib
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from trials import rostrumctl, run_tests  # noqa: E402 (needs the line above)
from bidders import Load  # noqa: E402
from certificates import make_certificate  # noqa: E402
from deployment import deployment  # noqa: E402
import processes  # noqa: E402
from redis_group import RedisGroup  # noqa: E402
import trial  # noqa: E402

READY_S = 30
OTHER_NAME = "elsewhere.example"


@contextlib.contextmanager
def certificates():
    """A folder of certificates that the servers can read, and the folder of another authority."""
    user = processes.unprivileged_user()
    with tempfile.TemporaryDirectory() as good, tempfile.TemporaryDirectory() as other:
        for folder in (good, other):
            make_certificate(folder, "IP:127.0.0.1, DNS:localhost")
            os.chown(os.path.join(folder, "server.key"), user.pw_uid, user.pw_gid)
            os.chmod(folder, 0o755)
        yield good, other


def ca_of(folder):
    return os.path.join(folder, "ca.pem")


@contextlib.contextmanager
def postgres(folder):
    """The PostgreSQL of tests/run with TLS. Yields a function that returns its URL, with names that are checked."""
    base = os.environ["ROSTRUM_PG_URL"]
    address, _, port = base.rpartition("@")[2].partition("/")[0].partition(":")
    with open(os.path.join(os.environ["ROSTRUM_VAR"], "secrets", "postgres-superuser"), encoding="ascii") as file:
        environment = {**os.environ, "PGPASSWORD": file.read()}

    def administer(*statements):
        command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", address, "-p", port, "-U", "postgres", "postgres"]
        subprocess.run(command, input=";\n".join([*statements, "SELECT pg_reload_conf()"]), text=True, check=True,
                       env=environment, capture_output=True)

    def url(ca=ca_of(folder), host="localhost"):
        start, _, end = base.partition(f"@{address}:{port}")
        return (f"{start}@{host}:{port}{end}?hostaddr={address}&sslmode=verify-full&sslrootcert={ca}")

    files = {"ssl_cert_file": "server.pem", "ssl_key_file": "server.key"}
    administer(*(f"ALTER SYSTEM SET {name} = '{folder}/{file}'" for name, file in files.items()),
               "ALTER SYSTEM SET ssl = on")
    try:
        yield url
    finally:
        administer("ALTER SYSTEM RESET ssl", *(f"ALTER SYSTEM RESET {name}" for name in files))


@contextlib.contextmanager
def rabbitmq(folder):
    """A port for TLS of the RabbitMQ of tests/run. Yields its number."""
    port = processes.free_ports(1)[0]
    options = (f'[{{cacertfile,"{ca_of(folder)}"}},{{certfile,"{folder}/server.pem"}},'
               f'{{keyfile,"{folder}/server.key"}}]')

    def evaluate(text):
        subprocess.run(["deploy/private", "rabbitmqctl", "eval", text], check=True, capture_output=True, timeout=READY_S)

    evaluate(f'rabbit_networking:ensure_ssl(), rabbit_networking:start_ssl_listener({{"127.0.0.1",{port}}}, {options}, 2).')
    try:
        yield port
    finally:
        evaluate(f'rabbit_networking:stop_tcp_listener({{"127.0.0.1",{port}}}).')


@contextlib.contextmanager
def haproxy(server_port, ca, name="localhost"):
    """HAProxy with the shipped file for RabbitMQ. Yields the URL for the programs."""
    port = processes.free_ports(1)[0]
    environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "ROSTRUM_RABBITMQ_CA": ca,
                   "ROSTRUM_RABBITMQ_1": f"127.0.0.1:{server_port}", "ROSTRUM_RABBITMQ_1_NAME": name,
                   "ROSTRUM_RABBITMQ_1_LISTEN": f"127.0.0.1:{port}"}
    command = ["haproxy", "-db", "-f", os.path.abspath("conf/haproxy/rabbitmq.cfg")]
    process = processes.start(command, processes.unprivileged_user(), environment, subprocess.DEVNULL)
    start, _, end = os.environ["ROSTRUM_AMQP_URL"].rpartition("@")
    try:
        assert processes.wait_until(lambda: processes.listens(port), READY_S)
        yield f"{start}@127.0.0.1:{port}/{end.partition('/')[2]}"
    finally:
        process.kill()
        process.wait()


def shards(**urls):
    """Runs `rostrumctl shards`, which asks PostgreSQL and RabbitMQ. Returns the exit code and the output."""
    done = subprocess.run([rostrumctl(), "shards"], env={**os.environ, **urls}, capture_output=True, text=True,
                          check=False, timeout=READY_S)
    return done.returncode, done.stdout + done.stderr


def a_deployment_works_over_tls():
    with certificates() as (good, _), postgres(good) as pg_url, rabbitmq(good) as port, \
            haproxy(port, ca_of(good)) as amqp_url:
        group = RedisGroup(tls=good)
        try:
            urls = {"pg_url": pg_url(), "amqp_url": amqp_url, "redis_url": group.url()}
            with deployment("tls", urls):
                assert processes.wait_until(trial.ready, READY_S)
                load = Load(os.environ["ROSTRUM_HTTP_URL"])
                assert processes.wait_until(lambda: trial.decided_on_all(load, load.long_lots[:1], 0), READY_S)
                load.stop()
        finally:
            group.close()


def the_certificate_of_postgresql_is_verified():
    with certificates() as (good, other), postgres(good) as url:
        code, output = shards(ROSTRUM_PG_URL=url())
        assert code == 0, output
        for wrong in (url(ca=ca_of(other)), url(host=OTHER_NAME)):
            code, output = shards(ROSTRUM_PG_URL=wrong)
            assert code != 0 and "certificate" in output, output


def the_certificate_of_rabbitmq_is_verified():
    with certificates() as (good, other), rabbitmq(good) as port:
        with haproxy(port, ca_of(good)) as url:
            code, output = shards(ROSTRUM_AMQP_URL=url)
            assert code == 0, output
        for trust in ({"ca": ca_of(other)}, {"ca": ca_of(good), "name": OTHER_NAME}):
            with haproxy(port, **trust) as url:
                code, output = shards(ROSTRUM_AMQP_URL=url)
                assert code != 0, output


def the_certificate_of_redis_is_verified():
    with certificates() as (good, other):
        group = RedisGroup(tls=good)
        try:
            for trust in ({"trusted": other}, {"trusted": good, "name": OTHER_NAME}):
                group.restart_haproxy(**trust)
                refused = "Server redis_1/redis_1 is DOWN, reason: Layer6 invalid response"
                assert processes.wait_until(lambda: refused in group.haproxy_log(), READY_S), group.haproxy_log()
                assert group.master() is None
        finally:
            group.close()


if __name__ == "__main__":
    run_tests("tls_test", [a_deployment_works_over_tls, the_certificate_of_postgresql_is_verified,
                           the_certificate_of_rabbitmq_is_verified, the_certificate_of_redis_is_verified])
