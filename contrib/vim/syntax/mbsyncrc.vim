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

syntax match mbsyncrcSection /^\s*\zs\%(IMAPAccount\|IMAPStore\|MaildirStore\|Channel\|Group\)\ze\s/ nextgroup=mbsyncrcName skipwhite
syntax match mbsyncrcName /\S\+/ contained contains=mbsyncrcString
syntax match mbsyncrcKeyword /^\s*\zs\%(FSync\|FieldDelimiter\|BufferLimit\|Path\|MapInbox\|ReadOnly\|Hub\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(Inbox\|InfoDelimiter\|SubFolders\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(Account\|UseNamespace\|PathDelimiter\|SubscribedOnly\|Window\|Keywords\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(Role\|RoleArchive\|RoleDrafts\|RoleJunk\|RoleSent\|RoleTrash\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(Tunnel\|Host\|Port\|Timeout\|User\|UserCmd\|Pass\|PassCmd\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(AuthMech\|AuthMechs\|TLSType\|TLSVersions\|SystemCertificates\|CertificateFile\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(ClientCertificate\|ClientKey\|CipherString\|PipelineDepth\|AnswerLimit\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(DisableExtension\|DisableExtensions\|Connections\|Throttle\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(Far\|Near\|Pattern\|Patterns\|Sync\|Create\|Remove\|Expunge\)\ze\s/
syntax match mbsyncrcKeyword /^\s*\zs\%(CopyArrivalDate\|SyncState\|MaxDelete\|PostSync\|Channels\)\ze\s/
syntax match mbsyncrcOld /^\s*\zs\%(RequireCRAM\|SSLType\|SSLVersion\|SSLVersions\|Master\|Slave\)\ze\s/
syntax match mbsyncrcRefused /^\s*\zs\%(UseKeychain\|UseUTF8\|RequireSSL\|UseIMAPS\|UseSSLv2\|UseSSLv3\)\ze\s/
syntax match mbsyncrcRefused /^\s*\zs\%(UseTLSv1\|UseTLSv1.1\|UseTLSv1.2\|UseTLSv1.3\)\ze\s/
syntax match mbsyncrcNotYet /^\s*\zs\%(MaxSize\|Flatten\|Trash\|TrashNewOnly\|TrashRemoteNew\|AltMap\)\ze\s/
syntax match mbsyncrcNotYet /^\s*\zs\%(ExpungeSolo\|MaxMessages\|ExpireUnread\|ExpireSide\)\ze\s/

highlight default link mbsyncrcUnknown Error
highlight default link mbsyncrcRefused Error
highlight default link mbsyncrcNotYet Error
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
