/* The configuration language: files against what they come to, and files with faults against the
 * exact words the user reads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <sys/stat.h>

#include "cmd/config.h"
#include "cmd/config_file.h"
#include "cmd/config_keywords.h"
#include "cmd/config_print.h"
#include "cmd/config_value.h"
#include "cmd/nearest.h"

/* Two stores to put under a channel, in 8 lines: the channel's own text starts in line 9. */
#define STORES "MaildirStore far\nPath /f/\nInbox /f/in\n\nMaildirStore near\nPath /n/\nInbox /n/in\n\n"
#define CHANNEL STORES "Channel c\nFar :far:\nNear :near:\n"	/* goes on in line 12 */
#define ACCOUNT "IMAPAccount a\nHost h\n"	/* goes on in line 3 */

static struct settings *
parse(const char *text, struct config_notes *notes, struct buf *printed)
{
	struct settings *s = config_parse("/etc/dir/rc", text, strlen(text), "/home/me", notes);

	config_notes_print(notes, "rc", CONFIG_ERROR, CONFIG_DEPRECATED, printed);
	return s;
}

/* The settings of a text that must be right, warnings included. */
static struct settings *
settings_of(const char *text)
{
	struct config_notes notes = { 0 };
	struct buf printed = { 0 };
	struct settings *s = parse(text, &notes, &printed);

	assert_string_equal(buf_str(&printed), "");
	buf_release(&printed);
	config_notes_release(&notes);
	return s;
}

