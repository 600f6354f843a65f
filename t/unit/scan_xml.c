/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate: what is XML, and what is XML but not for XMPP. The attacks are those that real
 * parsers fell for; the numbers in brackets are places in the project's notes on mxml, every one
 * of which the gate must stand in front of. */
#include "t/unit/scan_try.h"

static void elements_and_attributes(void **state)
{
	(void)state;
	GIVES("<a/>", "<a/>");
	GIVES("<a />", "<a/>");
	GIVES("<a></a>", "<a/>");
	GIVES("<a ></a\n>", "<a/>");
	GIVES("<a b='1' c=\"2\"/>", "<a b=\"1\" c=\"2\"/>");
	GIVES("<a\tb\n=\r\n'1'\t/>", "<a b=\"1\"/>");
	GIVES("<a b=''></a>", "<a b=\"\"/>");
	GIVES("<a><b/>x<c>y</c></a>", "<a><b/>x<c>y</c></a>");
	GIVES("<a> </a>", "<a> </a>");
	GIVES("<_a.-1/>", "<_a.-1/>");
	GIVES("<a b='\"'/>", "<a b=\"&quot;\"/>");
	GIVES("<a b=\"'\"/>", "<a b=\"'\"/>");
	GIVES("<a b='>'>></a>", "<a b=\"&gt;\">&gt;</a>");
	GIVES("<a b=']]>'/>", "<a b=\"]]&gt;\"/>");
}

static void tags_gone_wrong(void **state)
{
	(void)state;
	GIVES("< a/>", NWF);
	GIVES("<>", NWF); /* [15] */
	GIVES("<a></>", NWF);
	GIVES("<1a/>", NWF); /* [15] */
	GIVES("<-a/>", NWF);
	GIVES("<.a/>", NWF);
	GIVES("<a=b/>", NWF); /* [15] */
	GIVES("<a;/>", NWF);
	GIVES("<a@b/>", NWF);
	GIVES("<a\xC2\xA0/>", NWF); /* NBSP is no name character [15] */
	GIVES("<a/ >", NWF);
	GIVES("<a//>", NWF);
	GIVES("<a/b>", NWF);
	GIVES("<a b/>", NWF); /* [16] */
	GIVES("<a b>", NWF);
	GIVES("<a b=/>", NWF);
	GIVES("<a b=1/>", NWF);         /* [16] */
	GIVES("<a b='1'c='2'/>", NWF);  /* [16] */
	GIVES("<a b='<'/>", NWF);       /* [16] */
	GIVES("<a b='1' b='2'/>", NWF); /* [18] */
	GIVES("<a 1b=''/>", NWF);
	GIVES("<a <b/>", NWF);
	GIVES("<a b='1'' />", NWF);
	GIVES("<a></b>", NWF);
	GIVES("<a></ a>", NWF);
	GIVES("<a></a junk='1'>", NWF); /* [11] */
	GIVES("<a></a <b>", NWF);       /* [11] */
	GIVES("<a></aa>", NWF);
	GIVES("<aa></a>", NWF);
	GIVES("<a><b></a></b>", NWF);
	GIVES("<a/></a>", "<a/>" NWF);
}

static void unfinished_is_not_told(void **state)
{
	(void)state;
	GIVES("<a><b></b>", ""); /* [10] */
	GIVES("<a>", "");
	GIVES("<a></a", ""); /* [11] */
	GIVES("<a", "");
	GIVES("<a b='", "");
	GIVES("<a>&am", "");
	GIVES("<a><![CDATA[x]]", "");
	GIVES("<a>\xE2\x82", "");
}

