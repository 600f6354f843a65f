/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Service discovery of the domain and of an account, with addresses and without; and its version, checked against
 * the example of XEP-0115 5.3 by hand. */
#include "t/lib/sm_scene.h"

#include "common/b64.h"
#include "common/crypt.h"
#include "sm/module.h"

#define INFO "<query xmlns=\"http://jabber.org/protocol/disco#info\"/>"

/* What the last answer to `s` was, as text; to be freed. */
static struct buf answer(struct scene *s, struct session *to, const char *xml)
{
	struct heard h = {.conn = to->row.conn};

	again(s);
	say(s, to, xml);
	assert_true(channel_read_frames(channel_since(&to->peer->channel, 0), hear, &h));
	return h.text;
}

static struct buf info(struct scene *s, const char *to)
{
	char xml[300];

	snprintf(xml, sizeof xml, "<iq type=\"get\" id=\"i\"%s>" INFO "</iq>", to);
	return answer(s, s->a, xml);
}

#define HAS(b, words) assert_non_null(strstr(buf_cstr(&(b)), words))
#define LACKS(b, words) assert_null(strstr(buf_cstr(&(b)), words))

static void targets(void **state)
{
	struct scene *s = *state;
	struct buf domain = info(s, " to=\"d\""), own = info(s, ""), named = info(s, " to=\"alice@d\"");
	struct buf other = info(s, " to=\"bob@d\"");

	HAS(domain, "<identity category=\"server\" type=\"im\" name=\"gatehouse\"/>");
	HAS(domain, "<feature var=\"http://jabber.org/protocol/caps\"/>");
	HAS(domain, "<feature var=\"msgoffline\"/>");
	HAS(domain, "<feature var=\"urn:xmpp:time\"/>");
	LACKS(domain, "jabber:x:data");
	HAS(own, "<identity category=\"account\" type=\"registered\"/>");
	LACKS(own, "msgoffline");
	assert_string_equal(strstr(buf_cstr(&own), "<query"), strstr(buf_cstr(&named), "<query"));
	HAS(other, "<service-unavailable ");
	buf_free(&domain);
	buf_free(&own);
	buf_free(&named);
	buf_free(&other);
}

static void nobody(void **state)
{
	struct scene *s = *state;
	struct buf own;

	s->a->row.flags |= PROTO_FLAG_ANONYMOUS;
	own = info(s, "");
	HAS(own, "<identity category=\"account\" type=\"anonymous\"/>");
	buf_free(&own);
}

static void addresses(void **state)
{
	static const char *abuse[] = {"xmpp:abuse@d", "mailto:abuse@d"}, *status[] = {"https://d/?a=1&b=2"};
	struct scene *s = *state;
	struct buf got;

	s->domain.abuse_addresses = (struct conf_list){abuse, 2};
	s->domain.status_addresses = (struct conf_list){status, 1};
	got = info(s, " to=\"d\"");
	HAS(got,
		"<x xmlns=\"jabber:x:data\" type=\"result\"><field var=\"FORM_TYPE\" type=\"hidden\">"
		"<value>http://jabber.org/network/serverinfo</value></field>"
		"<field var=\"abuse-addresses\" type=\"list-multi\"><value>xmpp:abuse@d</value>"
		"<value>mailto:abuse@d</value></field>"
		"<field var=\"status-addresses\" type=\"list-multi\"><value>https://d/?a=1&amp;b=2</value></field></x>");
	buf_free(&got);
	got = info(s, " to=\"alice@d\"");
	LACKS(got, "jabber:x:data");
	buf_free(&got);
}

/* The version is that of what is answered: made again here of the answer's features, in the order of their bytes. */
static void version(void **state)
{
	static const char *abuse[] = {"xmpp:abuse@d", "mailto:abuse@d"};
	static const char form[] = "http://jabber.org/network/serverinfo<abuse-addresses<mailto:abuse@d<xmpp:abuse@d<";
	struct scene *s = *state;
	uint8_t digest[20];

	for (int round = 0; round < 2; round++) {
		struct buf told = info(s, " to=\"d\""), all = {0}, made = {0}, is = {0};
		const char *p = buf_cstr(&told), *last = "";
		char one[2][100];

		buf_puts(&all, "server/im//gatehouse<");
		for (int i = 0; (p = strstr(p, "<feature var=\"")) != NULL; i++) {
			assert_int_equal(sscanf(p, "<feature var=\"%99[^\"]", one[i % 2]), 1);
			assert_true(strcmp(last, one[i % 2]) < 0);
			last = one[i % 2];
			buf_puts(&all, last);
			buf_putc(&all, '<');
			p++;
		}
		buf_puts(&all, round ? form : "");
		hash_bytes(HASH_SHA1, buf_str(&all), digest);
		b64_encode(&made, str_at(digest, sizeof digest));
		disco_version(&s->domain, &is);
		assert_string_equal(buf_cstr(&is), buf_cstr(&made));
		buf_free(&told);
		buf_free(&all);
		buf_free(&made);
		buf_free(&is);
		s->domain.abuse_addresses = (struct conf_list){abuse, 2};
	}
}

static void nodes(void **state)
{
	struct scene *s = *state;
	struct buf version = {0}, got;
	char xml[400];
	static const struct {
		const char *to, *what, *before;
		bool version;
		const char *behind;
		bool answered;
	} rows[] = {
		{"d", "info", CAPS_NODE "#", true, "", true},
		{"d", "info", CAPS_NODE, false, "", false},
		{"d", "info", "", true, "", false},
		{"d", "info", CAPS_NODE "#", true, "x", false},
		{"d", "info", "", false, "", false},
		{"alice@d", "info", CAPS_NODE "#", true, "", false},
		{"d", "items", CAPS_NODE "#", true, "", false},
	};

	disco_version(&s->domain, &version);
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(xml, sizeof xml,
			"<iq type=\"get\" id=\"n\" to=\"%s\"><query xmlns=\"http://jabber.org/protocol/disco#%s\" "
			"node=\"%s%s%s\"/></iq>",
			rows[i].to, rows[i].what, rows[i].before, rows[i].version ? buf_cstr(&version) : "",
			rows[i].behind);
		got = answer(s, s->a, xml);
		assert_int_equal(strstr(buf_cstr(&got), "type=\"result\"") != NULL, rows[i].answered);
		assert_int_equal(strstr(buf_cstr(&got), "<item-not-found ") != NULL, !rows[i].answered);
		buf_free(&got);
	}
	buf_free(&version);
}

static void clock_is_told(void **state)
{
	struct scene *s = *state;
	struct buf got = answer(s, s->a, "<iq type=\"get\" id=\"t\"><time xmlns=\"urn:xmpp:time\"/></iq>");
	unsigned year;

	HAS(got, "<time xmlns=\"urn:xmpp:time\"><tzo>+00:00</tzo><utc>");
	assert_int_equal(sscanf(strstr(buf_cstr(&got), "<utc>"), "<utc>%4u-", &year), 1);
	assert_true(year > 2020);
	HAS(got, "Z</utc></time>");
	buf_free(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE("disco: the domain, one's own account and nobody else's", targets),
		SCENE("disco: who is anonymous has such an account", nobody),
		SCENE("disco: a domain's addresses are in its form, and an account's answer has none", addresses),
		SCENE("disco: the version is of what is answered, features and values in order of their bytes", version),
		SCENE("disco: the one node is the domain's own version", nodes),
		SCENE("time: UTC", clock_is_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("disco", tests, NULL, NULL);
}
