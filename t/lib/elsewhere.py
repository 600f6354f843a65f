# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients that connect from an address of their own, or say something before anything else (as a proxy does)."""
import socket

from client import Client


class Elsewhere(Client):
    """source: the address it connects from, of 127.0.0.0/8; first: bytes that come before TLS, and before the stream."""

    def __init__(self, server, source="", first=b"", **more):
        plain = socket.create_connection

        def connect(address, timeout):
            sock = plain(address, timeout, (source, 0) if source else None)
            sock.sendall(first)
            return sock
        socket.create_connection = connect
        try:
            super().__init__(server, **more)
        finally:
            socket.create_connection = plain
