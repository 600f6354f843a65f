/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Names and passwords: the tables of RFC 8265 and RFC 7622, and each rule of PRECIS, stringprep
 * and IDNA that they rest on. Code points outside ASCII are spelt by number, so that the
 * look of a character never decides. */
#include "common/prep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "t/unit/prep_rows.h"

static void local_ascii(void **state)
{
	static const struct row rows[] = {
		{"juliet", "juliet"},
		{"Juliet.Capulet-1_2", "juliet.capulet-1_2"},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"},
		{"!#$%()*+,-.;=?[\\]^_`{|}~", "!#$%()*+,-.;=?[\\]^_`{|}~"},
		{"0123456789", "0123456789"},
		{"", REFUSED},
		{"a b", REFUSED},
		{" ", REFUSED},
		{"a\tb", REFUSED},
		{"a\177", REFUSED},
		{"a\n", REFUSED},
		{"a\"b", REFUSED},
		{"a&b", REFUSED},
		{"a'b", REFUSED},
		{"a/b", REFUSED},
		{"a:b", REFUSED},
		{"a<b", REFUSED},
		{"a>b", REFUSED},
		{"a@b", REFUSED},
	};

	(void)state;
	CHECK_ROWS(prep_local, rows);
}

/* RFC 8265 3.5, tables 1 and 2 (usernames), and RFC 7622 3.5, as far as they are about
 * localparts. */
static void local_rfc_tables(void **state)
{
	static const struct row rows[] = {
		{"juliet@example.com", REFUSED}, /* a localpart has no @ (RFC 7622 3.3.1) */
		{"fussball", "fussball"},
		{"fu\u00dfball", "fu\u00dfball"}, /* sharp s stays */
		{"\u03c0", "\u03c0"},             /* pi */
		{"\u03a3", "\u03c3"},             /* capital sigma */
		{"\u03c3", "\u03c3"},             /* small sigma */
		{"\u03c2", "\u03c2"},             /* final sigma */
		{"foo bar", REFUSED},
		{"", REFUSED},
		{"henry\u2163", REFUSED}, /* Roman numeral four */
		{"\u265a", REFUSED},      /* black chess king */
		{"\u221e", REFUSED},      /* infinity */
		{"\"juliet\"", REFUSED},
	};

	(void)state;
	CHECK_ROWS(prep_local, rows);
}

/* Where stringprep's nodeprep does something else (libraries.md 7). */
static void local_not_nodeprep(void **state)
{
	static const struct row rows[] = {
		{"stra\u00dfe", "stra\u00dfe"},
		{"STRA\u1e9eE", "stra\u00dfe"}, /* capital sharp s */
		{"\uff21lice", "alice"},        /* full-width A */
		{"\uff41lice", "alice"},        /* full-width a */
		{"a\u00adb", REFUSED},          /* soft hyphen */
		{"a\u200b", REFUSED},           /* zero-width space */
		{"\u2173", REFUSED},            /* small Roman four */
		{"\U0001f600", REFUSED},        /* emoji */
		{"\U00010400", "\U00010428"},   /* Deseret, beyond the basic plane, has case */
		{"\u0378", REFUSED},            /* unassigned U+0378 */
	};

	(void)state;
	CHECK_ROWS(prep_local, rows);
}

