"""What a person is told when something is wrong, to the letter: what, where, why, and what to do. Each line of the tables is one mistake, or
one thing that went wrong; whoever changes a message reads it here once more as somebody who sees the program for the first time."""
import fcntl
import os
import re
import shutil
import subprocess
import termios
import time

from lib import Case, message, program
from scripted import CUT, Scripted
from test_progress import Screen

BASE = '''IMAPStore server
Host 127.0.0.1
Port 9
User jane
Pass x
TLSType None
AuthMechs LOGIN

MaildirStore disk
Path {dir}/Mail/
Inbox {dir}/Mail/INBOX
SubFolders Verbatim

Channel mail
Far :server:
Near :disk:
Patterns *
Create Both
Expunge Both
'''

# What is typed; the exit code; what is said.
COMMAND_LINE = [
    ('snyc mail', 2,
     'mailtwin: there is no channel, group or command "snyc"; did you mean "sync"?'),
    ('mial', 2,
     'mailtwin: there is no channel, group or command "mial"; did you mean "mail"?'),
    ('-a mail', 2,
     'mailtwin: -a means all channels: no channel can be named beside it'),
    ('', 2,
     'mailtwin: no channel is named; -a means all of them, `mailtwin help` explains more'),
    ('verify', 2,
     'mailtwin: no channel is named; -a means all of them, `mailtwin help` explains more'),
    ('help snyc', 2,
     'mailtwin: there is no command and no keyword "snyc"; did you mean "sync"?'),
    ('help Patern', 2,
     'mailtwin: there is no command and no keyword "Patern"; did you mean "Patterns"?'),
    ('--pul -a', 2,
     'mailtwin: unknown option --pul; did you mean --pull?'),
    ('--frobnicate', 2,
     'mailtwin: unknown option --frobnicate; `mailtwin help` lists all'),
    ('-Z', 2,
     'mailtwin: unknown option -Z; `mailtwin help` lists all'),
    ('-aZ', 2,
     'mailtwin: unknown option -Z; `mailtwin help` lists all'),
    ('-D=nett -a', 2,
     'mailtwin: --debug knows no "nett"; did you mean "net"? (only net, imap, maildir, plan, state, run)'),
    ('-c', 2,
     'mailtwin: -c needs an argument: a file'),
    ('--config', 2,
     'mailtwin: --config needs an argument: a file'),
    ('-c -a', 2,
     'mailtwin: -c needs an argument: a file. If "-a" is one and no option, write --config=-a'),
    ('--restore', 2,
     'mailtwin: --restore needs an argument: a mailbox, or "*" for all'),
    ('--restore -a', 2,
     'mailtwin: --restore needs an argument: a mailbox, or "*" for all. If "-a" is one and no option, write --restore=-a'),
    ('--allow-delete', 2,
     'mailtwin: --allow-delete needs an argument: a mailbox, or "*" for all'),
    ('-j', 2,
     'mailtwin: -j needs an argument: a number'),
    ('-j many -a', 2,
     'mailtwin: -j takes a number from 1 to 64, not "many"'),
    ('-j 0 -a', 2,
     'mailtwin: -j takes a number from 1 to 64, not "0"'),
    ('-j 65 -a', 2,
     'mailtwin: -j takes a number from 1 to 64, not "65"'),
    ('--max-transfer lots -a', 2,
     'mailtwin: --max-transfer takes a size such as 500k or 10m, not "lots"'),
    ('--max-transfer 0 -a', 2,
     'mailtwin: --max-transfer takes a size such as 500k or 10m, not "0"'),
    ('--jobs=x', 2,
     'mailtwin: --jobs takes a number from 1 to 64, not "x"'),
    ('--json=1 -a', 2,
     'mailtwin: --json takes no argument'),
    ('--limit 3 -a', 2,
     'mailtwin: --limit belongs to the command search or log'),
    ('--print path -a', 2,
     'mailtwin: --print belongs to the command search'),
    ('--print colour search from:anna', 2,
     'mailtwin: --print takes path, uid, message-id, subject or json, not "colour"'),
    ('--limit none search from:anna', 2,
     'mailtwin: --limit takes a number from 1 on, not "none"'),
    ('--bodies -a', 2,
     'mailtwin: --bodies belongs to the command verify'),
    ('--since yesterdayish verify -a', 2,
     'mailtwin: --since takes a date such as 2025-01-31, 2025-01, today or 7d, not "yesterdayish"'),
    ('--check -a', 2,
     'mailtwin: --check belongs to the command import'),
    ('list -l plan', 2,
     'mailtwin: there is no channel or group "plan"; the command of that name is written before channels'),
    ('plan -l mail', 2,
     'mailtwin: plan and -l (list) are two commands: one at a time'),
    ('search', 2,
     'mailtwin: nothing to search for is said; `mailtwin help search` lists the words'),
    ('search from:', 2,
     'mailtwin: from: is followed by a value, without a blank between\n    from:\n         ^'),
    ('search form:anna', 2,
     'mailtwin: there is no word "form:" to search by (what has a colon of its own is written in quotation marks); did you '
     'mean "from"?\n    form:anna\n    ^'),
    ('search larger:huge', 2,
     'mailtwin: larger: takes a size such as 500k or 1M, not "huge"\n    larger:huge\n           ^'),
    ('search (from:anna', 2,
     'mailtwin: this bracket is nowhere closed\n    (from:anna\n    ^'),
    ('search since:tomorrowish', 2,
     'mailtwin: since: takes a date such as 2025-01-31, 2025-01, today or 7d, not "tomorrowish"\n    since:tomorrowish\n          ^'),
    ('explain', 2,
     'mailtwin: explain takes one message: its file, its Message-ID, or BOX:UID'),
    ('explain a b', 2,
     'mailtwin: explain takes one message: its file, its Message-ID, or BOX:UID'),
    ('explain nothing', 1,
     'mailtwin: nothing is known of "nothing": it lies in no mailbox of a channel'),
    ('state', 2,
     'mailtwin: state is followed by dump or forget and a channel: `mailtwin help state`'),
    ('state dump', 2,
     'mailtwin: state dump takes one channel'),
    ('state dump mial', 2,
     'mailtwin: there is no channel "mial"; did you mean "mail"?'),
    ('state forget mail more', 2,
     'mailtwin: state forget takes one channel'),
    ('state undump mail', 2,
     'mailtwin: state is followed by dump or forget and a channel: `mailtwin help state`'),
    ('outbox', 2,
     'mailtwin: the configuration has no outbox: SMTPAccount in a Channel or a MaildirStore makes one'),
    ('enqueue', 64,
     'mailtwin: enqueue: there is no recipient: they are arguments, or with -t those of the header'),
    ('enqueue jane@example.com', 78,
     'mailtwin: enqueue: the configuration has no outbox: SMTPAccount in a Channel or a MaildirStore makes one'),
    ('check-config mail', 2,
     'mailtwin: check-config takes no arguments: "mail"'),
    ('--transcript', 2,
     'mailtwin: --transcript needs an argument: a directory'),
    ('export-mbsync', 2,
     'mailtwin: no channel is named; -a means all of them, `mailtwin help` explains more'),
    ('--pull=new -a', 2,
     'mailtwin: --pull takes no argument'),
]

