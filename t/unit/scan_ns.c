/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate: Namespaces in XML 1.0, and the one form in which they leave. */
#include "t/unit/scan_try.h"

#define STREAMS "http://etherx.jabber.org/streams"

static void client_is_the_default(void **state)
{
	(void)state;
	GIVES("<message/>", "<message/>");
	GIVES("<message xmlns='jabber:client'/>", "<message/>");
	GIVES("<client:message xmlns:client='jabber:client'/>", "<message/>"); /* [20] */
	GIVES("<x:message xmlns:x='jabber:client'><x:body/><body/></x:message>",
		"<message><body/><body/></message>");
	GIVES("<x:iq xmlns:x='jabber:cl&#105;ent'></x:iq>", "<iq/>");
	GIVES("<m xmlns:a='u' xmlns:b='v'/>", "<m/>");
	WHOLE("<s:stream xmlns:s='" STREAMS
	      "' xmlns:c='jabber:client'><c:message/><c:message><c:a/></c:message>",
		"<message/><message><a/></message>");
	WHOLE("<s:stream xmlns:s='" STREAMS "'><message xmlns='jabber:client'/>", "<message/>");
}

static void other_defaults(void **state)
{
	(void)state;
	GIVES("<stream:features/>", "<features xmlns=\"" STREAMS "\"/>");
	GIVES("<iq xmlns=''/>", "<iq xmlns=\"\"/>"); /* attack 11 */
	GIVES("<iq xmlns='jabber:server'><a/></iq>", "<iq xmlns=\"jabber:server\"><a/></iq>");
	GIVES("<iq><q xmlns=''><r xmlns=''/><s xmlns='jabber:client'/></q></iq>",
		"<iq><q xmlns=\"\"><r/><s xmlns=\"jabber:client\"/></q></iq>");
	WHOLE("<s:stream xmlns:s='" STREAMS "'><message/>", "<message xmlns=\"\"/>");
	WHOLE("<stream xmlns='" STREAMS "'><message/>", "<message xmlns=\"" STREAMS "\"/>");
	WHOLE("<s:stream xmlns:s='" STREAMS
	      "' xmlns='jabber:server'><message/><message xmlns='jabber:client'/></s:stream>",
		"<message xmlns=\"jabber:server\"/><message/></>");
}

static void declared_where_they_change(void **state)
{
	(void)state;
	GIVES("<iq><q xmlns='u'><r/><s xmlns='u'/></q></iq>",
		"<iq><q xmlns=\"u\"><r/><s/></q></iq>");
	GIVES("<iq><p:q xmlns:p='u'><r/></p:q></iq>",
		"<iq><q xmlns=\"u\"><r xmlns=\"jabber:client\"/></q></iq>");
	GIVES("<iq xmlns:p='u'><p:q><p:r><s/></p:r></p:q><p:t/></iq>",
		"<iq><q xmlns=\"u\"><r><s xmlns=\"jabber:client\"/></r></q><t xmlns=\"u\"/></iq>");
	GIVES("<iq><q id='1' xmlns='u' to='2'/></iq>",
		"<iq><q xmlns=\"u\" id=\"1\" to=\"2\"/></iq>");
	GIVES("<iq><q xmlns='u&amp;&quot;v'/></iq>", "<iq><q xmlns=\"u&amp;&quot;v\"/></iq>");
	GIVES("<iq><q xmlns='a|b'/><q xmlns='a' b='c'/></iq>",
		"<iq><q xmlns=\"a|b\"/><q xmlns=\"a\" b=\"c\"/></iq>");
}

static void scope_ends(void **state)
{
	(void)state;
	GIVES("<a><b xmlns:p='u'><p:c/></b><p:d/></a>", PREFIX);
	GIVES("<a xmlns:p='u'/><p:b/>", "<a/>" PREFIX);
	GIVES("<a xmlns:p='u'><b xmlns:p='v'><p:c/></b><p:d/></a>",
		"<a><b><c xmlns=\"v\"/></b><d xmlns=\"u\"/></a>");
	GIVES("<a><b xmlns='u'/><c/></a>", "<a><b xmlns=\"u\"/><c/></a>");
}

