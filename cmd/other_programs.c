/* What else synchronises mail on this machine: lines of crontabs, and timers of systemd that are the user's own. Only looked for: where
 * there is no cron and no systemd there is nothing to find. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/check_parts.h"
#include "state/base/buf.h"
#include "state/base/mem.h"

enum { LINES_MOST = 10000 };

struct others {
	const struct findings *out;
	struct arena a;
	const char *first;		/* where this program was found first; NULL = nowhere yet */
	bool has_told;			/* that it was found elsewhere as well */
};

enum program { PROGRAM_NONE, PROGRAM_OURS, PROGRAM_OTHER };

/* A word that starts one of them, with or without its directory. */
static enum program
program_of(const char *word, size_t len)
{
	static const struct { const char *name; enum program program; } names[] = {
		{ "mailtwin", PROGRAM_OURS }, { "mbsync", PROGRAM_OTHER }, { "isync", PROGRAM_OTHER }, { "offlineimap", PROGRAM_OTHER },
		{ "offlineimap3", PROGRAM_OTHER }, { "imapsync", PROGRAM_OTHER }, { "interimap", PROGRAM_OTHER },
	};
	size_t begin = len;

	while (begin > 0 && word[begin - 1] != '/')
		begin--;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i].name) == len - begin && memcmp(names[i].name, word + begin, len - begin) == 0)
			return names[i].program;
	return PROGRAM_NONE;
}

static enum program
program_in(const char *line)
{
	static const char between[] = " \t\n;&|()'\"`=-@+";
	enum program found = PROGRAM_NONE, one;
	size_t len;

	line += strspn(line, " \t");
	if (*line == '#')
		return PROGRAM_NONE;
	for (; *line != '\0'; line += len) {
		line += strspn(line, between);
		len = strcspn(line, between);
		one = program_of(line, len);
		found = one > found ? one : found;
	}
	return found;
}

static void
found(struct others *o, const char *where, const char *line, const char *remedy)
{
	const enum program program = program_in(line);
	const char *words = arena_strndup(&o->a, line, strcspn(line, "\n"));

	if (program == PROGRAM_OTHER)
		finding_warn(o->out, "programs", where, remedy, "another program synchronises: %s", words);
	else if (program == PROGRAM_OURS && o->first != NULL && strcmp(o->first, where) != 0 && !o->has_told) {
		finding_warn(o->out, "programs", where, "leave one of the two", "mailtwin is started here (%s), and by %s", words, o->first);
		o->has_told = true;
	} else if (program == PROGRAM_OURS && o->first == NULL) {
		o->first = arena_strdup(&o->a, where);
		finding_ok(o->out, "programs", where, "%s", words);
	}
}

static void
read_lines(struct others *o, FILE *f, const char *where, const char *remedy)
{
	char line[1024];

	for (int i = 0; i < LINES_MOST && fgets(line, sizeof line, f) != NULL; i++)
		found(o, where, line, remedy);
}

static void
read_file(struct others *o, const char *path)
{
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return;
	read_lines(o, f, path, arena_printf(&o->a, "take the line out of %s", path));
	fclose(f);
}

static void
read_directory(struct others *o, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;

	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.')
			read_file(o, arena_printf(&o->a, "%s/%s", path, d->d_name));
	if (dir != NULL)
		closedir(dir);
}

static void
read_crontab(struct others *o)
{
	FILE *f = popen("crontab -l 2>/dev/null", "re");

	if (f == NULL)
		return;
	read_lines(o, f, "crontab", "take the line out with crontab -e");
	pclose(f);
}

/* ---- systemd ---- */

/* The commands of a unit. */
static void
read_service(struct others *o, const char *home, const char *timer, const char *service)
{
	static const char *const places[] = { "/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user" };
	const char *remedy = arena_printf(&o->a, "systemctl --user disable --now %s", timer);
	char line[1024];
	FILE *f = fopen(arena_printf(&o->a, "%s/.config/systemd/user/%s", home, service), "re");

	for (size_t i = 0; f == NULL && i < sizeof places / sizeof *places; i++)
		f = fopen(arena_printf(&o->a, "%s/%s", places[i], service), "re");
	if (f == NULL)
		return;
	for (int i = 0; i < LINES_MOST && fgets(line, sizeof line, f) != NULL; i++)
		if (strncmp(line, "ExecStart=", 10) == 0)
			found(o, timer, line + 10, remedy);
	fclose(f);
}

/* Units that start with the session or by a timer are links in these directories. */
static void
read_wanted(struct others *o, const char *home, const char *target)
{
	DIR *dir = opendir(arena_printf(&o->a, "%s/.config/systemd/user/%s.wants", home, target));
	const char *end;
	struct dirent *d;

	while (dir != NULL && (d = readdir(dir)) != NULL) {
		end = strrchr(d->d_name, '.');
		if (end != NULL && (strcmp(end, ".timer") == 0 || strcmp(end, ".service") == 0))
			read_service(o, home, d->d_name, arena_printf(&o->a, "%.*s.service", (int)(end - d->d_name), d->d_name));
	}
	if (dir != NULL)
		closedir(dir);
}

void
other_programs(const char *home, const struct findings *out)
{
	struct others o = { .out = out };

	read_crontab(&o);
	read_file(&o, "/etc/crontab");
	for (const char *const *d = (const char *const[]){ "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", NULL }; *d != NULL; d++)
		read_directory(&o, *d);
	read_wanted(&o, home, "timers.target");
	read_wanted(&o, home, "default.target");
	arena_release(&o.a);
}