static void local_mapping(void **state)
{
	static const struct row rows[] = {
		{"\u00c4RGER", "\u00e4rger"},
		{"A\u0308rger", "\u00e4rger"}, /* A and diaeresis: composed */
		{"\u1fb3", "\u1fb3"},          /* alpha with ypogegrammeni */
		{"\u1fbc", REFUSED},           /* with prosgegrammeni: title case, Lt */
		{"\u0130", "i\u0307"},         /* I with dot */
		{"\u1f48\u0394\u03a5\u03a3\u03a3\u0395\u038e\u03a3",
			"\u1f40\u03b4\u03c5\u03c3\u03c3\u03b5\u03cd\u03c2"}, /* sigma at the end of a word */
		{"\uff76\uff9e", "\u30ac"}, /* half-width ka, voiced: one katakana */
		{"\ud55c", "\ud55c"},       /* a Hangul syllable */
		{"\u1112\u1161", REFUSED},  /* conjoining jamo */
		{"\u212aelvin", REFUSED},   /* Kelvin sign: has a compatibility form */
		{"\u212b", REFUSED},        /* Angstrom sign */
		{"\ufb01", REFUSED},        /* fi ligature */
		{"x\uff20y", REFUSED},      /* full-width @ becomes @ */
		{"x\uff0fy", REFUSED},      /* full-width / */
		{"x\uff06y", REFUSED},      /* full-width & */
		{"x\u3000y", REFUSED},      /* ideographic blank */
		{"\u0301a", "\u0301a"},     /* a leading mark is allowed here */
		{"\u3007", "\u3007"},       /* exception: ideographic zero */
		{"\u0640", REFUSED},        /* exception: tatweel */
		{"\ue000", REFUSED}, {"\uffff", REFUSED},   /* private use, noncharacter */
		{"\ufeffa", REFUSED}, {"a\u202e", REFUSED}, /* byte order mark, override */
		{"a\302\205", REFUSED},                     /* control */
	};

	(void)state;
	CHECK_ROWS(prep_local, rows);
}

static void local_context(void **state)
{
	static const struct row rows[] = {
		{"l\u00b7l", "l\u00b7l"},
		{"L\u00b7L", "l\u00b7l"}, /* middle dot */
		{"l\u00b7", REFUSED},
		{"\u00b7l", REFUSED},
		{"a\u00b7l", REFUSED},
		{"l\u00b7a", REFUSED},
		{"\u0375\u03b1", "\u0375\u03b1"}, /* Greek numeral sign */
		{"\u0375a", REFUSED},
		{"\u03b1\u0375", REFUSED},
		{"\u05d0\u05f3", "\u05d0\u05f3"},             /* geresh */
		{"\u05d0\u05f4\u05d0", "\u05d0\u05f4\u05d0"}, /* gershayim */
		{"\u05f3\u05d0", REFUSED},
		{"\u30fb\u3042", "\u30fb\u3042"}, /* katakana middle dot */
		{"\u4e00\u30fb", "\u4e00\u30fb"},
		{"a\u30fbb", REFUSED},
		{"\u0627\u0661", "\u0627\u0661"}, /* Arabic-Indic digit */
		{"\u0627\u06f1", "\u0627\u06f1"}, /* extended one */
		{"\u0627\u0661\u06f1", REFUSED},
		{"\u0627\u06f1\u0661", REFUSED},
		{"\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"}, /* joiner after virama */
		{"\u0915\u094d\u200c\u0937",
			"\u0915\u094d\u200c\u0937"}, /* non-joiner after virama */
		{"a\u200db", REFUSED},
		{"\u200d", REFUSED},
		{"a\u200cb", REFUSED},
		{"\u200c", REFUSED},
		{"\u0628\u200c\u0628", "\u0628\u200c\u0628"}, /* between dual-joining letters */
		{"\u0628\u064e\u200c\u064e\u0627",
			"\u0628\u064e\u200c\u064e\u0627"}, /* and with marks between */
		{"\u0627\u200c\u0628", REFUSED},           /* alef joins to the right only */
		{"\u0628\u200c", REFUSED},
		{"\u200c\u0628", REFUSED},
	};

	(void)state;
	CHECK_ROWS(prep_local, rows);
}

static void local_bidi(void **state)
{
	static const struct row rows[] = {
		{"\u05d0\u05d1", "\u05d0\u05d1"}, {"\u05d01", "\u05d01"},
		{"\u05d0-\u05d1", "\u05d0-\u05d1"},
		{"\u05d0\u05b0", "\u05d0\u05b0"},           /* ends in a mark */
		{"\u05d0-", REFUSED},                       /* condition 3 */
		{"\u05d0a", REFUSED},                       /* condition 2 */
		{"a\u05d0", REFUSED},                       /* condition 5 */
		{"1\u05d0", REFUSED}, {"-\u05d0", REFUSED}, /* condition 1 */
		{"\u06271\u0661", REFUSED},                 /* condition 4 */
		{"\u0661", REFUSED},                        /* a lone Arabic number: condition 1 */
		{"1\u00e4-", "1\u00e4-"},                   /* no right-to-left: no rule */
	};

	(void)state;
	CHECK_ROWS(prep_local, rows);
}

