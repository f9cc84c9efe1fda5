# Completion of mailtwin for bash. Channels, groups and stores come from the configuration that the
# command line names, and mailboxes from what the last runs knew: no server is asked.

_mailtwin_ask() {
	local config=() i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c|--config) config=(-c "${COMP_WORDS[i+1]}") ;;
		esac
	done
	mailtwin "${config[@]}" -qq "$@" 2>/dev/null
}

_mailtwin_names() {
	_mailtwin_ask check-config | awk -v kinds="$1" '
		$1 ~ "^(" kinds ")$" && blank { gsub(/"/, "", $2); print $2 }
		{ blank = NF == 0 }'
}

# The mailboxes of the channels on the command line, else of all.
_mailtwin_boxes() {
	local channels=$(_mailtwin_names Channel) named= channel name
	for channel in $channels; do
		[[ " ${COMP_WORDS[*]:1} " != *" $channel "* ]] || named+=" $channel"
	done
	echo '*'
	for channel in ${named:-$channels}; do
		_mailtwin_ask state dump "$channel" | sed -n 's/^box id=[0-9]* name=\([^ ]*\).*/\1/p'
	done | LC_ALL=C sort -u | while read -r name; do
		printf '%b\n' "${name//%/\\x}"
	done
}

_mailtwin() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= word
	local commands='init sync plan export-mbsync import list search verify check explain status log outbox enqueue state check-config help version'
	local long='--adopt --all --allow-delete --bodies --check --config --create --create-far --create-near --debug --dry-run
		--expunge --expunge-far --expunge-near --expunge-solo --expunge-solo-far --expunge-solo-near --ext-exit --flags --full --fuzzy --gone --help --jobs --json --limit --list
		--list-stores --mailbox --max-transfer --nag --new --no-create --no-expunge --no-expunge-solo --no-remove --noop --offline --old --print --pull
		--pull-flags --pull-gone --pull-new --pull-old --pull-upgrade --push --push-flags --push-gone
		--push-new --push-old --push-upgrade --quiet --remove --remove-far --remove-near --rename-utf7 --restore
		--retry-failed --since --transcript --upgrade --verbose --version --yes'
	# begin: bash (from cmd/keywords.def: make docs)
	local keywords='
		FSync FieldDelimiter BufferLimit Path MapInbox ReadOnly Hub RoleArchive RoleDrafts RoleJunk
		RoleSent RoleTrash Flatten Trash TrashNewOnly TrashRemoteNew Host Port Tunnel Timeout User UserCmd
		Pass PassCmd AuthMechs TLSVersions SystemCertificates CertificateFile ClientCertificate ClientKey
		CipherString Connections PipelineDepth AnswerLimit DisableExtensions Throttle Account UseNamespace
		PathDelimiter SubscribedOnly Window LeaveOnServer TLSType From Inbox SubFolders InfoDelimiter
		AltMap Keywords Far Near Patterns MaxSize Role Sync Create Remove Expunge CopyArrivalDate MaxDelete
		PostSync SyncState MaxMessages MaxAge ExpireUnread ExpireSide ExpungeSolo SMTPAccount Outbox Sent
		SentCopy Channels
	'
	# end: bash
	local query='from: to: cc: bcc: subject: body: text: list: message-id: header: since: before: on: newer: older: larger: smaller:
		is:unread is:read is:flagged is:answered is:draft keyword: has:attachment in: or not'
	COMPREPLY=()
	case $prev in
	-c|--config)
		compopt -o filenames
		COMPREPLY=($(compgen -f -- "$cur"))
		return ;;
	--transcript)
		compopt -o filenames
		COMPREPLY=($(compgen -d -- "$cur"))
		return ;;
	--print)
		COMPREPLY=($(compgen -W 'path uid message-id subject json' -- "$cur"))
		return ;;
	--allow-delete|--restore|--mailbox)
		while IFS= read -r word; do
			[[ $word != "$cur"* ]] || COMPREPLY+=("$(printf %q "$word")")
		done < <(_mailtwin_boxes)
		return ;;
	--max-transfer|--nag|--mailbox|--limit|--since|-j|--jobs)
		return ;;
	esac
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$long" -- "$cur"))
		return
	fi
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		if [[ " $commands " == *" $word "* ]]; then
			command=$word
			break
		fi
	done
	case $command in
	help)
		COMPREPLY=($(compgen -W "$commands $keywords" -- "$cur")) ;;
	state)
		if [[ $prev == state ]]; then
			COMPREPLY=($(compgen -W 'dump forget' -- "$cur"))
		elif [[ $prev == dump || $prev == forget ]]; then
			COMPREPLY=($(compgen -W "$(_mailtwin_names Channel)" -- "$cur"))
		fi ;;
	outbox)
		[[ $prev != outbox ]] || COMPREPLY=($(compgen -W 'list retry drop' -- "$cur")) ;;
	enqueue)
		[[ $prev != --account ]] || COMPREPLY=($(compgen -W "$(_mailtwin_names SMTPAccount)" -- "$cur")) ;;
	check-config|version|init)
		;;
	explain)
		compopt -o filenames
		COMPREPLY=($(compgen -f -- "$cur")) ;;
	search)
		# A word and its colon are two of bash's own.
		if [[ $cur == : || $prev == : ]]; then
			return
		fi
		compopt -o nospace
		COMPREPLY=($(compgen -W "$(_mailtwin_names 'Channel|Group') $query" -- "$cur")) ;;
	'')
		COMPREPLY=($(compgen -W "$commands $(_mailtwin_names 'Channel|Group')" -- "$cur")) ;;
	*)
		if [[ " ${COMP_WORDS[*]} " == *' --list-stores '* || " ${COMP_WORDS[*]} " == *' -ls '* ]]; then
			COMPREPLY=($(compgen -W "$(_mailtwin_names 'IMAPStore|POP3Store|MaildirStore')" -- "$cur"))
		else
			COMPREPLY=($(compgen -W "$(_mailtwin_names 'Channel|Group')" -- "$cur"))
		fi ;;
	esac
}
complete -F _mailtwin mailtwin