static void names_beyond_ascii(void **state)
{
	(void)state;
	GIVES("<\xC3\xA9lan \xC3\xA9t\xC3\xA9='1'/>", "<\xC3\xA9lan \xC3\xA9t\xC3\xA9=\"1\"/>");
	GIVES("<\xE6\x97\xA5\xE6\x9C\xAC></\xE6\x97\xA5\xE6\x9C\xAC>",
		"<\xE6\x97\xA5\xE6\x9C\xAC/>");
	GIVES("<a\xC2\xB7/>", "<a\xC2\xB7/>"); /* U+00B7: not at the start */
	GIVES("<\xC2\xB7/>", NWF);
	GIVES("<a\xCC\x80/>", "<a\xCC\x80/>"); /* U+0300: the same */
	GIVES("<\xCC\x80/>", NWF);
	GIVES("<\xF0\x90\x80\x80/>", "<\xF0\x90\x80\x80/>");
	GIVES("<\xF3\xB0\x80\x80/>", NWF);             /* U+F0000 */
	GIVES("<a\xC3\x97/>", NWF);                    /* the multiplication sign */
	GIVES("<a\xE2\x80\xBF/>", "<a\xE2\x80\xBF/>"); /* U+203F */
	GIVES("<a\xE2\x80\x8B/>", NWF);                /* U+200B */
	GIVES("<mes\xEF\xBB\xBFsage/>", NWF);          /* U+FEFF, which mxml drops [4] */
	GIVES("<a\x80/>", FORMAT);
	GIVES("<a\xC3/>", FORMAT);
	GIVES("<bo\x80"
	      "dy/>",
		FORMAT); /* 4a: mxml renames */
}

static void references(void **state)
{
	(void)state;
	GIVES("<a>&amp;&lt;&gt;&quot;&apos;</a>", "<a>&amp;&lt;&gt;\"'</a>");
	GIVES("<a b='&amp;&lt;&gt;&quot;&apos;'/>", "<a b=\"&amp;&lt;&gt;&quot;'\"/>");
	GIVES("<a>&#65;&#x41;&#x0041;&#0065;</a>", "<a>AAAA</a>");
	GIVES("<a>&#xe9;&#x20AC;&#x1F600;&#x10FFFF;</a>",
		"<a>\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF</a>");
	GIVES("<a>&#38;&#60;&#62;&#13;&#10;&#9;</a>", "<a>&amp;&lt;&gt;&#13;\n\t</a>");
	GIVES("<a b='&#38;&#60;&#34;&#39;&#13;&#10;&#9;'/>",
		"<a b=\"&amp;&lt;&quot;'&#13;&#10;&#9;\"/>");
	GIVES("<a>&#xFEFF;</a>", "<a>\xEF\xBB\xBF</a>");
	GIVES("<a>&#38;lt;</a>", "<a>&amp;lt;</a>"); /* once, not twice */
}

static void references_gone_wrong(void **state)
{
	(void)state;
	GIVES("<a>&nbsp;</a>", RESTRICTED); /* [7] */
	GIVES("<a>&eacute;</a>", RESTRICTED);
	GIVES("<a>&AMP;</a>", RESTRICTED);
	GIVES("<a>&am;</a>", RESTRICTED);
	GIVES("<a b='&x;'/>", RESTRICTED);
	GIVES("<a>& </a>", NWF);
	GIVES("<a>&;</a>", NWF);
	GIVES("<a>&amp</a>", NWF);
	GIVES("<a b='&amp'/>", NWF);
	GIVES("<a>&1;</a>", NWF);
	GIVES("<a>&#;</a>", NWF);
	GIVES("<a>&#x;</a>", NWF);
	GIVES("<a>&#X41;</a>", NWF);
	GIVES("<a>&#65zz;</a>", NWF);  /* [8] */
	GIVES("<a>&#x0x41;</a>", NWF); /* [8] */
	GIVES("<a>&#-65;</a>", NWF);
	GIVES("<a>&# 65;</a>", NWF);
	GIVES("<a>&#0;</a>", NWF); /* attack 10 */
	GIVES("<a>&#1;</a>", NWF);
	GIVES("<a>&#xD800;</a>", NWF);
	GIVES("<a>&#xDFFF;</a>", NWF);
	GIVES("<a>&#xFFFE;</a>", NWF);
	GIVES("<a>&#xFFFF;</a>", NWF);
	GIVES("<a>&#x110000;</a>", NWF);
	GIVES("<a>&#x7FFFFFFF;</a>", NWF);  /* [8] */
	GIVES("<a>&#4294967361;</a>", NWF); /* [8]: 'A' to whoever counts in 32 bits */
	GIVES("<a>&#x100000041;</a>", NWF);
	GIVES("<a>&#18446744073709551681;</a>", NWF);
	GIVES("<a&#98;c/>", NWF);            /* [9] */
	GIVES("<a t&#111;='x'/>", NWF);      /* [9] */
	GIVES("<&#33;[CDATA[x]]></a>", NWF); /* [9] */
	GIVES("<a>&\xC3\xA9;</a>", NWF);
	GIVES("<a>&\x80;</a>", FORMAT);
}