/* RFC 8265 4.3, tables 3 and 4 (passwords); resourceparts have the same profile. */
static void opaque(void **state)
{
	static const struct row rows[] = {
		{"correct horse battery staple", "correct horse battery staple"},
		{"Correct Horse Battery Staple", "Correct Horse Battery Staple"},
		{"\u03c0\u00df\u00e5", "\u03c0\u00df\u00e5"},
		{"Jack of \u2666s", "Jack of \u2666s"},
		{"foo\u1680bar", "foo bar"}, /* Ogham space */
		{"", REFUSED},
		{"my cat is a \011by", REFUSED}, /* a control */
		{"a\u00a0b", "a b"},
		{"a\u3000b", "a b"},          /* other blanks */
		{"a\u0308", "\u00e4"},        /* NFC */
		{"\uff21", "\uff21"},         /* no width mapping */
		{"\u2163", "\u2163"},         /* compatibility forms stay */
		{"\U0001f600", "\U0001f600"}, /* emoji */
		{" ", " "},
		{" a ", " a "},
		{"\"&'/:<>@", "\"&'/:<>@"},
		{"a\u05d0", "a\u05d0"}, /* no bidi rule */
		{"a\u00ad", REFUSED},
		{"a\u200d", REFUSED},
		{"\u0378", REFUSED},
		{"\ue000", REFUSED},
		{"a\u2028", REFUSED},
		{"a\177", REFUSED},
		{"\u1112", REFUSED},
	};

	(void)state;
	CHECK_ROWS(prep_resource, rows);
	CHECK_ROWS(prep_password, rows);
}

/* RFC 4013 3, and what RFC 3454 adds for stored strings. */
static void saslprep(void **state)
{
	static const struct row rows[] = {
		{"I\u00adX", "IX"}, /* soft hyphen is mapped to nothing */
		{"user", "user"},
		{"USER", "USER"},
		{"\u00aa", "a"}, /* NFKC */
		{"\u2168", "IX"},
		{"\007", REFUSED},
		{"\u06271", REFUSED}, /* bidi */
		{"a\u00a0b", "a b"},
		{"", REFUSED},
		{"\u00ad", REFUSED},     /* nothing, and what becomes nothing */
		{"\U0001f600", REFUSED}, /* unassigned in Unicode 3.2 */
		{"\u0378", REFUSED},
		{"\ue000", REFUSED},
		{"a\177", REFUSED},
		{"correct horse battery staple", "correct horse battery staple"},
	};

	(void)state;
	CHECK_ROWS(prep_saslprep, rows);
}

static void sizes(void **state)
{
	static prep_function *const all[] = {
		prep_local, prep_resource, prep_password, prep_saslprep};
	struct buf in = {0}, out = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		assert_true(all[i](&out, many(&in, "a", 1023)));
		assert_false(all[i](&out, many(&in, "a", 1024)));
		assert_true(all[i](&out, many(&in, "\u00e4", 511)));
		assert_false(all[i](&out, many(&in, "\u00e4", 512)));
		assert_false(all[i](&out, many(&in, "\u00e4", 100000)));
		assert_false(all[i](&out, many(&in, "a", 100000)));
		buf_clear(&out);
	}
	/* It is the size of the result that counts: 3069 bytes of full-width letters are 1023. */
	assert_true(prep_local(&out, many(&in, "\uff21", 1023)));
	assert_int_equal(out.n, 1023);
	assert_false(prep_local(&out, many(&in, "\uff21", 1024)));
	/* U+0130 in lower case is longer: 682 bytes are 1023, two more are 1026. */
	buf_clear(&out);
	assert_true(prep_local(&out, many(&in, "\u0130", 341)));
	assert_int_equal(out.n, 1023);
	assert_false(prep_local(&out, many(&in, "\u0130", 342)));
	buf_free(&in);
	buf_free(&out);
}

