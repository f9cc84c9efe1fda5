/* Runs histories until one fails or enough have passed; replays one with a trace, cut down to what it needs.
 *
 *   sim [-n COUNT] [-s FIRST] [-j PROCESSES] [-t SECONDS] [-c]	-c: go on after a failure
 *       FIRST: a seed; or "new", seeds that nobody has lived through, by the clock
 *   sim -r SEED [-k]	replay; -k: as it is, not cut down
 *   sim -x all|NAME [-v]	scenes (scenes.h); -v: with a trace
 *
 * Exit: 0 all passed, 1 one failed, 2 usage.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "state/base/log.h"
#include "tests/sim/scenes.h"
#include "tests/sim/sim.h"

struct options { uint64_t count, first; bool is_new; unsigned processes; unsigned seconds; bool goes_on; };

static void
begin(struct sim *s, uint64_t seed)
{
	*s = (struct sim){ .seed = seed };
}

static void
end(struct sim *s)
{
	vec_release(&s->skip);
	vec_release(&s->taken);
}

/* ---- many ---- */

static uint64_t at_seed;

enum { SEEDS_A_SECOND = 1000000 };	/* more than anybody lives through in one */
enum { HISTORY_SECONDS = 30 };		/* of the processor's time; most take a thousandth of one */

/* An assertion of the program failed, or it goes on for ever: in which history is worth knowing. */
static void
on_signal(int signo)
{
	char text[160];
	int n = snprintf(text, sizeof text, "sim: seed %llu fails: %s; \"make sim SEED=%llu\" repeats it\n", (unsigned long long)at_seed,
	    signo == SIGABRT ? "an assertion" : "it does not end", (unsigned long long)at_seed);

	if (write(STDOUT_FILENO, text, (size_t)n) != n || signo != SIGABRT)
		_exit(1);
}

static int
run_share(const struct options *o, unsigned share)
{
	time_t begun = time(NULL);
	struct sim s;
	uint64_t i;
	int status = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGABRT, on_signal);
	signal(SIGPROF, on_signal);
	for (i = share; i < o->count && (status == 0 || o->goes_on); i += o->processes) {
		if (o->seconds != 0 && (i / o->processes) % 64 == 0 && time(NULL) - begun >= (time_t)o->seconds)
			break;
		begin(&s, at_seed = o->first + i);
		setitimer(ITIMER_PROF, &(struct itimerval){ .it_value = { HISTORY_SECONDS, 0 } }, NULL);
		history_run(&s);
		if (s.failure[0] != '\0') {
			printf("sim: seed %llu fails: %s; \"make sim SEED=%llu\" repeats it\n", (unsigned long long)s.seed, s.failure,
			    (unsigned long long)s.seed);
			status = 1;
		}
		end(&s);
	}
	printf("sim: process %u lived through %llu histories in %llu s\n", share + 1,
	    (unsigned long long)(i <= share ? 0 : (i - share) / o->processes),
	    (unsigned long long)(time(NULL) - begun));
	fflush(stdout);
	return status;
}

static int
run_all(const struct options *o)
{
	unsigned i;
	int status = 0, got;

	if (o->is_new)
		printf("sim: new seeds %llu to %llu; \"make sim SIM_FROM=%llu SIM_NEW=%llu\" lives through them again\n",
		    (unsigned long long)o->first, (unsigned long long)(o->first + o->count - 1), (unsigned long long)o->first,
		    (unsigned long long)o->count);
	for (i = 0; i < o->processes; i++) {
		fflush(stdout);
		switch (fork()) {
		case -1:
			perror("sim: fork");
			return 1;
		case 0:
			_exit(run_share(o, i));
		}
	}
	while (wait(&got) > 0)
		if (!WIFEXITED(got) || WEXITSTATUS(got) != 0) {
			if (!WIFEXITED(got))
				printf("sim: a process was ended by signal %d\n", WTERMSIG(got));
			status = 1;
		}
	if (status == 0)
		printf("sim: passed, seeds %llu to %llu\n", (unsigned long long)o->first,
		    (unsigned long long)(o->first + o->count - 1));
	return status;
}