/* A configuration and the lines "FILE:LINE:COLUMN: ..." it must yield, all of them. */
static const struct {
	const char *text, *notes;
} faulty[] = {
	/* Words */
	{ "", "" },
	{ "# nothing but a comment\n", "" },
	{ "Bla\n", "rc:1:1: unknown keyword \"Bla\"\n" },
	{ "FSink yes\n", "rc:1:1: unknown keyword \"FSink\"; did you mean \"FSync\"?\n" },
	{ "FSync\n", "rc:1:1: FSync has no value behind it; `mailtwin help FSync` says what it takes\n" },
	{ "FSync # yes\n", "rc:1:1: FSync has no value behind it; `mailtwin help FSync` says what it takes\n" },
	{ "FSync yes no\n", "rc:1:11: nothing may follow the argument of FSync: \"no\"\n" },
	{ "FSync yess\n", "rc:1:7: FSync takes yes or no, not \"yess\"; did you mean \"yes\"?\n" },
	{ "FSync 2\n", "rc:1:7: FSync takes yes or no, not \"2\"\n" },
	{ "FSync \"yes\n", "rc:1:7: a quote that is not closed on its line\n" },
	{ "FSync yes\\\n", "rc:1:10: a backslash with nothing to escape behind it\n" },
	{ "FSync yes\\\r\n", "rc:1:10: a backslash with nothing to escape behind it\n" },
	{ "BufferLimit 0\n", "rc:1:13: BufferLimit must be more than 0\n" },
	{ "BufferLimit 10g\n", "rc:1:13: BufferLimit takes a size such as 500k or 10m, not \"10g\"\n" },
	{ "BufferLimit -1\n", "rc:1:13: BufferLimit takes a size such as 500k or 10m, not \"-1\"\n" },
	{ "BufferLimit 99999999999999999999\n",
	  "rc:1:13: BufferLimit takes a size such as 500k or 10m, not \"99999999999999999999\"\n" },
	{ "FieldDelimiter ::\n", "rc:1:16: FieldDelimiter takes exactly one character, not \"::\"\n" },
	{ "FieldDelimiter a\n", "rc:1:16: FieldDelimiter takes a punctuation character, not \"a\"\n" },
	{ "FieldDelimiter /\n",
	  "rc:1:16: FieldDelimiter cannot be \"/\", which has a meaning in file names\n" },
	{ "SyncState ~nobody-of-that-name/x\n", "rc:1:11: there is no user \"nobody-of-that-name\"\n" },
	{ "IMAPStore s\nHost h\nWindow 0\n", "rc:3:8: Window takes the number of messages that the server shows, or no, not \"0\"\n" },
	{ "IMAPStore s\nHost h\nWindow yes\n", "rc:3:8: Window takes the number of messages that the server shows, or no, not \"yes\"\n" },
	{ "MaxDelete 101%\n", "rc:1:11: MaxDelete takes a number, a percentage or none, not \"101%\"\n" },
	{ "MaxDelete 0%\n", "rc:1:11: MaxDelete takes a number, a percentage or none, not \"0%\"\n" },
	{ "MaxDelete -5\n", "rc:1:11: MaxDelete takes a number, a percentage or none, not \"-5\"\n" },
	{ "PostSync notmuch new\n",
	  "rc:1:18: PostSync takes one argument: one with blanks in it needs quotes\n" },
	{ "FSync yes\nFSync no\n", "rc:2:1: warning: FSync was given in line 1 already: this one counts\n" },

	/* Sections */
	{ "Chanel c\nFar :x:\n",
	  "rc:1:1: unknown keyword \"Chanel\"; did you mean \"Channel\"?\n"
	  "rc:1:1: Channel \"c\" has no Near\n"
	  "rc:2:5: there is no Store \"x\"\n" },
	{ "Channel\nFar :x:\nNear :y:\n",
	  "rc:1:1: Channel has no name\n"
	  "rc:2:5: there is no Store \"x\"\n"
	  "rc:3:6: there is no Store \"y\"\n" },
	{ "Channel c\n", "rc:1:1: Channel \"c\" has no Far\nrc:1:1: Channel \"c\" has no Near\n" },
	{ STORES "Channel c d\nFar :far:\nNear :near:\n",
	  "rc:9:11: nothing may follow the name of a section: \"d\"\n" },
	{ STORES "Sync Full\n", "rc:9:1: \"Sync\" stands outside a section (an empty line ends one); it "
	  "belongs to Channel or before the first section\n" },
	{ STORES "FSync yes\n", "rc:9:1: \"FSync\" must stand before the first section\n" },
	{ CHANNEL "FSync yes\n", "rc:12:1: \"FSync\" must stand before the first section\n" },
	{ CHANNEL "\nPatterns *\nCreate Both\nCreat Both\n\nExpunge Both\n",
	  "rc:13:1: \"Patterns\" stands outside a section (an empty line ends one); it belongs to Channel\n"
	  "rc:15:1: unknown keyword \"Creat\"; did you mean \"Create\"?\n"
	  "rc:17:1: \"Expunge\" stands outside a section (an empty line ends one); it belongs to Channel "
	  "or before the first section\n" },
	{ "Host h\n", "rc:1:1: \"Host\" stands outside a section (an empty line ends one); it belongs to "
	  "IMAPAccount or SMTPAccount or IMAPStore or POP3Store\n" },
	{ CHANNEL "Host h\n", "rc:12:1: \"Host\" has no place in a section of kind Channel; it belongs to "
	  "IMAPAccount or SMTPAccount or IMAPStore or POP3Store\n" },
	{ STORES "Group g\nPath x\n", "rc:10:1: \"Path\" has no place in a section of kind Group; it "
	  "belongs to IMAPStore or MaildirStore\n" },
	{ CHANNEL "Pattrns *\n", "rc:12:1: unknown keyword \"Pattrns\" in a section of kind Channel; did "
	  "you mean \"Patterns\"?\n" },
	{ ACCOUNT "MaildirStore m\n", "rc:3:1: \"MaildirStore\" begins a section: an empty line must stand "
	  "before it\n" },
	{ STORES "MaildirStore far\n", "rc:9:14: warning: Store \"far\" is defined already, in line 1: the name means that one, and this one is not "
	  "used\n" },
	{ STORES "IMAPStore near\nHost h\n", "rc:9:11: warning: Store \"near\" is defined already, in line 5: the name means that one, and this "
	  "one is not used\n" },
	{ CHANNEL "\nChannel c\nFar :far:\nNear :near:\n", "rc:13:9: warning: Channel \"c\" is defined already, in line 9: both are run with -a, "
	  "and the name means the first\n" },
	{ ACCOUNT "\n" ACCOUNT, "rc:4:13: warning: IMAPAccount \"a\" is defined already, in line 1: the name means that one, and this one is not "
	  "used\n" },
	{ "MaildirStore d\nPath /m/work\nInbox /m/work/\n", "rc:2:1: warning: Path (/m/work) does not end in \"/\": the mailbox \"archive\" would "
	  "be /m/workarchive\n" },
	{ "MaildirStore d\nPath /m/work-\nInbox /m/work\n", "" },
	{ "MaildirStore a:b\n", "rc:1:14: a Store's name cannot contain \":\": \"a:b\"\n" },

	/* Accounts and IMAP stores */
	{ "IMAPAccount a\n", "rc:1:1: IMAPAccount \"a\" has neither Host nor Tunnel\n" },
	{ "IMAPStore a\n", "rc:1:1: IMAPStore \"a\" has neither Account nor Host nor Tunnel\n" },
	{ "IMAPAccount a\nHots h\n", "rc:2:1: unknown keyword \"Hots\" in a section of kind IMAPAccount; "
	  "did you mean \"Host\"?\n" },
	{ "IMAPAccount a\nHost \"h\n", "rc:2:6: a quote that is not closed on its line\n" },
	{ ACCOUNT "User u\nUserCmd \"echo u\"\n",
	  "rc:4:1: UserCmd beside User (line 3): only one of them can be given\n" },
	{ ACCOUNT "PassCmd \"echo p\"\nPass p\n",
	  "rc:4:1: Pass beside PassCmd (line 3): only one of them can be given\n" },
	{ ACCOUNT "Pass open sesame\n",
	  "rc:3:11: Pass takes one argument: one with blanks in it needs quotes\n" },
	{ ACCOUNT "PassCmd echo sesame\n",
	  "rc:3:14: PassCmd takes one argument: one with blanks in it needs quotes\n" },
	{ ACCOUNT "PassCmd +\n", "rc:3:9: PassCmd has no command\n" },
	{ ACCOUNT "Port 0\n", "rc:3:6: Port takes a number from 1 to 65535, not \"0\"\n" },
	{ ACCOUNT "Port 65536\n", "rc:3:6: Port takes a number from 1 to 65535, not \"65536\"\n" },
	{ ACCOUNT "Port imap\n", "rc:3:6: Port takes a number from 1 to 65535, not \"imap\"\n" },
	{ ACCOUNT "PipelineDepth 0\n",
	  "rc:3:15: PipelineDepth takes a number from 1 to 2147483647, not \"0\"\n" },
	{ ACCOUNT "Connections 0\n", "rc:3:13: Connections takes a number from 1 to 64, not \"0\"\n" },
	{ ACCOUNT "Timeout 1.5\n", "rc:3:9: Timeout takes a number from 0 to 2147483, not \"1.5\"\n" },
	{ ACCOUNT "TLSType STARTLS\n",
	  "rc:3:9: TLSType knows no \"STARTLS\" (only None, STARTTLS, IMAPS); did you mean \"STARTTLS\"?\n" },
	{ ACCOUNT "TLSVersions +1.4 1.3\n",
	  "rc:3:13: \"+1.4\" is no TLS version (only +1.0 to +1.3, -1.0 to -1.3)\n"
	  "rc:3:18: \"1.3\" must say whether the version is added (+1.3) or taken away (-1.3)\n" },
	{ ACCOUNT "TLSVersions -1.2 -1.3\n", "rc:3:1: no TLS version is left\n" },
	{ ACCOUNT "TLSVersions +1.0\n", "rc:3:1: warning: TLS 1.1 lies between versions that may be used, and is used as well: "
	  "+1.1 says so\n" },
	{ ACCOUNT "TLSVersions +1.1 -1.2\n", "rc:3:1: warning: TLS 1.2 lies between versions that may be used, and is used as "
	  "well: +1.2 says so\n" },
	{ ACCOUNT "SSLType IMAPS\nSSLVersions TLSv1.2 SSLv3 TLSv12\n",
	  "rc:3:1: notice: \"SSLType\" is deprecated: write \"TLSType\"\n"
	  "rc:4:1: notice: \"SSLVersions\" is deprecated: write \"TLSVersions\"\n"
	  "rc:4:21: warning: SSLv3 is no longer supported\n"
	  "rc:4:27: \"TLSv12\" is no SSL version; did you mean \"TLSv1\"?\n" },
	{ ACCOUNT "RequireCRAM yes\n",
	  "rc:3:1: notice: \"RequireCRAM\" is deprecated: write \"AuthMechs CRAM-MD5\"\n" },
	{ ACCOUNT "AuthMechs PLAIN\nRequireCRAM yes\n",
	  "rc:4:1: notice: \"RequireCRAM\" is deprecated: write \"AuthMechs CRAM-MD5\"\n"
	  "rc:4:1: RequireCRAM beside AuthMechs (line 3): only one of them can be given\n" },
	{ ACCOUNT "DisableExtension UIDPLSU MOVE Foo\n",
	  "rc:3:18: \"UIDPLSU\" is no extension that can be disabled; did you mean \"UIDPLUS\"?\n"
	  "rc:3:31: \"Foo\" is no extension that can be disabled\n" },
	{ ACCOUNT "UseKeychain yes\nUseUTF8 yes\n",
	  "rc:3:1: \"UseKeychain\" is known to macOS builds of mbsync only: use PassCmd\n"
	  "rc:4:1: \"UseUTF8\" was never released: names are always UTF-8 here\n" },
	{ ACCOUNT "UseKeychain no\n", "" },
	/* Deprecated words: once for each word and file. */
	{ ACCOUNT "SSLType IMAPS\n\nIMAPAccount b\nHost h\nssltype None\n\nIMAPAccount c\nHost h\nSSLVersion TLSv1.2\n",
	  "rc:3:1: notice: \"SSLType\" is deprecated: write \"TLSType\"\n"
	  "rc:11:1: notice: \"SSLVersion\" is deprecated: write \"TLSVersions\"\n" },
	{ ACCOUNT "RequireSSL no\nTLSType None\n",
	  "rc:3:1: notice: \"RequireSSL\" is deprecated: write \"TLSType\"\n"
	  "rc:3:1: warning: \"RequireSSL no\" is ignored: TLSType None says it now\n"
	  "rc:4:1: TLSType beside RequireSSL, UseIMAPS or UseTLSv1 (line 3): only one of them can be given\n" },
	{ ACCOUNT "UseSSLv3 yes\nUseIMAPS maybe\n",
	  "rc:3:1: notice: \"UseSSLv3\" is deprecated: write \"TLSVersions\"\n"
	  "rc:3:1: warning: SSLv3 is no longer supported\n"
	  "rc:4:1: notice: \"UseIMAPS\" is deprecated: write \"TLSType IMAPS\"\n"
	  "rc:4:10: UseIMAPS takes yes or no, not \"maybe\"\n" },
	{ STORES "Channel c\nMaster :far:\nSlave :near:\n\nChannel d\nmaster :far:x\nslave :near:x\nSync PullReNew\n",
	  "rc:10:1: notice: \"Master\" is deprecated: write \"Far\"\n"
	  "rc:11:1: notice: \"Slave\" is deprecated: write \"Near\"\n"
	  "rc:16:6: notice: \"PullReNew\" is deprecated: write \"PullUpgrade\"\n" },
	{ ACCOUNT "CertificateFile /nonexistent/x\n",
	  "rc:3:17: CertificateFile cannot be read: /nonexistent/x: No such file or directory\n" },
	{ ACCOUNT "ClientKey \"\"\n", "rc:3:11: ClientKey cannot be empty\n" },
	{ "IMAPAccount work\nHost h\n\nIMAPStore s\nAccount wrok\n",
	  "rc:5:9: there is no IMAPAccount \"wrok\"; did you mean \"work\"?\n" },
	{ "IMAPStore s\nAccount late\n\nIMAPAccount late\nHost h\n",
	  "rc:2:9: IMAPAccount \"late\" must be defined before it is used; it is in line 4\n" },
	{ ACCOUNT "\nIMAPStore s\nAccount a\nHost h\nPassCmd x\n",
	  "rc:6:1: Host beside Account (line 5): it belongs to the account's section\n"
	  "rc:7:1: PassCmd beside Account (line 5): it belongs to the account's section\n" },
	{ ACCOUNT "\nIMAPStore s\nAccount a\nPathDelimiter ..\n",
	  "rc:6:15: PathDelimiter takes exactly one character, not \"..\"\n" },

	/* Maildir stores */
	{ "MaildirStore m\nSubFolders Maildir+\n",
	  "rc:2:12: SubFolders knows no \"Maildir+\" (only Verbatim, Maildir++, Legacy); did you mean \"Maildir++\"?\n" },
	{ "MaildirStore m\nSubFolders Maildir++\nPath /m/\n",
	  "rc:3:1: Path has no meaning with \"SubFolders Maildir++\": all mailboxes lie in Inbox\n" },
	{ "MaildirStore m\nInbox /m/\nPath /m/sub/\n",
	  "rc:3:1: Path (/m/sub/) lies inside Inbox (/m)\n" },
	{ "MaildirStore m\nInfoDelimiter 2\n",
	  "rc:2:15: InfoDelimiter takes a punctuation character, not \"2\"\n" },

	/* Channels */
	{ STORES "Channel c\nFar far\nNear :near\n",
	  "rc:10:5: Far takes \":store:\" or \":store:mailbox\", not \"far\"\n"
	  "rc:11:6: Near takes \":store:\" or \":store:mailbox\", not \":near\"\n" },
	{ STORES "Channel c\nMaster :far:\nSlave :naer:\n",
	  "rc:10:1: notice: \"Master\" is deprecated: write \"Far\"\n"
	  "rc:11:1: notice: \"Slave\" is deprecated: write \"Near\"\n"
	  "rc:11:7: there is no Store \"naer\"; did you mean \"near\"?\n" },
	{ "Channel c\nFar :late:\nNear :late:x\n\nMaildirStore late\n",
	  "rc:2:5: Store \"late\" must be defined before it is used; it is in line 5\n"
	  "rc:3:6: Store \"late\" must be defined before it is used; it is in line 5\n" },
	{ STORES "Channel c\nFar :far:x\nNear :far:x\n", "rc:11:1: Far and Near are the same mailbox\n" },
	{ CHANNEL "Create Master\nRemove Neer\nExpunge None Both\nCreate Far Both\n",
	  "rc:12:8: notice: \"Master\" is deprecated: write \"Far\"\n"
	  "rc:13:8: Remove knows no \"Neer\" (only None, Far, Near, Both); did you mean \"Near\"?\n"
	  "rc:15:1: Create has Both beside a side\n" },
	{ CHANNEL "Expunge None Both\n", "" },
	{ CHANNEL "Expunge Both Far\n", "rc:12:1: Expunge has Both beside a side\n" },
	{ CHANNEL "Sync PulNew\n", "rc:12:6: Sync knows no \"PulNew\"; did you mean \"PullNew\"?\n" },
	{ CHANNEL "Sync ReNew Delete PushDelete\n",
	  "rc:12:1: Sync says the same operation twice (a type both alone and for one direction)\n"
	  "rc:12:6: notice: \"ReNew\" is deprecated: write \"Upgrade\"\n"
	  "rc:12:12: notice: \"Delete\" is deprecated: write \"Gone\"\n"
	  "rc:12:19: notice: \"PushDelete\" is deprecated: write \"PushGone\"\n" },
	{ CHANNEL "Sync None New\n", "" },
	{ CHANNEL "Sync PullNew Noop\n", "" },
	{ CHANNEL "Sync Pull PullOld\n", "" },
	{ CHANNEL "Sync PullFull Pull\n",
	  "rc:12:1: Sync says the same operation twice (a direction both alone and for one type)\n"
	  "rc:12:6: notice: \"PullFull\" is deprecated: write \"Pull\"\n" },
	{ CHANNEL "Sync PullNew Pull\n",
	  "rc:12:1: Sync says the same operation twice (a direction both alone and for one type)\n" },
	{ CHANNEL "Sync PullNew Push Gone\n",
	  "rc:12:1: Sync mixes simple and compound operations in a way that says nothing clear\n" },
	{ CHANNEL "Sync PullNew Full\n",
	  "rc:12:1: Sync mixes simple and compound operations in a way that says nothing clear\n" },
	{ CHANNEL "Sync PullNew Pull Push\n",
	  "rc:12:1: Sync mixes simple and compound operations in a way that says nothing clear\n" },
	{ CHANNEL "Far :near:\n", "rc:11:1: Far and Near are the same mailbox\n"
	  "rc:12:1: warning: Far was given in line 10 already: this one counts\n" },
	{ ACCOUNT "\nIMAPStore i\nAccount a\n\nMaildirStore m\n\nChannel c\nFar :m:\nNear :i:\nSyncState *\n",
	  "rc:12:1: \"SyncState *\" needs a MaildirStore at Near, not \"i\"\n" },
	{ CHANNEL "\nGroup g c:a,b d\nChannels cc\n",
	  "rc:13:15: warning: there is no Channel \"d\"\n"
	  "rc:14:10: warning: there is no Channel \"cc\"; did you mean \"c\"?\n" },

	{ CHANNEL "Patterns *\nRole Sent Papers\n", "rc:13:11: Role knows no \"Papers\" (only None, All, Archive, Drafts, "
	  "Junk, Sent, Trash)\n" },
	{ "MaildirStore m\nRoleSent a//b\nRoleJunk INBOX\n",
	  "rc:2:1: RoleSent cannot be \"a//b\": it has an empty part between two '/'\n"
	  "rc:3:1: RoleJunk cannot be \"INBOX\": it has no role of its own\n" },
	{ CHANNEL "Role Sent\n", "rc:12:1: Role needs Patterns: a channel of one mailbox has one pair\n" },

	{ CHANNEL "MaxSize 1m\nMaxMessages 5\nExpireUnread yes\nExpireSide Far\nExpungeSolo Far\n",
	  "" },
	{ "MaildirStore m\nMaxSize 5x\nFlatten .\nTrash T\nTrashNewOnly yes\nTrashRemoteNew no\nAltMap no\n",
	  "rc:2:9: MaxSize takes a size such as 500k or 10m, not \"5x\"\n" },
	{ "MaildirStore m\nFlatten a/b\n",
	  "rc:2:9: Flatten takes a delimiter without \"/\", not \"a/b\"\n" },
	{ CHANNEL "Expunge Both\nExpungeSolo Near\n",
	  "rc:13:1: ExpungeSolo excludes Expunge on the same side (Near)\n" },
};