static void attributes_keep_their_prefix(void **state)
{
	(void)state;
	GIVES("<a xmlns:p='u' p:b='1'/>", "<a xmlns:p=\"u\" p:b=\"1\"/>");
	GIVES("<a c='0' p:b='1' xmlns:p='u' p:d='2' xmlns:q='v' q:b='3'/>",
		"<a xmlns:p=\"u\" xmlns:q=\"v\" c=\"0\" p:b=\"1\" p:d=\"2\" q:b=\"3\"/>");
	GIVES("<a q:b='1' p:b='2' xmlns:p='u' xmlns='w' xmlns:q='v'/>",
		"<a xmlns=\"w\" xmlns:q=\"v\" xmlns:p=\"u\" q:b=\"1\" p:b=\"2\"/>");
	GIVES("<a xmlns:p='u'><b p:c='1'/><d p:c='1'><e p:c='2'/></d></a>",
		"<a><b xmlns:p=\"u\" p:c=\"1\"/><d xmlns:p=\"u\" p:c=\"1\"><e xmlns:p=\"u\" "
		"p:c=\"2\"/></d></a>");
	GIVES("<a stream:b='1'/>", "<a xmlns:stream=\"" STREAMS "\" stream:b=\"1\"/>");
	GIVES("<a xml:lang='en' xml:space='preserve'/>",
		"<a xml:lang=\"en\" xml:space=\"preserve\"/>");
	GIVES("<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='en'/>",
		"<a xml:lang=\"en\"/>");
}

static void prefixes_must_be_declared(void **state)
{
	(void)state;
	GIVES("<p:a/>", PREFIX); /* [19] */
	GIVES("<a p:b=''/>", PREFIX);
	GIVES("<a><p:b xmlns:q='u'/></a>", PREFIX);
	WHOLE("<stream:stream xmlns='jabber:client'>", PREFIX);
	WHOLE("<stream p:a='1'>", PREFIX);
	GIVES("<xml:a/>",
		PREFIX); /* legal, and of no use: it cannot be written without its prefix */
}

static void the_same_attribute_twice(void **state)
{
	(void)state;
	GIVES("<a xmlns:p='u' xmlns:q='u' p:x='1' q:x='2'/>", NWF); /* [18] */
	GIVES("<a xmlns:p='u' xmlns:q='u' p:x='1' q:y='2'/>",
		"<a xmlns:p=\"u\" xmlns:q=\"u\" p:x=\"1\" q:y=\"2\"/>");
	GIVES("<a xmlns='u' xmlns:p='u' x='1' p:x='2'/>",
		"<a xmlns=\"u\" xmlns:p=\"u\" x=\"1\" p:x=\"2\"/>");
	GIVES("<a xmlns:p='u' xmlns:p='v'/>", NWF);
	GIVES("<a xmlns='u' xmlns='u'/>", NWF);
	GIVES("<a xmlns:p='&amp;' xmlns:q='&#38;' p:x='1' q:x='2'/>", NWF);
	GIVES("<a xmlns:p='http://www.w3.org/XML/1998/namespace' p:lang='a' xml:lang='b'/>", NWF);
}

static void reserved_names(void **state)
{
	(void)state;
	GIVES("<a xmlns:xml='urn:x'/>", NWF); /* [19] */
	GIVES("<a xmlns:xmlns='urn:x'/>", NWF);
	GIVES("<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>", NWF);
	GIVES("<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", NWF);
	GIVES("<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", NWF);
	GIVES("<a xmlns='http://www.w3.org/XML/1998/namespace'/>", NWF);
	GIVES("<a xmlns='http://www.w3.org/2000/xmlns/'/>", NWF);
	GIVES("<a xmlns:p=''/>", NWF);
	GIVES("<xmlns:a/>", PREFIX);
	GIVES("<xmlns/>", "<xmlns/>");
	GIVES("<a xmlnsx='1' xml='2'/>", "<a xmlnsx=\"1\" xml=\"2\"/>");
}

