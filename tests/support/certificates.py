"""Certificates for servers of the tests, made by openssl. Called by smtp.py and tests/failover."""
import os
import subprocess


def make_certificate(folder, names="IP:127.0.0.1"):
    """Makes an authority (ca.pem), and a certificate for these names (server.pem, server.key) by it."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    with open(os.path.join(folder, "server.ext"), "w", encoding="ascii") as file:
        file.write(f"subjectAltName = {names}\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority", "-days", "2")
    openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "server.ext", "-out", "server.pem")
