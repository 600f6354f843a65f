/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * libpurple (Pidgin's library) with its default settings plus trust in our CA; see t/lib/talk.py for the arguments and
 * for what it prints. HOME must be a folder of the scene's own: libpurple keeps its settings there. */
#include <purple.h>
#include <glib.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static GMainLoop *loop;
static int status;

/* --- libpurple's event loop is whatever its user has: here glib's ---------------------------- */
struct watch {
	PurpleInputFunction function;
	gpointer data;
};

static gboolean on_channel(GIOChannel *channel, GIOCondition condition, gpointer data)
{
	struct watch *watch = data;
	int what = 0;

	if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR))
		what |= PURPLE_INPUT_READ;
	if (condition & (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL))
		what |= PURPLE_INPUT_WRITE;
	watch->function(watch->data, g_io_channel_unix_get_fd(channel), (PurpleInputCondition)what);
	return TRUE;
}

static guint add_input(int fd, PurpleInputCondition condition, PurpleInputFunction function, gpointer data)
{
	struct watch *watch = g_new0(struct watch, 1);
	GIOChannel *channel = g_io_channel_unix_new(fd);
	int what = 0;

	watch->function = function;
	watch->data = data;
	if (condition & PURPLE_INPUT_READ)
		what |= G_IO_IN | G_IO_HUP | G_IO_ERR;
	if (condition & PURPLE_INPUT_WRITE)
		what |= G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL;
	guint id = g_io_add_watch_full(channel, G_PRIORITY_DEFAULT, (GIOCondition)what, on_channel, watch, g_free);
	g_io_channel_unref(channel);
	return id;
}

static PurpleEventLoopUiOps event_loop = {
	.timeout_add = g_timeout_add,
	.timeout_remove = g_source_remove,
	.input_add = add_input,
	.input_remove = g_source_remove,
	.timeout_add_seconds = g_timeout_add_seconds,
};

/* --- what happens ---------------------------------------------------------------------------- */
static void on_signed_on(PurpleConnection *connection)
{
	PurpleAccount *account = purple_connection_get_account(connection);

	printf("online %s\n", purple_account_get_username(account));
	fflush(stdout);
}

static void on_signed_off(PurpleConnection *connection)
{
	(void)connection;
	printf("ended\n");
	g_main_loop_quit(loop);
}

static void on_error(PurpleConnection *connection, PurpleConnectionError error, const gchar *words)
{
	(void)connection;
	printf("ended %d %s\n", (int)error, words);
	status = 1;
	g_main_loop_quit(loop);
}

/* Not from within a signal: libpurple goes on with the conversation. */
static gboolean leave(gpointer account)
{
	purple_account_disconnect(account);
	return G_SOURCE_REMOVE;
}

static void on_message(PurpleAccount *account, char *sender, char *html)
{
	char *body = purple_unescape_html(html);

	printf("got %s\n", body);
	fflush(stdout);
	serv_send_im(purple_account_get_connection(account), sender, html, PURPLE_MESSAGE_SEND);
	if (!strcmp(body, "stop"))
		g_idle_add(leave, account);
	g_free(body);
}

static void listen_to_signals(void)
{
	static int handle;
	void *connections = purple_connections_get_handle();

	purple_signal_connect(connections, "signed-on", &handle, PURPLE_CALLBACK(on_signed_on), NULL);
	purple_signal_connect(connections, "signed-off", &handle, PURPLE_CALLBACK(on_signed_off), NULL);
	purple_signal_connect(connections, "connection-error", &handle, PURPLE_CALLBACK(on_error), NULL);
	purple_signal_connect(purple_conversations_get_handle(), "received-im-msg", &handle,
		PURPLE_CALLBACK(on_message), NULL);
}

static PurpleAccount *account_of(char **argv)
{
	char *name = g_strconcat(argv[1], "/purple", NULL);
	PurpleAccount *account = purple_account_new(name, "prpl-jabber");

	purple_account_set_password(account, argv[2]);
	purple_account_set_string(account, "connect_server", "127.0.0.1");
	purple_account_set_int(account, "port", (int)strtol(argv[3], NULL, 10));
	if (!strcmp(argv[5], "direct"))
		purple_account_set_string(account, "connection_security",
			"old_ssl"); /* the default requires STARTTLS */
	purple_accounts_add(account);
	g_free(name);
	return account;
}

int main(int argc, char **argv)
{
	if (argc != 6 || !setlocale(LC_ALL, "C.UTF-8"))
		return 64;
	purple_util_set_user_dir(g_get_home_dir());
	purple_debug_set_enabled(g_getenv("PURPLE_TALK_DEBUG") != NULL);
	purple_eventloop_set_ui_ops(&event_loop);
	if (!purple_core_init("gatehouse-test"))
		return 70;
	gchar *folder = g_path_get_dirname(argv[4]);
	purple_certificate_add_ca_search_path(folder);
	g_free(folder);
	purple_set_blist(purple_blist_new());
	listen_to_signals();
	loop = g_main_loop_new(NULL, FALSE);
	PurpleAccount *account = account_of(argv);
	purple_account_set_enabled(account, "gatehouse-test", TRUE);
	purple_savedstatus_activate(purple_savedstatus_new(NULL, PURPLE_STATUS_AVAILABLE));
	g_main_loop_run(loop);
	purple_core_quit();
	return status;
}