static void bad_bytes(void **state)
{
	static prep_function *const all[] = {
		prep_local, prep_domain, prep_resource, prep_password, prep_saslprep};
	static const struct str bad[] = {
		STR("a\0b"),
		STR("\0"),
		STR("\u00e4\0b"),
		STR("\377"),
		STR("a\303"),
		STR("\300\257"),
		STR("\355\240\200"),
		STR("\364\220\200\200"),
		STR("a\200"),
		STR("\037"),
		STR("\u00e4\001"),
	};
	struct buf out = {0};

	(void)state;
	buf_puts(&out, "kept");
	for (size_t i = 0; i < COUNT(all); i++) {
		for (size_t k = 0; k < COUNT(bad); k++)
			assert_false(all[i](&out, bad[k]));
		assert_false(all[i](&out, STR_NONE));
	}
	assert_string_equal(buf_cstr(&out), "kept");
	buf_free(&out);
}

/* "Ready" must mean: the preparation gives the same; for every one-byte text, and for pairs
 * around it. */
static void ready(void **state)
{
	static const struct {
		bool (*ready)(struct str in);
		prep_function *prep;
	} pairs[] = {{prep_local_ready, prep_local}, {prep_domain_ready, prep_domain},
		{prep_resource_ready, prep_resource}};
	struct buf out = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		assert_false(pairs[i].ready(STR_NONE));
		for (int c = 0; c < 256; c++) {
			char text[3] = {'a', (char)c, 'b'};
			struct str in = str_at(text, 3);
			bool same = pairs[i].prep(&out, in) && str_eq(buf_str(&out), in);

			assert_int_equal(pairs[i].ready(in), same);
			buf_clear(&out);
		}
	}
	assert_false(prep_domain_ready(STR("a.")));
	assert_false(prep_domain_ready(STR("xn--bcher-kva")));
	assert_false(prep_domain_ready(STR("[::1]")));
	assert_false(prep_local_ready(many(&out, "a", 1024)));
	assert_false(prep_resource_ready(many(&out, "a", 1024)));
	buf_free(&out);
}

static size_t encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* Every code point of the two planes in use, alone and between letters: what comes out once comes
 * out again. */
static void idempotent(void **state)
{
	static prep_function *const all[] = {prep_local, prep_domain, prep_resource, prep_saslprep};
	struct buf once = {0}, twice = {0};

	(void)state;
	for (uint32_t c = 1; c < 0x20000;
		c += c < 0x3100 || (c >= 0xa000 && c < 0xac00) || c >= 0xf900 ? 1 : 37) {
		char text[6] = "a";
		size_t n = encode(c, text + 1);

		text[1 + n] = 'b';
		for (size_t i = 0; i < 2 * COUNT(all); i++) {
			struct str in = i % 2 ? str_at(text, n + 2) : str_at(text + 1, n);

			buf_clear(&once);
			buf_clear(&twice);
			if (!all[i / 2](&once, in))
				continue;
			assert_true(all[i / 2](&twice, buf_str(&once)));
			assert_true(str_eq(buf_str(&once), buf_str(&twice)));
		}
	}
	buf_free(&once);
	buf_free(&twice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"prep: an ASCII localpart is lower-cased and has none of \"&'/:<>@", local_ascii,
			NULL, NULL, NULL},
		{"prep: localparts follow the tables of RFC 8265 and RFC 7622", local_rfc_tables,
			NULL, NULL, NULL},
		{"prep: localparts differ from nodeprep where PRECIS does", local_not_nodeprep,
			NULL, NULL, NULL},
		{"prep: localparts are mapped by width and case, composed, and of the identifier class",
			local_mapping, NULL, NULL, NULL},
		{"prep: code points with a rule of context need that context", local_context, NULL,
			NULL, NULL},
		{"prep: right-to-left localparts keep the Bidi Rule", local_bidi, NULL, NULL, NULL},
		{"prep: resourceparts and passwords follow the tables of OpaqueString", opaque,
			NULL, NULL, NULL},
		{"prep: SASLprep follows the table of RFC 4013 for stored strings", saslprep, NULL,
			NULL, NULL},
		{"prep: a part has 1 to 1023 bytes after preparation", sizes, NULL, NULL, NULL},
		{"prep: NUL and bad UTF-8 are refused, and nothing is appended", bad_bytes, NULL,
			NULL, NULL},
		{"prep: a ready part is what its preparation gives", ready, NULL, NULL, NULL},
		{"prep: preparing twice is preparing once, for every code point", idempotent, NULL,
			NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
