/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * libstrophe with its default settings plus trust in our CA; see t/lib/talk.py for the arguments, the environment, and
 * for what it prints. It lets nobody choose a mechanism, but for iq-auth. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>

static int on_message(xmpp_conn_t *conn, xmpp_stanza_t *stanza, void *data)
{
	xmpp_ctx_t *ctx = data;
	char *body = xmpp_message_get_body(stanza);

	if (!body)
		return 1;
	printf("got %s\n", body);
	fflush(stdout);
	xmpp_stanza_t *reply = xmpp_stanza_reply(stanza);
	xmpp_stanza_set_type(reply, "chat");
	xmpp_message_set_body(reply, body);
	xmpp_send(conn, reply);
	xmpp_stanza_release(reply);
	if (!strcmp(body, "stop"))
		xmpp_disconnect(conn);
	xmpp_free(ctx, body);
	return 1;
}

static void on_change(xmpp_conn_t *conn, xmpp_conn_event_t event, int error, xmpp_stream_error_t *why, void *data)
{
	xmpp_ctx_t *ctx = data;

	if (event != XMPP_CONN_CONNECT) {
		printf("ended %d %s\n", error, why && why->text ? why->text : "");
		xmpp_stop(ctx);
		return;
	}
	xmpp_handler_add(conn, on_message, NULL, "message", NULL, ctx);
	xmpp_stanza_t *presence = xmpp_presence_new(ctx);
	xmpp_send(conn, presence);
	xmpp_stanza_release(presence);
	const char *bound = xmpp_conn_get_bound_jid(conn); /* none by iq-auth */
	printf("online %s\n", bound ? bound : xmpp_conn_get_jid(conn));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 64;
	xmpp_initialize();
	xmpp_ctx_t *ctx = xmpp_ctx_new(NULL, xmpp_get_default_logger(XMPP_LEVEL_WARN));
	xmpp_conn_t *conn = xmpp_conn_new(ctx);

	const char *mechanism = getenv("TALK_MECHANISM"), *certificate = getenv("TALK_CERTIFICATE");

	xmpp_conn_set_jid(conn, argv[1]);
	if (*argv[2])
		xmpp_conn_set_pass(conn, argv[2]);
	xmpp_conn_set_cafile(conn, argv[4]);
	if (!strcmp(argv[5], "direct"))
		xmpp_conn_set_flags(conn, XMPP_CONN_FLAG_LEGACY_SSL);
	if (mechanism && !strcmp(mechanism, "iq-auth"))
		xmpp_conn_set_flags(conn, XMPP_CONN_FLAG_LEGACY_AUTH);
	if (certificate)
		xmpp_conn_set_client_cert(conn, certificate, getenv("TALK_KEY"));
	if (xmpp_connect_client(conn, "127.0.0.1", (unsigned short)atoi(argv[3]), on_change, ctx) == XMPP_EOK)
		xmpp_run(ctx);
	xmpp_conn_release(conn);
	xmpp_ctx_free(ctx);
	xmpp_shutdown();
	return 0;
}
