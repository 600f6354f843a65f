/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What done functions answer with. */
#include "sm/errand.h"

#include "sm/module.h"

static void send_to(struct house *h, const struct session *s, struct str xml)
{
	if (!s || xml.n == 0)
		return;
	fan_add(h, s);
	fan_send(h, xml);
}

void errand_answer(struct house *h, const struct errand *e, struct str content)
{
	struct buf out = {0}, id = {0}, from = {0};
	struct emit m = emit_to(&out);
	struct stanza s;

	if (!stanza_view_start(e->xml, &s))
		return;
	stanza_value(&id, s.id.value);
	stanza_value(&from, s.to.value);
	emit_start(&m, "iq");
	emit_attr(&m, "type", STR("result"));
	emit_attr(&m, "id", buf_str(&id));
	emit_attr(&m, "from", buf_str(&from));
	emit_attr(&m, "to", e->sender);
	emit_raw(&m, content);
	emit_end(&m);
	send_to(h, errand_session(h, e), buf_str(&out));
	buf_free(&out);
	buf_free(&id);
	buf_free(&from);
}

void errand_refuse(struct house *h, const struct errand *e, enum cond why, struct str text)
{
	struct buf out = {0}, from = {0};
	struct stanza s;

	if (!stanza_view(e->xml, &s))
		return;
	stanza_value(&from, s.to.value);
	stanza_error(&out, &s, buf_str(&from), e->sender, why, text);
	send_to(h, errand_session(h, e), buf_str(&out));
	buf_free(&out);
	buf_free(&from);
}

bool errand_failed(struct house *h, const struct errand *e, enum db_result r)
{
	if (r == DB_OK)
		return false;
	if (r == DB_CONSTRAINT) /* what it refers to is gone: the account */
		errand_refuse(h, e, STANZA_item_not_found, STR_NONE);
	else if (r == DB_BUSY || r == DB_FULL)
		errand_refuse(h, e, STANZA_resource_constraint,
			STR("The server cannot store this now"));
	else
		errand_refuse(h, e, STANZA_internal_server_error, STR_NONE);
	return true;
}
