/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The directives of a DIGEST-MD5 response, in every spelling that is one, and many that are none. */
#include "c2s/directive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool reads(const char *text, size_t n, enum directive which, const char *value)
{
	struct directives d = {0};
	bool good = directives_read(&d, str_at(text, n));

	if (good && value)
		good = d.has[which] && str_is(d.value[which], value);
	directives_free(&d);
	return good;
}

#define READS(text, which, value) assert_true(reads(text, sizeof(text) - 1, DIRECTIVE_##which, value))
#define REFUSED(text) assert_false(reads(text, sizeof(text) - 1, 0, NULL))

static void spellings(void **state)
{
	(void)state;
	READS("username=\"alice\"", username, "alice");
	READS("username=alice", username, "alice");
	READS("username=\"\"", username, "");
	READS("username=\"al\\\"i\\\\ce\"", username, "al\"i\\ce");
	READS("username=\"j\xfcrgen\",nc=00000001", username, "j\xfcrgen");
	READS(" \t username=\"a,b=c\" ,\r\n nc=00000001 ", nc, "00000001");
	READS("username=\"a,b=c\",nc=00000001", username, "a,b=c");
	READS(",, username=alice ,,nc=1,", username, "alice");
	READS("digest-uri=xmpp/localhost", digest_uri, "xmpp/localhost");
	READS("digest-uri=\"xmpp/kinglong\"", digest_uri, "xmpp/kinglong");
	READS("authzid=alice@localhost,qop=auth", authzid, "alice@localhost");
	READS("x-new=1,x-new=2,username=alice", username, "alice"); /* not ours to judge */
	READS("Username=bob,username=alice", username, "alice");
	READS("", username, NULL);
}

static void recorded(void **state)
{
	static const char spark[] =
		"charset=utf-8,username=\"15555215554\",realm=\"kinglong\",nonce=\"n\",nc=00000001,cnonce=\"c\","
		"digest-uri=\"xmpp/kinglong\",maxbuf=65536,response=0123456789abcdef0123456789abcdef,qop=auth,"
		"authzid=\"15555215554\"";
	static const char *const wanted[] = {"15555215554", "kinglong", "n", "c", "00000001", "auth", "xmpp/kinglong",
		"0123456789abcdef0123456789abcdef", "65536", "utf-8"};
	struct directives d = {0};

	(void)state;
	assert_true(directives_read(&d, str_of(spark)));
	for (size_t i = 0; i < COUNT(wanted); i++)
		assert_true(d.has[i] && str_is(d.value[i], wanted[i]));
	assert_false(d.has[DIRECTIVE_cipher]);
	assert_true(str_is(d.value[DIRECTIVE_authzid], "15555215554"));
	directives_free(&d);
}

static void none(void **state)
{
	(void)state;
	REFUSED("username");
	REFUSED("username=");
	REFUSED("=alice");
	REFUSED("username =alice");
	REFUSED("username= alice");
	REFUSED("username=\"alice");
	REFUSED("username=\"alice\\");
	REFUSED("username=\"alice\\\"");
	REFUSED("username=\"alice\"x");
	REFUSED("username=alice bob");
	REFUSED("username=alice nc=00000001");
	REFUSED("username=al\"ice\"");
	REFUSED("username=alice;nc=1");
	REFUSED("user name=alice");
	REFUSED("username=al\0ice");
	REFUSED("username=alice\0");
	REFUSED("username=\"al\0ice\"");
	REFUSED("username=\"al\nice\"");
	REFUSED("username=\"al\\\nice\"");
	REFUSED("username=\"al\x7f\"");
	REFUSED("username=j\xfcrgen"); /* no token */
	REFUSED("username=alice,username=alice");
	REFUSED("realm=\"a\",realm=b");
	REFUSED("nc=1,qop=auth,nc=1");
	REFUSED("\0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"directive: values are tokens or quoted strings, blanks and empty elements are read over", spellings,
			NULL, NULL, NULL},
		{"directive: the recorded client's response is read", recorded, NULL, NULL, NULL},
		{"directive: what is malformed is refused, as is any of ours that comes twice", none, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
