#include "sync/maildir/names_kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "state/base/step.h"
#include "sync/maildir/disk.h"
#include "sync/maildir/filename.h"

enum kept { KEPT_UNKNOWN = -1, KEPT_NOT, KEPT_YES };

#define PREFIX ".mailtwin-names."

/* What came back instead of `name`: an entry that begins like it, whatever the case. NULL = nothing of the kind. */
static const char *
read_back(int dir_fd, const char *name, struct arena *a)
{
	int fd = disk_opendir(dir_fd, ".");
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const char *found = NULL;
	struct dirent *de;

	while (dir != NULL && (de = readdir(dir)) != NULL) {
		if (strcmp(de->d_name, name) == 0) {
			found = name;
			break;
		}
		if (strncasecmp(de->d_name, name, strlen(PREFIX) + 8) == 0)
			found = arena_strdup(a, de->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	return found;
}

/* Nothing of it needs to be durable, so it is no step. */
static enum kept
try(int dir_fd, char info_delimiter, struct arena *a, const char **name_r, const char **back_r)
{
	const char *name = arena_printf(a, "%s%s%c2,FSa", PREFIX, filename_unique(a, info_delimiter), info_delimiter);
	int fd = step_is_dead() ? -1 : openat(dir_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	*name_r = name;
	*back_r = NULL;
	if (fd < 0)
		return !step_is_dead() && (errno == EINVAL || errno == EILSEQ || errno == ENOENT) ? KEPT_NOT : KEPT_UNKNOWN;
	close(fd);
	*back_r = read_back(dir_fd, name, a);
	unlinkat(dir_fd, name, 0);
	if (*back_r == NULL)
		return KEPT_UNKNOWN;
	return strcmp(*back_r, name) == 0 ? KEPT_YES : KEPT_NOT;
}

int
names_kept_check(const char *dir, char info_delimiter, struct err *e)
{
	static const char others[] = ";!=";
	const char *name, *back, *unused_name, *unused_back, *other = others;
	struct arena a = { 0 };
	int fd = disk_opendir(AT_FDCWD, dir), rc = 0;

	if (fd < 0)
		return 0;
	if (try(fd, info_delimiter, &a, &name, &back) == KEPT_NOT) {
		while (*other != '\0' && (*other == info_delimiter || try(fd, *other, &a, &unused_name, &unused_back) != KEPT_YES))
			other++;
		rc = err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "the file system of %s does not keep file names as they are written "
		    "(\"%s\" %s%s%s): flags are letters of the name, and would be lost on both sides. Nothing is done there; %s%.1s%s", dir,
		    name + strlen(PREFIX), back != NULL ? "came back as \"" : "is refused", back != NULL ? back + strlen(PREFIX) : "",
		    back != NULL ? "\"" : "", *other != '\0' ? "\"InfoDelimiter " : "keep this Maildir on another one", other,
		    *other != '\0' ? "\" in its MaildirStore helps" : "");
	}
	close(fd);
	arena_release(&a);
	return rc;
}
