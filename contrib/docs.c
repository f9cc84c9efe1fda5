/* Writes what the keyword table says into the pages, completions and syntax files that tell of it.
 *
 * usage: docs [--check] FILE...
 *
 * In each file what stands between a line with "begin: NAME" and one with "end: NAME" is replaced; NAME is a list of the manual
 * (global, store, account, imap, pop3, smtp, maildir, channel, group), aliases, vim, bash or zsh. With --check nothing is written, and a file
 * that would change is named and makes the exit code 1.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/manual.h"

static const char *const lists[MANUAL_LISTS] = { "global", "store", "account", "imap", "pop3", "smtp", "maildir", "channel", "group" };

static void
fill_names(const char *head, const char *tail, struct buf *out)
{
	buf_adds(out, head);
	manual_names("\t\t", out);
	buf_adds(out, tail);
}

/* What belongs between the marks of that name. False: there is no such name. */
static bool
fill(const char *name, size_t len, struct buf *out)
{
	for (enum manual_list list = MANUAL_GLOBAL; list < MANUAL_LISTS; list++) {
		if (strlen(lists[list]) == len && strncmp(lists[list], name, len) == 0) {
			manual_items(list, out);
			return true;
		}
	}
	if (len == 7 && strncmp(name, "aliases", len) == 0)
		manual_aliases(out);
	else if (len == 3 && strncmp(name, "vim", len) == 0)
		manual_vim(out);
	else if (len == 4 && strncmp(name, "bash", len) == 0)
		fill_names("\tlocal keywords='\n", "\t'\n", out);
	else if (len == 3 && strncmp(name, "zsh", len) == 0)
		fill_names("\tkeywords=(\n", "\t)\n", out);
	else
		return false;
	return true;
}

/* The text with each region filled anew. -1: a mark is not closed, or names nothing. */
static int
rewrite(const char *text, struct buf *out)
{
	const char *begin, *name, *line, *end;
	size_t len;

	while ((begin = strstr(text, "begin: ")) != NULL) {
		name = begin + strlen("begin: ");
		len = strcspn(name, " \n");
		line = strchr(name, '\n');
		if (line == NULL || (end = strstr(line, "end: ")) == NULL || strncmp(end + strlen("end: "), name, len) != 0)
			return -1;
		buf_add(out, text, (size_t)(line + 1 - text));
		if (!fill(name, len, out))
			return -1;
		while (end[-1] != '\n')
			end--;
		text = strchr(end, '\n') != NULL ? strchr(end, '\n') : end + strlen(end);
		buf_add(out, end, (size_t)(text - end));
	}
	buf_adds(out, text);
	return 0;
}

static int
read_all(const char *file, struct buf *text)
{
	FILE *f = fopen(file, "r");
	char block[65536];
	size_t got;

	if (f == NULL)
		return -1;
	while ((got = fread(block, 1, sizeof block, f)) > 0)
		buf_add(text, block, got);
	fclose(f);
	return 0;
}

/* 0: as it should be, or made so. 1: it is not, or cannot be. */
static int
settle(const char *file, bool is_check)
{
	struct buf text = { 0 }, out = { 0 };
	FILE *f = NULL;
	int rc = 1;

	if (read_all(file, &text) < 0 || rewrite(buf_str(&text), &out) < 0) {
		fprintf(stderr, "docs: %s: cannot be read, or its marks are wrong\n", file);
	} else if (strcmp(buf_str(&text), buf_str(&out)) == 0) {
		rc = 0;
	} else if (is_check) {
		fprintf(stderr, "docs: %s is not what cmd/keywords.def says: make docs\n", file);
	} else if ((f = fopen(file, "w")) == NULL || fputs(buf_str(&out), f) < 0 || fclose(f) != 0) {
		fprintf(stderr, "docs: %s cannot be written\n", file);
	} else {
		rc = 0;
	}
	buf_release(&text);
	buf_release(&out);
	return rc;
}

int
main(int argc, char **argv)
{
	const bool is_check = argc > 1 && strcmp(argv[1], "--check") == 0;
	int rc = 0;

	for (int i = is_check ? 2 : 1; i < argc; i++)
		rc |= settle(argv[i], is_check);
	return rc;
}