/* ---- one ---- */

/* Equal but for numbers, so far as the words of one kind of failure go. */
static bool
is_same_failure(const char *a, const char *b)
{
	int words = 0;

	while (words < 12 && *a != '\0' && *b != '\0') {
		while (*a >= '0' && *a <= '9')
			a++;
		while (*b >= '0' && *b <= '9')
			b++;
		if (*a != *b)
			return false;
		words += *a == ' ';
		if (*a != '\0')
			a++, b++;
	}
	return true;
}

/* As the whole history does: leaving something out may bring another failure about. */
static bool
fails(struct sim *s)
{
	struct sim probe = { .seed = s->seed };
	size_t i;
	bool is;

	for (i = 0; i < s->skip.n; i++)
		vec_push(&probe.skip, s->skip.at[i]);
	history_run(&probe);
	is = probe.failure[0] != '\0' && (s->failure[0] == '\0' || is_same_failure(s->failure, probe.failure));
	if (is) {
		snprintf(s->failure, sizeof s->failure, "%s", probe.failure);
		s->taken.n = 0;
		for (i = 0; i < probe.taken.n; i++)
			vec_push(&s->taken, probe.taken.at[i]);
	}
	end(&probe);
	return is;
}

/* Leaves out whatever can be left out with the history still failing, the last first. */
static void
cut_down(struct sim *s)
{
	bool has_changed = true;
	size_t i;

	while (has_changed) {
		has_changed = false;
		for (i = s->taken.n; i-- > 0;) {
			if (i >= s->taken.n)
				continue;
			vec_push(&s->skip, s->taken.at[i]);
			if (fails(s))
				has_changed = true;
			else
				s->skip.n--;
		}
	}
}

static void
on_log(enum log_area area, const char *line)
{
	(void)area;
	printf("         %s\n", line);
}

static int
replay(uint64_t seed, bool is_cut)
{
	struct sim s;
	int status;

	begin(&s, seed);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (is_cut && fails(&s))
		cut_down(&s);
	s.taken.n = 0;
	s.failure[0] = '\0';
	s.is_traced = true;
	log_install(LOG_RUN | LOG_PLAN, on_log);
	history_run(&s);
	status = s.failure[0] != '\0';
	printf("sim: seed %llu %s%s (%zu happenings, %zu left out)\n", (unsigned long long)seed,
	    status ? "fails: " : "passes", s.failure, s.taken.n, s.skip.n);
	end(&s);
	return status;
}

int
main(int argc, char **argv)
{
	struct options o = { .count = 1000, .first = 1, .processes = 1 };
	uint64_t seed = 0;
	bool is_replay = false, is_cut = true, is_traced = false;
	const char *scene = NULL;
	int c;

	while ((c = getopt(argc, argv, "n:s:j:t:r:x:kcv")) != -1) {
		switch (c) {
		case 'n':
			o.count = strtoull(optarg, NULL, 10);
			break;
		case 's':
			o.is_new = strcmp(optarg, "new") == 0;
			o.first = o.is_new ? (uint64_t)time(NULL) * SEEDS_A_SECOND : strtoull(optarg, NULL, 10);
			break;
		case 'j':
			o.processes = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 't':
			o.seconds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			seed = strtoull(optarg, NULL, 10);
			is_replay = true;
			break;
		case 'x':
			scene = optarg;
			break;
		case 'v':
			is_traced = true;
			break;
		case 'c':
			o.goes_on = true;
			break;
		case 'k':
			is_cut = false;
			break;
		default:
			return 2;
		}
	}
	/* Histories take and give back the same few hundred kB all the time. */
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	if (is_traced)
		log_install(LOG_RUN | LOG_PLAN, on_log);
	if (scene != NULL)
		return !scenes_live(strcmp(scene, "all") == 0 ? NULL : scene, is_traced);
	if (is_replay)
		return replay(seed, is_cut);
	return run_all(&o);
}