static void utf8(void **state)
{
	(void)state;
	GIVES("<a b='\xC2\x80\xDF\xBF'>"
		"\xE0\xA0\x80\xEF\xBF\xBD\xF0\x90\x80\x80\xF4\x8F\xBF\xBF</a>",
		"<a b=\"\xC2\x80\xDF\xBF\">"
		"\xE0\xA0\x80\xEF\xBF\xBD\xF0\x90\x80\x80\xF4\x8F\xBF\xBF</a>");
	GIVES("<a>\x7F\xC2\x85\xE2\x80\xA8</a>", "<a>\x7F\xC2\x85\xE2\x80\xA8</a>");
	GIVES("<a>\xEF\xBB\xBF</a>", "<a>\xEF\xBB\xBF</a>");         /* U+FEFF is text [4] */
	GIVES("<a>\xF0\xAF\xBF\xBE</a>", "<a>\xF0\xAF\xBF\xBE</a>"); /* U+2FFFE is a Char */
}

static void utf8_gone_wrong(void **state)
{
	(void)state;
	GIVES("<a>ok\x80</a><evil/>", FORMAT); /* [2] */
	GIVES("<a>\xBF</a>", FORMAT);
	GIVES("<a>\xC0\xBC</a>", FORMAT); /* overlong '<' */
	GIVES("<a>\xC1\xBF</a>", FORMAT);
	GIVES("<a>\xE0\x80\xBC</a>", FORMAT);
	GIVES("<a>\xF0\x80\x80\xBC</a>", FORMAT);
	GIVES("<a>\xE0\x9F\xBF</a>", FORMAT);
	GIVES("<a>\xF0\x8F\xBF\xBF</a>", FORMAT);
	GIVES("<a>\xED\xA0\x80</a>", FORMAT); /* a surrogate [3] */
	GIVES("<a>\xED\xBF\xBF</a>", FORMAT);
	GIVES("<a>\xF4\x90\x80\x80</a>", FORMAT); /* U+110000 */
	GIVES("<a>\xF5\x80\x80\x80</a>", FORMAT);
	GIVES("<a>\xF8\x88\x80\x80\x80</a>", FORMAT);
	GIVES("<a>\xFC\x84\x80\x80\x80\x80</a>", FORMAT);
	GIVES("<a>\xFE\xFF</a>", FORMAT); /* attack 8: mxml goes on in UTF-16 [1] */
	GIVES("<a>\xFF\xFE</a>", FORMAT);
	GIVES("<a b='\xFE\xFF'/>", FORMAT);
	GIVES("<a>\xE2\x82<</a>", FORMAT); /* attack 7: a tail that is markup */
	GIVES("<a>\xE2\x82></a>", FORMAT);
	GIVES("<a>\xC3<b/></a>", FORMAT);
	GIVES("<a b='\xC3'/>", FORMAT);
	GIVES("<a b='\xE2\x82'/>", FORMAT);
	GIVES("<a>\xF0\x9F\x98<b/></a>", FORMAT);
	GIVES("<a><![CDATA[\xC3]]></a>", FORMAT);
	GIVES("<a>\xC3\xC3\xA9</a>", FORMAT);
	GIVES("\xC3", FORMAT);
}

