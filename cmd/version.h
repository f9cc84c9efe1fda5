/* Which mailtwin this is: `mailtwin version`, and what it tells servers of itself (ID, RFC 2971). */
#ifndef CMD_VERSION_H
#define CMD_VERSION_H

#define MAILTWIN_VERSION "0.1"
#define ISYNC_VERSION "1.5.1"		/* whose configuration, command line and output are taken over */

#endif
