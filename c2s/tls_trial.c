/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A handshake in memory, with ourselves: the certificate's side is the one to be tried. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "c2s/tls_trial.h"
#include "common/buf.h"

#include <string.h>

/* One end of the trial: reads from one buffer, writes to the other. */
struct trial {
	struct buf *in, *out;
};

static int trial_receive(WOLFSSL *wolf, char *out, int most, void *ctx)
{
	struct trial *t = ctx;
	size_t n = t->in->n < (size_t)most ? t->in->n : (size_t)most;

	(void)wolf;
	if (!n)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(out, t->in->p, n);
	buf_drop(t->in, n);
	return (int)n;
}

static int trial_send(WOLFSSL *wolf, char *bytes, int n, void *ctx)
{
	struct trial *t = ctx;

	(void)wolf;
	buf_add(t->out, bytes, (size_t)n);
	return n;
}

static void trial_end(WOLFSSL *wolf, struct trial *t)
{
	wolfSSL_SSLSetIORecv(wolf, trial_receive);
	wolfSSL_SSLSetIOSend(wolf, trial_send);
	wolfSSL_SetIOReadCtx(wolf, t);
	wolfSSL_SetIOWriteCtx(wolf, t);
}

bool tls_trial(WOLFSSL_CTX *server_ctx, int device)
{
	WOLFSSL_CTX *client_ctx = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
	WOLFSSL *server = wolfSSL_new(server_ctx);
	WOLFSSL *client = NULL;
	struct buf up = {0}, down = {0};
	struct trial server_end = {&up, &down}, client_end = {&down, &up};
	bool done = false;

	if (client_ctx && wolfSSL_CTX_SetDevId(client_ctx, device) == WOLFSSL_SUCCESS)
		client = wolfSSL_new(client_ctx);
	if (server && client) {
		/* who signed it is for real clients to judge */
		wolfSSL_set_verify(client, WOLFSSL_VERIFY_NONE, NULL);
		trial_end(server, &server_end);
		trial_end(client, &client_end);
		for (int i = 0; i < 4 && !done; i++) {
			bool client_done = wolfSSL_connect(client) == WOLFSSL_SUCCESS;

			done = wolfSSL_accept(server) == WOLFSSL_SUCCESS && client_done;
		}
	}
	wolfSSL_free(client);
	wolfSSL_free(server);
	wolfSSL_CTX_free(client_ctx);
	buf_free(&up);
	buf_free(&down);
	return done;
}
