#!/usr/bin/python3
"""A fail-over of Redis behind HAProxy with conf/haproxy/redis.cfg: the master stops, and Sentinel elects the replica.

Bids go on meanwhile. Afterwards the deployment is ready and sessions from before are valid. The former master starts
again and takes itself for the master, but no program is led to it.

Long: the Sentinels take some seconds for an election, and longer to demote a former master.
"""
import signal
import sys

sys.dont_write_bytecode = True
from trials import run_tests, run_trial  # noqa: E402 (needs the line above)
from deployment import deployment  # noqa: E402
from faults import Fault  # noqa: E402
from processes import wait_until  # noqa: E402
from redis_group import RedisGroup  # noqa: E402

# A sentinel whose timer was more than 2 s late does nothing for 30 s ("tilt"), which happens on a loaded machine. Three
# that vote for themselves try again after twice their failover-timeout.
ELECTION_S = 120


def bids_and_sessions_survive_a_stopped_master():
    group = RedisGroup()

    def stop_the_master():
        group.signal(0, signal.SIGSTOP)
        assert wait_until(lambda: group.master() == 1, ELECTION_S), group.logs()

    def start_it_again():
        group.kill(0)
        group.start_server(0)  # as a master: its settings name no other

    try:
        with deployment("redis", {"redis_url": group.url()}):
            run_trial(Fault("Redis: master stopped", stop_the_master, start_it_again, takeover=True))
            assert group.master() == 1
    finally:
        group.close()


def a_former_master_gets_no_connection():
    group = RedisGroup()
    led_to = set()

    def demoted():
        led_to.add(group.master())
        return "role:slave" in group.ask(group.ports[0], "INFO", "replication")

    try:
        group.kill(0)
        assert wait_until(lambda: group.master() == 1, ELECTION_S), group.logs()
        group.start_server(0)
        assert not demoted(), "it is to take itself for the master at first"
        assert wait_until(demoted, ELECTION_S), group.logs()
        assert led_to == {1}, led_to
    finally:
        group.close()


if __name__ == "__main__":
    run_tests("redis_failover_test", [bids_and_sessions_survive_a_stopped_master, a_former_master_gets_no_connection])
