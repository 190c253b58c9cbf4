"""A deployment that uses servers of a test. Called by the tests of this folder."""
import contextlib
import os
import subprocess
import tempfile

SETTINGS = "tests/conf/failover.ini"
PURGE_S = 300  # on a loaded machine rabbitmqctl takes a minute to start


def log_folder():
    """Where tests/run keeps the output of tests."""
    return os.path.dirname(os.environ.get("CK_XML_LOG_FILE_NAME") or os.path.join(os.environ["BUILD"], "failover.xml"))


def purge_queues():
    """A stopped deployment leaves commands of its own auctions in the RabbitMQ of tests/run, where no test expects any."""
    subprocess.run(["deploy/private", "rabbitmqctl", "eval", "[rabbit_amqqueue:purge(Queue) || Queue <- rabbit_amqqueue:list()]."],
                   check=True, capture_output=True, timeout=PURGE_S)


@contextlib.contextmanager
def deployment(name, urls):
    """Opens the programs on the servers of `urls` (by the names of their settings), and exports their addresses.

    Servers that are not named are those of tests/run. The logs of a failed test are kept.
    """
    everything = {"pg_url": os.environ["ROSTRUM_PG_URL"], "redis_url": os.environ["ROSTRUM_REDIS_URL"],
                  "amqp_url": os.environ["ROSTRUM_AMQP_URL"], **urls}
    before = dict(os.environ)
    with tempfile.NamedTemporaryFile("w", suffix=".ini", encoding="utf-8") as file:
        with open(SETTINGS, encoding="utf-8") as settings:
            file.write(settings.read())
        for section, key in (("postgres", "pg_url"), ("redis", "redis_url"), ("rabbitmq", "amqp_url")):
            file.write(f"[{section}]\n{key} = {everything[key]}\n")
        file.flush()
        command = ["tests/support/hold-deployment", "up", os.path.join(log_folder(), f"failover-{name.replace(' ', '-')}"), file.name]
        # In a session of its own: it closes the deployment when its input ends, also if this test is killed.
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as holder:
            answer = b"keep\n"
            try:
                text = b""
                while not text.endswith(b"\0\0"):
                    more = holder.stdout.read1()
                    assert more, "the deployment could not be opened"
                    text += more
                os.environ.update(os.fsdecode(each).split("=", 1) for each in text.split(b"\0") if each)
                yield
                answer = b"close\n"
            finally:
                with contextlib.suppress(BrokenPipeError):
                    holder.stdin.write(answer)
                    holder.stdin.close()
                code = holder.wait()
                os.environ.clear()
                os.environ.update(before)
        assert code == 0, f"the deployment ended with exit code {code}"
        purge_queues()