static void
faults_are_told(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
		struct config_notes notes = { 0 };
		struct buf printed = { 0 };
		struct settings *s = parse(faulty[i].text, &notes, &printed);

		assert_string_equal(buf_str(&printed), faulty[i].notes);
		settings_free(&s);
		buf_release(&printed);
		config_notes_release(&notes);
	}
}

static void
nul_byte_is_a_fault(void **unused)
{
	static const char text[] = "FSync y\0es\n";
	struct config_notes notes = { 0 };
	struct settings *s = config_parse("rc", text, sizeof text - 1, "/h", &notes);

	(void)unused;
	assert_int_equal(notes.n_errors, 1);
	assert_string_equal(notes.all.at[0].text, "a NUL byte");
	assert_int_equal(notes.all.at[0].column, 8);
	settings_free(&s);
	config_notes_release(&notes);
}

/* Channel lines and the lines they come to. */
static const struct {
	const char *text, *line;
} resolved[] = {
	{ "", "Sync Pull Push New Upgrade Gone Flags" },
	{ "Sync Full\n", "Sync Pull Push New Upgrade Gone Flags" },
	{ "Sync all\n", "Sync Pull Push New Upgrade Gone Flags" },
	{ "Sync Full Old\n", "Sync Pull Push New Old Upgrade Gone Flags" },
	{ "Sync None\n", "Sync None" },
	{ "sync noop\n", "Sync None" },
	{ "Sync Pull\n", "Sync Pull New Upgrade Gone Flags" },
	{ "Sync Push\n", "Sync Push New Upgrade Gone Flags" },
	{ "Sync Pull Push\n", "Sync Pull Push New Upgrade Gone Flags" },
	{ "Sync New Gone\n", "Sync Pull Push New Gone" },
	{ "Sync Pull New Old\n", "Sync Pull New Old" },
	{ "Sync Pull\nSync New\n", "Sync Pull New" },
	{ "Sync PullNew\n", "Sync Pull New" },
	{ "Sync PullNew PushNew\n", "Sync Pull Push New" },
	{ "Sync PullNew PushGone\n", "Sync PullNew PushGone" },
	{ "Sync PullNew PushOld PushFlags\n", "Sync PullNew PushOld PushFlags" },
	{ "Sync PullNew Push\n", "Sync PullNew PushNew PushUpgrade PushGone PushFlags" },
	{ "Sync PullNew PushGone Flags\n", "Sync PullNew PushGone PullFlags PushFlags" },
	{ "Create Far\n", "Create Far" },
	{ "Create Far Near\n", "Create Both" },
	{ "Create Far\nCreate Near\n", "Create Both" },
	{ "Create both\n", "Create Both" },
	{ "Remove Near\n", "Remove Near" },
	{ "Expunge none\n", "Expunge None" },
	{ "", "Create None" },
	{ "", "CopyArrivalDate no" },
	{ "CopyArrivalDate on\n", "CopyArrivalDate yes" },
	{ "SyncState *\n", "SyncState *" },
	{ "SyncState state/\n", "SyncState /etc/dir/state/" },
	{ "SyncState ~/.s/\n", "SyncState /home/me/.s/" },
	{ "SyncState ~root/s\n", "SyncState /root/s" },
	{ "MaxDelete 10%\n", "MaxDelete 10%" },
	{ "MaxDelete 42\n", "MaxDelete 42" },
	{ "MaxDelete 0\n", "MaxDelete none" },
	{ "MaxDelete None\n", "MaxDelete none" },
	{ "PostSync \"a \\\"b\\\" \\\\c\"\n", "PostSync \"a \\\"b\\\" \\\\c\"" },
	{ "Pattern A # B\n", "Patterns A" },
	{ "Patterns * !Trash \"a b\" # rest\nPattern ! \"\" c#d \"#e\"\n",
	  "Patterns * !Trash \"a b\" ! \"\" c#d \"#e\"" },
	{ "Patterns a\\ b\\\"c \"x\"y\" z\"\n", "Patterns \"a b\\\"c\" \"xy z\"" },
};

