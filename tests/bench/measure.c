/* Runs a program and says what it cost: measure FILE PROGRAM ARG...
 *
 * Writes a line of JSON to FILE: wall seconds, CPU seconds, peak RSS in kB. Ends as the program did. It is
 * small itself, because a child starts with the RSS of who forked it as its peak.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int
main(int argc, char **argv)
{
	struct timespec begin, end;
	struct rusage used;
	FILE *f;
	int status;
	pid_t pid;

	if (argc < 3)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
		return 126;
	clock_gettime(CLOCK_MONOTONIC, &end);
	f = fopen(argv[1], "w");
	if (f == NULL)
		return 126;
	fprintf(f, "{\"seconds\": %.6f, \"cpu\": %.6f, \"rss\": %ld}\n",
	    (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9,
	    seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss);
	if (fclose(f) != 0)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
