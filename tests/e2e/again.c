/* For test_again.py: channels of a configuration, kept open and synchronised whenever a line says so.
 *
 *   again -c CONFIG CHANNEL...
 *
 * A line of stdin is the name of one of them, then the mailboxes that are said to have news, each behind a tab; none = all are looked at. The
 * answer is a line: how channel_sync() ended (0, -1), errors reported, mailboxes looked at, memory that is used (kB), open descriptors.
 * Notes go to stderr.
 */
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/interrupt.h"
#include "cmd/run.h"

enum { MOST = 8, NEWS_MOST = 64 };

static struct { struct channel set; struct open_channel *open; } channel[MOST];

static void
on_note(void *ctx, enum note_level level, const char *name, const char *box, const char *text)
{
	static const char *const words[] = { [NOTE_INFO] = "info", [NOTE_WARNING] = "warning", [NOTE_LATER] = "later",
		[NOTE_ERROR] = "error" };

	(void)ctx;
	fprintf(stderr, "%s: %s: %s: %s\n", words[level], name, box != NULL ? box : "-", text);
}

static long
used_memory(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long all = 0, resident = 0;

	if (f == NULL || fscanf(f, "%ld %ld", &all, &resident) != 2)
		resident = -1;
	if (f != NULL)
		fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static int
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = -1;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		closedir(dir);
	return n - 2;
}

static int
synchronise(char *line)
{
	const char *names[NEWS_MOST];
	const struct run_events events = { .note = on_note };
	struct channel_names news = { names, 0 };
	struct channel_report report;
	struct err e;
	char *rest = NULL, *name = strtok_r(line, "\t\n", &rest), *box;
	int i, rc;

	while ((box = strtok_r(NULL, "\t\n", &rest)) != NULL && news.n < NEWS_MOST)
		names[news.n++] = box;
	for (i = 0; i < MOST && channel[i].open != NULL; i++)
		if (name != NULL && strcmp(channel[i].set.name, name) == 0)
			break;
	if (i == MOST || channel[i].open == NULL)
		return -1;
	rc = channel_sync(channel[i].open, time(NULL), news.n != 0 ? &news : NULL, &events, &report, &e);
	if (rc < 0)
		fprintf(stderr, "%s\n", e.text);
	printf("%d %zu %llu %ld %d\n", rc, report.errors.n, (unsigned long long)report.boxes, used_memory(), open_descriptors());
	fflush(stdout);
	report_release(&report);
	return 0;
}

static void
work(struct run_set *set)
{
	char *line = NULL;
	size_t room = 0, i;
	struct err e;
	int rc = 0;

	for (i = 0; i < set->targets.all.n && i < MOST && rc == 0; i++) {
		rc = run_channel(set, &set->targets.all.at[i], &channel[i].set, &e) < 0 ||
		    channel_open(&channel[i].set, &channel[i].open, &e) < 0 ? -1 : 0;
		if (rc < 0)
			app_fail(set->app, &e);
	}
	while (rc == 0 && getline(&line, &room, stdin) > 0)
		rc = synchronise(line);
	for (i = 0; i < MOST; i++)
		channel_close(&channel[i].open);
	free(line);
}

int
main(int argc, char **argv)
{
	struct run_set set;
	struct app app;
	int code;

	(void)mallopt(M_ARENA_MAX, 1);
	if (app_init(&app, commands, command_names(), argc, argv) == 0) {
		if (run_begin(&set, &app, false) == 0)
			work(&set);
		run_end(&set);
	}
	code = app_finish(&app);
	interrupt_end();
	return code;
}