static void
assert_has_line(const char *text, const char *line)
{
	char *wanted = mem_printf("\n%s\n", line);

	if (strstr(text, wanted) == NULL)
		fail_msg("no line \"%s\" in:\n%s", line, text);
	free(wanted);
}

static void
channels_are_resolved(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof resolved / sizeof *resolved; i++) {
		char *text = mem_printf("%s%s", CHANNEL, resolved[i].text);
		struct settings *s = settings_of(text);
		struct buf printed = { 0 };

		config_print(s, NULL, &printed);
		assert_has_line(buf_str(&printed), resolved[i].line);
		buf_release(&printed);
		settings_free(&s);
		free(text);
	}
}

static const char whole[] =
	"\xef\xbb\xbf# comment\r\n"
	"FSync off\r\n"
	"  FieldDelimiter ;   # tail\n"
	"BufferLimit 20kb\n"
	"\n"
	"CREATE Near\n"
	"Sync Pull\n"
	"PostSync global\n"
	"MaxDelete 7\n"
	"\n"
	"IMAPAccount acc\n"
	"Host imap.example.com\n"
	"# a comment does not end a section\n"
	"Timeout 0\n"
	"User \"a b\"\n"
	"Pass \"s3cret\"\n"
	"AuthMechs scram-sha-256 LOGIN login\n"
	"TLSType imaps\n"
	"TLSVersions +1.1 -1.3\n"
	"CipherString HIGH\n"
	"PipelineDepth 3\n"
	"DisableExtensions move Literal+\n"
	"Connections 2\n"
	"SystemCertificates no\n"
	"\n"
	"IMAPStore one\n"
	"Account acc\n"
	"Path Mail/\n"
	"UseNamespace no\n"
	"PathDelimiter .\n"
	"SubscribedOnly yes\n"
	"Window 10000\n"
	"MapInbox In\n"
	"ReadOnly yes\n"
	"Hub yes\n"
	" \t \n"
	"IMAPStore two\n"
	"Tunnel \"ssh host imapd\"\n"
	"PassCmd \"+pass show s3cret\"\n"
	"UserCmd \"echo me\"\n"
	"\n"
	"MaildirStore three\n"
	"Path mail/\n"
	"Inbox ~/In/\n"
	"SubFolders legacy\n"
	"\n"
	"MaildirStore four\n"
	"InfoDelimiter !\n"
	"\n"
	"Channel x\n"
	"Far :one:Pre/\n"
	"Near :three:\n"
	"Patterns *\n"
	"Sync Push Flags\n"
	"PostSync own\n"
	"\n"
	"Channel y\n"
	"Far :two:\n"
	"Near :four:box\n"
	"\n"
	"Group x x:a,b y\n"
	"Channel y:\n"
	"Channels x";