static void characters_xml_does_not_have(void **state)
{
	(void)state;
	GIVES("<a>\0</a>", NWF); /* attack 9, [5] */
	GIVES("<a>\x01</a>", NWF);
	GIVES("<a>\x08\x0B\x0C\x0E\x1F</a>", NWF);
	GIVES("<m><body>ok</body><x/>\x01<evil/></m>", NWF); /* 4a: mxml gives the first half */
	GIVES("<a b='\0'/>", NWF);
	GIVES("<a b='\x0B'/>", NWF);
	GIVES("<a\0/>", NWF);
	GIVES("<a \x1B/>", NWF);
	GIVES("<\0", NWF);
	GIVES("<a><![CDATA[\x02]]></a>", NWF);
	GIVES("<a>\xEF\xBF\xBE</a>", NWF); /* U+FFFE [3] */
	GIVES("<a>\xEF\xBF\xBF</a>", NWF);
	GIVES("<a b='\xEF\xBF\xBF'/>", NWF);
	GIVES("<a>&\x01;</a>", NWF);
}

static void restricted(void **state)
{
	(void)state;
	GIVES("<!-- x -->", RESTRICTED); /* attack 6 */
	GIVES("<a><!-- x --></a>", RESTRICTED);
	GIVES("<a><!-", RESTRICTED); /* at the first byte that shows it */
	GIVES("<!", RESTRICTED);
	GIVES("<a><?", RESTRICTED);
	GIVES("<?php x?>", RESTRICTED);
	GIVES("<a><?x?></a>", RESTRICTED);
	GIVES("<a><!DOCTYPE a></a>", RESTRICTED);
	GIVES("<!DOCTYPE a>", RESTRICTED);
	WHOLE("<!DOCTYPE a [<!ENTITY b 'c'>]>", RESTRICTED); /* attack 5 */
	WHOLE("<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol 'lol'><!ENTITY lol2 '&lol;"
		"&lol;'>]><lolz>&lol2;</lolz>",
		RESTRICTED);
	WHOLE("<!", RESTRICTED);
	WHOLE("<!-- x -->" HEADER, RESTRICTED);
	WHOLE("<?xml version='1.0'?><?a?>", RESTRICTED);
	GIVES("<a><!ENTITY x 'y'></a>", RESTRICTED);
	GIVES("<a><![INCLUDE[x]]></a>", RESTRICTED);
	GIVES("<a><![cdata[x]]></a>", RESTRICTED);
	GIVES("<a><![CDATAx", RESTRICTED);
	GIVES("<a>&xxe;</a>", RESTRICTED);
}

static void cdata(void **state)
{
	(void)state;
	GIVES("<a><![CDATA[x]]></a>", "<a>x</a>"); /* [14] */
	GIVES("<a><![CDATA[<b>&amp;</b>]]></a>", "<a>&lt;b&gt;&amp;amp;&lt;/b&gt;</a>");
	GIVES("<a><![CDATA[]]></a>", "<a/>");
	GIVES("<a><![CDATA[]]]]></a>", "<a>]]</a>");
	GIVES("<a><![CDATA[]]]></a>", "<a>]</a>");
	GIVES("<a><![CDATA[]>]]></a>", "<a>]&gt;</a>");
	GIVES("<a><![CDATA[] ]] ]]]]]></a>", "<a>] ]] ]]]</a>");
	GIVES("<a><![CDATA[]]]]><![CDATA[>]]></a>", "<a>]]&gt;</a>");
	GIVES("<a>]]<![CDATA[]]>></a>", "<a>]]&gt;</a>");
	GIVES("<a>x<![CDATA[y]]>z</a>", "<a>xyz</a>");
	GIVES("<a><![CDATA[\xC3\xA9]]\xC3\xA9]]></a>", "<a>\xC3\xA9]]\xC3\xA9</a>");
	GIVES("<a><![CDATA[\r\n\r]]>\n</a>", "<a>\n\n\n</a>");
	GIVES("<a><![CDATA[\"'\t<!-- -->]]></a>", "<a>\"'\t&lt;!-- --&gt;</a>");
}

