#!/usr/bin/python3
"""A mail server for tests, by aiosmtpd. It requires STARTTLS and a login.

    smtp.py FOLDER PORT      PORT 0: a free port; it is written to FOLDER/port

Makes its own certificate authority (FOLDER/ca.pem) and certificate. Each mail is written to
FOLDER/mail/RECIPIENT.NUMBER.json: parsed ("subject", "text", "html", "headers") and unparsed ("raw"). The recipient's
name selects the server's behaviour:

    refused…   550 at RCPT        later…   451 for the first two tries      silent…  kept, and no answer
    rejected…  554 after the mail full…    452 always              sulking…  550 at RCPT, and no answer to QUIT

Ends when its parent process ends. Started by tests/support/smtp.c and tests/support/deployment.sh.
"""
import asyncio
import ctypes
import email
import email.policy
import json
import os
import signal
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from certificates import make_certificate

USER, PASSWORD = b"rostrum", b"correct horse"
LATER_TRIES = 2
SILENCE_S = 3600
PARENT_DEATH = 1  # PR_SET_PDEATHSIG


def content(mail, kind):
    """The text of one part of a mail."""
    part = mail.get_body((kind,))
    return part.get_content() if part else None


class Handler:
    """Handles the commands of a client, by the recipient's name."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "mail")
        self.count = 0
        self.tries = {}
        os.makedirs(self.folder, exist_ok=True)

    async def handle_RCPT(self, server, session, envelope, address, options):  # pylint: disable=invalid-name
        """Checks a login, as aiosmtpd requires it."""
        self.tries[address] = self.tries.get(address, 0) + 1
        if address.startswith("refused"):
            return "550 5.1.1 Nobody of that name"
        if address.startswith("sulking"):
            session.sulks = True
            return "550 5.7.1 Go away"
        if address.startswith("full"):
            return "452 4.2.2 The mailbox is full"
        if address.startswith("later") and self.tries[address] <= LATER_TRIES:
            return "451 4.7.1 Please come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # pylint: disable=invalid-name
        """Aiosmtpd's."""
        recipient = envelope.rcpt_tos[0]
        if recipient.startswith("rejected"):
            return "554 5.7.1 We do not like it"
        self.keep(recipient, envelope)
        if recipient.startswith("silent"):
            await asyncio.sleep(SILENCE_S)
        return "250 OK"

    async def handle_QUIT(self, server, session, envelope):  # pylint: disable=invalid-name
        """Aiosmtpd's."""
        if getattr(session, "sulks", False):
            await asyncio.sleep(SILENCE_S)
        return "221 Bye"

    def keep(self, recipient, envelope):
        """Stores the mail: the file appears complete or not at all."""
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.count += 1
        seen = {
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "subject": str(mail["subject"]),
            "to": str(mail["to"]),
            "headers": {name.lower(): str(value) for name, value in mail.items()},
            "headerCount": len(mail.items()),
            "defects": [str(defect) for part in mail.walk() for defect in part.defects],
            "text": content(mail, "plain"),
            "html": content(mail, "html"),
            "raw": envelope.content.decode("latin-1"),
        }
        path = os.path.join(self.folder, f"{recipient}.{self.count:06d}.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(seen, file)
        os.rename(path + ".new", path)


def authenticate(server, session, envelope, mechanism, data):
    """Aiosmtpd's."""
    good = isinstance(data, LoginPassword) and data.login == USER and data.password == PASSWORD
    return AuthResult(success=good, handled=False)


async def serve(folder, port):
    """Until the end."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(os.path.join(folder, "server.pem"), os.path.join(folder, "server.key"))
    handler = Handler(folder)

    def session():
        return SMTP(handler, hostname="127.0.0.1", tls_context=context, require_starttls=True, auth_required=True,
                    authenticator=authenticate, enable_SMTPUTF8=False)

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", port)
    with open(os.path.join(folder, "port.new"), "w", encoding="ascii") as file:
        file.write(f"{server.sockets[0].getsockname()[1]}\n")
    os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
    await server.serve_forever()


def main():
    """Runs the server; see the module's docstring."""
    folder, port = sys.argv[1], int(sys.argv[2])
    ctypes.CDLL(None).prctl(PARENT_DEATH, signal.SIGKILL)
    if not os.path.exists(os.path.join(folder, "ca.pem")):
        make_certificate(folder)
    asyncio.run(serve(folder, port))


main()
