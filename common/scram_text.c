/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See scram_text.h. */
#include "common/scram_text.h"

bool scram_take(struct str *s, char key, struct str *value)
{
	struct str head;

	if (s->n < 2 || s->p[0] != key || s->p[1] != '=')
		return false;
	str_cut(*s, ',', &head, s);
	*value = str_skip(head, 2);
	return value->n > 0;
}

bool scram_skip_extensions(struct str *s, char until)
{
	static const struct str taken = {"mnrcspvaie", 10};
	struct str value;

	while (s->n && s->p[0] != until) {
		char key = s->p[0];
		bool is_letter = (key >= 'a' && key <= 'z') || (key >= 'A' && key <= 'Z');

		if (!is_letter || str_find(taken, key) < taken.n || !scram_take(s, key, &value))
			return false;
	}
	return true;
}
