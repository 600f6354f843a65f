/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SASL in XML: the profile of RFC 6120 6 and that of XEP-0388 (SASL2). Everything in which they
 * differ stands in one struct; the exchange itself (verb_sasl.c, sasl.h) is one for both. */
#ifndef C2S_SASL_XML_H
#define C2S_SASL_XML_H

#include "c2s/login.h"

struct sasl_xml {
	enum ns ns;               /* of its elements */
	enum login_state answers; /* where the client's responses are waited for */
	const char *nothing;      /* stands for data of no length; NULL: the empty element does */
};

extern const struct sasl_xml sasl_xml_rfc6120, sasl_xml_sasl2;
extern const struct sasl_xml sasl_xml_iq_auth; /* has no elements: an iq asks, one answers */
const struct sasl_xml *sasl_xml_of(enum ns ns); /* by the namespace of an element */

/* What stands in an element that carries data. False: not base64. */
MUST_CHECK bool sasl_xml_data(const struct sasl_xml *x, struct str text, struct buf *data);
/* <name>data</name>, to be said. */
void sasl_xml_say(struct client *c, const char *name, struct str data);
/* <failure><why/></failure> */
void sasl_xml_fail(struct client *c, const struct sasl_xml *x, enum cond why);

#endif
