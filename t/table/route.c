/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * route.def against RFC 6121 section 8 and RFC 6120 section 10, written down a second time as those
 * pages have it: for each kind a table of (address, who is home) x type. Letters: D to that resource,
 * M to the most available, A to all of priority >= 0, P to all that sent presence, E
 * service-unavailable, F remote-server-not-found, S silently ignored, U answered for the account, C for
 * another one, V answered for the domain, O stored for later, B for subscription.def. */
#include "sm/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define ADDRESSED_TO_ACCOUNT (FORM_none | FORM_own | FORM_bare)

struct line {
	unsigned forms, homes;
	const char *letters; /* one a type, in the order of the table's types */
	const char *section;
};

static const enum stanza_type message_types[] = {
	TYPE_NONE, TYPE_NORMAL, TYPE_CHAT, TYPE_GROUPCHAT, TYPE_HEADLINE, TYPE_ERROR, TYPE_UNKNOWN};
static const struct line message_lines[] = {
	{ADDRESSED_TO_ACCOUNT, HOME_some, "MMMEASM", "RFC 6121 8.5.2.1.1, RFC 6120 10.3.1"},
	{ADDRESSED_TO_ACCOUNT, HOME_empty, "OOOESSO", "RFC 6121 8.5.1, 8.5.2.2.1, XEP-0160"},
	{FORM_full, HOME_match, "DDDDDDD", "RFC 6121 8.5.3.1"},
	{FORM_full, HOME_some, "EEMEESE", "RFC 6121 8.5.3.2.1, 8.1"},
	{FORM_full, HOME_empty, "EEOEESE", "RFC 6121 8.5.3.2.1, 8.1, XEP-0160"},
	{ADDRESSED_TO_ACCOUNT, HOME_waiting, "OOOESSO", "behind older ones that wait"},
	{FORM_full, HOME_waiting, "OOOEESO", "behind older ones that wait"},
	{FORM_domain | FORM_service, HOME_empty, "EEEEESE", "RFC 6120 10.5.1, 10.5.2"},
	{FORM_foreign, HOME_empty, "FFFFFFF", "RFC 6120 10.4"},
};

static const enum stanza_type presence_types[] = {TYPE_NONE, TYPE_UNAVAILABLE, TYPE_ERROR, TYPE_PROBE, TYPE_SUBSCRIBE,
	TYPE_SUBSCRIBED, TYPE_UNSUBSCRIBE, TYPE_UNSUBSCRIBED};
static const struct line presence_lines[] = {
	{FORM_none | FORM_own, HOME_some | HOME_empty, "PPSSSSSS", "RFC 6121 8.5.2.1.2, 8.5.2.2.2; 3"},
	{FORM_bare, HOME_some | HOME_empty, "PPSSBBBB", "RFC 6121 8.5.1, 8.5.2.1.2, 8.5.2.2.2"},
	{FORM_full, HOME_match, "DDDSBBBB", "RFC 6121 8.5.3.1"},
	{FORM_full, HOME_some | HOME_empty, "SSSSBBBB", "RFC 6121 8.5.3.2.2"},
	{FORM_domain | FORM_service, HOME_empty, "SSSSESSS", "RFC 6120 10.5"},
	{FORM_foreign, HOME_empty, "FFFFFFFF", "RFC 6120 10.4"},
};

static const enum stanza_type iq_types[] = {TYPE_GET, TYPE_SET, TYPE_RESULT, TYPE_ERROR};
static const struct line iq_lines[] = {
	{FORM_none | FORM_own, HOME_some | HOME_empty, "UUSS", "RFC 6120 10.3.3, RFC 6121 8.5.2.1.3"},
	{FORM_bare, HOME_some | HOME_empty, "CCSS", "RFC 6121 8.5.1, 8.5.2.1.3, 8.5.2.2.3"},
	{FORM_full, HOME_match, "DDDD", "RFC 6121 8.5.3.1"},
	{FORM_full, HOME_hidden, "EEDD", "RFC 6121 8.5.3.1"},
	{FORM_full, HOME_some | HOME_empty, "EESS", "RFC 6121 8.5.3.2.3"},
	{FORM_domain, HOME_empty, "VVSS", "RFC 6120 10.5.1"},
	{FORM_service, HOME_empty, "EESS", "RFC 6120 10.5.2"},
	{FORM_foreign, HOME_empty, "FFFF", "RFC 6120 10.4"},
};

