/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a client of metrics-listen may send, byte by byte: only a complete request is ever answered
 * with the page. The same bytes then are answers of sm, cut at NUL, that sm top reads and shows. */
#include "sm/metrics.h"
#include "sm/top.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void judge(struct str request)
{
	unsigned verdict = 0;
	size_t at = 0;

	while (at < request.n && verdict == 0)
		verdict = metrics_judge(str_head(request, ++at));
	CHECK(verdict == 0 || verdict == 200 || (verdict >= 400 && verdict <= 505));
	if (verdict == 200) {
		CHECK(at >= 4 && memcmp(request.p + at - 4, "\r\n\r\n", 4) == 0);
		CHECK(str_starts(request, STR("GET /metrics HTTP/1.")));
	}
	CHECK(verdict != 431 || at == METRICS_REQUEST_MOST);
}

static void look(struct str answer)
{
	struct top_look looks[TOP_LOOKS] = {{0}};
	struct buf page = {0};
	struct str status, stats;

	str_cut(answer, '\0', &status, &stats);
	looks[0].at = 2000;
	looks[1].at = 1000;
	if (top_read(&looks[0], status, stats)) {
		top_page(&page, looks, 24, true);
		CHECK(memchr(page.p, '\0', page.n) == NULL);
	}
	buf_free(&page);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	judge(str_at(bytes, n));
	look(str_at(bytes, n));
	return 0;
}