static void
every_part_is_read(void **unused)
{
	struct settings *s = settings_of(whole);
	struct account_settings *a = settings_account(s, "acc");
	struct store_settings *one = settings_store(s, "one"), *two = settings_store(s, "two");
	struct store_settings *three = settings_store(s, "three"), *four = settings_store(s, "four");
	struct channel_settings *x = settings_channel(s, "x"), *y = settings_channel(s, "y");
	struct group_settings *g = settings_group(s, "x");

	(void)unused;
	assert_false(s->fsync);
	assert_int_equal(s->field_delimiter, ';');
	assert_int_equal(s->buffer_limit, 20480);
	assert_int_equal(s->n_accounts, 2);
	assert_int_equal(s->n_stores, 4);

	assert_string_equal(a->net.host, "imap.example.com");
	assert_int_equal(a->net.port, 993);
	assert_int_equal(a->net.timeout, 0);
	assert_string_equal(a->user, "a b");
	assert_string_equal(a->pass, "s3cret");
	assert_int_equal(a->auth_mechs.n, 2);
	assert_string_equal(a->auth_mechs.at[0], "SCRAM-SHA-256");
	assert_int_equal(a->net.tls_type, NET_TLS_IMPLICIT);
	assert_int_equal(a->net.tls_versions, NET_TLS_1_1 | NET_TLS_1_2);
	assert_string_equal(a->net.cipher_string, "HIGH");
	assert_int_equal(a->pipeline_depth, 3);
	assert_int_equal(a->disable_extensions.n, 2);
	assert_string_equal(a->disable_extensions.at[1], "LITERAL+");
	assert_null(a->disable_extensions.at[2]);
	assert_int_equal(a->connections, 2);
	assert_false(a->net.system_certificates);

	assert_ptr_equal(one->account, a);
	assert_string_equal(one->path, "Mail/");
	assert_false(one->use_namespace);
	assert_int_equal(one->path_delimiter, '.');
	assert_true(one->subscribed_only);
	assert_int_equal(one->window.kind, WINDOW_SIZE);
	assert_int_equal(one->window.n, 10000);
	assert_int_equal(two->window.kind, WINDOW_UNSET);
	assert_string_equal(one->map_inbox, "In");
	assert_true(one->read_only);

	assert_true(two->account->is_inline);
	assert_null(two->account->net.host);
	assert_string_equal(two->account->net.tunnel, "ssh host imapd");
	assert_int_equal(two->account->net.tls_type, NET_TLS_NONE);
	assert_int_equal(two->account->net.port, 143);
	assert_true(two->account->pass_cmd.uses_tty);
	assert_string_equal(two->account->pass_cmd.shell, "pass show s3cret");
	assert_false(two->account->user_cmd.uses_tty);
	assert_string_equal(two->account->auth_mechs.at[0], "*");
	assert_int_equal(two->account->connections, 4);
	assert_true(two->use_namespace);
	assert_int_equal(two->path_delimiter, '\0');

	assert_string_equal(three->path, "/etc/dir/mail/");
	assert_string_equal(three->inbox, "/home/me/In");
	assert_int_equal(three->sub_folders, NAMES_LEGACY);
	assert_int_equal(three->info_delimiter, ';');
	assert_null(four->path);
	assert_string_equal(four->inbox, "/home/me/Maildir");
	assert_int_equal(four->info_delimiter, '!');
	assert_int_equal(four->sub_folders, NAMES_UNSET);

	assert_ptr_equal(x->store[FAR], one);
	assert_ptr_equal(x->store[NEAR], three);
	assert_string_equal(x->box[FAR], "Pre/");
	assert_null(x->box[NEAR]);
	assert_true(x->has_patterns);
	assert_int_equal(x->policy.sync[FAR], SYNC_FLAGS);
	assert_int_equal(x->policy.sync[NEAR], 0);
	assert_true(x->policy.create[NEAR]);
	assert_false(x->policy.create[FAR]);
	assert_string_equal(x->post_sync, "own");
	assert_null(x->sync_state);
	assert_false(y->has_patterns);
	assert_string_equal(y->box[NEAR], "box");
	assert_int_equal(y->policy.sync[NEAR], SETTINGS_DEFAULT_TYPES);
	assert_int_equal(y->policy.sync[FAR], 0);
	assert_string_equal(y->post_sync, "global");
	assert_int_equal(y->policy.max_delete.kind, MAX_DELETE_COUNT);
	assert_int_equal(y->policy.max_delete.n, 7);

	assert_int_equal(g->channels.n, 4);
	assert_string_equal(g->channels.at[0], "x:a,b");
	assert_string_equal(g->channels.at[2], "y:");
	settings_free(&s);
	assert_null(s);
}

