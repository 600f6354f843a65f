/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * loudmouth with its default settings plus trust in our CA; see t/lib/talk.py for the arguments and for what it
 * prints. */
#include <loudmouth/loudmouth.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct talk {
	GMainLoop *loop;
	const char *user, *password;
	bool failed;
};

static void give_up(struct talk *talk, const char *why)
{
	printf("ended %s\n", why);
	talk->failed = true;
	g_main_loop_quit(talk->loop);
}

static LmSSLResponse on_bad_certificate(LmSSL *ssl, LmSSLStatus status, gpointer data)
{
	(void)ssl;
	(void)data;
	printf("certificate %d\n", (int)status);
	return LM_SSL_RESPONSE_STOP;
}

/* Not from within a handler: loudmouth would free the parser that it stands in. */
static gboolean leave(gpointer connection)
{
	lm_connection_close(connection, NULL);
	return G_SOURCE_REMOVE;
}

static LmHandlerResult on_message(LmMessageHandler *handler, LmConnection *connection, LmMessage *message,
	gpointer data)
{
	LmMessageNode *body = lm_message_node_get_child(lm_message_get_node(message), "body");

	(void)handler;
	(void)data;
	if (!body || !lm_message_node_get_value(body))
		return LM_HANDLER_RESULT_ALLOW_MORE_HANDLERS;
	const char *text = lm_message_node_get_value(body);
	printf("got %s\n", text);
	fflush(stdout);
	LmMessage *reply = lm_message_new_with_sub_type(lm_message_node_get_attribute(lm_message_get_node(message),
								"from"),
		LM_MESSAGE_TYPE_MESSAGE, LM_MESSAGE_SUB_TYPE_CHAT);
	lm_message_node_add_child(lm_message_get_node(reply), "body", text);
	lm_connection_send(connection, reply, NULL);
	lm_message_unref(reply);
	if (!strcmp(text, "stop"))
		g_idle_add(leave, connection);
	return LM_HANDLER_RESULT_REMOVE_MESSAGE;
}

static void on_authenticated(LmConnection *connection, gboolean success, gpointer data)
{
	if (!success) {
		give_up(data, "authentication failed");
		return;
	}
	LmMessage *presence = lm_message_new_with_sub_type(NULL, LM_MESSAGE_TYPE_PRESENCE,
		LM_MESSAGE_SUB_TYPE_AVAILABLE);
	lm_connection_send(connection, presence, NULL);
	lm_message_unref(presence);
	printf("online %s\n", lm_connection_get_full_jid(connection)); /* stays the connection's own */
	fflush(stdout);
}

static void on_open(LmConnection *connection, gboolean success, gpointer data)
{
	struct talk *talk = data;

	if (!success ||
		!lm_connection_authenticate(connection, talk->user, talk->password, "loudmouth", on_authenticated, talk,
			NULL, NULL))
		give_up(talk, "no connection");
}

static void on_disconnect(LmConnection *connection, LmDisconnectReason reason, gpointer data)
{
	struct talk *talk = data;

	(void)connection;
	printf("ended %d\n", (int)reason);
	talk->failed = talk->failed || reason != LM_DISCONNECT_REASON_OK;
	g_main_loop_quit(talk->loop);
}

static void trust(LmConnection *connection, const char *ca_file, bool starttls)
{
	LmSSL *ssl = lm_ssl_new(NULL, on_bad_certificate, NULL, NULL);

	lm_ssl_set_ca(ssl, ca_file);
	if (starttls)
		lm_ssl_use_starttls(ssl, TRUE, TRUE);
	lm_connection_set_ssl(connection, ssl);
	lm_ssl_unref(ssl);
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 64;
	gchar **parts = g_strsplit(argv[1], "@", 2);
	struct talk talk = {g_main_loop_new(NULL, FALSE), parts[0], argv[2], false};
	LmConnection *connection = lm_connection_new("127.0.0.1");
	LmMessageHandler *handler = lm_message_handler_new(on_message, &talk, NULL);

	lm_connection_set_jid(connection, argv[1]);
	lm_connection_set_port(connection, (guint)strtoul(argv[3], NULL, 10));
	trust(connection, argv[4], strcmp(argv[5], "direct") != 0);
	lm_connection_register_message_handler(connection, handler, LM_MESSAGE_TYPE_MESSAGE,
		LM_HANDLER_PRIORITY_NORMAL);
	lm_connection_set_disconnect_function(connection, on_disconnect, &talk, NULL);
	if (lm_connection_open(connection, on_open, &talk, NULL, NULL))
		g_main_loop_run(talk.loop);
	lm_message_handler_unref(handler);
	lm_connection_unref(connection);
	g_main_loop_unref(talk.loop);
	g_strfreev(parts);
	return talk.failed;
}