# In place of a line of BASE (None = at the end) stands another; what `mailtwin check-config` says.
CONFIGURATION = [
    ('Host 127.0.0.1', 'Hots 127.0.0.1', 2,
     '{dir}/mbsyncrc:2:1: unknown keyword "Hots" in a section of kind IMAPStore; did you mean "Host"?\nmailtwin: '
     '{dir}/mbsyncrc has 1 error'),
    ('Host 127.0.0.1', '', 2,
     '{dir}/mbsyncrc:1:1: IMAPStore "server" has neither Account nor Host nor Tunnel\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Host 127.0.0.1', 'Host', 2,
     '{dir}/mbsyncrc:2:1: Host has no value behind it; `mailtwin help Host` says what it takes\nmailtwin: {dir}/mbsyncrc has '
     '1 error'),
    ('Host 127.0.0.1', 'Host 127.0.0.1 more', 2,
     '{dir}/mbsyncrc:2:16: Host takes one argument: one with blanks in it needs quotes\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Port 9', 'Port imap', 2,
     '{dir}/mbsyncrc:3:6: Port takes a number from 1 to 65535, not "imap"\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Port 9', 'Port 99999', 2,
     '{dir}/mbsyncrc:3:6: Port takes a number from 1 to 65535, not "99999"\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Port 9', 'Prot 9', 2,
     '{dir}/mbsyncrc:3:1: unknown keyword "Prot" in a section of kind IMAPStore; did you mean "Port"?\nmailtwin: '
     '{dir}/mbsyncrc has 1 error'),
    ('TLSType None', 'TLSType SSL', 2,
     '{dir}/mbsyncrc:6:9: TLSType knows no "SSL" (only None, STARTTLS, IMAPS)\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('TLSType None', 'TLSType', 2,
     '{dir}/mbsyncrc:6:1: TLSType has no value behind it; `mailtwin help TLSType` says what it takes\nmailtwin: '
     '{dir}/mbsyncrc has 1 error'),
    ('TLSType None', 'UseIMAPS maybe', 2,
     '{dir}/mbsyncrc:6:1: notice: "UseIMAPS" is deprecated: write "TLSType IMAPS"\n{dir}/mbsyncrc:6:10: UseIMAPS takes yes '
     'or no, not "maybe"\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('User jane', 'User jane@example.com\nUser joe', 0,
     '{dir}/mbsyncrc:5:1: warning: User was given in line 4 already: this one counts'),
    ('Pass x', 'Pass x\nPassCmd "pass show x"', 2,
     '{dir}/mbsyncrc:6:1: PassCmd beside Pass (line 5): only one of them can be given\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Pass x', 'PassCmd "pass show x', 2,
     '{dir}/mbsyncrc:5:9: a quote that is not closed on its line\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('AuthMechs LOGIN', 'Timeout soon', 2,
     '{dir}/mbsyncrc:7:9: Timeout takes a number from 0 to 2147483, not "soon"\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('AuthMechs LOGIN', 'CertificateFile {dir}/nowhere.pem', 2,
     '{dir}/mbsyncrc:7:17: CertificateFile cannot be read: {dir}/nowhere.pem: No such file or directory\nmailtwin: '
     '{dir}/mbsyncrc has 1 error'),
    ('AuthMechs LOGIN', 'TLSVersions 1.2', 2,
     '{dir}/mbsyncrc:7:13: "1.2" must say whether the version is added (+1.2) or taken away (-1.2)\nmailtwin: {dir}/mbsyncrc '
     'has 1 error'),
    ('AuthMechs LOGIN', 'Throttle fast', 2,
     '{dir}/mbsyncrc:7:10: Throttle takes a size such as 500k or 10m, not "fast"\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('AuthMechs LOGIN', 'Account work', 2,
     "{dir}/mbsyncrc:2:1: Host beside Account (line 7): it belongs to the account's section\n{dir}/mbsyncrc:3:1: Port beside "
     "Account (line 7): it belongs to the account's section\n{dir}/mbsyncrc:4:1: User beside Account (line 7): it belongs to "
     "the account's section\n{dir}/mbsyncrc:5:1: Pass beside Account (line 7): it belongs to the account's "
     "section\n{dir}/mbsyncrc:6:1: TLSType beside Account (line 7): it belongs to the account's section\n{dir}/mbsyncrc:7:9: "
     'there is no IMAPAccount "work"\nmailtwin: {dir}/mbsyncrc has 6 errors'),
    ('Path {dir}/Mail/', 'Path {dir}/Mail', 0,
     '{dir}/mbsyncrc:10:1: warning: Path ({dir}/Mail) does not end in "/": the mailbox "archive" would be {dir}/Mailarchive'),
    ('Inbox {dir}/Mail/INBOX', 'Inbox', 2,
     '{dir}/mbsyncrc:11:1: Inbox has no value behind it; `mailtwin help Inbox` says what it takes\nmailtwin: {dir}/mbsyncrc '
     'has 1 error'),
    ('SubFolders Verbatim', 'SubFolders Maildir', 2,
     '{dir}/mbsyncrc:12:12: SubFolders knows no "Maildir" (only Verbatim, Maildir++, Legacy); did you mean '
     '"Maildir++"?\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('SubFolders Verbatim', 'SubFolders verbatimm', 2,
     '{dir}/mbsyncrc:12:12: SubFolders knows no "verbatimm" (only Verbatim, Maildir++, Legacy); did you mean '
     '"Verbatim"?\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('SubFolders Verbatim', 'SubFolders Verbatim\nTrash', 2,
     '{dir}/mbsyncrc:13:1: Trash has no value behind it; `mailtwin help Trash` says what it takes\nmailtwin: {dir}/mbsyncrc '
     'has 1 error'),
    ('MaildirStore disk', 'MaildirStroe disk', 2,
     '{dir}/mbsyncrc:9:1: unknown keyword "MaildirStroe"; did you mean "MaildirStore"?\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('MaildirStore disk', 'MaildirStore', 2,
     '{dir}/mbsyncrc:9:1: MaildirStore has no name\n{dir}/mbsyncrc:16:6: there is no Store "disk"\nmailtwin: {dir}/mbsyncrc '
     'has 2 errors'),
    ('MaildirStore disk', 'MaildirStore server', 2,
     '{dir}/mbsyncrc:9:14: warning: Store "server" is defined already, in line 1: the name means that one, and this one is '
     'not used\n{dir}/mbsyncrc:16:6: there is no Store "disk"\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Channel mail', 'Channel', 2,
     '{dir}/mbsyncrc:14:1: Channel has no name\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Channel mail', 'Chanel mail', 2,
     '{dir}/mbsyncrc:14:1: unknown keyword "Chanel"; did you mean "Channel"?\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Far :server:', 'Far server', 2,
     '{dir}/mbsyncrc:15:5: Far takes ":store:" or ":store:mailbox", not "server"\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Far :server:', 'Far :sevrer:', 2,
     '{dir}/mbsyncrc:15:5: there is no Store "sevrer"; did you mean "server"?\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Far :server:', '', 2,
     '{dir}/mbsyncrc:14:1: Channel "mail" has no Far\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Near :disk:', '', 2,
     '{dir}/mbsyncrc:14:1: Channel "mail" has no Near\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Near :disk:', 'Near :server:', 2,
     '{dir}/mbsyncrc:16:1: Far and Near are the same mailbox\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Near :disk:', 'Near :disk:\nFar :server:', 0,
     '{dir}/mbsyncrc:17:1: warning: Far was given in line 15 already: this one counts'),
    ('Far :server:', 'Master :server:', 0,
     '{dir}/mbsyncrc:15:1: notice: "Master" is deprecated: write "Far"'),
    ('Patterns *', 'Patterns "*', 2,
     '{dir}/mbsyncrc:17:10: a quote that is not closed on its line\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Create Both', 'Create Yes', 2,
     '{dir}/mbsyncrc:18:8: Create knows no "Yes" (only None, Far, Near, Both)\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Create Both', 'Sync Pul', 2,
     '{dir}/mbsyncrc:18:6: Sync knows no "Pul"; did you mean "Pull"?\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Create Both', 'Sync Pull PullNew', 2,
     '{dir}/mbsyncrc:18:1: Sync says the same operation twice (a direction both alone and for one type)\n'
     'mailtwin: {dir}/mbsyncrc has 1 error'),
    ('Create Both', 'MaxMessages many', 2,
     '{dir}/mbsyncrc:18:13: MaxMessages takes a number from 0 to 2147483647, not "many"\nmailtwin: {dir}/mbsyncrc has 1 '
     'error'),
    ('Create Both', 'MaxSize 5x', 2,
     '{dir}/mbsyncrc:18:9: MaxSize takes a size such as 500k or 10m, not "5x"\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Create Both', 'MaxDelete 50 %', 2,
     '{dir}/mbsyncrc:18:14: nothing may follow the argument of MaxDelete: "%"\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Create Both', 'MaxDelete half', 2,
     '{dir}/mbsyncrc:18:11: MaxDelete takes a number, a percentage or none, not "half"\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Create Both', 'SyncState', 2,
     '{dir}/mbsyncrc:18:1: SyncState has no value behind it; `mailtwin help SyncState` says what it takes\nmailtwin: '
     '{dir}/mbsyncrc has 1 error'),
    ('Create Both', 'CopyArrivalDate maybe', 2,
     '{dir}/mbsyncrc:18:17: CopyArrivalDate takes yes or no, not "maybe"\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Create Both', 'Role Sentt', 2,
     '{dir}/mbsyncrc:18:6: Role knows no "Sentt" (only None, All, Archive, Drafts, Junk, Sent, Trash); did you mean '
     '"Sent"?\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Create Both', 'ExpireSide Both', 2,
     '{dir}/mbsyncrc:18:12: ExpireSide knows no "Both" (only Far, Near)\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Create Both', 'Window 1000', 2,
     '{dir}/mbsyncrc:18:1: "Window" has no place in a section of kind Channel; it belongs to IMAPStore\nmailtwin: '
     '{dir}/mbsyncrc has 1 error'),
    ('Expunge Both', 'Expunge Both\n\nGroup all mail other', 0,
     '{dir}/mbsyncrc:21:16: warning: there is no Channel "other"'),
    ('Expunge Both', 'Expunge Both\n\nChannel mail\nFar :server:\nNear :disk:', 0,
     '{dir}/mbsyncrc:21:9: warning: Channel "mail" is defined already, in line 14: both are run with -a, and the name means '
     'the first'),
    ('Expunge Both', 'Expunge Both\n\nFSync sometimes', 2,
     '{dir}/mbsyncrc:21:1: "FSync" must stand before the first section\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Expunge Both', 'Expunge Both\n\nIMAPStore other', 2,
     '{dir}/mbsyncrc:21:1: IMAPStore "other" has neither Account nor Host nor Tunnel\nmailtwin: {dir}/mbsyncrc has 1 error'),
    ('Expunge Both', 'Expunge Both\nNear :disk:', 0,
     '{dir}/mbsyncrc:20:1: warning: Near was given in line 16 already: this one counts'),
    ('Expunge Both', 'Expunge Both\nPostSync', 2,
     '{dir}/mbsyncrc:20:1: PostSync has no value behind it; `mailtwin help PostSync` says what it takes\nmailtwin: '
     '{dir}/mbsyncrc has 1 error'),
]