/* What is printed reads as the same settings, and shows no secret. */
static void
printing_comes_back(void **unused)
{
	struct settings *s = settings_of(whole), *again;
	struct buf printed = { 0 }, twice = { 0 };

	(void)unused;
	config_print(s, NULL, &printed);
	assert_null(strstr(buf_str(&printed), "s3cret"));
	assert_has_line(buf_str(&printed), "Pass ********");
	assert_has_line(buf_str(&printed), "PassCmd \"+pass ...\"");
	assert_has_line(buf_str(&printed), "UserCmd \"echo me\"");
	assert_has_line(buf_str(&printed), "TLSVersions -1.0 +1.1 +1.2 -1.3");
	assert_has_line(buf_str(&printed), "BufferLimit 20k");
	assert_has_line(buf_str(&printed), "Far :one:Pre/");
	again = settings_of(buf_str(&printed));
	config_print(again, NULL, &twice);
	assert_string_equal(buf_str(&printed), buf_str(&twice));
	settings_free(&s);
	settings_free(&again);
	buf_release(&printed);
	buf_release(&twice);
}

static void
limits_are_read(void **unused)
{
	struct config_notes notes = { 0 };
	struct buf printed = { 0 };
	struct settings *s = parse("MaildirStore far\nMaxSize 1k\nFlatten .\nTrash Bin\nTrashNewOnly yes\n"
	    "AltMap yes\nKeywords yes\n\nIMAPStore near\nHost h\nThrottle 5k\n\nChannel c\nFar :far:\n"
	    "Near :near:\nMaxSize 3m\nMaxMessages 9\nExpireUnread no\nExpireSide Far\nExpungeSolo Both\n",
	    &notes, &printed);
	struct channel_settings *c = settings_channel(s, "c");

	(void)unused;
	assert_int_equal(notes.n_errors, 0);
	assert_int_equal(c->store[FAR]->max_size, 3 << 20);
	assert_int_equal(c->store[NEAR]->max_size, 3 << 20);
	assert_string_equal(c->store[FAR]->flatten, ".");
	assert_string_equal(c->store[FAR]->trash, "Bin");
	assert_true(c->store[FAR]->trash_new_only);
	assert_true(c->store[FAR]->alt_map);
	assert_true(c->store[FAR]->keywords);
	assert_int_equal(c->store[NEAR]->account->net.throttle, 5120);
	assert_int_equal(c->max_messages, 9);
	assert_int_equal(c->expire_unread, 0);
	assert_int_equal(c->expire_side, FAR);
	assert_true(c->policy.expunge_solo[FAR] && c->policy.expunge_solo[NEAR]);
	settings_free(&s);
	buf_release(&printed);
	config_notes_release(&notes);
}

