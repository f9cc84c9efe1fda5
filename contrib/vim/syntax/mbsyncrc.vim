" Syntax of mbsyncrc, the configuration of mailtwin and mbsync. Keywords that mailtwin does not offer
" yet, and those of isync before 1.5, are shown as errors.
if exists("b:current_syntax")
	finish
endif
syntax case ignore

syntax match mbsyncrcUnknown /^\s*\zs[^# \t]\+/
syntax match mbsyncrcComment /\%(^\|\s\)\zs#.*$/ contains=@Spell
syntax region mbsyncrcString start=/"/ skip=/\\./ end=/"/ oneline
syntax match mbsyncrcNumber /\s\zs\d\+[kKmM]\?[bB]\?%\?\ze\%(\s\|$\)/
syntax match mbsyncrcBoolean /\s\zs\%(yes\|no\|true\|false\|on\|off\)\ze\s*$/
syntax match mbsyncrcMailbox /\s\zs:[^: \t]*:\S*/
syntax match mbsyncrcExclude /\s\zs!\S\+/

syntax match mbsyncrcSection /^\s*\zs\%(IMAPAccount\|SMTPAccount\|IMAPStore\|POP3Store\|MaildirStore\|Channel\|Group\)\ze\s/ nextgroup=mbsyncrcName skipwhite
syntax match mbsyncrcName /\S\+/ contained contains=mbsyncrcString
" begin: vim (from cmd/keywords.def: make docs)
syntax match mbsyncrcKeyword /^\s*\zs\%(FSync\|FieldDelimiter\|BufferLimit\|Path\|MapInbox\|ReadOnly\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(Hub\|RoleArchive\|RoleDrafts\|RoleJunk\|RoleSent\|RoleTrash\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(Flatten\|Trash\|TrashNewOnly\|TrashRemoteNew\|Host\|Port\|Tunnel\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(Timeout\|User\|UserCmd\|Pass\|PassCmd\|AuthMechs\|TLSVersions\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(SystemCertificates\|CertificateFile\|ClientCertificate\|ClientKey\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(CipherString\|Connections\|PipelineDepth\|AnswerLimit\|DisableExtensions\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(Throttle\|Account\|UseNamespace\|PathDelimiter\|SubscribedOnly\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(Window\|LeaveOnServer\|TLSType\|From\|Inbox\|SubFolders\|InfoDelimiter\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(AltMap\|Keywords\|Far\|Near\|Patterns\|MaxSize\|Role\|Sync\|Create\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(Remove\|Expunge\|CopyArrivalDate\|MaxDelete\|PostSync\|SyncState\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(MaxMessages\|MaxAge\|ExpireUnread\|ExpireSide\|ExpungeSolo\|Outbox\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(Sent\|SentCopy\|Channels\|AuthMech\|DisableExtension\|Pattern\)\ze\s/
syntax match mbsyncrcOld /^\s*\zs\%(Master\|Slave\|SSLType\|SSLVersions\|SSLVersion\|RequireCRAM\)\ze\s/
syntax match mbsyncrcOld /^\s*\zs\%(RequireSSL\|UseIMAPS\|UseSSLv2\|UseSSLv3\|UseTLSv1\|UseTLSv1.1\)\ze\s/
syntax match mbsyncrcOld /^\s*\zs\%(UseTLSv1.2\|UseTLSv1.3\)\ze\s/
syntax match mbsyncrcRefused /^\s*\zs\%(UseKeychain\|UseUTF8\)\ze\s/
" end: vim

highlight default link mbsyncrcUnknown Error
highlight default link mbsyncrcRefused Error
highlight default link mbsyncrcOld WarningMsg
highlight default link mbsyncrcSection Statement
highlight default link mbsyncrcName Identifier
highlight default link mbsyncrcKeyword Type
highlight default link mbsyncrcComment Comment
highlight default link mbsyncrcString String
highlight default link mbsyncrcNumber Number
highlight default link mbsyncrcBoolean Boolean
highlight default link mbsyncrcMailbox Special
highlight default link mbsyncrcExclude Special

let b:current_syntax = "mbsyncrc"
