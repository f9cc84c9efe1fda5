# Completion of mailtwin for bash. Channels, groups and stores come from the configuration that the
# command line names; mailboxes are not asked for, as that would need a server.

_mailtwin_names() {
	local config=() i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c|--config) config=(-c "${COMP_WORDS[i+1]}") ;;
		esac
	done
	mailtwin "${config[@]}" -qq check-config 2>/dev/null | awk -v kinds="$1" '
		$1 ~ "^(" kinds ")$" && blank { gsub(/"/, "", $2); print $2 }
		{ blank = NF == 0 }'
}

_mailtwin() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= word
	local commands='sync plan export-mbsync import list log state check-config help version'
	local long='--adopt --all --allow-delete --check --config --create --create-far --create-near --debug --dry-run
		--expunge --expunge-far --expunge-near --expunge-solo --expunge-solo-far --expunge-solo-near --ext-exit --flags --full --gone --help --jobs --json --list
		--list-stores --max-transfer --new --no-create --no-expunge --no-expunge-solo --no-remove --noop --old --pull
		--pull-flags --pull-gone --pull-new --pull-old --pull-upgrade --push --push-flags --push-gone
		--push-new --push-old --push-upgrade --quiet --remove --remove-far --remove-near --rename-utf7 --restore
		--retry-failed --transcript --upgrade --verbose --version'
	# begin: bash (from cmd/keywords.def: make docs)
	local keywords='
		FSync FieldDelimiter BufferLimit Path MapInbox ReadOnly Hub RoleArchive RoleDrafts RoleJunk
		RoleSent RoleTrash Flatten Trash TrashNewOnly TrashRemoteNew Host Port Tunnel Timeout User UserCmd
		Pass PassCmd AuthMechs TLSVersions SystemCertificates CertificateFile ClientCertificate ClientKey
		CipherString Connections PipelineDepth AnswerLimit DisableExtensions Throttle Account UseNamespace
		PathDelimiter SubscribedOnly Window TLSType LeaveOnServer Inbox SubFolders InfoDelimiter AltMap
		Keywords Far Near Patterns MaxSize Role Sync Create Remove Expunge CopyArrivalDate MaxDelete
		PostSync SyncState MaxMessages ExpireUnread ExpireSide ExpungeSolo Channels
	'
	# end: bash
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
	--allow-delete|--restore|--max-transfer|-j|--jobs)
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
			COMPREPLY=($(compgen -W 'dump' -- "$cur"))
		elif [[ $prev == dump ]]; then
			COMPREPLY=($(compgen -W "$(_mailtwin_names Channel)" -- "$cur"))
		fi ;;
	check-config|version)
		;;
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
