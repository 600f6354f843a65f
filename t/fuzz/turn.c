/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The reader of the turn log, on what a broken file might say: the file's records, and the items and
 * frames of a record. The first byte chooses. Records are given good checksums, or no mutation would
 * get past them. */
#include "common/table.h"
#include "proto/channel.h"
#include "sm/store_session.h"
#include "sm/turn_item.h"
#include "sm/turn_log.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ignore(void *ctx, const struct message *m)
{
	(void)ctx;
	return m->code != 0;
}

static void read_items(struct str payload)
{
	struct turn_item i;
	struct session_row row;

	while (turn_item_take(&payload, &i)) {
		struct channel c;

		if (i.kind == TURN_PUT && session_row_decode(i.bytes, &row))
			CHECK(row.jid.n <= i.bytes.n);
		channel_start(&c, ROLE_SM, ROLE_C2S, FRAME_MAX);
		if (i.kind == TURN_LINK && channel_restore(&c, i.link.sent, i.link.heard, i.link.frames))
			CHECK(channel_unacked(&c) == i.link.frames.n);
		channel_end(&c);
		(void)!channel_read_frames(i.link.frames, ignore, NULL);
	}
}

/* Makes the checksums that the bytes lack: of the head, and of the record at each place where one may
 * begin. */
static void sign(struct buf *file)
{
	size_t at = TURN_LOG_HEAD;
	const uint8_t *key;
	uint64_t check;

	if (file->n < TURN_LOG_HEAD)
		return;
	key = (const uint8_t *)file->p + 16;
	memcpy(file->p, "ghturn2\n", 8);
	check = siphash(key, str_at(file->p, 32));
	memcpy(file->p + 32, &check, sizeof check);
	while (file->n - at >= TURN_LOG_RECORD) {
		uint32_t n;

		memcpy(&n, file->p + at + 8, sizeof n);
		if (n > file->n - at - TURN_LOG_RECORD)
			return;
		check = siphash(key, str_at(file->p + at + 8, TURN_LOG_RECORD - 8 + n));
		memcpy(file->p + at, &check, sizeof check);
		at += (TURN_LOG_RECORD + n + 7) / 8 * 8;
		if (at > file->n)
			return;
	}
}

static void read_file(struct str bytes)
{
	struct turn_log_place place;
	struct buf file = {0};
	struct str payload;

	buf_put(&file, bytes);
	sign(&file);
	if (turn_log_head(buf_str(&file), &place)) {
		while (turn_log_next(buf_str(&file), &place, &payload))
			read_items(payload);
	}
	buf_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_at(data, size);

	if (size == 0)
		return 0;
	if (data[0] & 1)
		read_file(str_skip(bytes, 1));
	else
		read_items(str_skip(bytes, 1));
	return 0;
}