struct kind_table {
	enum stanza_kind kind;
	const enum stanza_type *types;
	size_t type_count;
	const struct line *lines;
	size_t line_count;
};

#define TABLE(kind, name) \
	{ \
		kind, name##_types, COUNT(name##_types), name##_lines, COUNT(name##_lines) \
	}
static const struct kind_table message_table = TABLE(STANZA_MESSAGE, message);
static const struct kind_table presence_table = TABLE(STANZA_PRESENCE, presence);
static const struct kind_table iq_table = TABLE(STANZA_IQ, iq);

static char letter_of(enum route_action action)
{
	static const char letters[] = {
		[ACTION_resource] = 'D',
		[ACTION_best] = 'M',
		[ACTION_shown] = 'A',
		[ACTION_available] = 'P',
		[ACTION_account] = 'U',
		[ACTION_server] = 'V',
		[ACTION_contact] = 'C',
		[ACTION_store] = 'O',
		[ACTION_subscribe] = 'B',
		[ACTION_bounce] = 'E',
		[ACTION_far] = 'F',
		[ACTION_ignore] = 'S',
	};

	return letters[action];
}

static unsigned check_case(const struct route_case *c, char wanted, const char *section)
{
	const char *row = NULL;
	char found = letter_of(route_decide(c, &row));

	assert_non_null(row);
	if (found == wanted && row[0])
		return 1;
	print_message("kind %d type %d form %d home %d: %c, and %s says %c\n", (int)c->kind, (int)c->type, (int)c->form,
		(int)c->home, found, section, wanted);
	fail();
	return 0;
}

static unsigned check_line(const struct kind_table *k, const struct line *l)
{
	unsigned checked = 0;

	for (unsigned form = FORM_none; form <= FORM_foreign; form <<= 1) {
		for (unsigned home = HOME_match; home <= HOME_waiting; home <<= 1) {
			for (size_t i = 0; (l->forms & form) && (l->homes & home) && i < k->type_count; i++) {
				struct route_case c = {
					k->kind, k->types[i], (enum route_form)form, (enum route_home)home};

				checked += check_case(&c, l->letters[i], l->section);
			}
		}
	}
	return checked;
}

/* account forms have two homes, full has three, the others one; a message's also wait, an iq's may be hidden */
#define CASES_A_TYPE (3 * 2 + 3 + 3)
#define CASES_THAT_WAIT (3 + 1)
#define CASES_HIDDEN 1

static void check_table(const struct kind_table *k, unsigned cases)
{
	unsigned checked = 0;

	for (size_t i = 0; i < k->line_count; i++)
		checked += check_line(k, &k->lines[i]);
	assert_int_equal(checked, cases * k->type_count);
}

static void messages(void **state)
{
	(void)state;
	check_table(&message_table, CASES_A_TYPE + CASES_THAT_WAIT);
}

static void presences(void **state)
{
	(void)state;
	check_table(&presence_table, CASES_A_TYPE);
}

static void iqs(void **state)
{
	(void)state;
	check_table(&iq_table, CASES_A_TYPE + CASES_HIDDEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"route: every message goes where RFC 6121 8.5 has it, by type, address and who is home", messages,
			NULL, NULL, NULL},
		{"route: every presence goes where RFC 6121 8.5 has it", presences, NULL, NULL,
			NULL},
		{"route: every iq goes where RFC 6121 8.5 and RFC 6120 10 have it", iqs, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
