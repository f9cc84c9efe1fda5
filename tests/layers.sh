#!/bin/sh
# The arrows of the design as a test: a lower folder never names a higher one, and each library is
# included only where it belongs. Prints every line that breaks an arrow and fails.
cd "$(dirname "$0")/.." || exit 2
bad=0
deny() { # deny "why" REGEX FILES...
	why=$1 regex=$2
	shift 2
	for f; do
		[ -f "$f" ] || continue
		if grep -nHE "$regex" "$f"; then
			echo "layers: $why"
			bad=1
		fi
	done
}
deny 'state/ includes nothing above it' '#include "(cmd|sync|tests)/' state/*.[ch] state/*/*.[ch]
deny 'state/base stands alone' '#include "state/[a-z_]+\.h|#include "state/model/' state/base/*.[ch]
deny 'state/model stands on state/base alone' '#include "state/[a-z_]+\.h' state/model/*.[ch]
deny 'sync/ includes nothing of cmd/' '#include "(cmd|tests)/' sync/*.[ch] sync/*/*.[ch]
deny 'the planner includes only state/model and state/base' '#include "(sync/(env|boxes|observe|match|apply|pair|store|imap|pop3|smtp|maildir|message|net)/|state/[a-z_]+\.h)' sync/plan/*.[ch]
deny 'the planner does no I/O, knows no clock and no threads' '#include <(stdio|time|unistd|fcntl|dirent|pthread|sys/|lmdb|libetpan|openssl|sasl)|state/base/(log|step|proc)\.h' sync/plan/*.[ch]
deny 'cmd/discover stands on state/base alone' '#include "(cmd/[a-z_]+\.h|sync|tests|state/[a-z_]+\.h|state/model)' cmd/discover/*.[ch]
deny 'of cmd/discover the program knows what an offer is, and no more' '#include "cmd/discover/([a-np-z]|o[a-eg-z])' $(ls cmd/*.[ch] sync/*.[ch] sync/*/*.[ch])
deny 'libcurl, expat, jansson and the resolver only in cmd/discover' '#include <(curl/|expat|jansson|resolv|arpa/nameser)' $(ls cmd/*.[ch] sync/*.[ch] sync/*/*.[ch] state/*.[ch] state/*/*.[ch])
# The chapters of a run, each on those before it; sync/channel.c tells the story and is included by none of them.
for d in env boxes handover mbsync observe match apply outbox imap pop3 smtp maildir message net sasl plan pair search store; do
	case $d in
	mbsync) up='channel|env/|boxes/|handover/|observe/|match/|apply/|plan/|pair/|store/|net/' ;;
	handover) up='observe/|match/|apply/|imap/|pop3/|smtp/|maildir/' ;;
	env) up='boxes/|handover/|observe/|match/|apply/|imap/|pop3/|smtp/|maildir/' ;;
	boxes) up='handover/|observe/|match/|apply/|imap/|pop3/|smtp/|maildir/' ;;
	observe) up='match/|apply/|imap/|pop3/|smtp/|maildir/' ;;
	match) up='apply/|imap/|pop3/|smtp/|maildir/' ;;
	apply) up='imap/|pop3/|smtp/|maildir/' ;;
	plan) up='channel|env/|boxes/|observe/|match/|apply/|pair/|store/|imap/|pop3/|smtp/|maildir/|message/|net/' ;;
	pair) up='channel|env/|boxes/|observe/|match/|apply/|search/|store/|imap/|pop3/|smtp/|maildir/|net/' ;;
	store) up='channel|env/|boxes/|observe/|match/|apply/' ;;
	outbox) up='channel|env/|boxes/|handover/|mbsync/|observe/|match/|apply/|plan/|pair/|search/|imap/|pop3/' ;;
	imap) up='channel|env/|boxes/|observe/|match/|apply/|plan/|search/|store/|maildir/|pop3/|smtp/' ;;
	pop3) up='channel|env/|boxes/|observe/|match/|apply/|plan/|pair/|store/|imap/|smtp/|maildir/|message/' ;;
	smtp) up='channel|env/|boxes/|observe/|match/|apply/|plan/|pair/|search/|store/|imap/|pop3/|maildir/' ;;
	maildir) up='channel|env/|boxes/|observe/|match/|apply/|plan/|search/|store/|imap/|pop3/|smtp/|net/' ;;
	search) up='channel|env/|boxes/|handover/|observe/|match/|apply/|plan/|store/|imap/|pop3/|smtp/|maildir/|net/|sasl/' ;;
	message) up='channel|env/|boxes/|observe/|match/|apply/|plan/|pair/|search/|store/|imap/|pop3/|smtp/|maildir/|net/' ;;
	sasl) up='channel|env/|boxes/|observe/|match/|apply/|plan/|pair/|store/|imap/|pop3/|smtp/|maildir/|message/|net/' ;;
	net) up='channel|env/|boxes/|observe/|match/|apply/|plan/|pair/|store/|imap/|pop3/|smtp/|maildir/' ;;
	esac
	deny "sync/$d points up" "#include \"sync/($up)" sync/$d/*.[ch]
done
deny 'only the chapters of a run and outboxes see state' '#include "state/[a-z_]+\.h' $(ls sync/*/*.[ch] 2>/dev/null | grep -vE '^sync/(env|boxes|handover|observe|match|apply|outbox)/')
deny 'a channel knows no outbox' '#include "sync/outbox/' $(ls sync/*.[ch] sync/*/*.[ch] 2>/dev/null | grep -v '^sync/outbox/')
deny 'LMDB only in state/db' '#include <lmdb' $(ls cmd/*.[ch] cmd/*/*.[ch] sync/*.[ch] sync/*/*.[ch] state/*.[ch] state/*/*.[ch] 2>/dev/null | grep -v '^state/db')
deny 'OpenSSL only in sync/net, sync/message/digest and cmd/discover/pacc' '#include <openssl' $(ls cmd/*.[ch] cmd/*/*.[ch] sync/*.[ch] sync/*/*.[ch] state/*.[ch] state/*/*.[ch] 2>/dev/null | grep -vE '^sync/net/|^sync/message/digest|^cmd/discover/pacc')
deny 'libetpan only in sync/net, sync/imap, sync/pop3 and sync/smtp' '#include <libetpan' $(ls cmd/*.[ch] cmd/*/*.[ch] sync/*.[ch] sync/*/*.[ch] state/*.[ch] state/*/*.[ch] 2>/dev/null | grep -vE '^sync/(net|imap|pop3|smtp)/')
deny 'Cyrus SASL only in sync/sasl' '#include <sasl' $(ls cmd/*.[ch] cmd/*/*.[ch] sync/*.[ch] sync/*/*.[ch] state/*.[ch] state/*/*.[ch] 2>/dev/null | grep -v '^sync/sasl/')
deny 'what a kind of stores is says its row in sync/store/kinds.c' 'SETTINGS_(IMAP|POP3)' $(ls cmd/*.[ch] sync/*.[ch] sync/*/*.[ch] 2>/dev/null | grep -vE '^sync/store/(kinds\.c|settings\.h)$')
deny 'only cmd/ prints or exits' '(^|[^a-z_])(printf|puts|putchar|perror|exit)\(' $(ls sync/*.c sync/*/*.c state/*.c state/model/*.c 2>/dev/null)

# The table of tests/README.md names only tests that exist: a file, then what is in it.
table=$(sed -n '/^| R[0-9]/p' tests/README.md | tr ';|' '\n\n' | sed -n 's/^[^`]*`\([^`]*\)`/\1 /p')
while read -r file names; do
	[ -n "$file" ] || continue
	if [ ! -f "tests/$file" ]; then
		echo "tests/README.md: there is no tests/$file"
		bad=1
		continue
	fi
	for name in $(echo "$names" | grep -o '`[^`]*`' | tr -d '`'); do
		if ! grep -qw "$name" "tests/$file"; then
			echo "tests/README.md: there is no $name in tests/$file"
			bad=1
		fi
	done
done <<END
$table
END
exit $bad
