/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A disk that fails as it is told: a VFS of SQLite over the one that is there, in builds with fault points only, and
 * then the default one. It does nothing until GATEHOUSE_DISK names a file of rules, or a test gives it some; the file
 * is looked at before each operation, so that a scene can change it (by renaming another into its place) while sm runs.
 *
 * A rule is a line: FAULT OPERATION FILE FIRST COUNT [SEED]. Of the operations on files whose name begins with FILE,
 * counted from when the rules were read, the FIRST and those behind it, COUNT in all (0: all of them), have the fault:
 *   full   no space is left                    error  an I/O error
 *   short  half is written, then it is full    hold   waits until the rules are others
 *   die    the process is killed
 *   cut    the power fails: of what was not synced everything is lost, or (SEED is not 0) a random part of it, sector
 *          by sector, and the process group ends
 * OPERATION is read, write (and truncating, and growing the index of a WAL), sync, or synced: when that has been done.
 *
 * What an earlier process left unsynced counts as synced, and names of files are always. After a sync that failed, what
 * it was to write may be lost, and a later sync that succeeds does not help (as Linux has it). */
#ifndef T_FAULT_DISK_H
#define T_FAULT_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

/* The rules from now on; NULL: none. What is not a rule aborts. */
void disk_rules(const char *text);
bool disk_failed(void); /* has an operation had its fault since then? */

/* disk_loss.c: what of a file was not synced. All with the disk's lock held. */
struct disk_image;

struct disk_image *disk_image_of(const char *path, sqlite3_file *real);
void disk_image_forget(const char *path); /* it was deleted */
/* Before bytes are written over, or cut off. */
void disk_image_write(struct disk_image *i, sqlite3_file *real, int64_t offset, int64_t n);
void disk_image_truncate(struct disk_image *i, sqlite3_file *real, int64_t size);
void disk_image_synced(struct disk_image *i, sqlite3_file *real, bool failed);
void disk_lose(uint64_t seed); /* of all files */

#endif