# A line of BASE, and what stands in its place; what the server does; what its Maildir has to begin with; the exit code; what is said.
REFUSED = 'mailtwin: mail: account server (127.0.0.1:{port})'
SERVER = [
    ('Pass secret', 'Pass wrong', {}, 77, REFUSED + ': the server refuses to log jane in (LOGIN): no'),
    ('Pass secret', '', {}, 77,
     'mailtwin: mail: account server: the configuration gives no Pass and no PassCmd, and there is no terminal to ask on '
     '(`mailtwin help PassCmd` explains it)'),
    ('Pass secret', 'PassCmd "exit 3"', {}, 77, 'mailtwin: mail: PassCmd of account server failed with exit code 3'),
    ('Pass secret', 'PassCmd true', {}, 77, 'mailtwin: mail: PassCmd of account server printed nothing'),
    ('User jane', '', {}, 77,
     'mailtwin: mail: account server: the configuration gives no User and no UserCmd, and there is no terminal to ask on '
     '(`mailtwin help UserCmd` explains it)'),
    ('Host 127.0.0.1', 'Host imap.example.invalid', {}, 75,
     'mailtwin: mail: account server (imap.example.invalid:{port}): its address cannot be found: no such host'),
    ('TLSType None', 'TLSType STARTTLS', {}, 77,
     REFUSED + ': STARTTLS is required but not offered: the server has none, or somebody on the way has removed it '
     '(TLSType IMAPS encrypts from the first byte)'),
    ('TLSType None', 'TLSType IMAPS', {}, 1,
     REFUSED + ': what answers there does not speak TLS (TLSType STARTTLS, or another Port, may be right)'),
    ('TLSType None', 'TLSType STARTTLS', {'tls': True}, 1,
     REFUSED + ': the server says nothing, for on this port it expects TLS from the first byte: write "TLSType IMAPS"'),
    ('TLSType None', 'TLSType None', {'tls': True}, 1,
     REFUSED + ': the server says nothing, for on this port it expects TLS from the first byte: write "TLSType IMAPS"'),
    ('AuthMechs LOGIN', 'AuthMechs SCRAM-SHA-256', {}, 77,
     REFUSED + ': no authentication mechanism in common: the server offers PLAIN; AuthMechs allows SCRAM-SHA-256'),
    ('AuthMechs LOGIN', 'AuthMechs XOAUTH2', {}, 77,
     REFUSED + ': no authentication mechanism in common: the server offers PLAIN; AuthMechs allows XOAUTH2'),
    ('', '', {'greeting': '* BYE too many connections\r\n'}, 75, REFUSED + ' turns us away: too many connections'),
    ('', '', {'greeting': 'HTTP/1.1 400 Bad Request\r\n'}, 1,
     REFUSED + ' sent what we cannot use (a line that is no response): HTTP/1.1 400 Bad Request'),
    ('', '', {'LOGIN': 'NO [UNAVAILABLE] come back later'}, 75, REFUSED + ': the server cannot log jane in now: come back later'),
    ('', '', {'LOGIN': 'NO [ALERT] Application-specific password required: https://support.example.com/185833'}, 77,
     REFUSED + ': the server refuses to log jane in (LOGIN): Application-specific password required: '
     'https://support.example.com/185833'),
    ('', '', {'LIST': 'NO go away'}, 1, REFUSED + ': LIST: go away'),
    ('', '', {'LIST': CUT}, 75, REFUSED + ': the server closed the connection'),
    ('', '', {'SELECT': 'NO [NOPERM] not yours'}, 1, 'mailtwin: mail: INBOX: account server (127.0.0.1:{port}): not yours'),
    ('', '', {'UID FETCH': 'NO [SERVERBUG] oops'}, 1,
     'mailtwin: mail: INBOX: server did not show all of the far mailbox: it showed 0 of 1 messages: account server '
     '(127.0.0.1:{port}): oops; nothing counts as deleted there, and the next run asks for the rest'),
    ('', '', {'APPEND': 'NO [TOOBIG] too large'}, 1,
     'mailtwin: mail: INBOX: 1 message could not be copied ({dir}/Mail/INBOX/cur/1.M1P1Q1.h:2,S, "hello" from anna@example.org): '
     'account server (127.0.0.1:{port}): too large'),
    ('', '', {'APPEND': 'NO [OVERQUOTA] full'}, 75,
     'mailtwin: mail: INBOX: 1 message waits ({dir}/Mail/INBOX/cur/1.M1P1Q1.h:2,S, "hello" from anna@example.org): account server (127.0.0.1:{port}): full; '
     'the next run goes on'),
    ('', '', {'CREATE': 'NO [CANNOT] an invalid name'}, 1,
     'mailtwin: mail: mailbox a b: account server (127.0.0.1:{port}): CREATE: an invalid name'),
    ('Create Both', '', {}, 1,
     'mailtwin: mail: mailbox a b does not exist on far; "Create Far" or "Create Both" would create it there'),
    ('Patterns *', 'Patterns Work', {}, 0,
     'mailtwin: warning: mail: Patterns select no mailbox of either side; `mailtwin list --list-stores` shows all names'),
    ('Near :disk:', 'Near :disk:a b', {}, 2,
     '{dir}/mbsyncrc:16:14: nothing may follow the argument of Near: "b"\nmailtwin: {dir}/mbsyncrc has 1 error'),
]

