"""Buyers of a flash sale whose commands reach the sale worker without a gateway: as messages, through the outbox.

A command counts as answered 202 once its row of the outbox is committed: the end worker publishes such rows until the
broker confirms them. So the sale worker, its queue and its ledger can be struck alone. The classes have the methods of
sale_shop.py that a crowd needs. Called by tests/chaos/sale_worker_faults_test.py.
"""
import json
import queue
import threading
import time
import uuid

from database import DatabaseError, query_value, sql
from sale_judge import Promise
from sale_shop import Answer

SQL_S = 20  # of a statement while PostgreSQL may be stopped
PAUSE_S = 0.5  # between two attempts
ROWS_MAX = 200  # of one statement
EXPIRE_S = 1  # between two looks for what is due, which an end worker would take
PRICE = 4950  # cents
LATE_MS = 600000  # of the receipt of a late payment, after the present
GRACE_MS = 3000  # from the time of a turn or reservation until an EXPIRE ends it


def now_ms():
    return int(time.time() * 1000)


def shard_of(sale, shards):
    """As ids_shard of common/base/ids: FNV-1a."""
    number = 2166136261
    for byte in uuid.UUID(sale).bytes:
        number = ((number ^ byte) * 16777619) & 0xFFFFFFFF
    return number % shards


class Post:
    """Writes commands of one sale to the outbox, those of many threads together."""

    def __init__(self, sale):
        shard = shard_of(sale, int(query_value("SELECT shards FROM topology")))
        self.exchange, self.key = f"sales.shard.{shard:02}", f"sales.sale.{sale}.{shard:02}"
        self.waiting = queue.Queue()
        threading.Thread(target=self.run, daemon=True).start()

    def put(self, command):
        """Returns once the command is committed."""
        done = threading.Event()
        self.waiting.put((command, done))
        done.wait()

    def run(self):
        while True:
            items = [self.waiting.get()]
            while len(items) < ROWS_MAX and not self.waiting.empty():
                items.append(self.waiting.get())
            while not self.insert([command for command, _ in items]):
                time.sleep(PAUSE_S)
            for _, done in items:
                done.set()

    def insert(self, commands):
        """An insert that failed may have been committed: the command is then published twice, and decided once."""
        bodies = ", ".join(f"('{json.dumps({'v': 1, 'commands': [command]})}')" for command in commands)
        try:
            # As old as what a program left behind, so that the next sweep finds it.
            sql(f"INSERT INTO outbox (exchange, routing_key, body, created_at) SELECT '{self.exchange}', '{self.key}',"
                f" v.body, now() - interval '1 hour' FROM (VALUES {bodies}) v (body);", timeout=SQL_S)
        except DatabaseError:
            return False
        return True


class PostShop:
    """Users, a product and a sale, written by SQL. `payment`: how orders are confirmed, as in table flash_sales."""

    def __init__(self, payment="none"):
        self.post, self.payment = None, payment

    def new_users(self, count):
        made = [PostBuyer(self) for _ in range(count)]
        ids = ", ".join(f"('{buyer.id}')" for buyer in made)
        sql("INSERT INTO users (id, email, display_name, password_hash, created_at) SELECT v.id::uuid, v.id, 'Buyer', '',"
            f" now() FROM (VALUES {ids}) v (id);")
        return made

    def new_sale(self, quantity, lasts_s, turnSeconds, reservationSeconds):
        """As that of sale_shop.py; it also ends turns and reservations until the test ends."""
        sale = str(uuid.uuid4())
        sql("INSERT INTO products (id, name, base_price, created_by, created_at, updated_at)"
            f" VALUES ('{sale}', 'A lamp', 99, '{sale}', now(), now());"
            "INSERT INTO flash_sales (id, product_id, created_by, price, quantity, per_user_limit, join_time, start_time,"
            " end_time, turn_s, reservation_s, payment, created_at, updated_at)"
            f" VALUES ('{sale}', '{sale}', '{sale}', {PRICE / 100}, {quantity}, 1, now(), now() + interval '1 s',"
            f" now() + interval '{lasts_s} s', {turnSeconds}, {reservationSeconds}, '{self.payment}', now(), now());")
        self.post = Post(sale)
        threading.Thread(target=self.expire, args=(sale,), daemon=True).start()
        return sale

    def send(self, sale, kind, **members):
        """The id of the command."""
        command = str(uuid.uuid4())
        self.post.put({"k": kind, "i": command, "s": sale, "r": now_ms(), **members})
        return command

    def expire(self, sale):
        while True:
            time.sleep(EXPIRE_S)
            self.send(sale, "expire", r=now_ms() - GRACE_MS)


class PostBuyer:
    """A user. What it was promised is in `promises`."""

    def __init__(self, shop):
        self.shop, self.id = shop, str(uuid.uuid4())
        self.promises, self.strange = [], []
        self.sale = self.order_id = None

    def log_in(self):
        """There is no session."""

    def send(self, kind, order=None, quantity=None):
        members = {"u": self.id} | ({} if quantity is None else {"c": quantity}) | ({} if order is None else {"o": order})
        command = self.shop.send(self.sale, kind, **members)
        named = command if kind == "order" else order
        self.promises.append(Promise(kind, self.id, command, named, quantity))
        return command

    def join(self, sale, quantity=1, expected=()):
        del expected
        self.sale = sale
        self.send("join", quantity=quantity)
        return Answer(202)

    def leave(self, sale, expected=()):
        del sale, expected
        self.send("leave")
        return Answer(202)

    def order(self, sale, quantity=1, expected=()):
        del sale, expected
        self.order_id = self.send("order", quantity=quantity)
        return Answer(202)

    def confirm(self, order, expected=()):
        del expected
        if self.shop.payment == "none":
            self.send("confirm", order)
        else:
            self.pay(order, PRICE - 1)
            self.pay(order, PRICE, times=2)
            self.pay(str(uuid.uuid4()), PRICE)
        return Answer(202)

    def cancel(self, order, expected=()):
        del expected
        self.send("cancel", order)
        if self.shop.payment != "none":
            self.pay(order, PRICE)
        return Answer(202)

    def forget(self, order):
        """The payment comes after the reservation."""
        if self.shop.payment != "none":
            self.pay(order, PRICE, received_ms=now_ms() + LATE_MS)

    def pay(self, order, amount, times=1, received_ms=None):
        """A callback of the payment provider; it may come several times."""
        command = {"k": "confirm", "i": str(uuid.uuid4()), "s": self.sale, "r": received_ms or now_ms(), "o": order,
                   "b": True, "m": amount, "x": "pay"}
        for _ in range(times):
            self.shop.post.put(command)
        self.promises.append(Promise("confirm", None, command["i"], order))