static void colons_out_of_place(void **state)
{
	(void)state;
	GIVES("<:a/>", NWF);
	GIVES("<a:/>", NWF);
	GIVES("<a:b:c/>", NWF); /* 4a */
	GIVES("<stream::a/>", NWF);
	GIVES("<stream:1/>", NWF);
	GIVES("<stream:-a/>", NWF);
	GIVES("<stream:\xC2\xB7/>", NWF);
	GIVES("<stream:\xC3\xA9/>", "<\xC3\xA9 xmlns=\"" STREAMS "\"/>");
	GIVES("<a xmlns:='u'/>", NWF);
	GIVES("<a :b='1'/>", NWF);
	GIVES("<a b:c:d='1'/>", NWF);
	GIVES("<:/>", NWF);
}

static void end_tags_match_as_written(void **state)
{
	(void)state;
	GIVES("<x:a xmlns:x='jabber:client'></a>", NWF);
	GIVES("<a xmlns:x='jabber:client'></x:a>", NWF);
	GIVES("<a xmlns:x='u' xmlns:y='u'><x:b></y:b></a>", NWF);
	GIVES("<x:a xmlns:x='u'>t</x:a>", "<a xmlns=\"u\">t</a>");
}

static void language_is_inherited(void **state)
{
	static const char header[] = "<stream:stream xmlns='jabber:client' xmlns:stream='" STREAMS
				     "' xml:lang='d&quot;e'>";
	struct buf b = {0};

	(void)state;
	buf_puts(&b, header);
	buf_puts(&b, "<a/><a b='1' xml:lang='en'/><a xml:lang=''/><a><b/></a><a xmlns='u'>t</a>");
	try_bytes(buf_str(&b),
		"<a xml:lang=\"d&quot;e\"/><a b=\"1\" xml:lang=\"en\"/><a xml:lang=\"\"/>"
		"<a xml:lang=\"d&quot;e\"><b/></a><a xmlns=\"u\" xml:lang=\"d&quot;e\">t</a>");
	buf_clear(&b);
	buf_puts(&b, header);
	buf_puts(&b,
		"<a a='' b='' c='' d='' e='' f='' g='' h='' i='' j=''/>"
		""); /* the eleventh would be the language */
	try_bytes(buf_str(&b), POLICY);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"scan: jabber:client needs no declaration, whatever the prefix was",
			client_is_the_default, NULL, NULL, NULL},
		{"scan: any other namespace of a top element is declared", other_defaults, NULL,
			NULL, NULL},
		{"scan: a namespace is declared where it changes", declared_where_they_change, NULL,
			NULL, NULL},
		{"scan: a declaration ends with its element", scope_ends, NULL, NULL, NULL},
		{"scan: an attribute keeps its prefix, declared where it stands",
			attributes_keep_their_prefix, NULL, NULL, NULL},
		{"scan: a prefix that is not declared ends the stream", prefixes_must_be_declared,
			NULL, NULL, NULL},
		{"scan: an attribute comes once, whatever its prefix", the_same_attribute_twice,
			NULL, NULL, NULL},
		{"scan: xml and xmlns stand for themselves alone", reserved_names, NULL, NULL,
			NULL},
		{"scan: a colon stands between two names", colons_out_of_place, NULL, NULL, NULL},
		{"scan: an end tag matches its start tag as written", end_tags_match_as_written,
			NULL, NULL, NULL},
		{"scan: the stream's language is made explicit", language_is_inherited, NULL, NULL,
			NULL},
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	scan_thread_end();
	return failed;
}
