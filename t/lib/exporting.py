# SPDX-License-Identifier: GPL-2.0-or-later
"""A TLS socket by OpenSSL's own functions, for what Python's ssl does not tell: keying material (RFC 5705), from which
tls-exporter is made (RFC 9266)."""
import ctypes
import ctypes.util

SSL_ERROR_WANT_READ = 2
LABEL = b"EXPORTER-Channel-Binding"


def library(name):
    lib = ctypes.CDLL(ctypes.util.find_library(name))
    for function in ("TLS_client_method", "SSL_CTX_new", "SSL_new", "BIO_s_mem", "BIO_new", "SSL_get_version"):
        if hasattr(lib, function):
            getattr(lib, function).restype = ctypes.c_void_p
    return lib


class Exporting:
    """Enough of a socket for t/lib/client.py; trusts anybody, since it is about the channel."""

    def __init__(self, sock):
        self.ssl, self.crypto, self.sock = library("ssl"), library("crypto"), sock
        context = ctypes.c_void_p(self.ssl.SSL_CTX_new(ctypes.c_void_p(self.ssl.TLS_client_method())))
        memory = ctypes.c_void_p(self.crypto.BIO_s_mem())
        self.tls = ctypes.c_void_p(self.ssl.SSL_new(context))
        self.inward, self.outward = (ctypes.c_void_p(self.crypto.BIO_new(memory)) for _ in range(2))
        self.ssl.SSL_set_bio(self.tls, self.inward, self.outward)
        self.ssl.SSL_set_connect_state(self.tls)
        while self.turn(self.ssl.SSL_do_handshake(self.tls)):
            pass

    def turn(self, result):
        """Sends what is to be sent; True: the call wanted more, which has come."""
        room = ctypes.create_string_buffer(65536)
        while (n := self.crypto.BIO_read(self.outward, room, len(room))) > 0:
            self.sock.sendall(room.raw[:n])
        if result > 0:
            return False
        if self.ssl.SSL_get_error(self.tls, result) != SSL_ERROR_WANT_READ:
            raise ConnectionResetError("TLS ended")
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionResetError("the connection ended")
        self.crypto.BIO_write(self.inward, data, len(data))
        return True

    def sendall(self, data):
        self.turn(self.ssl.SSL_write(self.tls, data, len(data)))

    def recv(self, most):
        room = ctypes.create_string_buffer(most)
        while self.turn(n := self.ssl.SSL_read(self.tls, room, most)):
            pass
        return room.raw[:n]

    def version(self):
        return ctypes.cast(self.ssl.SSL_get_version(self.tls), ctypes.c_char_p).value.decode()

    def get_channel_binding(self, kind):
        if kind != "tls-exporter":
            raise ValueError(kind)
        out = ctypes.create_string_buffer(32)
        if self.ssl.SSL_export_keying_material(self.tls, out, ctypes.c_size_t(32), LABEL, ctypes.c_size_t(len(LABEL)), b"",
                                               ctypes.c_size_t(0), 1) != 1:
            raise AssertionError("no keying material")
        return out.raw

    def settimeout(self, seconds):
        self.sock.settimeout(seconds)

    def fileno(self):
        return self.sock.fileno()

    def setsockopt(self, *words):
        self.sock.setsockopt(*words)

    def close(self):
        self.sock.close()
