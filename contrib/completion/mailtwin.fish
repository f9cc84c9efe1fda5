# Completion of mailtwin for fish. Channels, groups and stores come from the configuration that the command line names, and mailboxes from
# what the last runs knew: no server is asked.

function __mailtwin_ask
	set -l words (commandline -opc)
	set -l config
	for i in (seq (count $words))
		if contains -- $words[$i] -c --config; and test $i -lt (count $words)
			set config -c $words[(math $i + 1)]
		end
	end
	command mailtwin $config -qq $argv 2>/dev/null
end

function __mailtwin_names
	__mailtwin_ask check-config | awk -v kinds="$argv[1]" '
		$1 ~ "^(" kinds ")$" && blank { gsub(/"/, "", $2); print $2 }
		{ blank = NF == 0 }'
end

function __mailtwin_boxes
	set -l named
	set -l channels (__mailtwin_names Channel)
	for channel in $channels
		contains -- $channel (commandline -opc); and set named $named $channel
	end
	test -n "$named"; or set named $channels
	echo '*'
	for channel in $named
		for name in (__mailtwin_ask state dump $channel | sed -n 's/^box id=[0-9]* name=\([^ ]*\).*/\1/p')
			printf '%b\n' (string replace -a '%' '\\x' -- $name)
		end
	end | sort -u
end

set -l commands init sync plan export-mbsync import list search verify check explain status log outbox enqueue state check-config help version
complete -c mailtwin -f
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a init -d 'make a configuration from an address'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a sync -d 'synchronise channels'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a plan -d 'say what sync would do, and why'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a export-mbsync -d 'give channels back to mbsync'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a import -d 'take over what mbsync knows of channels'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a list -d 'list the mailboxes of channels'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a search -d 'find messages on the server, and their files'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a verify -d 'compare both sides afresh'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a check -d 'look whether everything is as it should be'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a explain -d 'say where a message is on both sides, and why'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a status -d 'say how all stands, and what needs a person'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a log -d 'show what was removed, where and why'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a outbox -d 'show what waits to be sent, and decide about it'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a enqueue -d 'put a message into an outbox, as sendmail takes it'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a state -d 'write what is known of a channel as text, or forget it'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a check-config -d 'show what the configuration comes to'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a help -d 'explain the program, or a command'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a version -d 'tell the version'
complete -c mailtwin -n "not __fish_seen_subcommand_from $commands" -a "(__mailtwin_names 'Channel|Group')"
complete -c mailtwin -n "__fish_seen_subcommand_from sync plan import export-mbsync list search verify check status log" -a "(__mailtwin_names 'Channel|Group')"
complete -c mailtwin -n "__fish_seen_subcommand_from state" -a "dump forget"
complete -c mailtwin -n "__fish_seen_subcommand_from dump forget" -a "(__mailtwin_names Channel)"
complete -c mailtwin -n "__fish_seen_subcommand_from explain" -F
complete -c mailtwin -n "__fish_seen_subcommand_from help" -a "$commands"
complete -c mailtwin -n "__fish_seen_subcommand_from outbox" -a "list retry drop"
complete -c mailtwin -s a -l all -d 'all channels'
complete -c mailtwin -s L -l pull -d 'only from far to near'
complete -c mailtwin -s H -l push -d 'only from near to far'
complete -c mailtwin -s n -l new -d 'new messages'
complete -c mailtwin -s o -l old -d 'messages passed over earlier'
complete -c mailtwin -s u -l upgrade -d 'placeholders'
complete -c mailtwin -s g -l gone -d 'deletions'
complete -c mailtwin -s f -l flags -d 'changes of flags'
complete -c mailtwin -l pull-new -d 'one type in one direction'
complete -c mailtwin -l pull-old -d 'one type in one direction'
complete -c mailtwin -l pull-upgrade -d 'one type in one direction'
complete -c mailtwin -l pull-gone -d 'one type in one direction'
complete -c mailtwin -l pull-flags -d 'one type in one direction'
complete -c mailtwin -l push-new -d 'one type in one direction'
complete -c mailtwin -l push-old -d 'one type in one direction'
complete -c mailtwin -l push-upgrade -d 'one type in one direction'
complete -c mailtwin -l push-gone -d 'one type in one direction'
complete -c mailtwin -l push-flags -d 'one type in one direction'
complete -c mailtwin -s F -l full -d 'both directions'
complete -c mailtwin -s 0 -l noop -d 'propagate nothing'
complete -c mailtwin -s C -l create -d 'make missing mailboxes'
complete -c mailtwin -l create-far -d 'make missing mailboxes on one side'
complete -c mailtwin -l create-near -d 'make missing mailboxes on one side'
complete -c mailtwin -l no-create -d 'make none'
complete -c mailtwin -s R -l remove -d 'remove mailboxes removed on the other side'
complete -c mailtwin -l remove-far -d 'remove on one side'
complete -c mailtwin -l remove-near -d 'remove on one side'
complete -c mailtwin -l no-remove -d 'remove none'
complete -c mailtwin -s X -l expunge -d 'take away what is marked as deleted'
complete -c mailtwin -l expunge-far -d 'on one side'
complete -c mailtwin -l expunge-near -d 'on one side'
complete -c mailtwin -l no-expunge -d 'on none'
complete -c mailtwin -s x -l expunge-solo -d 'take away marked messages without a twin'
complete -c mailtwin -l expunge-solo-far -d 'on one side'
complete -c mailtwin -l expunge-solo-near -d 'on one side'
complete -c mailtwin -l no-expunge-solo -d 'on none'
complete -c mailtwin -s y -l dry-run -d 'only say what would be done'
complete -c mailtwin -l allow-delete -x -a "(__mailtwin_boxes)" -d 'carry out deletions held back'
complete -c mailtwin -l restore -x -a "(__mailtwin_boxes)" -d 'bring messages back'
complete -c mailtwin -l rename-utf7 -d 'rename directories that are named in modified UTF-7'
complete -c mailtwin -l adopt -d 'do not read what mbsync knows'
complete -c mailtwin -l print -x -a "path uid message-id subject json" -d 'search: what is printed'
complete -c mailtwin -l limit -x -d 'search, log: the newest so many'
complete -c mailtwin -l mailbox -x -a "(__mailtwin_boxes)" -d 'log: of this mailbox'
complete -c mailtwin -l offline -d 'search: headers on the disk; init: ask no network'
complete -c mailtwin -l yes -d 'init: write it without asking'
complete -c mailtwin -l fuzzy -d 'search: not to the letter'
complete -c mailtwin -l bodies -d 'verify: compare texts'
complete -c mailtwin -l since -x -d 'verify, log: leave out what is older'
complete -c mailtwin -l check -d 'import: only say what would be taken over'
complete -c mailtwin -l retry-failed -d 'try again what was refused for good'
complete -c mailtwin -s j -l jobs -x -d 'so many accounts at once'
complete -c mailtwin -l max-transfer -x -d 'stop after so many bytes'
complete -c mailtwin -s c -l config -r -F -d 'read this configuration'
complete -c mailtwin -s l -l list -d 'list mailboxes'
complete -c mailtwin -l list-stores -d 'list the mailboxes of stores'
complete -c mailtwin -s V -l verbose -d 'say more'
complete -c mailtwin -s q -l quiet -d 'say less'
complete -c mailtwin -l nag -x -d '-q: what may pass is said once it has lasted'
complete -c mailtwin -l json -d 'tell events as lines of JSON'
complete -c mailtwin -s e -l ext-exit -d 'exit codes of mbsync'
complete -c mailtwin -l transcript -r -F -d 'write what is said to servers into files'
complete -c mailtwin -l debug -x -d 'tell what goes on inside'
complete -c mailtwin -s h -l help -d 'explain the program'
complete -c mailtwin -s v -l version -d 'tell the version'
complete -c mailtwin -n "__fish_seen_subcommand_from enqueue" -l account -x -a "(__mailtwin_names SMTPAccount)" -d 'by which it is sent'
