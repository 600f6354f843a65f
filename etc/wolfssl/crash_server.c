/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One half of the empty-record test: a wolfSSL server on file descriptor 0 that reads until the stream ends. Every block
 * it allocates ends at memory that must not be touched, so that reading past it kills the process, every time. */
#define USE_CERT_BUFFERS_256
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/certs_test.h>

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, GUARD = 128 * 1024 };

struct block {
	void *start;
	size_t mapped, size;
	size_t pad;
};

static void *fenced_malloc(size_t n)
{
	size_t size = (n + 15) & ~(size_t)15;
	size_t open = (size + sizeof(struct block) + PAGE - 1) & ~(size_t)(PAGE - 1);
	char *start = mmap(NULL, open + GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct block *block;

	if (start == MAP_FAILED || mprotect(start, open, PROT_READ | PROT_WRITE) != 0)
		return NULL;
	block = (struct block *)(void *)(start + open - size) - 1;
	*block = (struct block){ .start = start, .mapped = open + GUARD, .size = n };
	return block + 1;
}

static void fenced_free(void *memory)
{
	struct block *block = memory;

	if (block)
		munmap(block[-1].start, block[-1].mapped);
}

static void *fenced_realloc(void *memory, size_t n)
{
	struct block *block = memory;
	void *moved = fenced_malloc(n);

	if (moved && block) {
		memcpy(moved, block, block[-1].size < n ? block[-1].size : n);
		fenced_free(block);
	}
	return moved;
}

int main(void)
{
	char bytes[512];
	WOLFSSL_CTX *ctx;
	WOLFSSL *ssl;

	wolfSSL_SetAllocators(fenced_malloc, fenced_free, fenced_realloc);
	wolfSSL_Init();
	ctx = wolfSSL_CTX_new(wolfTLSv1_3_server_method());
	if (!ctx
	    || wolfSSL_CTX_use_certificate_buffer(ctx, serv_ecc_der_256, sizeof(serv_ecc_der_256), WOLFSSL_FILETYPE_ASN1)
		       != WOLFSSL_SUCCESS
	    || wolfSSL_CTX_use_PrivateKey_buffer(ctx, ecc_key_der_256, sizeof(ecc_key_der_256), WOLFSSL_FILETYPE_ASN1)
		       != WOLFSSL_SUCCESS)
		return 3;
	ssl = wolfSSL_new(ctx);
	if (!ssl || wolfSSL_set_fd(ssl, 0) != WOLFSSL_SUCCESS || wolfSSL_accept(ssl) != WOLFSSL_SUCCESS)
		return 4;
	while (wolfSSL_read(ssl, bytes, sizeof(bytes)) > 0)
		;
	return 0;
}