static void
roles_are_read(void **unused)
{
	struct settings *s = settings_of("MaildirStore a\nRoleSent Gesendet\n\nMaildirStore b\nPath b/\n\nChannel c\nFar :a:\n"
	    "Near :b:\nPatterns *\nRole sent TRASH\n\nChannel d\nFar :a:\nNear :b:\nPatterns *\nRole All\n\nChannel e\n"
	    "Far :a:\nNear :b:\nPatterns *\nRole Junk\nRole None Drafts\n");

	(void)unused;
	assert_int_equal(settings_channel(s, "c")->role, 1u << ROLE_SENT | 1u << ROLE_TRASH);
	assert_int_equal(settings_channel(s, "d")->role, ROLES_ALL);
	assert_int_equal(settings_channel(s, "e")->role, 1u << ROLE_DRAFTS);
	assert_string_equal(settings_store(s, "a")->role[ROLE_SENT], "Gesendet");
	assert_null(settings_store(s, "b")->role[ROLE_SENT]);
	settings_free(&s);
}

/* No limit on a line, a word, or the number of words. */
static void
long_lines_are_read(void **unused)
{
	struct buf text = { 0 };
	struct settings *s;

	(void)unused;
	buf_adds(&text, CHANNEL "PostSync \"");
	for (unsigned i = 0; i < 30000; i++)
		buf_adds(&text, "abc ");
	buf_adds(&text, "\"\nPatterns");
	for (unsigned i = 0; i < 20000; i++)
		buf_printf(&text, " box%u", i);
	buf_addc(&text, '\n');
	s = settings_of(buf_str(&text));
	assert_int_equal(strlen(s->channels[0]->post_sync), 120000);
	assert_int_equal(s->channels[0]->patterns.n, 20000);
	assert_string_equal(s->channels[0]->patterns.at[19999], "box19999");
	settings_free(&s);
	buf_release(&text);
}

static void
values_are_read(void **unused)
{
	static const struct {
		const char *word;
		bool is_size;
		uint64_t bytes;
	} sizes[] = {
		{ "0", true, 0 }, { "5", true, 5 }, { "5b", true, 5 }, { "5k", true, 5120 },
		{ "5KB", true, 5120 }, { "2m", true, 2097152 }, { "2Mb", true, 2097152 },
		{ "18446744073709551615", true, UINT64_MAX }, { "18446744073709551616", false, 0 },
		{ "18014398509481984k", false, 0 }, { "", false, 0 }, { "k", false, 0 }, { "+5", false, 0 },
		{ " 5", false, 0 }, { "5kk", false, 0 }, { "5bk", false, 0 }, { "0x10", false, 0 },
	};
	uint64_t bytes;
	bool value;

	(void)unused;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		assert_int_equal(value_size(sizes[i].word, &bytes), sizes[i].is_size);
		if (sizes[i].is_size)
			assert_true(bytes == sizes[i].bytes);
	}
	assert_true(value_bool("TRUE", &value) && value);
	assert_true(value_bool("Off", &value) && !value);
	assert_true(value_bool("0", &value) && !value);
	assert_false(value_bool("", &value));
	assert_false(value_bool("y", &value));
}

/* The words of isync before 1.2, as isync 1.4 takes them. */
static void
old_words_for_tls(void **unused)
{
	static const struct {
		const char *text;
		enum net_tls type;
		unsigned versions, port;
	} cases[] = {
		{ "UseIMAPS yes\n", NET_TLS_IMPLICIT, NET_TLS_1_2 | NET_TLS_1_3, 993 },
		{ "UseIMAPS no\n", NET_TLS_STARTTLS, NET_TLS_1_2 | NET_TLS_1_3, 143 },
		{ "RequireSSL yes\nUseTLSv1.1 yes\nUseTLSv1.2 yes\n", NET_TLS_STARTTLS, NET_TLS_1_1 | NET_TLS_1_2, 143 },
		{ "UseTLSv1.2 no\nUseTLSv1 no\n", NET_TLS_STARTTLS, NET_TLS_1_3, 143 },
		{ "RequireSSL no\nUseTLSv1.2 no\nUseTLSv1.3 no\n", NET_TLS_NONE, NET_TLS_1_2 | NET_TLS_1_3, 143 },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct config_notes notes = { 0 };
		struct buf printed = { 0 };
		char *text = mem_printf("%s%s", ACCOUNT, cases[i].text);
		struct settings *s = parse(text, &notes, &printed);
		const struct net_settings *net = &settings_account(s, "a")->net;

		assert_int_equal(notes.n_errors, 0);
		assert_int_equal(net->tls_type, cases[i].type);
		assert_int_equal(net->tls_versions, cases[i].versions);
		assert_int_equal(net->port, cases[i].port);
		settings_free(&s);
		config_notes_release(&notes);
		buf_release(&printed);
		free(text);
	}
}