static void brackets_in_text(void **state)
{
	(void)state;
	GIVES("<a>]]></a>", NWF); /* [17] */
	GIVES("<a>]]]></a>", NWF);
	GIVES("<a>]></a>", "<a>]&gt;</a>");
	GIVES("<a>]] ></a>", "<a>]] &gt;</a>");
	GIVES("<a>]]&gt;</a>", "<a>]]&gt;</a>");
	GIVES("<a>]&#93;></a>", "<a>]]&gt;</a>");
	GIVES("<a>]]<b/>></a>", "<a>]]<b/>&gt;</a>");
	GIVES("<a>]]\r></a>", "<a>]]\n&gt;</a>");
	GIVES("<a>]]\xC3\xA9></a>", "<a>]]\xC3\xA9&gt;</a>");
}

static void line_ends(void **state)
{
	(void)state;
	GIVES("<a>1\r\n2\r3\n4\r\r\n5\n\r6</a>", "<a>1\n2\n3\n4\n\n5\n\n6</a>"); /* [6] */
	GIVES("<a b='1\r\n2\r3\n4\t5'/>", "<a b=\"1 2 3 4 5\"/>");
	GIVES("<a b='\r\r\n\n'/>", "<a b=\"   \"/>");
	GIVES("<a b='\r&#10;'/>", "<a b=\" &#10;\"/>");
	GIVES("<a>\r&#10;\r</a>", "<a>\n\n\n</a>");
	GIVES("<a>\r<b/>\n</a>", "<a>\n<b/>\n</a>");
	GIVES("<a b='\r' c='\n'/>", "<a b=\" \" c=\" \"/>");
	GIVES("<a>\r\xC3\xA9\r\n\xC3\xA9</a>", "<a>\n\xC3\xA9\n\xC3\xA9</a>");
}

static void nothing_is_smuggled(void **state)
{
	(void)state;
	/* attack 12: what one parser may read as markup leaves as references only */
	GIVES("<a b='&lt;/a&gt;&lt;evil/&gt;'>&lt;/a&gt;<![CDATA[</a><evil/>]]></a>",
		"<a b=\"&lt;/a&gt;&lt;evil/&gt;\">&lt;/a&gt;&lt;/a&gt;&lt;evil/&gt;</a>");
	GIVES("<a b='&#60;&#x3c;'>&#60;evil/&#62;</a>", "<a b=\"&lt;&lt;\">&lt;evil/&gt;</a>");
	GIVES("<a b='\"/><evil c=\"'/>", NWF);
	GIVES("<a b='\"/&gt;&lt;evil c=\"'/>", "<a b=\"&quot;/&gt;&lt;evil c=&quot;\"/>");
	GIVES("<a/></a><evil/>", "<a/>" NWF); /* [12] */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"scan: elements and attributes take one form", elements_and_attributes, NULL, NULL,
			NULL},
		{"scan: tags that are not XML end the stream", tags_gone_wrong, NULL, NULL, NULL},
		{"scan: what is unfinished is not told", unfinished_is_not_told, NULL, NULL, NULL},
		{"scan: names beyond ASCII follow the fifth edition", names_beyond_ascii, NULL,
			NULL, NULL},
		{"scan: the five entities and character references are undone", references, NULL,
			NULL, NULL},
		{"scan: any other reference ends the stream", references_gone_wrong, NULL, NULL,
			NULL},
		{"scan: every character of UTF-8 passes", utf8, NULL, NULL, NULL},
		{"scan: a lone surrogate, an overlong form or a cut character ends the stream",
			utf8_gone_wrong, NULL, NULL, NULL},
		{"scan: characters that XML does not have end the stream",
			characters_xml_does_not_have, NULL, NULL, NULL},
		{"scan: comments, instructions, DTDs and entities are restricted", restricted, NULL,
			NULL, NULL},
		{"scan: CDATA becomes escaped text", cdata, NULL, NULL, NULL},
		{"scan: the end of a CDATA section has no place in text", brackets_in_text, NULL,
			NULL, NULL},
		{"scan: line ends and blanks are normalised", line_ends, NULL, NULL, NULL},
		{"scan: nothing is smuggled through values and text", nothing_is_smuggled, NULL,
			NULL, NULL},
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	scan_thread_end();
	return failed;
}
