#include "cmd/finding_print.h"

#include "cmd/json.h"
#include "cmd/terminal.h"
#include "cmd/wrapped.h"

static const char *const levels[] = { [FINDING_OK] = "ok", [FINDING_WARNING] = "warning", [FINDING_ERROR] = "error" };

static void
print_json(const struct finding *f)
{
	struct buf line = { 0 };

	json_open(&line);
	json_text(&line, "event", "finding");
	json_text(&line, "level", levels[f->level]);
	json_text(&line, "what", f->what);
	json_text(&line, "where", f->where);
	json_text(&line, "text", f->text);
	json_text(&line, "remedy", f->remedy);
	terminal_json(&line);
}

void
finding_print(const struct app *app, const struct finding *f)
{
	static const enum terminal_kind kinds[] = { [FINDING_OK] = TERMINAL_PLAIN, [FINDING_WARNING] = TERMINAL_WARNING,
		[FINDING_ERROR] = TERMINAL_ERROR };
	static const char *const heads[] = { [FINDING_OK] = "ok       ", [FINDING_WARNING] = "warning  ", [FINDING_ERROR] = "error    " };
	struct buf line = { 0 };

	if (app->options.quiet > (int)f->level)
		return;
	if (app->options.is_json) {
		print_json(f);
		return;
	}
	buf_printf(&line, "%s: %s: %s", f->where, f->what, f->text);
	if (f->remedy != NULL)
		buf_printf(&line, ". To do: %s", f->remedy);
	wrapped_print(stdout, kinds[f->level], heads[f->level], buf_str(&line));
	buf_release(&line);
}
