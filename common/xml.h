/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The one mxml user: a read-only tree of one canonical stanza, for content that the server itself
 * answers. It checks that mxml built what the scanner saw (element count, depth, hash over names,
 * attributes and text); a mismatch is no tree, and logs parser_mismatch. */
#ifndef COMMON_XML_H
#define COMMON_XML_H

#include "common/arena.h"
#include "common/ns.h"

struct xml;      /* the tree */
struct xml_node; /* an element; lives as long as the tree */

struct xml *xml_parse(struct str canonical); /* NULL: not canonical, no memory, or a mismatch */
void xml_free(struct xml **x);
const struct xml_node *xml_root(const struct xml *x);
struct str xml_name(const struct xml_node *n);
struct str xml_ns_uri(const struct xml_node *n); /* resolved; jabber:client by default */
enum ns xml_ns(const struct xml_node *n);
struct str xml_attr(const struct xml_node *n, const char *name); /* unescaped; empty when absent */
bool xml_has_attr(const struct xml_node *n, const char *name);
struct str xml_text(const struct xml_node *n); /* all text directly in n, joined, unescaped */
/* First child element / next sibling element that matches; name NULL: any name; NS_other: any
 * namespace. */
const struct xml_node *xml_child(const struct xml_node *n, enum ns ns, const char *name);
const struct xml_node *xml_next(const struct xml_node *n, enum ns ns, const char *name);
void xml_thread_start(void); /* once per thread that parses: sets mxml's per-thread state */

#endif
