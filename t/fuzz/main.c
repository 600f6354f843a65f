/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs a fuzz target without a fuzzer: over the empty input, and over each file that is given, or is in a folder that
 * is given, as an argument. Prints TAP: an input that ends the process leaves the plan unmet, and the last comment
 * names it. */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char *target;
static unsigned done;

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The paths of all inputs, sorted, so that every run is the same run. */
static struct {
	char **path;
	size_t n, room;
} inputs;

static int add_input(const char *path, const struct stat *about, int kind, struct FTW *at)
{
	(void)at;
	if (kind != FTW_F || !S_ISREG(about->st_mode))
		return 0;
	if (inputs.n == inputs.room) {
		inputs.room = inputs.room ? 2 * inputs.room : 64;
		inputs.path = realloc(inputs.path, inputs.room * sizeof(*inputs.path));
		if (!inputs.path)
			abort();
	}
	inputs.path[inputs.n] = strdup(path);
	return inputs.path[inputs.n++] ? 0 : -1;
}

static void run(const char *name, const uint8_t *bytes, size_t n)
{
	printf("# %s\n", name);
	fflush(stdout);
	LLVMFuzzerTestOneInput(bytes, n);
	printf("ok %u - %s: %s\n", ++done, target, name);
}

/* A copy of exactly the file's size, so that a sanitizer sees every read beyond it. */
static void run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = NULL;
	struct stat about;

	if (file && fstat(fileno(file), &about) == 0)
		bytes = malloc((size_t)about.st_size ? (size_t)about.st_size : 1);
	if (bytes && fread(bytes, 1, (size_t)about.st_size, file) == (size_t)about.st_size)
		run(path, bytes, (size_t)about.st_size);
	else
		printf("not ok %u - %s: %s cannot be read\n", ++done, target, path);
	free(bytes);
	if (file)
		fclose(file);
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');

	target = slash ? slash + 1 : argv[0];
	for (int i = 1; i < argc; i++)
		if (nftw(argv[i], add_input, 16, FTW_PHYS) != 0)
			fprintf(stderr, "%s: %s cannot be read\n", target, argv[i]);
	if (inputs.n)
		qsort(inputs.path, inputs.n, sizeof(*inputs.path), by_name);
	printf("1..%zu\n", inputs.n + 1);
	run("the empty input", (const uint8_t *)"", 0);
	for (size_t i = 0; i < inputs.n; i++) {
		run_file(inputs.path[i]);
		free(inputs.path[i]);
	}
	free(inputs.path);
	return 0;
}
