/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The other half: `crash_client SERVER` runs SERVER with a socket as its descriptor 0, finishes a TLS 1.3 handshake with
 * it (OpenSSL) and sends one record whose inner plaintext is empty: 21 bytes, no content type (CVE-2024-0901).
 * Exit status: 0 the server answered or left, 1 a signal killed it, 2 the test could not be run. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECRET = 32, KEY = 16, IV = 12, TAG = 16, HEADER = 5 };

static unsigned char secret[SECRET]; /* of the client's application traffic */
static int have_secret;

static void fail(const char *what)
{
	fprintf(stderr, "crash_client: %s\n", what);
	exit(2);
}

static void keep_secret(const SSL *ssl, const char *line)
{
	const char *hex = strrchr(line, ' ');

	(void)ssl;
	if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) != 0 || !hex || strlen(hex + 1) != 2 * SECRET)
		return;
	for (int i = 0; i < SECRET; i++) {
		unsigned byte;

		if (sscanf(hex + 1 + 2 * i, "%2x", &byte) != 1)
			return;
		secret[i] = (unsigned char)byte;
	}
	have_secret = 1;
}

/* HKDF-Expand-Label with an empty context, one block (RFC 8446 7.1). */
static void expand(const char *label, unsigned char *out, unsigned char n)
{
	unsigned char info[64] = { 0, n }, block[EVP_MAX_MD_SIZE];
	size_t used = 2;

	info[used++] = (unsigned char)(6 + strlen(label));
	used += (size_t)snprintf((char *)info + used, sizeof(info) - used, "tls13 %s", label);
	info[used++] = 0; /* the context's length */
	info[used++] = 1; /* the first block */
	if (!HMAC(EVP_sha256(), secret, SECRET, info, used, block, NULL))
		fail("HMAC");
	memcpy(out, block, n);
}

/* The first application record: nothing but its authentication tag. */
static void seal_nothing(unsigned char record[HEADER + TAG])
{
	static const unsigned char header[HEADER] = { 23, 3, 3, 0, TAG };
	unsigned char key[KEY], iv[IV];
	EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
	int n;

	expand("key", key, KEY);
	expand("iv", iv, IV);
	memcpy(record, header, HEADER);
	if (!gcm || EVP_EncryptInit_ex(gcm, EVP_aes_128_gcm(), NULL, key, iv) != 1
	    || EVP_EncryptUpdate(gcm, NULL, &n, header, HEADER) != 1
	    || EVP_EncryptFinal_ex(gcm, record + HEADER, &n) != 1
	    || EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, TAG, record + HEADER) != 1)
		fail("AES-GCM");
	EVP_CIPHER_CTX_free(gcm);
}

static pid_t start(char *server, int fd[2])
{
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0 || (child = fork()) < 0)
		fail("no socket or no process");
	if (child == 0) {
		dup2(fd[1], 0);
		close(fd[0]);
		close(fd[1]);
		execl(server, server, (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	return child;
}

int main(int argc, char **argv)
{
	unsigned char record[HEADER + TAG], rest[4096];
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;
	int fd[2], status;
	pid_t child;

	if (argc != 2 || !ctx)
		fail("usage: crash_client SERVER");
	child = start(argv[1], fd);
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_keylog_callback(ctx, keep_secret);
	ssl = SSL_new(ctx);
	if (!ssl || !SSL_set_fd(ssl, fd[0]) || SSL_connect(ssl) != 1 || !have_secret)
		fail("no handshake");
	seal_nothing(record);
	if (write(fd[0], record, sizeof(record)) != (ssize_t)sizeof(record) || shutdown(fd[0], SHUT_WR) != 0)
		fail("the record was not taken");
	while (read(fd[0], rest, sizeof(rest)) > 0)
		;
	if (waitpid(child, &status, 0) != child)
		fail("waitpid");
	if (WIFSIGNALED(status))
		return 1;
	return WEXITSTATUS(status) == 0 ? 0 : 2;
}