static void
nearest_is_found(void **unused)
{
	static const char *const words[] = { "Expunge", "ExpungeSolo", "Host", "Path", "TLSType", NULL };
	static const struct {
		const char *typed, *nearest;
	} cases[] = {
		{ "expnuge", "Expunge" }, { "Expung", "Expunge" }, { "hsot", "Host" }, { "Pth", "Path" },
		{ "Expunges", "Expunge" }, { "TSLType", "TLSType" }, { "Color", NULL }, { "", NULL },
		{ "x", NULL },
	};
	struct nearest n;

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		nearest_init(&n, cases[i].typed);
		nearest_try_all(&n, words);
		if (cases[i].nearest == NULL)
			assert_null(nearest_word(&n));
		else
			assert_string_equal(nearest_word(&n), cases[i].nearest);
	}
}

/* Invariant 3 of the table, and its end. */
static void
table_is_sound(void **unused)
{
	size_t rows = 0;

	(void)unused;
	for (const struct keyword *k = keywords; k->name != NULL; k++, rows++) {
		for (const struct keyword *other = keywords; other->name != NULL; other++)
			if (other != k && strcasecmp(other->name, k->name) == 0)
				assert_int_equal(k->where & other->where, 0);
		if (k->flags & KEYWORD_DEPRECATED)
			assert_non_null(k->instead);
		if (k->type == KW_CHOICE || k->type == KW_EXTENSIONS)
			assert_non_null(k->words);
	}
	assert_true(rows > 60);
}

static void
example_is_right(void **unused)
{
	struct config_notes notes = { 0 };
	struct settings *s = NULL;
	struct err e = { 0 };

	(void)unused;
	if (config_load("mbsyncrc.example", "/home/me", &notes, &s, &e) < 0)
		fail_msg("%s: %s", e.text, notes.all.n != 0 ? notes.all.at[0].text : "");
	assert_int_equal(notes.all.n, 0);
	assert_int_equal(s->n_channels, 3);
	assert_int_equal(s->n_groups, 1);
	assert_int_equal(s->file[0], '/');
	assert_string_equal(settings_channel(s, "work")->store[NEAR]->path, "/home/me/Mail/work/");
	settings_free(&s);
	config_notes_release(&notes);
}

static void
touch(const char *path)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
}

/* The three places, in their order, and -c before them. */
static void
file_is_found(void **unused)
{
	char dir[] = "/tmp/mailtwin-config-XXXXXX", *config, *paths[4];
	struct config_file file;
	struct err e = { 0 };

	(void)unused;
	assert_non_null(mkdtemp(dir));
	config = mem_printf("%s/.config", dir);
	paths[0] = mem_printf("%s/.mbsyncrc", dir);
	paths[1] = mem_printf("%s/isyncrc", config);
	paths[2] = mem_printf("%s/mailtwin/mbsyncrc", config);
	paths[3] = mem_printf("%s/mailtwin", config);
	assert_int_equal(mkdir(config, 0700), 0);
	assert_int_equal(mkdir(paths[3], 0700), 0);

	assert_int_equal(config_file_find(NULL, "", dir, &file, &e), -1);
	assert_int_equal(e.class, ERR_USAGE);
	assert_non_null(strstr(e.text, paths[2]));
	config_file_release(&file);
	for (size_t i = 0; i < 3; i++) {
		touch(paths[i]);
		assert_int_equal(config_file_find(NULL, i == 0 ? "relative" : config, dir, &file, &e), 0);
		assert_string_equal(file.used, paths[i]);
		assert_int_equal(file.n_shadowed, i);
		if (i != 0)
			assert_string_equal(file.shadowed[0], paths[i - 1]);
		config_file_release(&file);
	}
	assert_int_equal(config_file_find("some/file", NULL, dir, &file, &e), 0);
	assert_string_equal(file.used, "some/file");
	assert_int_equal(file.n_shadowed, 3);
	config_file_release(&file);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(unlink(paths[i]), 0);
	assert_int_equal(rmdir(paths[3]), 0);
	assert_int_equal(rmdir(config), 0);
	assert_int_equal(rmdir(dir), 0);
	for (size_t i = 0; i < 4; i++)
		free(paths[i]);
	free(config);
}

static void
load_tells_what_is_wrong(void **unused)
{
	struct config_notes notes = { 0 };
	struct settings *s = NULL;
	struct err e = { 0 };

	(void)unused;
	assert_int_equal(config_load("/nonexistent/rc", "/h", &notes, &s, &e), -1);
	assert_int_equal(e.class, ERR_USAGE);
	assert_string_equal(e.text, "cannot open the configuration /nonexistent/rc: No such file or directory");
	assert_int_equal(config_load("/tmp", "/h", &notes, &s, &e), -1);
	assert_string_equal(e.text, "cannot read the configuration /tmp: Is a directory");
	assert_null(s);
	config_notes_release(&notes);
}

static void
directories_are_xdgs(void **unused)
{
	char *dir;

	(void)unused;
	dir = config_state_dir(NULL, "/h");
	assert_string_equal(dir, "/h/.local/state/mailtwin/");
	free(dir);
	dir = config_state_dir("/s", "/h");
	assert_string_equal(dir, "/s/mailtwin/");
	free(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_are_told),
		cmocka_unit_test(nul_byte_is_a_fault),
		cmocka_unit_test(channels_are_resolved),
		cmocka_unit_test(every_part_is_read),
		cmocka_unit_test(printing_comes_back),
		cmocka_unit_test(limits_are_read),
		cmocka_unit_test(roles_are_read),
		cmocka_unit_test(long_lines_are_read),
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(old_words_for_tls),
		cmocka_unit_test(nearest_is_found),
		cmocka_unit_test(table_is_sound),
		cmocka_unit_test(example_is_right),
		cmocka_unit_test(file_is_found),
		cmocka_unit_test(load_tells_what_is_wrong),
		cmocka_unit_test(directories_are_xdgs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