# The same with what is done to the Maildir before.
DISK = [
    ('', '', 'rm -r {dir}/Mail', 1, 'mailtwin: mail: Path {dir}/Mail does not exist. If nothing is to be mounted there:  mkdir -p {dir}/Mail'),
    ('', '', 'rm -r {dir}/Mail; touch {dir}/Mail', 1, 'mailtwin: mail: Path {dir}/Mail cannot be read: Not a directory'),
    ('Inbox {dir}/Mail/INBOX', 'Inbox "{dir}/no where/INBOX"', 'true', 1,
     "mailtwin: warning: mail: INBOX: this directory is ignored: INBOX is where Inbox says\n"
     "mailtwin: mail: mailbox INBOX: {dir}/no where does not exist. If nothing is to be mounted there:  "
     "mkdir -p '{dir}/no where'"),
    ('', '', 'mkdir -p {home}/.local/state; touch {home}/.local/state/mailtwin', 1,
     'mailtwin: channel mail: {dir}/home/.local/state/mailtwin/mail.lock: cannot open the lock file: Not a directory'),
    ('', '', 'mkdir -p {home}/.local/state/mailtwin; echo nonsense > {home}/.local/state/mailtwin/mail.mdb; '
     'chmod 644 {home}/.local/state/mailtwin/mail.mdb', 1,
     'mailtwin: channel mail: {dir}/home/.local/state/mailtwin/mail.mdb is open to other users (mode 644), and holds what is known of the '
     'mail:  chmod 600 {dir}/home/.local/state/mailtwin/mail.mdb'),
    ('', '', 'mkdir -p {home}/.local/state/mailtwin; echo nonsense > {home}/.local/state/mailtwin/mail.mdb; '
     'chmod 600 {home}/.local/state/mailtwin/mail.mdb', 1,
     "mailtwin: channel mail: {dir}/home/.local/state/mailtwin/mail.mdb is damaged (it is cut off at the beginning): move it aside "
     "(mv '{dir}/home/.local/state/mailtwin/mail.mdb' '{dir}/home/.local/state/mailtwin/mail.mdb.damaged') and run again; what is there "
     "is then paired anew, and nothing is deleted or copied twice"),
]


