/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The structs and codecs of messages.def, all expanded from it. */
#ifndef PROTO_TYPES_H
#define PROTO_TYPES_H

#include "common/jid.h"

#define PROTO_VERSION_LOW 1  /* the oldest version spoken */
#define PROTO_VERSION_HIGH 2 /* the current one */
#define PROTO_SLOT_PARENT 65535
#define PROTO_FORM_SCRAM 1
#define PROTO_FORM_CLIENT_KEY 2
#define PROTO_FORM_DIGEST_MD5 3
#define PROTO_FORM_CRAM_MD5 4
#define PROTO_FORM_ANONYMOUS 5
#define PROTO_FORM_SHARED_SECRET 6
#define PROTO_FORM_EXTERNAL 7
#define PROTO_FORM_TOKEN 8
#define PROTO_FLAG_DIRECT_TLS 1  /* open_session.flags, and those of a session */
#define PROTO_FLAG_COMPRESSED 2
#define PROTO_FLAG_BIND2 4       /* by Bind 2 (XEP-0386): only asked for, not kept */
#define PROTO_FLAG_IQ_AUTH 8     /* by iq-auth (XEP-0078): the same */
#define PROTO_FLAG_CARBONS 32    /* by Bind 2, or asked for later: copies (XEP-0280) */
#define PROTO_FLAG_ANONYMOUS 16  /* of a session and of sasl_verdict: sm's alone to say */
#define PROTO_OWN_FULL 1         /* deliver.own: `to` is the client's full JID */
#define PROTO_OWN_BARE 2         /* ... its bare JID */
#define PROTO_CLOSED_HUNG_UP 255 /* closed.cond: the client is gone without a word */
/* sasl_verdict.flags */
#define PROTO_VERDICT_PASSWORD 64   /* it was proved by the password */
#define PROTO_VERDICT_TOKEN_DUE 128 /* the token is old, offer a new one */
/* enrol_ask.what and enrol.what: a new account; another password of the session's account; its
 * end */
enum proto_enrol { ENROL_NEW = 1, ENROL_PASSWORD = 2, ENROL_REMOVE = 3 };

#define CAPS_NODE "urn:gatehouse:server" /* that disco#info has a version of (XEP-0115) */

enum role { ROLE_C2S = 1, ROLE_PARENT = 2, ROLE_SM = 4, ROLE_C2S_SM = ROLE_C2S | ROLE_SM };
enum delivery { UNNUMBERED, NUMBERED };

/* A list as it lies in the frame; borrowed. */
struct u64_list {
	const uint8_t *raw; /* unaligned, little-endian */
	size_t n;
};
uint64_t list_at(struct u64_list l, size_t i);
/* For sending; borrows (little-endian machines only, checked at build). */
struct u64_list list_of(const uint64_t *values, size_t n);

#define PROTO_TYPE_u8 uint8_t
#define PROTO_TYPE_u16 uint16_t
#define PROTO_TYPE_u32 uint32_t
#define PROTO_TYPE_u64 uint64_t
#define PROTO_TYPE_bytes struct str
#define PROTO_TYPE_jid struct jid
#define PROTO_TYPE_list struct u64_list

#define FIELD(type, name) PROTO_TYPE_##type name;
#define MSG(code, name, from, delivery, fields, meaning) \
	struct msg_##name { \
		fields \
	};
#include "proto/messages.def"
#undef MSG
#undef FIELD

enum msg_code {
#define MSG(code, name, from, delivery, fields, meaning) MSG_##name = code,
#include "proto/messages.def"
#undef MSG
};

/* One decoded message; slices borrow from the input that it was decoded from. */
struct message {
	enum msg_code code;
	uint64_t seq; /* 0: unnumbered */
	union {
#define MSG(code, name, from, delivery, fields, meaning) struct msg_##name name;
#include "proto/messages.def"
#undef MSG
	} as;
};

const char *msg_name(unsigned code); /* NULL: no such message */
enum role msg_from(unsigned code);   /* who may send it; 0: no such message */
enum delivery msg_delivery(unsigned code);

size_t msg_size(const struct message *m); /* bytes of its fields, encoded */
/* Appends the fields of `m` (its code says which). */
void msg_encode(struct buf *out, const struct message *m);
/* Decodes a payload. Fields that are missing at its end are 0 or empty (an empty jid is
 * well-formed: whoever needs one asks), bytes behind the last field are skipped. False:
 * malformed (a field cut in the middle, a jid out of shape, an unknown code). */
MUST_CHECK bool msg_decode(unsigned code, struct str payload, struct message *out);

#endif
