#include "cmd/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/config_parser.h"
#include "cmd/nearest.h"
#include "cmd/shared_state.h"

/* The line's first word is no keyword of this section: says why, and if it looks like the beginning
 * of a section, goes into it so that what follows is judged by what was meant. */
static void
unknown_keyword(struct parser *p)
{
	const struct config_word *word = &p->line->words[0];
	unsigned where;
	const struct keyword *elsewhere = keyword_find_anywhere(word->text, &where);
	struct nearest near;
	char belongs[64];

	p->is_unclear = true;
	if (elsewhere != NULL) {
		section_list(where, belongs, sizeof belongs);
		if (where == IN_GLOBAL)
			parser_error(p, parser_word(p, 0), "\"%s\" must stand before the first section",
			    elsewhere->name);
		else if (p->section != 0 && p->section != IN_GLOBAL)
			parser_error(p, parser_word(p, 0), "\"%s\" has no place in a section of kind %s; "
			    "it belongs to %s", elsewhere->name, section_name(p->section), belongs);
		else if (!p->is_astray)
			parser_error(p, parser_word(p, 0), "\"%s\" stands outside a section (an empty line "
			    "ends one); it belongs to %s%s", elsewhere->name, belongs,
			    where & IN_GLOBAL ? " or before the first section" : "");
		if (p->section == 0 || p->section == IN_GLOBAL)
			p->is_astray = true;
		return;
	}
	nearest_init(&near, word->text);
	for (const struct keyword *k = keywords; k->name != NULL; k++)
		if ((p->section == 0 || (k->where & p->section)) && !(k->flags & KEYWORD_ALIAS))
			nearest_try(&near, k->name);
	nearest_try_all(&near, section_names);
	parser_error(p, parser_word(p, 0), "unknown keyword \"%s\"%s%s%s%s%s", word->text,
	    section_name(p->section)[0] != '\0' ? " in a section of kind " : "", section_name(p->section),
	    nearest_word(&near) != NULL ? "; did you mean \"" : "",
	    nearest_word(&near) != NULL ? nearest_word(&near) : "",
	    nearest_word(&near) != NULL ? "\"?" : "");
	if ((p->section == 0 || p->section == IN_GLOBAL) && nearest_word(&near) != NULL &&
	    keyword_opens(nearest_word(&near)) != 0 && p->line->n > 1)
		section_open(p, keyword_opens(nearest_word(&near)));
}

static void
read_line(struct parser *p)
{
	const struct config_line *line = p->line;
	const struct keyword *k;
	enum config_section opens;

	if (line->kind == LINE_COMMENT)
		return;
	if (line->kind == LINE_EMPTY) {
		if (p->section != IN_GLOBAL)
			section_close(p);
		p->is_astray = false;
		return;
	}
	if (line->fault != NULL) {
		p->is_unclear = true;
		parser_error(p, (struct place){ line->number, line->fault_column }, "%s", line->fault);
		return;
	}
	k = p->section != 0 ? keyword_find(line->words[0].text, p->section) : NULL;
	opens = k == NULL ? keyword_opens(line->words[0].text) : 0;
	if (opens != 0) {
		if (p->section != 0 && p->section != IN_GLOBAL)
			parser_error(p, parser_word(p, 0), "\"%s\" begins a section: an empty line must "
			    "stand before it", section_name(opens));
		section_open(p, opens);
	} else if (k == NULL) {
		unknown_keyword(p);
	} else if (line->n < 2) {
		p->is_unclear = true;
		parser_error(p, parser_word(p, 0), "%s has no value behind it; `mailtwin help %s` says what it takes", k->name, k->name);
	} else {
		parser_set(p, k);
	}
}

/* Group members are looked up last: a Group may come before its Channels. A stale one hurts nobody
 * until the Group is used. */
static void
check_members(struct parser *p)
{
	struct nearest near;
	char *name;

	for (size_t i = 0; i < p->members.n; i++) {
		const struct member *m = &p->members.at[i];

		name = arena_strndup(&p->s->arena, m->name, strcspn(m->name, ":"));
		if (settings_channel(p->s, name) != NULL)
			continue;
		nearest_init(&near, name);
		for (size_t j = 0; j < p->s->n_channels; j++)
			nearest_try(&near, p->s->channels[j]->name);
		parser_warn(p, m->place, "there is no Channel \"%s\"%s%s%s", name,
		    nearest_word(&near) != NULL ? "; did you mean \"" : "",
		    nearest_word(&near) != NULL ? nearest_word(&near) : "",
		    nearest_word(&near) != NULL ? "\"?" : "");
	}
}

struct settings *
config_parse(const char *file, const char *text, size_t len, const char *home, struct config_notes *notes)
{
	struct config_lines lines = { 0 };
	struct parser p = { .s = mem_alloc(sizeof *p.s), .notes = notes, .home = home, .lines = &lines,
		.section = IN_GLOBAL };
	const char *slash = strrchr(file, '/');

	for (size_t i = 0; keywords[i].name != NULL; i++)
		assert(i < KEYWORD_MAX - 1);
	p.dir = arena_strndup(&p.s->arena, file, slash != NULL ? (size_t)(slash - file) + 1 : 0);
	p.s->file = arena_strdup(&p.s->arena, file);
	p.defaults.expire_unread = -1;
	p.defaults.outbox.sent_copy = -1;
	p.channel = &p.defaults;
	section_begin(&p);

	config_lex(text, len, &lines);
	for (size_t i = 0; i < lines.lines.n; i++) {
		p.line = &lines.lines.at[i];
		read_line(&p);
	}
	section_close(&p);
	p.s->sync_state = p.defaults.sync_state;
	check_members(&p);
	if (notes->n_errors == 0)
		shared_state_find(p.s);
	config_notes_sort(notes);
	vec_release(&p.members);
	config_lines_release(&lines);
	return p.s;
}

static int
read_file(const char *file, struct buf *text, struct err *e)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc = -1;
	ssize_t got;

	text->is_secret = true;
	if (fd < 0) {
		err_sys(e, ERR_RUN, errno, "cannot open the configuration %s", file);
		goto done;
	}
	do {
		buf_reserve(text, 65536);
		got = read(fd, text->data + text->len, 65536);
		if (got > 0)
			text->len += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0) {
		err_sys(e, ERR_RUN, errno, "cannot read the configuration %s", file);
		goto done;
	}
	rc = 0;
done:
	if (rc < 0) {
		e->class = ERR_USAGE;
		e->retry = ERR_NEVER;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

/* `file` with the working directory before it if it is relative; the caller frees it. */
static char *
absolute(const char *file)
{
	char *dir, *path;

	while (file[0] == '.' && file[1] == '/')
		file += 1 + strspn(file + 1, "/");
	if (file[0] == '/' || (dir = getcwd(NULL, 0)) == NULL)
		return mem_strdup(file);
	path = mem_printf("%s/%s", strcmp(dir, "/") == 0 ? "" : dir, file);
	free(dir);
	return path;
}

int
config_load(const char *file, const char *home, struct config_notes *notes, struct settings **s_r,
    struct err *e)
{
	struct buf text = { 0 };
	char *path = absolute(file);
	int rc = -1;

	*s_r = NULL;
	if (read_file(path, &text, e) < 0)
		goto done;
	*s_r = config_parse(path, buf_str(&text), text.len, home, notes);
	if (notes->n_errors != 0) {
		err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "%s has %zu error%s", path, notes->n_errors,
		    notes->n_errors == 1 ? "" : "s");
		settings_free(s_r);
		goto done;
	}
	rc = 0;
done:
	buf_release(&text);
	free(path);
	return rc;
}
