/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Verbs: stream compression (XEP-0138), between authentication and binding (XEP-0170 1). */
#include "c2s/features.h"
#include "c2s/trace.h"
#include "c2s/verb.h"
#include "common/log.h"
#include "common/xml.h"

static void failure(struct client *c, const char *why)
{
	struct buf out = {0};
	buf_printf(&out, "<failure xmlns='%.*s'><%s/></failure>", STR_ARG(ns_uri(NS_compress)),
		why);
	client_say_buf(c, &out);
}

/* Before authentication, or after binding. */
void verb_too_early(struct client *c, const struct cue *cue)
{
	(void)cue;
	failure(c, "setup-failed");
}

static bool wants_zlib(struct str element)
{
	struct xml *tree = xml_parse(element);
	const struct xml_node *m = tree ? xml_child(xml_root(tree), NS_compress, "method") : NULL;
	bool wants = m && str_is(xml_text(m), "zlib");
	xml_free(&tree);
	return wants;
}

void verb_compress(struct client *c, const struct cue *cue)
{
	if (!c->pipe.zip)
		pipe_turn(&c->pipe); /* white space is of the old stream */
	if (c->pipe.zip) {
		failure(c, "setup-failed");
	} else if (!features_has_compression(c) || !wants_zlib(cue->element->bytes)) {
		failure(c, "unsupported-method");
	} else if (pipe_has_rest(&c->pipe)) {
		/* It must wait for our answer, or nobody can tell which bytes are packed. */
		client_fault(c, STREAM_policy_violation, "bytes behind compress");
	} else {
		client_say_bare(c, "compressed", NS_compress, COND_none);
		login_goto(c, LOGIN_wait_for_stream);
		if (!pipe_compress(&c->pipe))
			client_cut(c, STREAM_resource_constraint);
	}
}

/* XEP-0138 names no condition for what cannot be inflated: it is no XML, so bad-format. */
void verb_unzipped(struct client *c, const struct cue *cue)
{
	(void)cue;
	if (c->pipe.unzipped == ZIP_BOMB) {
		log_event(zip_bomb, LOG_HEX("conn", c->id), LOG_STR("user", client_account(c)),
			LOG_TEXT("ip", c->address));
		client_fault(c, STREAM_policy_violation, "compressed bytes grow too much");
	} else if (c->pipe.unzipped == ZIP_NO_ROOM) {
		client_cut(c, STREAM_resource_constraint);
	} else {
		log_event(unzip_failed, LOG_HEX("conn", c->id), LOG_STR("user", client_account(c)),
			LOG_TEXT("ip", c->address));
		client_fault(c, STREAM_bad_format, "compressed bytes are not zlib's");
	}
}