class Messages(Case):
    """A home, a configuration with an account, a Maildir of two mailboxes and a message."""

    def setUp(self):
        super().setUp()
        self.binary = program('MAILTWIN_FAST')
        self.anew()

    def anew(self):
        shutil.rmtree(self.home)
        os.makedirs(self.home)
        subprocess.run(['rm', '-rf', self.dir + '/Mail'], check=True)
        for box in 'INBOX', 'a b':
            for sub in 'cur', 'new', 'tmp':
                os.makedirs(f'{self.dir}/Mail/{box}/{sub}')
        with open(self.dir + '/Mail/INBOX/cur/1.M1P1Q1.h:2,S', 'wb') as f:
            f.write(b'From: anna@example.org\nSubject: hello\n\nserial 1.\n')

    def rc(self, line='', instead='', port=9):
        text = BASE.replace('Port 9\n', f'Port {port}\n').replace('Pass x\n', 'Pass secret\n' if port != 9 else 'Pass x\n')
        if line:
            self.assertIn(line + '\n', text)
            text = text.replace(line + '\n', instead + '\n' if instead else '')
        self.write_config(text.replace('{dir}', self.dir))

    def check(self, args, code, text, **names):
        run = self.mailtwin(*args, code=None)
        said = run.err.replace(self.dir, '{dir}').rstrip('\n')
        for name, value in names.items():
            said = said.replace(str(value), '{%s}' % name)
        with self.subTest(args=args, text=text):
            self.assertEqual((said, run.code), (text, code))
        # Whatever is said is one thing, said once.
        for line in said.splitlines():
            for word in re.findall(r'(?:^|: )([^:]{3,40})(?=: )', line):
                self.assertNotIn(f': {word}: {word}: ', line)

    def test_command_line(self):
        self.rc()
        for typed, code, text in COMMAND_LINE:
            self.check(typed.split(), code, text)

    def test_no_configuration(self):
        places = ('there is no configuration: neither {dir}/home/.config/mailtwin/mbsyncrc nor {dir}/home/.config/isyncrc nor '
                  '{dir}/home/.mbsyncrc exists; `mailtwin init ADDRESS` makes one')
        for args, text in ((), places), (('-a',), places), (('list',), places), \
                (('snyc',), 'there is no command "snyc"; did you mean "sync"? If it is a channel: ' + places), \
                (('wrok',), 'there is no command "wrok" (`mailtwin help` lists them). If it is a channel: ' + places):
            run = self.mailtwin(*args, config=False, code=2)
            self.assertEqual(run.err.replace(self.dir, '{dir}'), f'mailtwin: {text}\n')

    def test_configuration(self):
        for line, instead, code, text in CONFIGURATION:
            self.rc(line, instead)
            self.check(['check-config'], code, text)

    def test_server(self):
        for line, instead, does, code, text in SERVER:
            answers = {k: v for k, v in does.items() if k.isupper()}

            def fault(session, verb, words):
                if verb not in answers or (verb == 'SELECT' and words[0] != 'INBOX'):
                    return None
                return answers[verb] if answers[verb] is CUT else '{tag} ' + answers[verb] + '\r\n'
            with Scripted(**{k: v for k, v in does.items() if k.islower()}) as server:
                server.boxes['INBOX'].add(message(2).replace(b'\n', b'\r\n'), ('\\Seen',))
                server.fault = fault
                self.anew()
                self.rc(line, instead, server.port)
                begin = time.monotonic()
                self.check(['-a'], code, text, port=server.port)
                self.assertLess(time.monotonic() - begin, 6, text)

    def test_disk(self):
        for line, instead, done, code, text in DISK:
            with Scripted() as server:
                self.anew()
                subprocess.run(done.format(dir=self.dir, home=self.home), shell=True, check=True)
                self.rc(line, instead, server.port)
                self.check(['-a'], code, text, port=server.port)

    def test_a_keyword_that_is_not_kept(self):
        with Scripted() as server:
            server.boxes['INBOX'].add(message(2).replace(b'\n', b'\r\n'), ('\\Seen', 'Work'))
            self.rc(port=server.port)
            run = self.mailtwin('-V', '-a')
            self.assertIn('mailtwin: mail: disk (near) keeps no keywords; they stay on the other side. To keep them: "Keywords yes" in '
                          'MaildirStore disk\n', run.err)
            self.rc('SubFolders Verbatim', 'SubFolders Verbatim\nKeywords yes', port=server.port)
            self.assertNotIn('keeps no', self.mailtwin('-V', '-a').err)

    def test_hints_can_be_pasted(self):
        """A mailbox that is gone, with a blank in its name: each command that is named does what it says."""
        with Scripted() as server:
            self.rc(port=server.port)
            self.mailtwin('-a')
            shutil.rmtree(self.dir + '/Mail/a b')
            run = self.mailtwin('-a', code=1)
            self.assertEqual(run.err.replace(self.dir, '{dir}'), 'mailtwin: mail: mailbox "a b" is missing on near; "Remove Far" or '
                             "\"Remove Both\" would remove it from far, mailtwin -c {dir}/mbsyncrc --restore 'a b' mail would create it again "
                             'on near\n')
            hint = re.search(r'mailtwin (.*?) would create', run.err).group(1)
            subprocess.run(f'{self.binary} {hint}', shell=True, check=True, env=self.environment())
            self.assertTrue(os.path.isdir(self.dir + '/Mail/a b/cur'))
            self.assertEqual(self.mailtwin('-a').err, '')

    def test_the_prompt_names_whom_it_asks_for(self):
        with Scripted() as server:
            for user, pass_, prompt in ('User jane', '', 'Password of jane@127.0.0.1 (account server): '), \
                    ('User jane@example.org', '', 'Password of jane@example.org at 127.0.0.1 (account server): '), \
                    ('', 'Pass secret', 'User at 127.0.0.1 (account server): '):
                self.rc('User jane\nPass secret', '\n'.join(x for x in (user, pass_) if x), server.port)
                screen = Screen(80)
                process = subprocess.Popen(self.command('-a'), env=self.environment({'TERM': 'xterm'}), stdin=screen.slave, stdout=screen.slave,
                                           stderr=screen.slave, preexec_fn=lambda: (os.setsid(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)))
                while prompt not in screen.raw:
                    self.assertTrue(screen.read(), screen.raw)
                os.write(screen.master, b'secret\n' if user else b'jane\n')
                os.close(screen.slave)
                screen.rest()
                self.assertEqual(process.wait(), 0, screen.raw)
                self.assertNotIn('secret', screen.raw)
